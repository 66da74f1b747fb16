"""Results on disk: Parquet for what has a row a day or a decision, JSON for the rest."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from riskengine.backtest.accounting import Breach
from riskengine.backtest.result import BacktestResult
from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically

SUMMARY = "result.json"
_COST = "cost: "


def save_result(result: BacktestResult, folder: str | Path) -> Path:
    """Write a result, its benchmarks in folders of their own; returns the folder.

    ``result.json`` comes last and holds the hashes of the other files: a folder that was written in part, or of
    which a file was exchanged, is never taken for a result.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(path.name for path in save_result(result, folder).iterdir())
    ['contributions.parquet', 'daily.parquet', 'decisions.parquet', 'result.json', 'targets.parquet', 'weights.parquet']
    """
    folder = Path(folder)
    (folder / SUMMARY).unlink(missing_ok=True)
    for k, other in enumerate(result.benchmarks):
        save_result(other, folder / "benchmarks" / f"{k:02d}")
    hashes = {}
    for name, frame in _frames(result).items():
        buffer = io.BytesIO()
        frame.to_parquet(buffer, compression="zstd")
        write_atomically(folder / name, buffer.getvalue())
        hashes[name] = sha256(folder / name)
    content = json.loads(result.to_json()) | {"benchmarks": len(result.benchmarks), "files": hashes}
    write_atomically(folder / SUMMARY, (json.dumps(content, indent=2) + "\n").encode())
    return folder


def load_result(folder: str | Path) -> BacktestResult:
    """Read what :func:`save_result` wrote: every number is the same to the last bit.

    Raises
    ------
    DataError
        If there is no result in the folder, or a file is missing, damaged or of another run.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_result(save_result(result, folder)).volatility == result.volatility
    True
    """
    folder = Path(folder)
    content = _summary(folder)
    frames = {name: _frame(folder / name, wanted) for name, wanted in content["files"].items()}
    try:
        daily, made = frames["daily.parquet"], frames["decisions.parquet"]
        costs = daily[[name for name in daily.columns if name.startswith(_COST)]]
        result = BacktestResult(
            name=content["strategy"],
            gross=daily["gross"],
            costs=costs.rename(columns=lambda name: name.removeprefix(_COST)),
            turnover=daily["turnover"],
            weights=frames["weights.parquet"],
            decision=daily["decision"],
            targets=frames["targets.parquet"],
            predicted_volatility=made["predicted volatility"],
            contributions=frames["contributions.parquet"],
            status=made["status"].astype(object),
            notes=tuple(content["notes"]),
            risk=_renamed(frames.get("risk.parquet")),
            risk_today=frames.get("risk_today.parquet"),
            provenance=content["provenance"],
            # Results of earlier versions have none of these.
            periods_per_year=float(content.get("periods_per_year", 252.0)),
            breaches=tuple(Breach(**row) for row in content.get("breaches", ())),
            cash=daily.get("cash"),
        )
    except KeyError as error:
        raise DataError(f"the result in {folder} lacks {error}: run the backtest again") from error
    others = [load_result(folder / "benchmarks" / f"{k:02d}") for k in range(content["benchmarks"])]
    return replace(result, benchmarks=tuple(others))


def _frames(result: BacktestResult) -> dict[str, pd.DataFrame]:
    """Everything but text, by the file that it goes to."""
    daily = pd.DataFrame({"gross": result.gross, "turnover": result.turnover, "decision": result.decision})
    if result.cash is not None:
        daily["cash"] = result.cash.reindex(daily.index)
    frames = {
        "daily.parquet": daily.join(result.costs.add_prefix(_COST)),
        "weights.parquet": result.weights,
        "decisions.parquet": pd.DataFrame(
            {"predicted volatility": result.predicted_volatility, "status": result.status}
        ),
        "targets.parquet": result.targets,
        "contributions.parquet": result.contributions,
    }
    if result.risk is not None:
        frames["risk.parquet"] = result.risk
    if result.risk_today is not None:
        frames["risk_today.parquet"] = result.risk_today
    return frames


def _renamed(risk: pd.DataFrame | None) -> pd.DataFrame | None:
    """Results of earlier versions called the volatility of one day as that of a year."""
    return None if risk is None else risk.rename(columns={"volatility": "volatility_one_period"})


def _summary(folder: Path) -> dict[str, Any]:
    path = folder / SUMMARY
    if not path.is_file():
        raise DataError(
            f"no {SUMMARY} in {folder}: no result was written there, or not to its end; make one with "
            f"`riskengine backtest STRATEGY --out {folder}`"
        )
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is damaged ({error}): run the backtest again") from error
    if not isinstance(content, dict) or not {"files", "strategy", "notes", "benchmarks"} <= set(content):
        raise DataError(f"{path} is a summary without its tables: run the backtest again")
    return content


def _frame(path: Path, wanted: str) -> pd.DataFrame:
    if not path.is_file() or sha256(path) != wanted:
        raise DataError(f"{path} is missing, damaged or of another run: run the backtest again")
    try:
        return pd.read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file: {error}") from error
