"""Calibration day by day: a row in, parameters and variances of the whole universe out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.result import SHORTEST, Calibration
from riskengine.errors import SettingsError
from riskengine.market import as_returns, as_row

Array = np.ndarray


class StreamState(NamedTuple):
    """The last days of a universe.

    Attributes
    ----------
    assets : names, one a column
    returns : (window, assets) float32, the last day last; NaN before the history begins
    """

    assets: tuple[str, ...]
    returns: Array


@dataclass(frozen=True)
class CalibrationStream:
    """Recalibrates the universe on a rolling window with every new day, by :meth:`update`.

    The network reads the whole window anew each day, which costs less than anything that would save it: what
    is streamed is what :class:`~riskengine.calibration.neural.NeuralCalibrator` says of the same window.

    Attributes
    ----------
    calibrator : the network
    window : days

    Examples
    --------
    >>> stream = CalibrationStream(NeuralCalibrator.pretrained(), window=250)
    >>> history = 0.01 * np.random.default_rng(0).standard_normal((300, 2))
    >>> state = stream.init(history)
    >>> fit, state = stream.update(state, np.array([0.01, -0.02]))
    >>> fit.next_variance.shape, state.returns.shape
    ((2,), (250, 2))
    """

    calibrator: NeuralCalibrator
    window: int = 1000

    def __post_init__(self) -> None:
        if self.window < SHORTEST:
            raise SettingsError(f"a window of {self.window} days is too short: at least {SHORTEST}")

    def init(self, returns: Any) -> StreamState:
        """State after a history ``(time, assets)``, an array or a DataFrame; it may be shorter than the window."""
        matrix, assets = as_returns(returns)
        window = np.full((self.window, len(assets)), np.nan, np.float32)
        recent = matrix[-self.window :]
        window[len(window) - len(recent) :] = recent
        return StreamState(assets, window)

    def update(
        self, state: StreamState, row: Array, groups: Sequence[Any] | None = None
    ) -> tuple[Calibration, StreamState]:
        """One more day: returns of ``(assets,)``, NaN where there is none. The old state stays valid.

        Raises
        ------
        DataError
            As :func:`riskengine.market.checks.as_row`.
        """
        row = as_row(row, state.assets)
        window = np.concatenate([state.returns[1:], row[None].astype(np.float32)])
        fit = self.calibrator.calibrate(window, state.assets, groups)
        return fit, StreamState(state.assets, window)
