"""Decisions on disk as they are made, so that a run that was stopped goes on and ends bit by bit the same."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from riskengine.backtest.reads import changed, files_of, hashes
from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically
from riskengine.portfolio import Decision, Strategy
from riskengine.serialization import fingerprint, load, pack, unpack

Array = np.ndarray
IDENTITY = "run.json"
READS = "reads.json"


class Decided(NamedTuple):
    """What the books and the result keep of a decision; the covariance behind it may go.

    Attributes
    ----------
    weights : (assets,) targets
    status, notes : see :class:`~riskengine.portfolio.Decision`
    predicted_volatility : of the portfolio, annualised by the periods a year of the view; NaN without a forecast
    contributions : (assets,) shares in the forecast variance, adding up to one; NaN without a forecast
    """

    weights: Array
    status: str
    notes: tuple[str, ...]
    predicted_volatility: float
    contributions: Array

    @classmethod
    def of(cls, decision: Decision, periods_per_year: float = 252.0) -> Decided:
        """Summary of a decision on series with so many periods a year."""
        weights, covariance = decision.weights, decision.covariance
        volatility, shares = float("nan"), np.full(len(weights), np.nan)
        if covariance is not None:
            volatility = float(np.sqrt(periods_per_year * covariance.variance(weights)))
            # w times the gradient, without ever making the assets x assets matrix
            pull = covariance.loadings @ (covariance.loadings.T @ weights) + covariance.specific * weights
            if weights @ pull > 0:
                shares = weights * pull / (weights @ pull)
        return cls(weights, str(decision.status), decision.notes, volatility, shares)


class Journal:
    """One strategy's decisions in a folder: a file a decision, and the state after the last one.

    A decision is written before its state, and the state before last goes when the next one is there: whenever the
    process is killed, the folder holds a state and all decisions before it.

    Parameters
    ----------
    folder : of this strategy alone
    strategy : whose states they are; classes of its file may appear in them

    Attributes
    ----------
    decided : decisions made before, of an earlier process
    """

    def __init__(self, folder: Path, strategy: Strategy) -> None:
        self.folder = folder
        self._read = _known_reads(folder / READS, strategy)
        self._modules = (type(strategy).__module__,)
        self._count = max(
            (int(path.stem.partition("_")[2]) for path in folder.glob("state_*.npz")), default=0
        )
        self.decided: list[Decided] = []
        for path in folder.glob("*.part"):  # of a write that a kill cut short
            path.unlink()
        for k in range(1, self._count + 1):
            path = self._path("decision", k)
            if not path.is_file():
                raise DataError(f"{path} of a checkpoint is gone: begin anew without it")
            self.decided.append(load(path))

    def _path(self, what: str, k: int) -> Path:
        return self.folder / f"{what}_{k:05d}.npz"

    def state(self) -> Any:
        """The state after the last decision."""
        return load(self._path("state", self._count), self._modules)

    def add(self, decided: Decided, state: Any, read: Iterable[Path] = ()) -> Any:
        """Write one more decision; returns the state as a process that goes on from here would read it.

        Files that the strategy read for it are kept by their hashes: a run on changed ones does not go on.
        """
        content = pack(state)
        own = (
            self.folder.resolve()
        )  # the state that it goes on from is read too, and is no file of the strategy
        others = [path for path in read if not path.is_relative_to(own)]
        new = {name: kept for name, kept in hashes(others).items() if name not in self._read}
        if new:
            self._read |= new
            write_atomically(self.folder / READS, (json.dumps(self._read, indent=2) + "\n").encode())
        self._count += 1
        write_atomically(self._path("decision", self._count), pack(decided))
        write_atomically(self._path("state", self._count), content)
        self._path("state", self._count - 1).unlink(missing_ok=True)
        return unpack(content, self._modules)


def is_begun(folder: Path) -> bool:
    """Whether a folder holds the checkpoint of a run.

    Examples
    --------
    >>> is_begun(Path("no/such/folder"))
    False
    """
    return (folder / IDENTITY).is_file()


def journals(folder: Path, strategies: Sequence[Strategy], settings: Mapping[str, Any]) -> list[Journal]:
    """One journal a strategy in a folder, which is made, or must be of the same run.

    Parameters
    ----------
    folder : of the checkpoint
    strategies : in their order
    settings : what decides the numbers, by name

    Raises
    ------
    DataError
        If the folder holds a checkpoint of other prices, strategies, settings or code; the message says which.
    """
    mine = {name: fingerprint(value) for name, value in settings.items()}
    for one in strategies:
        mine[f"strategy {one.name}"] = fingerprint((one, _source(one)))
        mine |= {f"file {path}": content for path, content in files_of(one).items()}
    mine |= engine_identity()
    path = folder / IDENTITY
    if is_begun(folder):
        try:
            kept = json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise DataError(f"{path} is damaged ({error}): begin anew in another folder") from error
        other = [name for name in {**kept, **mine} if kept.get(name) != mine.get(name)]
        if other:
            raise DataError(
                f"the checkpoint in {folder} is of another run ({', '.join(other)} differ{'s' * (len(other) == 1)}): "
                "name another folder, or delete it"
            )
    else:
        write_atomically(path, (json.dumps(mine, indent=2) + "\n").encode())
    return [Journal(folder / f"{k:02d}", one) for k, one in enumerate(strategies)]


def reads_of(folder: Path, place: int = 0) -> dict[str, str]:
    """Hashes, by path, of the files that the decisions in a checkpoint were read from; of the strategy, if first."""
    path = folder / f"{place:02d}" / READS
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def files_read(strategy: Strategy, read: Iterable[Path], checkpoint: Path | None) -> dict[str, str]:
    """Hashes, by path, of the files that a strategy was loaded from and read; also in an earlier process.

    Examples
    --------
    >>> from riskengine.backtest import load_strategy, strategy_file
    >>> strategy = load_strategy(strategy_file("min_variance"))
    >>> [Path(name).name for name in files_read(strategy, [], None)]
    ['min_variance.py']
    """
    if checkpoint is None:
        return files_of(strategy) | hashes(read)
    own = checkpoint.resolve()
    later = {path for path in read if not path.is_relative_to(own)}
    return dict(sorted((reads_of(checkpoint) | files_of(strategy) | hashes(later)).items()))


def _known_reads(path: Path, strategy: Strategy) -> dict[str, str]:
    """Hashes of the files that the decisions made so far were read from."""
    if not path.is_file():
        return {}
    try:
        known: dict[str, str] = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is damaged ({error}): begin anew in another folder") from error
    other = changed(known)
    if other:
        raise DataError(
            f"{other[0]}, which strategy {strategy.name!r} read for its decisions, is not what it was: "
            "bring it back, or begin anew in another folder"
        )
    return known


_VERSIONS = ("numpy", "scipy", "jax", "cvxpy")
_SHOWING = ("cli", "report")  # what only shows results does not decide them


def code_hash() -> str:
    """Hash of the sources that make numbers: a release says too little about a checkout that is being worked on."""
    root = Path(__file__).parents[1]
    sources = sorted(path.relative_to(root) for path in root.rglob("*.py"))
    return fingerprint(
        [(str(path), sha256(root / path)) for path in sources if path.parts[0] not in _SHOWING]
    )


def engine_identity() -> dict[str, str]:
    """What of the engine decides numbers: its sources, and the versions of the libraries that compute them."""
    versions = {name: version(name) for name in _VERSIONS}
    return {"code": code_hash(), **versions, "python": platform.python_version()}


def _source(strategy: Strategy) -> str | None:
    """Hash of the strategy's own file, where it has one."""
    file = getattr(sys.modules.get(type(strategy).__module__), "__file__", None)
    return sha256(Path(file)) if file and Path(file).is_file() else None
