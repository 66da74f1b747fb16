"""What a calibration says of every asset, and what it has to do with assets that say too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from riskengine.calibration.posterior import Posterior
from riskengine.errors import DataError
from riskengine.garch.params import GarchParams

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray

SHORTEST = 60
"""Observed days below which an asset is not calibrated on its own."""


class Status(StrEnum):
    """What happened to an asset. The last four fall back: see :func:`riskengine.calibration.screening.complete`."""

    OK = "ok"
    SHORT_HISTORY = "short history"  # 60 to 249 observed days: calibrated, with a wide posterior
    OUTLIER = "outlier"  # calibrated, but some return is far outside anything the model expects
    AT_BOUND = "at bound"  # the likelihood has its maximum on the edge of the parameter space
    NOT_CONVERGED = "not converged"
    TOO_SHORT = "fallback: too short"
    CONSTANT = "fallback: constant price"
    NO_DATA = "fallback: no data"
    FAILED = "fallback: failed"

    @property
    def fell_back(self) -> bool:
        """Whether the parameters are borrowed from the universe."""
        return self.value.startswith("fallback")


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

    def select(self, assets: slice) -> Calibration:
        """The calibration of some assets."""
        return Calibration(
            assets=self.assets[assets],
            params=GarchParams(*(leaf[assets] for leaf in self.params)),
            posterior=Posterior(self.posterior.mean[assets], self.posterior.cholesky[assets]),
            log_likelihood=self.log_likelihood[assets],
            status=self.status[assets],
            mean=self.mean[assets],
            next_variance=self.next_variance[assets],
            presample=self.presample[assets],
            observations=self.observations[assets],
        )

    def to_frame(self) -> pd.DataFrame:
        """A row an asset: parameters, persistence, annualised volatilities, status."""
        import pandas as pd

        columns = {name: np.asarray(leaf) for name, leaf in self.params._asdict().items()}
        columns["persistence"] = np.asarray(self.params.persistence)
        columns["long_run_volatility"] = np.sqrt(252 * np.asarray(self.params.long_run_variance))
        columns["next_volatility"] = np.sqrt(252 * self.next_variance)
        columns["log_likelihood"] = self.log_likelihood
        columns["observations"] = self.observations
        frame = pd.DataFrame(columns, index=pd.Index(self.assets, name="asset"))
        frame["status"] = [str(status) for status in self.status]
        return frame


class Calibrator(Protocol):
    """Returns in, parameters of every asset out."""

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns, an array or a DataFrame; NaN means no observation."""


def as_matrix(returns: Any) -> tuple[Array, tuple[str, ...]]:
    """Float64 returns ``(time, assets)`` and the assets' names (``0, 1, ...`` for a bare array).

    Raises
    ------
    DataError
        If the input is not two-dimensional, not numeric, empty or infinite somewhere.
    """
    names: Sequence[Any] | None = getattr(returns, "columns", None)
    try:
        matrix = np.asarray(returns, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"returns must be numbers: {error}") from error
    if matrix.ndim != 2:
        raise DataError(
            f"returns must be (time, assets), not of shape {matrix.shape}: reshape one asset to (time, 1)"
        )
    if 0 in matrix.shape:
        raise DataError(f"returns are empty, of shape {matrix.shape}: pass at least one day and one asset")
    assets = tuple(map(str, range(matrix.shape[1]) if names is None else names))
    infinite = np.argwhere(np.isinf(matrix))
    if len(infinite):
        row, column = infinite[0]
        raise DataError(
            f"{len(infinite)} infinite return(s), the first in row {row}, asset {assets[column]}: "
            "use NaN for a missing observation"
        )
    return matrix, assets
