"""`riskengine stress`: what today's portfolio loses in simulated, shocked, replayed and likeliest scenarios."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.backtest import panel_provenance
from riskengine.calibration import Calibrator
from riskengine.covariance import Margin, for_frequency
from riskengine.desk.book_risk import BookRisk
from riskengine.desk.held_book import HeldBook, book_content
from riskengine.desk.library_outcomes import Past, library_outcomes
from riskengine.desk.option_outcomes import HeldOptions
from riskengine.desk.period_returns import period_returns
from riskengine.desk.risk_view import RiskView
from riskengine.desk.rules import Desk
from riskengine.desk.stress_findings import closes_since, price_findings, stale_holdings
from riskengine.desk.stress_library import Scenario, read_library
from riskengine.desk.stress_limits import broken, judge, light
from riskengine.desk.stressed_book import StressedBook, lines_of
from riskengine.errors import DataError, SettingsError
from riskengine.market import Panel, as_weights, period_name, periods, plural
from riskengine.risk import (
    Outcome,
    ReverseStress,
    ScenarioModel,
    Shock,
    Simulation,
    empirical_tail,
    fit_universe,
    reverse_stress,
    tail_error,
)
from riskengine.risk.paths import Block
from riskengine.workers import Run, run_here

Array = np.ndarray

STATES = (("state of October 2008", "2008-10-10"), ("state of March 2020", "2020-03-16"))
"""Days whose volatilities are put in place of today's, where the prices reach."""

LEVEL = 0.99
DRIVERS = 10

FEWEST_PATHS = 100
"""Below it the worst hundredth of paths is less than one path."""

_COARSE = 0.1
"""Standard error of CVaR, relative to it, from which on a figure is called coarse."""


