"""`riskengine stress`: what today's portfolio loses in simulated, shocked, replayed and likeliest scenarios."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.calibration import Calibrator
from riskengine.covariance.constant_correlation import conditional_variance
from riskengine.errors import DataError, SettingsError
from riskengine.files import write_atomically
from riskengine.market import Panel
from riskengine.report.desk_files import Desk
from riskengine.report.desk_page import Section, light, origin, page
from riskengine.risk.paths import Block
from riskengine.risk.scenario_model import ScenarioModel
from riskengine.risk.scenarios import Outcome, Shock, Simulation, simulate
from riskengine.risk.stress import ReverseStress, replay, replay_returns, reverse_stress

Array = np.ndarray

EPISODES = (
    ("1998 Russia and LTCM", "1998-08-17", "1998-10-08"),
    ("2001 September", "2001-09-17", "2001-09-21"),
    ("2008 autumn", "2008-09-15", "2008-11-20"),
    ("2010 May", "2010-05-06", "2010-05-25"),
    ("2011 August", "2011-07-25", "2011-08-10"),
    ("2018 fourth quarter", "2018-10-03", "2018-12-24"),
    ("2020 March", "2020-02-20", "2020-03-23"),
    ("2022 first half", "2022-01-04", "2022-06-16"),
)
"""Name, first and last day of what is replayed, where the prices reach."""

STATES = (("state of October 2008", "2008-10-10"), ("state of March 2020", "2020-03-16"))
"""Days whose volatilities are put in place of today's, where the prices reach."""

LEVEL = 0.99
DRIVERS = 10


@dataclass(frozen=True)
class StressSettings:
    """What is asked.

    Attributes
    ----------
    simulation : horizon, paths and law of the scenarios
    volatility : factor on all volatilities
    correlation : mean correlation of the shocked state
    market : return of the equally weighted universe on the first day of the market shock
    losses : that reverse stress looks for, fractions of wealth
    window : days of the calibration
    """

    simulation: Simulation = field(default_factory=Simulation)
    volatility: float = 3.0
    correlation: float = 0.8
    market: float = -0.2
    losses: tuple[float, ...] = (0.1, 0.2)
    window: int = 1250

    def __post_init__(self) -> None:
        if not -1 < self.market < 1:
            raise SettingsError(f"a market shock is a return between -1 and 1, not {self.market}")


@dataclass(frozen=True, eq=False)
class StressTest:
    """All scenarios of one portfolio.

    Attributes
    ----------
    outcomes : one a scenario; replayed ones have a single path
    reverse : the likeliest scenarios of given losses
    model : that they start from
    notes : what could not be done, one line each
    """

    outcomes: tuple[Outcome, ...]
    reverse: tuple[ReverseStress, ...]
    model: ScenarioModel
    notes: tuple[str, ...]


def stress_test(
    panel: Panel,
    weights: Array,
    calibrator: Calibrator,
    settings: StressSettings | None = None,
    write: Path | None = None,
) -> StressTest:
    """Run the standard scenarios on the last close of a panel.

    Assets that cannot be simulated (no return in the window) are left out, and flagged if they are held.

    Parameters
    ----------
    panel : prices
    weights : (assets,) fractions of wealth
    calibrator : network, maximum likelihood, ...
    settings : see there
    write : Parquet file for all daily returns of the first scenario, a row a path and day

    Raises
    ------
    DataError
        If nothing can be simulated.
    """
    settings = settings or StressSettings()
    rows = panel.returns.to_numpy()[-settings.window :]
    alive = np.flatnonzero((~np.isnan(rows)).sum(axis=0) >= 2)
    if not len(alive):
        raise DataError("no asset has returns in the window: bring more history")
    lost = [panel.assets[j] for j in np.flatnonzero(weights) if j not in set(alive)]
    notes = [f"{name}: held, but without returns; it moves in no scenario" for name in lost]
    table = panel.returns.iloc[:, alive]
    weights = np.asarray(weights, dtype=np.float64)[alive]
    fit = calibrator(table.iloc[-settings.window :])
    model = ScenarioModel.fit(table, calibrator, settings.window, calibration=fit)
    even = np.full(len(alive), 1 / len(alive))
    how = settings.simulation
    with _parquet(write, model.assets) as sink:
        outcomes = [simulate(model, weights, how, name="as it is", watch=sink)]
    hot = model.with_volatility(settings.volatility)
    outcomes.append(simulate(hot, weights, how, name=f"volatility x {settings.volatility:g}"))
    if len(alive) > 1 and how.law == "student-t":
        tight = model.with_correlation(settings.correlation)
        outcomes.append(simulate(tight, weights, how, name=f"correlation {settings.correlation:g}"))
        both = hot.with_correlation(settings.correlation)
        outcomes.append(simulate(both, weights, how, name="volatility and correlation"))
    market = Shock(even, settings.market)
    outcomes.append(simulate(model, weights, how, market, name=f"market {settings.market:+.0%} on day one"))
    everything = table.to_numpy()
    variance = conditional_variance(fit, everything)
    outcomes += _states(panel, model, weights, how, variance, notes)
    outcomes += _episodes(panel, model, weights, everything - fit.mean, variance, notes)
    reverse = tuple(
        reverse_stress(model, weights, loss, how.horizon) for loss in settings.losses if weights.any()
    )
    return StressTest(tuple(outcomes), reverse, model, tuple(notes) + model.notes)


