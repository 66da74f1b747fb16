"""Scenarios of the library as outcomes of a stress test: episodes replayed, shocks of asset classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskengine.desk.stress_library import Scenario
from riskengine.desk.stress_limits import AS_IT_WAS, BY_SHOCKS
from riskengine.desk.stressed_book import StressedBook
from riskengine.risk import Outcome, ScenarioModel

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Past:
    """What episodes are replayed from, rows of the same days.

    Attributes
    ----------
    dates : of the rows
    shocks : (days, assets) returns of one period less their means
    returns : (days, assets) as they were
    variance : (days + 1, assets) conditional, of the day
    """

    dates: pd.Index
    shocks: Array
    returns: Array
    variance: Array


def library_outcomes(
    library: Mapping[str, Scenario],
    classes: Mapping[str, str],
    past: Past,
    model: ScenarioModel,
    book: StressedBook,
    notes: list[str],
) -> Iterator[Outcome]:
    """Episodes of the past, at today's volatilities and as they were; those out of reach by shocks of classes.

    Parameters
    ----------
    library : scenarios by name
    classes : asset classes that the shocks are by
    past : days that can be replayed
    model, book : today's
    notes : gets a line for what does not move
    """
    shocked, weights = [], book.weights
    for name, scenario in library.items():
        days = scenario.days(pd.DatetimeIndex(past.dates))
        if days is None:
            shocked.append((name, scenario))
            continue
        residuals = past.shocks[days] / np.sqrt(past.variance[:-1][days])
        missing = [model.assets[j] for j in np.flatnonzero(np.isnan(residuals).all(axis=0) & (weights != 0))]
        if missing:
            notes.append(f"{name}: no prices then, moves nothing: {', '.join(missing[:5])}")
        yield book.replayed(model, residuals, f"{name}, at today's volatility")
        yield book.moved(model.assets, past.returns[days], f"{name}{AS_IT_WAS}")
    for name, scenario in shocked:
        moves, still = scenario.moves(model.assets, classes)
        if not moves.any():
            continue
        held = [asset for asset in still if weights[model.assets.index(asset)]]
        if held:
            notes.append(f"{name}: says nothing of {', '.join(held[:5])}, which do not move")
        yield book.moved(model.assets, moves[None], f"{name}{BY_SHOCKS}")
