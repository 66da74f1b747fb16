"""Where a result comes from: code, data, weights, settings."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskengine.files import sha256
from riskengine.serialization import fingerprint

if TYPE_CHECKING:
    from riskengine.backtest.schedule import WalkForward
    from riskengine.market import Panel
    from riskengine.portfolio import ProportionalCosts, Strategy


def commit() -> str:
    """Commit of the checkout that the package runs from, with ``+`` if it was changed; or ``"unknown"``.

    Examples
    --------
    >>> commit() == "unknown" or len(commit().rstrip("+")) == 12
    True
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return "unknown"
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def weights_hash() -> str:
    """sha256 over the weights of both shipped networks, or ``"none"``.

    Examples
    --------
    >>> len(weights_hash())
    64
    """
    from riskengine.calibration.pretrained_weights import PRETRAINED, WEIGHTS

    paths = [PRETRAINED / network / WEIGHTS for network in ("plain", "robust")]
    if not all(path.is_file() for path in paths):
        return "none"
    return hashlib.sha256("".join(map(sha256, paths)).encode()).hexdigest()


def software() -> dict[str, str]:
    """Versions and commit of the code that runs.

    Examples
    --------
    >>> list(software())
    ['riskengine', 'commit', 'python', 'jax']
    """
    return {
        "riskengine": version("riskengine"),
        "commit": commit(),
        "python": platform.python_version(),
        "jax": version("jax"),
    }


def panel_provenance(panel: Panel, **others: Any) -> dict[str, Any]:
    """What is needed to make a figure of a panel again. Holds no time of day, so that equal runs are equal.

    Examples
    --------
    >>> from riskengine import datasets
    >>> found = panel_provenance(datasets.us_equities_20().between("2018-01-01", "2019-12-31"), seed=3)
    >>> found["range"], found["seed"], len(found["data"])
    ('2018-01-02 .. 2019-12-31', 3, 64)
    """
    read = {"read": "; ".join(panel.notes)} if panel.notes else {}
    return {
        **software(),
        "data": panel.hash,
        **read,
        "range": f"{panel.dates[0]:%Y-%m-%d} .. {panel.dates[-1]:%Y-%m-%d}",
        "weights": weights_hash(),
    } | others


def provenance(
    panel: Panel,
    schedule: WalkForward,
    costs: ProportionalCosts,
    strategy: Strategy,
    cash: float | pd.Series = 0.0,
    borrow: float | pd.Series | None = None,
) -> dict[str, Any]:
    """What is needed to make the same numbers again. Holds no time of day, so equal runs are equal."""
    return {
        **software(),
        "cvxpy": version("cvxpy"),
        "data": panel.hash,
        "range": f"{panel.dates[0]:%Y-%m-%d} .. {panel.dates[-1]:%Y-%m-%d}",
        "assets": len(panel.assets),
        "weights": weights_hash(),
        "schedule": repr(schedule),
        "costs": repr(costs),
        "cash": _rate(cash),
        "borrow": "as cash" if borrow is None else _rate(borrow),
        "strategy": strategy.name,
    }


def _rate(rate: float | pd.Series) -> str:
    return f"a series, {fingerprint(rate)}" if isinstance(rate, pd.Series) else f"{rate:g} a year"
