"""Recalibration at a fixed interval with filtering in between; also around a covariance forecaster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from riskengine.covariance.base import CovarianceForecaster, given_ranges
from riskengine.errors import SettingsError

Array = np.ndarray


class Followed(NamedTuple):
    """State of a forecaster, and the number of steps since its calibration, that step included."""

    state: Any
    served: int


@dataclass(frozen=True)
class Refit:
    """Recalibration every ``every`` steps; in between the model is filtered with the last parameters.

    A step is what the caller counts: a day, or a decision. The step that calibrates is the first that its parameters
    serve, so that one in ``every`` steps calibrates.

    Attributes
    ----------
    every : steps that a calibration serves

    Examples
    --------
    >>> [Refit(3).due(served) for served in (1, 2, 3)]
    [False, False, True]
    """

    every: int

    def __post_init__(self) -> None:
        if self.every < 1:
            raise SettingsError(f"a calibration serves one step at least, not {self.every}")

    def due(self, served: int) -> bool:
        """Whether the next step calibrates, after so many that the last calibration has served."""
        return served >= self.every

    def ends_with(self, step: int) -> bool:
        """Whether a calibration has served its last step, where steps are counted from one on and never anew."""
        return step % self.every == 0

    def follow(
        self,
        forecaster: CovarianceForecaster,
        before: Followed | None,
        history: Array,
        window: int,
        since: int = 1,
        ranges: Array | None = None,
        carry: bool = False,
    ) -> Followed:
        """One step of a covariance forecaster: ``init`` where a calibration is due, else ``update``.

        Parameters
        ----------
        forecaster : of covariances
        before : after the last step; None calibrates
        history : (days, assets) returns, today the last
        window : days to calibrate on
        since : days since the last step
        ranges : (days, assets) log ranges of the same days, for a forecaster that reads them
        carry : whether ``init`` is handed the state before as ``previous``

        Examples
        --------
        >>> from riskengine.covariance import Ewma
        >>> x = 0.01 * np.random.default_rng(0).standard_normal((30, 2))
        >>> known, anew = None, []
        >>> for day in range(20, 26):
        ...     known = Refit(3).follow(Ewma(), known, x[:day], window=20)
        ...     anew.append(known.served == 1)
        >>> anew
        [True, False, False, True, False, False]
        """
        if before is None or self.due(before.served):
            more: dict[str, Any] = {"previous": before.state} if before is not None and carry else {}
            more |= given_ranges(forecaster, None if ranges is None else ranges[-window:])
            return Followed(forecaster.init(history[-window:], **more), 1)
        state = before.state
        for day in range(len(history) - since, len(history)):
            of_day = given_ranges(forecaster, None if ranges is None else ranges[day])
            state = forecaster.update(state, history[day], **of_day)
        return Followed(state, before.served + 1)