@dataclass(frozen=True)
class StressSettings:
    """Settings of a stress test.

    Attributes
    ----------
    simulation : horizon (in periods of the prices), paths and law of the scenarios
    volatility : factor on all volatilities
    correlation : mean correlation of the shocked state
    market : return of the equally weighted universe on the first day of the market shock
    losses : that reverse stress looks for, fractions of wealth
    window : periods of the calibration

    Raises
    ------
    SettingsError
        If the market shock is no return, or the paths are too few to have a tail at 99%.
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
        if self.simulation.paths < FEWEST_PATHS:
            raise SettingsError(
                f"{self.simulation.paths} paths have no tail at {LEVEL:.0%}: at least {FEWEST_PATHS}, and 10,000 for "
                "figures that hold to a few percent"
            )


@dataclass(frozen=True, eq=False)
class StressTest:
    """All scenarios of one portfolio.

    Attributes
    ----------
    outcomes : one a scenario; replayed ones have a single path
    reverse : the likeliest scenarios of given losses
    model : that they start from
    notes : what could not be done, one line each
    flags : what a person has to look at, one line each
    weights : of wealth by name, also of what is in no scenario
    periods_per_year : of the prices
    book : that the weights are of, where a file of holdings was read
    options : held beside
    """

    outcomes: tuple[Outcome, ...]
    reverse: tuple[ReverseStress, ...]
    model: ScenarioModel
    notes: tuple[str, ...]
    flags: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    periods_per_year: float = 252.0
    book: HeldBook | None = None
    options: HeldOptions | None = None


def stress_test(
    panel: Panel,
    weights: Array,
    calibrator: Calibrator,
    settings: StressSettings | None = None,
    write: Path | None = None,
    library: Mapping[str, Scenario] | None = None,
    classes: Mapping[str, str] | None = None,
    options: HeldOptions | None = None,
    run: Run = run_here,
) -> StressTest:
    """Run the standard scenarios on the last close of a panel.

    Assets that cannot be simulated (no return in the window) are left out, and flagged if they are held. So are
    holdings without a recent price, with parameters that are borrowed, with prices that hardly move, and those on which
    the audit of the prices has serious findings.

    Parameters
    ----------
    panel : prices
    weights : (assets,) fractions of wealth; or by name
    calibrator : network, maximum likelihood, ...
    settings : see there
    write : Parquet file for all daily returns of the first scenario, a row a path and day
    library : episodes and shocks by name; those that ship if not given
    classes : asset classes that the shocks are by; equity for an asset without
    options : held beside; the weights are then of the wealth with them
    run : makes the calls that calibrate a wide universe and simulate, here or in other processes; the scenario whose
        paths are written is simulated here

    Raises
    ------
    DataError
        If nothing can be simulated.

    Examples
    --------
    >>> from riskengine import ArchReference, Panel, datasets
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> settings = StressSettings(Simulation(horizon=10, paths=2000), window=250)
    >>> test = stress_test(panel, {"AAPL": 0.5, "KO": 0.5}, ArchReference(), settings)
    >>> test.outcomes[0].name, bool(test.outcomes[0].tail(0.99).value_at_risk > 0.02)
    ('as it is', True)
    """
    settings = settings or StressSettings()
    weights = as_weights(weights, panel.assets)
    named = {panel.assets[j]: float(weights[j]) for j in np.flatnonzero(weights)}
    panel = panel.at_sessions()  # markets with other trading days: the days that they have in common
    whole, single = period_returns(panel)
    rows = single.to_numpy()[-settings.window :]
    alive = np.flatnonzero((~np.isnan(rows)).sum(axis=0) >= 2)
    if not len(alive):
        raise DataError("no asset has returns in the window: bring more history")
    flags, notes = price_findings(panel, weights, rows, settings.window)
    table = single.iloc[:, alive]
    ages = closes_since(panel)[alive]
    weights = weights[alive]
    fit, model = fit_universe(table, calibrator, settings.window, run=run)
    if model.common is not None:
        notes.append(f"simulated variances move with those of all assets, weight {model.common.weight:.2f}")
    how = settings.simulation
    book = StressedBook(weights, panel.periods_per_year, options, run)
    outcomes = [*_simulated(model, book, settings, write)]
    everything = table.to_numpy()
    margin, variance = Margin.of(for_frequency(calibrator, fit.periods_per_year)[0], everything, fit=fit)
    variance = np.vstack([variance, margin.variance])
    outcomes += _states(panel, model, book, how, variance, notes)
    past = Past(table.index, everything - fit.mean, whole.to_numpy()[:, alive], variance)
    outcomes += library_outcomes(library or read_library(), classes or {}, past, model, book, notes)
    reverse = tuple(
        reverse_stress(model, weights, loss, how.horizon) for loss in settings.losses if weights.any()
    )
    flags += stale_holdings(model, weights, ages, outcomes[0], panel.dates, notes, LEVEL)
    chosen = {name for name, weight in zip(model.assets, weights, strict=True) if weight}
    flags += [f"calibration of a holding: {note}" for note in model.notes if note.split(": ")[0] in chosen]
    return StressTest(
        tuple(outcomes),
        reverse,
        model,
        tuple(notes) + model.notes,
        tuple(flags),
        named,
        panel.periods_per_year,
        options=options,
    )


def _simulated(
    model: ScenarioModel, book: StressedBook, settings: StressSettings, write: Path | None
) -> Iterator[Outcome]:
    """From today's state, with its paths written if asked; from more volatile and closer states; after a shock."""
    how, assets = settings.simulation, len(model.assets)
    with _parquet(write, model.assets) as sink:
        base = book.simulated(model, how, "as it is", watch=sink)
    yield base
    hot = model.with_volatility(settings.volatility)
    yield book.simulated(hot, how, f"volatility x {settings.volatility:g}")
    if assets > 1 and how.law == "student-t":
        tight = model.with_correlation(settings.correlation)
        yield book.simulated(tight, how, f"correlation {settings.correlation:g}")
        both = hot.with_correlation(settings.correlation)
        yield book.simulated(both, how, "volatility and correlation")
    market = Shock(np.full(assets, 1 / assets), settings.market)
    yield book.simulated(model, how, f"market {settings.market:+.0%} on day one", market)


def _states(
    panel: Panel, model: ScenarioModel, book: StressedBook, how: Simulation, variance: Array, notes: list[str]
) -> Iterator[Outcome]:
    """Scenarios from the volatilities of a chosen day, with today's parameters."""
    for name, date in STATES:
        place = int(panel.dates.searchsorted(np.datetime64(date)))
        if not 1 <= place < len(variance) - 1:
            notes.append(f"{name}: not in these prices")
            continue
        factor = np.sqrt(variance[place] / model.variance)
        note = f"volatilities of {panel.dates[place]:%Y-%m-%d}, {np.median(factor):.1f} times today's"
        state = replace(model, variance=variance[place], notes=(note,))
        yield book.simulated(state, how, name)


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
    """The numbers of all scenarios, for JSON and for the page.

    Losses and drawdowns are fractions of wealth over the horizon of a scenario; ``var`` and ``cvar`` are those of
    :func:`riskengine.risk.empirical_tail`, and ``_error`` is their standard error for the number of paths.
    """
    limit = desk.limits.get("drawdown")
    scenarios, notes = [], list(test.notes)
    for outcome in test.outcomes:
        single = len(outcome.losses) == 1
        row: dict[str, Any] = {"name": outcome.name, "horizon": outcome.horizon, "paths": len(outcome.losses)}
        drivers = _own(outcome) if single else outcome.drivers(LEVEL)
        if single:
            row |= {"loss": float(outcome.losses[0]), "drawdown": float(outcome.drawdowns[0])}
        else:
            row |= _tails(outcome)
        if limit is not None:
            row |= {"margin": float(limit - row["drawdown"]), "light": light(row["drawdown"], limit)}
        order = np.argsort(-np.abs(drivers), kind="stable")[:DRIVERS]
        row["drivers"] = {outcome.assets[j]: float(drivers[j]) for j in order if drivers[j] != 0}
        if desk.groups:
            names = np.array([desk.groups.get(name, "other") for name in outcome.assets])
            row["groups"] = {str(g): float(drivers[names == g].sum()) for g in np.unique(names)}
        scenarios.append(row)
    base = scenarios[0]
    if base["cvar_99"] > 0 and base["cvar_99_error"] > _COARSE * base["cvar_99"]:
        notes.append(
            f"{base['paths']} paths give the CVaR at 99% as {base['cvar_99']:.2%} with a standard error of "
            f"{base['cvar_99_error']:.2%}: take more paths"
        )
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
    return {
        "scenarios": scenarios,
        "reverse": reverse,
        "notes": notes,
        "flags": list(test.flags),
        "units": _units(test),
    }


