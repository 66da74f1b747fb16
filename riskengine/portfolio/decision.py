"""What a strategy answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import StrategyError


@dataclass(frozen=True, eq=False)
class Decision:
    """Target weights, one a column of the panel; what they leave of one is cash.

    Attributes
    ----------
    weights : (assets,) finite
    status : ``"ok"``, or what had to be done instead
    covariance : forecast over the holding period, of all assets, if the strategy makes one
    notes : flags and reasons, one line each
    """

    weights: np.ndarray
    status: str = "ok"
    covariance: Covariance | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float64)
        if weights.ndim != 1 or not np.isfinite(weights).all():
            raise StrategyError("weights must be one finite number an asset; use 0 for what is not held")
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)
