"""Risk figures of a morning, before and after trading, all from one calibration; and what moved them since the last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from riskengine.calibration import Calibration, Calibrator, Status
from riskengine.covariance import for_frequency
from riskengine.desk.period_returns import period_returns
from riskengine.desk.portfolio_var import held_risk
from riskengine.errors import DataError
from riskengine.market import Panel
from riskengine.risk import ScenarioModel, fit_universe, volatility_contributions
from riskengine.workers import Run, run_here

Array = np.ndarray

RISK = ("volatility", "var_95", "var_99", "cvar_97.5")


@dataclass(frozen=True, eq=False)
class DailyRisk:
    """Risk figures of portfolios before and after trading, all from one calibration.

    Attributes
    ----------
    sessions : the closes that the figures rest on: the days in common, where markets have other trading days
    rows : (window, alive) returns of one period
    fit, model : of these rows
    calibrator : for their frequency
    alive : places of the assets that have returns
    """

    sessions: Panel
    rows: Array
    fit: Calibration
    calibrator: Calibrator
    model: ScenarioModel
    alive: Array

    @classmethod
    def of(cls, panel: Panel, calibrator: Calibrator, window: int, run: Run = run_here) -> DailyRisk:
        """Calibrate the last closes.

        Parameters
        ----------
        panel, calibrator, window : prices, and how many closes are calibrated by what
        run : makes the calls for a universe that is calibrated in blocks, :func:`riskengine.risk.fit_universe`

        Raises
        ------
        DataError
            If no asset has returns.
        """
        sessions = panel.at_sessions()
        single = period_returns(sessions)[1]
        rows = single.to_numpy()
        alive = np.flatnonzero((~np.isnan(rows[-window:])).sum(axis=0) >= 2)
        if not len(alive):
            raise DataError("no asset has returns in the window: bring more history")
        table = single.iloc[:, alive]
        fit, model = fit_universe(table, calibrator, window, run=run)
        calibrator, _ = for_frequency(calibrator, sessions.periods_per_year)
        return cls(sessions, rows[-window:, alive], fit, calibrator, model, alive)

    @property
    def periods(self) -> float:
        """A year."""
        return self.sessions.periods_per_year

    def flags(self, assets: tuple[str, ...], held: Array) -> list[str]:
        """Holdings that no figure knows, and calibrations to be looked at."""
        gone = sorted(set(np.flatnonzero(held)) - set(self.alive.tolist()))
        statuses = zip(self.fit.assets, self.fit.status, strict=True)
        return [
            *(f"{assets[j]}: held, but without returns; no risk figure knows it" for j in gone),
            *(f"calibration: {note}" for note in self.model.notes),
            *(
                f"prices of {name}: unlike any that the network was trained on, look for a bad one"
                for name, status in statuses
                if status is Status.ROBUST
            ),
        ]

    def __call__(
        self, before: Array, after: Array
    ) -> tuple[dict[str, dict[str, Any]], dict[str, Any] | None]:
        held = {"before": before[self.alive], "after": after[self.alive]}
        figured, tested = held_risk(self.rows, np.array([*held.values()]), self.calibrator)
        risk = {
            name: _volatility(self.model, weights, self.periods) | tails
            for (name, weights), tails in zip(held.items(), figured, strict=True)
        }
        return risk, tested


def _volatility(model: ScenarioModel, weights: Array, periods: float) -> dict[str, Any]:
    """Of a year, and the contributions to it."""
    pulled, variance = model.pull(weights)
    share = np.sqrt(periods) * volatility_contributions(weights, pulled)
    return {"volatility": float(np.sqrt(periods * variance)), "contributions": share}


def volatility_changes(
    today: DailyRisk,
    window: int,
    last: dict[str, Any] | None,
    before: Array,
    after: Array,
) -> dict[str, Any] | None:
    """By how much each cause has moved the volatility forecast since the last report; the steps add up."""
    if last is None:
        return None
    model = today.model
    earlier = period_returns(today.sessions.between(end=last["date"]))[1].loc[:, list(model.assets)]
    if np.any((~np.isnan(earlier.to_numpy()[-window:])).sum(axis=0) < 2):
        return None
    old = ScenarioModel.fit(earlier, today.calibrator, window)
    place = {name: j for j, name in enumerate(model.assets)}
    weights = np.zeros(len(place))
    for name, weight in last["weights"].items():
        if name in place:
            weights[place[name]] = weight
    mixed = replace(old, variance=model.variance)

    def volatility(state: ScenarioModel, held: Array) -> float:
        return float(np.sqrt(today.periods * state.pull(held)[1]))

    steps = [
        ("last report", volatility(old, weights)),
        ("prices and trades since", volatility(old, before[today.alive])),
        ("volatilities", volatility(mixed, before[today.alive])),
        ("correlations", volatility(model, before[today.alive])),
        ("today's trades", volatility(model, after[today.alive])),
    ]
    moved = {name: value - steps[k][1] for k, (name, value) in enumerate(steps[1:])}
    return {"since": last["date"], "last": steps[0][1], "now": steps[-1][1], "moved": moved}