def _tails(outcome: Outcome) -> dict[str, float]:
    """Median, VaR, CVaR and the drawdown of many paths, with standard errors; one definition of a quantile for all."""
    row = {"loss_median": float(np.median(outcome.losses))}
    for name, level in (("95", 0.95), ("99", LEVEL)):
        tail, error = outcome.tail(level), tail_error(-outcome.losses, level)
        row |= {f"var_{name}": float(tail.value_at_risk), f"var_{name}_error": error[0]}
    row |= {"cvar_99": float(tail.conditional_value_at_risk), "cvar_99_error": error[1]}
    deepest = empirical_tail(-outcome.drawdowns, LEVEL, outcome.horizon)
    return row | {"drawdown": float(deepest.value_at_risk)}


def _units(test: StressTest) -> dict[str, str]:
    horizon = periods(test.outcomes[0].horizon, test.periods_per_year)
    of_loss = f"loss as a fraction of wealth over {horizon}"
    return {
        "horizon": plural(period_name(test.periods_per_year)),
        "loss": "loss of the episode as a fraction of wealth",
        "loss_median": f"{of_loss}, median",
        "var_95": f"{of_loss}, 95%",
        "var_99": f"{of_loss}, 99%",
        "cvar_99": f"mean {of_loss} in the worst 1%",
        "drawdown": f"largest fall below the highest wealth within {horizon}, as a fraction of it: 99% quantile of the "
        "paths, or that of the episode",
        "drivers": "loss of the holding in the worst 1% of paths as a fraction of wealth",
        "probability": f"of losing as much or more over {horizon}",
    }


def _own(outcome: Outcome) -> Array:
    """Losses of the holdings in the only path."""
    assert outcome.returns is not None
    return -outcome.returns.astype(np.float64).mean(axis=0) * outcome.weights + 0.0


def stress_content(test: StressTest, panel: Panel, desk: Desk, settings: StressSettings) -> dict[str, Any]:
    """Content of ``stress.json`` and of its page: numbers, limits, flags, provenance.

    ``status`` is flagged if a limit is broken or something needs a look; with the value of the book that it is of.

    Examples
    --------
    >>> from riskengine import ArchReference, Panel, datasets
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> settings = StressSettings(Simulation(horizon=10, paths=2000), window=250)
    >>> test = stress_test(panel, {"AAPL": 0.5, "KO": 0.5}, ArchReference(), settings)
    >>> content = stress_content(test, panel, Desk(limits={"drawdown": 0.9}), settings)
    >>> content["status"], [row["name"] for row in content["limits"]]
    ('clean', ['drawdown'])
    """
    numbers = figures(test, desk)
    limits = judge(_book_risk(test, panel, desk), numbers)
    flags = [*broken(limits), *numbers["flags"], *(() if test.book is None else test.book.value.flags)]
    return {
        "date": f"{panel.dates[-1]:%Y-%m-%d}",
        **numbers,
        "flags": flags,
        "limits": limits,
        **({} if test.book is None or test.book.plain else {"book": book_content(test.book)}),
        "status": "flagged" if flags else "clean",
        "provenance": panel_provenance(panel, settings=repr(settings)),
    }


def _book_risk(test: StressTest, panel: Panel, desk: Desk) -> BookRisk:
    """Figures of the book as it is, options among it, on the model of the test."""
    model = test.model
    view = RiskView(
        date=panel.dates[-1],
        model=model,
        rows=np.zeros((0, len(model.assets))),
        moves=model.history().one_day(),
        periods_per_year=panel.periods_per_year,
        desk=desk,
    )
    return BookRisk(view, lines_of(test.weights, test.options, desk.groups))