def _states(
    panel: Panel, model: ScenarioModel, weights: Array, how: Simulation, variance: Array, notes: list[str]
) -> Iterator[Outcome]:
    """Scenarios from the volatilities of a chosen day, with today's parameters."""
    for name, date in STATES:
        place = int(panel.dates.searchsorted(np.datetime64(date)))
        if not 1 <= place < len(variance) - 1:
            notes.append(f"{name}: not in these prices")
            continue
        factor = np.sqrt(variance[place] / model.variance)
        state = ScenarioModel(
            model.assets, model.params, variance[place], model.residuals, model.loadings, model.specific,
            model.posterior, (f"volatilities of {panel.dates[place]:%Y-%m-%d}, {np.median(factor):.1f} times today's",),
        )  # fmt: skip
        yield simulate(state, weights, how, name=name)


def _episodes(
    panel: Panel, model: ScenarioModel, weights: Array, returns: Array, variance: Array, notes: list[str]
) -> Iterator[Outcome]:
    """Episodes of the past, at today's volatilities and as they were."""
    dates = panel.dates[1:]
    for name, first, last in EPISODES:
        if not dates[0] <= np.datetime64(first) or not np.datetime64(last) <= dates[-1]:
            continue
        days = np.asarray((dates >= np.datetime64(first)) & (dates <= np.datetime64(last)))
        surprises = returns[days] / np.sqrt(variance[:-1][days])
        missing = [model.assets[j] for j in np.flatnonzero(np.isnan(surprises).all(axis=0) & (weights != 0))]
        if missing:
            notes.append(f"{name}: no prices then, moves nothing: {', '.join(missing[:5])}")
        yield replay(model, weights, surprises, f"{name}, at today's volatility")
        yield replay_returns(model.assets, weights, returns[days], f"{name}, as it was")


