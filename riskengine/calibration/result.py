"""What a calibration says of every asset, and what it has to do with assets that say too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Protocol

import jax
import numpy as np

from riskengine import hooks
from riskengine.calibration.posterior import Posterior
from riskengine.errors import DataError
from riskengine.garch import GarchParams
from riskengine.market import as_returns

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray

as_matrix = as_returns
_TEXTS = ("assets", "status", "periods_per_year", "notes")

SHORTEST = 60
"""Observed days below which an asset is not calibrated on its own."""


class Status(StrEnum):
    """Status of an asset's calibration.

    Assets that fall back borrow from the universe: see :func:`riskengine.calibration.status.complete`.
    """

    OK = "ok"
    SHORT_HISTORY = "short history"  # 60 to 249 observed days: calibrated, with a wide posterior
    OUTLIER = "outlier"  # calibrated, but some return is far outside anything the model expects
    AT_BOUND = "at bound"  # the likelihood has its maximum on the edge of the parameter space
    NOT_CONVERGED = "not converged"
    ROBUST = "robust network"  # unlike anything the plain network was trained on, but not the robust one
    TOO_SHORT = "fallback: too short"
    CONSTANT = "fallback: constant price"
    NO_DATA = "fallback: no data"
    STALE = "fallback: stale prices"  # so many zero returns that no model of their variance holds
    UNFAMILIAR = "fallback: unlike the training"
    FAILED = "fallback: failed"

    @property
    def fell_back(self) -> bool:
        """Whether the parameters are borrowed from the universe."""
        return self in _BORROWED


_BORROWED = frozenset(status for status in Status if status.value.startswith("fallback"))


@dataclass(frozen=True, eq=False)
class Calibration:
    """Parameters of every asset of a universe, with their uncertainty. All arrays are float64.

    Attributes
    ----------
    assets : names, one an asset
    params : posterior means of the natural parameters (maximum likelihood: the maximum), leaves ``(assets,)``
    posterior : Gaussian in unconstrained coordinates
    log_likelihood : (assets,) nats over the observed days, at ``params``
    status : one :class:`Status` an asset
    mean : (assets,) mean return per day that was taken out
    next_variance : (assets,) variance of the day after the last row
    presample : (assets,) variance of the day before the first row
    observations : (assets,) observed days
    log_variance_spread : (assets,) posterior standard deviation of the log of ``next_variance``
    strangeness : (assets,) distance from the network's training distribution; beyond its edge at one
    contamination : (assets,) probability of an outlier a day that the filter assumes
    effective_sample_size : (assets,) of the draws behind an exact posterior
    periods_per_year : by which volatilities are annualised: that of the dates of a DataFrame, 252 for a matrix
    notes : what a person should know, one line each, of an asset by its name and a colon

    The four before ``periods_per_year`` are None where the method does not know them. A day is a period of the returns.
    """

    assets: tuple[str, ...]
    params: GarchParams
    posterior: Posterior
    log_likelihood: Array
    status: tuple[Status, ...]
    mean: Array
    next_variance: Array
    presample: Array
    observations: Array
    log_variance_spread: Array | None = None
    strangeness: Array | None = None
    contamination: Array | None = None
    effective_sample_size: Array | None = None
    periods_per_year: float = 252.0
    notes: tuple[str, ...] = ()

    def select(self, assets: slice) -> Calibration:
        """The calibration of some assets."""
        return self.take(np.arange(len(self.assets))[assets])

    def take(self, index: Array) -> Calibration:
        """The calibration of the assets at these positions, in this order."""
        assets = tuple(self.assets[k] for k in index)
        gone = set(self.assets) - set(assets)
        return Calibration(
            assets=assets,
            status=tuple(self.status[k] for k in index),
            periods_per_year=self.periods_per_year,
            notes=tuple(note for note in self.notes if note.partition(":")[0] not in gone),
            **jax.tree.map(lambda leaf: leaf[index], self._arrays()),
        )

    def merged(self, index: Array, part: Calibration) -> Calibration:
        """This calibration with the assets at these positions taken from another one; names stay."""

        def place(whole: Array, some: Array) -> Array:
            whole = whole.copy()
            whole[index] = some
            return whole

        mine, theirs = self._arrays(), part._arrays()
        if self.posterior.width is not None or part.posterior.width is not None:
            mine["posterior"], theirs["posterior"] = self.posterior.with_width(), part.posterior.with_width()
        status = list(self.status)
        for k, found in zip(index, part.status, strict=True):
            status[k] = found
        both = {name: leaf for name, leaf in mine.items() if leaf is not None and theirs[name] is not None}
        merged = jax.tree.map(place, both, {name: theirs[name] for name in both})
        return replace(self, status=tuple(status), **merged)

    @staticmethod
    def joined(parts: Sequence[Calibration]) -> Calibration:
        """Calibrations of some assets each as one of all, in their order; what one of them does not know is None."""
        leaves = [one._arrays() | {"posterior": one.posterior.with_width()} for one in parts]
        known = [name for name in leaves[0] if all(one[name] is not None for one in leaves)]
        unknown: dict[str, Any] = {name: None for name in leaves[0] if name not in known}
        whole = jax.tree.map(
            lambda *some: np.concatenate(some), *({name: one[name] for name in known} for one in leaves)
        )
        return replace(
            parts[0],
            assets=tuple(name for one in parts for name in one.assets),
            status=tuple(status for one in parts for status in one.status),
            notes=tuple(dict.fromkeys(note for one in parts for note in one.notes)),
            **unknown,
            **whole,
        )

    def _arrays(self) -> dict[str, Any]:
        """Everything that has a row an asset."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _TEXTS}

    @property
    def flags(self) -> tuple[str, ...]:
        """The notes, and a line for each asset that fell back and has none."""
        told = {note.partition(":")[0] for note in self.notes}
        named = zip(self.assets, self.status, strict=True)
        return (*self.notes, *(f"{a}: {status}" for a, status in named if status.fell_back and a not in told))

    def variance_interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Credible interval of tomorrow's variance, lower and upper ``(assets,)``.

        Raises
        ------
        DataError
            If the method that made this calibration does not say how sure it is of the variance.
        """
        if self.log_variance_spread is None:
            raise DataError("this calibration has no spread of the variance: use NeuralCalibrator")
        reach = NormalDist().inv_cdf((1 + level) / 2) * self.log_variance_spread
        centre = np.log(self.next_variance)
        return np.exp(centre - reach), np.exp(centre + reach)

    def to_frame(self) -> pd.DataFrame:
        """A row an asset: parameters, persistence, annualised volatilities, status."""
        import pandas as pd

        columns = {name: np.asarray(leaf) for name, leaf in self.params._asdict().items()}
        columns["persistence"] = np.asarray(self.params.persistence)
        columns["long_run_volatility"] = np.sqrt(
            self.periods_per_year * np.asarray(self.params.long_run_variance)
        )
        columns["next_volatility"] = np.sqrt(self.periods_per_year * self.next_variance)
        columns["log_likelihood"] = self.log_likelihood
        columns["observations"] = self.observations
        frame = pd.DataFrame(columns, index=pd.Index(self.assets, name="asset"))
        frame["status"] = [str(status) for status in self.status]
        return frame

    def plot(self) -> Any:
        """Volatilities of all assets as a plotly figure: of the next period with its interval, and of the long run."""
        return hooks.draw_calibration(self)

    def _repr_html_(self) -> str:
        """The table, where a notebook shows it."""
        shown = self.to_frame().drop(columns="log_likelihood")
        percent = dict.fromkeys(("long_run_volatility", "next_volatility"), "{:.1%}".format)
        digits = dict.fromkeys(("alpha", "gamma", "beta", "persistence"), "{:.3f}".format)
        return shown.to_html(
            formatters={"omega": "{:.1e}".format, "dof": "{:.1f}".format, **digits, **percent}, max_rows=40
        )


class Calibrator(Protocol):
    """Calibrator: a callable from returns to the parameters of every asset."""

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns, an array or a DataFrame; NaN means no observation."""
