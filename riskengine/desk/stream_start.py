"""What a stream begins with: a live engine after its history, and what is known of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from riskengine.desk.live import LiveEngine

Array = np.ndarray


@dataclass(frozen=True)
class History:
    """What came before the stream.

    Attributes
    ----------
    end : date of the last row, if known
    values : (assets,) of the last row, prices or returns as the stream's; NaN where there was none
    periods_per_year : of the rows
    facts : where it came from, for the record
    findings : of its audit that concern holdings, as text
    """

    end: str | None = None
    values: tuple[float | None, ...] = ()
    periods_per_year: float = 252.0
    facts: dict[str, Any] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


HISTORY = History()
"""Of a stream that nothing is known about."""


class Start(NamedTuple):
    """What a watch begins with.

    Attributes
    ----------
    engine : after the history
    prices : (assets,) last known ones
    history : what else is known of it
    """

    engine: LiveEngine
    prices: Array
    history: History = HISTORY