@contextmanager
def _parquet(path: Path | None, assets: tuple[str, ...]) -> Iterator[Any]:
    """A function that appends blocks to a Parquet file, which appears whole at the end; None without a path."""
    if path is None:
        yield None
        return
    schema = pa.schema(
        [("path", pa.int32()), ("day", pa.int16()), *((name, pa.float32()) for name in assets)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(handle)
    done = 0
    try:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:

            def sink(block: Block) -> None:
                nonlocal done
                days, paths, n = block.returns.shape
                rows = np.ascontiguousarray(block.returns.transpose(1, 0, 2)).reshape(-1, n)
                number = np.repeat(np.arange(done, done + paths, dtype=np.int32), days)
                day = np.tile(np.arange(1, days + 1, dtype=np.int16), paths)
                writer.write_table(pa.table([number, day, *rows.T], schema=schema))
                done += paths

            yield sink
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def figures(test: StressTest, desk: Desk) -> dict[str, Any]:
    """The numbers of all scenarios, for JSON and for the page."""
    limit = desk.limits.get("drawdown")
    scenarios = []
    for outcome in test.outcomes:
        single = len(outcome.losses) == 1
        row: dict[str, Any] = {"name": outcome.name, "horizon": outcome.horizon, "paths": len(outcome.losses)}
        drivers = outcome.drivers(LEVEL) if len(outcome.losses) * (1 - LEVEL) >= 1 else _own(outcome)
        if single:
            row |= {"loss": float(outcome.losses[0]), "drawdown": float(outcome.drawdowns[0])}
        else:
            quantiles = np.quantile(outcome.losses, [0.5, 0.95, 0.99])
            row |= {
                "loss_median": float(quantiles[0]),
                "var_95": float(quantiles[1]),
                "var_99": float(quantiles[2]),
            }
            row |= {"cvar_99": float(drivers.sum()), "drawdown": float(np.quantile(outcome.drawdowns, LEVEL))}
        if limit is not None:
            row["margin"] = float(limit - row["drawdown"])
        order = np.argsort(-np.abs(drivers), kind="stable")[:DRIVERS]
        row["drivers"] = {outcome.assets[j]: float(drivers[j]) for j in order if drivers[j] != 0}
        if desk.groups:
            names = np.array([desk.groups.get(name, "other") for name in outcome.assets])
            row["groups"] = {str(g): float(drivers[names == g].sum()) for g in np.unique(names)}
        scenarios.append(row)
    reverse = [
        {
            "loss": found.loss,
            "horizon": found.horizon,
            "distance": found.distance,
            "probability": found.probability,
            "returns": dict(zip(test.model.assets, map(float, found.returns), strict=True)),
        }
        for found in test.reverse
    ]
    return {"scenarios": scenarios, "reverse": reverse, "notes": list(test.notes)}


def _own(outcome: Outcome) -> Array:
    """Losses of the holdings in the mean path: of the only one, or of too few to have a tail."""
    return -outcome.returns.astype(np.float64).mean(axis=0) * outcome.weights + 0.0


def sections(numbers: dict[str, Any], desk: Desk) -> list[Section]:
    """The tables of a page on stress."""
    limit = desk.limits.get("drawdown")
    simulated = [row for row in numbers["scenarios"] if row["paths"] > 1]
    replayed = [row for row in numbers["scenarios"] if row["paths"] == 1]
    ends = ["margin", "limit"] if limit is not None else []

    def end(row: dict[str, Any]) -> list[str]:
        return [] if limit is None else [f"{row['margin']:+.1%}", light(row["drawdown"], limit)]

    def drivers(row: dict[str, Any]) -> str:
        worst = sorted(row["drivers"].items(), key=lambda item: -item[1])[:3]
        return ", ".join(f"{name} {loss:.1%}" for name, loss in worst if loss > 0)

    horizon = simulated[0]["horizon"] if simulated else 0
    return [
        Section(
            "Simulated scenarios",
            f"Losses over {horizon} days as fractions of wealth; drawdown: its 99% quantile, with the margin to the "
            "limit. Drivers: the holdings that lose most in the worst 1% of paths.",
            ["scenario", "median", "VaR 95%", "VaR 99%", "CVaR 99%", "drawdown", *ends, "drivers"],
            [
                [
                    row["name"],
                    *(
                        f"{row[key]:.1%}"
                        for key in ("loss_median", "var_95", "var_99", "cvar_99", "drawdown")
                    ),
                    *end(row),
                    drivers(row),
                ]
                for row in simulated
            ],
        ),
        Section(
            "Episodes replayed",
            "The surprises of then at today's volatilities, and the returns of then, on today's weights.",
            ["episode", "days", "loss", "drawdown", *ends, "drivers"],
            [
                [
                    row["name"],
                    str(row["horizon"]),
                    f"{row['loss']:.1%}",
                    f"{row['drawdown']:.1%}",
                    *end(row),
                    drivers(row),
                ]
                for row in replayed
            ],
        ),
        Section(
            "Reverse stress",
            "The likeliest way to lose a given sum, its distance in standard deviations, the chance of losing as much.",
            ["loss", "days", "distance", "probability", "the largest moves"],
            [
                [
                    f"{row['loss']:.0%}",
                    str(row["horizon"]),
                    f"{row['distance']:.1f}",
                    f"{row['probability']:.2e}",
                    ", ".join(
                        f"{name} {move:+.0%}"
                        for name, move in sorted(row["returns"].items(), key=lambda item: item[1])[:4]
                    ),
                ]
                for row in numbers["reverse"]
            ],
        ),
    ]


def write_stress(
    test: StressTest, panel: Panel, desk: Desk, settings: StressSettings, out: Path
) -> tuple[dict[str, Any], bool]:
    """Write ``stress.json`` and ``stress.html``; the numbers, and whether a limit is broken."""
    numbers = figures(test, desk)
    broken = any(row.get("margin", 0.0) < 0 for row in numbers["scenarios"])
    facts = origin(panel, settings=repr(settings))
    worst = max(numbers["scenarios"], key=lambda row: row["drawdown"])
    headline = f"The worst scenario is {worst['name']}: a drawdown of {worst['drawdown']:.1%}" + (
        f" against a limit of {desk.limits['drawdown']:.1%}." if "drawdown" in desk.limits else "."
    )
    parts = [*sections(numbers, desk), Section("Flags", items=numbers["notes"])]
    text = page("Stress", f"{panel.dates[-1]:%Y-%m-%d}", headline, parts, facts, broken)
    content = {"date": f"{panel.dates[-1]:%Y-%m-%d}", **numbers, "provenance": facts}
    write_atomically(out / "stress.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(out / "stress.html", text.encode())
    return content, broken
