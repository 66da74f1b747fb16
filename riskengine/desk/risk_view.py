"""What the risk figures of any book rest on, on one day: the model, factors, benchmark, volumes, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskengine.calibration import Calibrator
from riskengine.covariance import Margin, for_frequency
from riskengine.desk.daily_risk import DailyRisk
from riskengine.desk.held_book import HeldBook
from riskengine.desk.rules import Desk
from riskengine.desk.stress_library import Scenario
from riskengine.errors import DataError
from riskengine.market import FactorReturns, Panel, period_name
from riskengine.risk import ScenarioModel

Array = np.ndarray

ADV_DAYS = 21
"""Closes that the mean traded value is of."""


@dataclass(frozen=True, eq=False)
class FactorSeries:
    """Returns of factors on the days of the model's scenarios.

    Attributes
    ----------
    names : (factors,)
    tomorrow : (scenarios, factors) residuals at tomorrow's volatilities, NaN where there is none
    returns : (days, factors) as they were, on the rows of the assets' returns
    riskless : (days,) of cash, zero where it is not known
    notes : one line each
    """

    names: tuple[str, ...]
    tomorrow: Array
    returns: Array
    riskless: Array
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LibraryMove:
    """A scenario of the library on today's assets.

    Attributes
    ----------
    name : of the scenario
    scenario : of the library
    moves : (assets,) returns
    replayed : whether they are those of the prices; else the shocks
    missing : assets that it says nothing of, and that do not move
    """

    name: str
    scenario: Scenario
    moves: Array
    replayed: bool
    missing: frozenset[str]


@dataclass(frozen=True, eq=False)
class RiskView:
    """What figures rest on.

    Attributes
    ----------
    date : of the last close
    model : of the assets with returns
    rows : (days, assets) returns of the window, NaN where there is none
    moves : (scenarios, assets) returns of tomorrow: past residuals at today's volatilities
    periods_per_year : of the closes
    desk : rules and limits
    benchmark : (assets,) weights, None without one
    factors : series, None without any
    exposures : assets x factors as the user states them, None without
    volume : (assets,) money that trades on a day, NaN where it is not known; None without any
    library : scenarios
    labels : of assets, by kind
    notes : one line each
    """

    date: pd.Timestamp
    model: ScenarioModel
    rows: Array
    moves: Array
    periods_per_year: float
    desk: Desk
    benchmark: Array | None = None
    factors: FactorSeries | None = None
    exposures: pd.DataFrame | None = None
    volume: Array | None = None
    library: tuple[LibraryMove, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def assets(self) -> tuple[str, ...]:
        """With returns."""
        return self.model.assets

    @property
    def period(self) -> str:
        """Name of one."""
        return period_name(self.periods_per_year)


def factor_series(risk: DailyRisk, factors: FactorReturns, calibrator: Calibrator) -> FactorSeries:
    """Factors on the days of the model, with volatilities of their own by the same calibrator.

    Raises
    ------
    DataError
        If they have no days in common with the prices, or fewer dates than these.
    """
    index = risk.sessions.returns.index
    dates = pd.DatetimeIndex(
        index if index[0] == risk.sessions.dates[0] else index.insert(0, risk.sessions.dates[0])
    )
    rows = factors.between(dates)
    known = rows.notna().all(axis=1)
    if not known.any():
        raise DataError(
            f"the factors go from {factors.returns.index[0]:%Y-%m-%d} to {factors.returns.index[-1]:%Y-%m-%d}: no day"
            " of them is among those of the prices"
        )
    window = rows.iloc[-len(risk.rows) :]
    kept = ~np.isnan(risk.rows).all(axis=1)  # the others are no scenarios
    fit, values = calibrator(window), window.to_numpy()
    margin, variance = Margin.of(for_frequency(calibrator, fit.periods_per_year)[0], values, fit=fit)
    residuals = (values - fit.mean) / np.sqrt(variance)
    last = known[known].index[-1]
    notes = list(factors.notes)
    lacking = int(window.isna().any(axis=1).sum())
    if lacking:
        notes.append(
            f"factors: none on {lacking} of {len(window)} days, the last on {last:%Y-%m-%d}; such days are specific"
        )
    riskless = np.zeros(len(window))
    if factors.riskless is not None:
        cash = FactorReturns(factors.riskless.to_frame("RF"), None, ()).between(dates)["RF"]
        riskless = cash.iloc[-len(risk.rows) :].fillna(0.0).to_numpy()
    return FactorSeries(
        factors.names, (residuals * np.sqrt(margin.variance))[kept], values, riskless, tuple(notes)
    )


def library_moves(
    library: Mapping[str, Scenario], panel: Panel, assets: tuple[str, ...], classes: Mapping[str, str]
) -> tuple[LibraryMove, ...]:
    """Every scenario on these assets: replayed from the prices where they reach it, else by its shocks.

    An asset that has no prices in an episode moves by the shock of its class, where one is stated.
    """
    returns = panel.returns[list(assets)]
    dates, values, found = pd.DatetimeIndex(returns.index), returns.to_numpy(), []
    for name, scenario in library.items():
        days = scenario.days(dates)
        shocks, missing = scenario.moves(assets, classes)
        if days is None:
            if scenario.shocks:
                found.append(LibraryMove(name, scenario, shocks, False, frozenset(missing)))
            continue
        seen = ~np.isnan(values[days]).all(axis=0)
        grown = np.prod(np.maximum(1 + np.nan_to_num(values[days]), 0), axis=0) - 1
        absent = frozenset(assets[j] for j in np.flatnonzero(~seen)) & frozenset(missing)
        found.append(LibraryMove(name, scenario, np.where(seen, grown, shocks), True, absent))
    return tuple(found)


def mean_volume(
    panel: Panel, traded: pd.DataFrame | None, desk: Desk, held: HeldBook | None = None
) -> Array | None:
    """Money that trades on a day by asset ``(assets,)``: of a table of traded values, else of the limits file's units.

    The mean of the last 21 closes that have one. None where nothing is known. In a book of several currencies the table
    is in those of the prices, and is brought to its base at today's rates.
    """
    known = panel.prices.ffill().to_numpy()[-1]
    multiplier, rate = np.ones(len(known)), np.ones(len(known))
    for j, name in enumerate(panel.assets):
        if held is not None and name in held.terms:
            multiplier[j] = held.terms[name].multiplier
            rate[j] = held.rates.rate(held.terms[name].currency or held.book.base)
    stated = np.full(len(panel.assets), np.nan)
    if desk.volume:
        stated = desk.volumes(panel.assets) * known * multiplier
    if traded is not None:
        recent = traded.loc[traded.index <= panel.dates[-1]].iloc[-ADV_DAYS:]
        means = recent.mean().reindex(list(panel.assets)).to_numpy(np.float64) * multiplier * rate
        stated = np.where(np.isnan(means), stated, means)
    return None if np.isnan(stated).all() else stated
