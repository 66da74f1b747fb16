"""A forecaster whose forecasts are made once for all strategies that ask for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from riskengine.covariance.base import Covariance, CovarianceForecaster

Array = np.ndarray


class RememberedState(NamedTuple):
    """What names a history, and the state of the forecaster inside after it."""

    name: str
    inside: Any


@dataclass(frozen=True)
class Remembered:
    """Memoised forecaster: states and forecasts are kept by the returns that they were made of.

    For several strategies that are handed the same returns in one process: with other limits, say. What is remembered
    grows with every history and is part of no comparison.

    Attributes
    ----------
    inside : forecaster

    Examples
    --------
    >>> from riskengine.covariance import LedoitWolf
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 3))
    >>> model = Remembered(LedoitWolf(250))
    >>> first, again = (model.forecast(model.init(x), 21) for _ in range(2))
    >>> first is again
    True
    """

    inside: CovarianceForecaster
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def carry(self) -> bool:
        """Whether the forecaster inside goes on from its last estimates."""
        return bool(getattr(self.inside, "carry", False))

    def init(self, returns: Array, previous: RememberedState | None = None) -> RememberedState:
        """State after a history ``(time, assets)``."""
        rows = np.ascontiguousarray(returns, dtype=np.float64)
        more: dict[str, Any] = {} if previous is None else {"previous": previous.inside}
        before = "" if previous is None else previous.name
        name = _digest(b"init", before.encode(), repr(rows.shape).encode(), rows.tobytes())
        if name not in self.known:
            self.known[name] = RememberedState(name, self.inside.init(returns, **more))
        state: RememberedState = self.known[name]
        return state

    def update(self, state: RememberedState, row: Array) -> RememberedState:
        """State after one more day."""
        name = _digest(b"day", state.name.encode(), np.ascontiguousarray(row, dtype=np.float64).tobytes())
        if name not in self.known:
            self.known[name] = RememberedState(name, self.inside.update(state.inside, row))
        after: RememberedState = self.known[name]
        return after

    def forecast(self, state: RememberedState, horizon: int = 1) -> Covariance:
        """That of the forecaster inside."""
        key = (state.name, horizon)
        if key not in self.known:
            self.known[key] = self.inside.forecast(state.inside, horizon)
        found: Covariance = self.known[key]
        return found


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
