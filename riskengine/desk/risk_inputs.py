"""The files of a risk report, read into what its figures rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.backtest import panel_provenance
from riskengine.book import is_money, read_book_settings
from riskengine.calibration import Calibrator
from riskengine.desk.book_risk import BookRisk
from riskengine.desk.daily_risk import DailyRisk
from riskengine.desk.exposures import after_trades, exposures_of, read_trades
from riskengine.desk.held_book import HeldBook, book_content, hold_book
from riskengine.desk.holdings import Holdings
from riskengine.desk.option_outcomes import SAID, HeldOptions
from riskengine.desk.option_positions import OptionPositions, read_options
from riskengine.desk.portfolio_stress import StressSettings, StressTest, stress_test
from riskengine.desk.risk_report import risk_content
from riskengine.desk.risk_view import RiskView, factor_series, library_moves, mean_volume
from riskengine.desk.rules import Desk
from riskengine.desk.stream_settings import equal_weights
from riskengine.desk.stress_library import read_library
from riskengine.errors import DataError, SettingsError
from riskengine.files import sha256
from riskengine.market import (
    Panel,
    Source,
    load_asset_numbers,
    load_benchmark,
    load_factors,
    load_labels,
    load_volume,
)
from riskengine.schema import did_you_mean
from riskengine.workers import Run, run_here

Array = np.ndarray

EQUAL_WEALTH = 1e6
"""Money that equal weights are of, where no holdings are named."""

_CLASSES = ("class", "asset class", "asset_class", "assetclass")


@dataclass(frozen=True)
class RiskFiles:
    """Files of a risk report; all but the prices may be left out.

    Attributes
    ----------
    holdings : asset and quantity, or a position file of a broker; equal weights if left out
    labels : asset and sector, country, class, ...
    benchmark : asset and weight, or the name of an asset of the prices
    factors : returns of factors by date
    exposures : asset and a column a factor
    volume : traded values
    options : options that are held
    trades : that are proposed
    library : scenarios of the user
    book : what the file of holdings leaves unsaid, see :class:`riskengine.book.BookSettings`
    base : currency of all totals; that of the book if empty
    by : labels to attribute risk to; all of the file if empty
    """

    holdings: Path | None = None
    labels: Path | None = None
    benchmark: str | None = None
    factors: Path | None = None
    exposures: Path | None = None
    volume: Source | None = None
    options: Path | None = None
    trades: Path | None = None
    library: Path | None = None
    book: Path | None = None
    base: str = ""
    by: tuple[str, ...] = ()

    def held(self, panel: Panel) -> HeldBook | None:
        """The holdings on the prices of a panel, with a panel in their base currency; None without a file of them."""
        if self.holdings is None:
            return None
        return hold_book(self.holdings, panel, read_book_settings(self.book), self.base)

    def kinds(self, labels: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
        """The labels that are asked for, all if none are.

        Raises
        ------
        SettingsError
            If one is asked for that the file does not have.
        """
        for name in self.by:
            if name not in labels:
                raise SettingsError(
                    f"{self.labels} has no label {name!r}: {did_you_mean(name, list(labels))}"
                )
        return {name: one for name, one in labels.items() if not self.by or name in (*self.by, *_CLASSES)}

    def hashes(self) -> dict[str, str]:
        """Of the files that there are, for the provenance."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: sha256(Path(file))
            for name, file in named.items()
            if isinstance(file, Path | str) and str(file) and Path(file).is_file()
        }


def risk_report(
    panel: Panel,
    files: RiskFiles,
    desk: Desk,
    calibrator: Calibrator,
    window: int = 1250,
    run: Run = run_here,
) -> dict[str, Any]:
    """Everything that `riskengine risk` writes, as one object; see :mod:`riskengine.desk.risk_report`.

    Parameters
    ----------
    panel : prices up to today
    files : what else there is
    desk : rules and limits
    calibrator : of all figures
    window : closes that they rest on
    run : makes the calls that calibrate a wide universe, here or in other processes

    Raises
    ------
    DataError
        If a file is missing or not what it is said to be; the message names file and remedy.
    SettingsError
        If a limit is on something that does not exist.

    Examples
    --------
    >>> from riskengine import ArchReference, Panel, datasets
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> content = risk_report(panel, RiskFiles(), Desk(), ArchReference(), window=250)
    >>> content["status"], sorted(content)[:5]
    ('clean', ['active', 'attribution', 'date', 'factors', 'figures'])
    """
    held = files.held(panel)
    given, panel = panel, panel if held is None else held.panel
    risk = DailyRisk.of(panel, calibrator, window, run)
    labels = file_labels(files, desk, held)
    view = risk_view(panel, risk, files, desk, labels, calibrator, held)
    prices = panel.prices.ffill().to_numpy()[-1]
    holdings = _equal(panel, prices) if held is None else held.holdings
    options = None
    if files.options is not None:
        options = _options(files.options, panel, held)
    terms = {} if held is None else held.terms
    before, now = None, BookRisk(view, exposures_of(holdings, prices, labels, options, terms))
    if files.trades is not None:
        trades = read_trades(files.trades, panel.assets)
        done = after_trades(holdings, trades, prices, desk.cost_rate)
        before, now = now, BookRisk(view, exposures_of(done, prices, labels, options, terms))
    content = risk_content(now, before)
    told = () if held is None else held.value.flags
    flags = [*told, *content["flags"], *_calibration_flags(risk, now, before)]
    settings = {
        "window": str(window),
        **{f"file of {name}": digest for name, digest in files.hashes().items()},
    }
    return content | {
        "flags": flags,
        "status": "flagged" if flags else "clean",
        "notes": [*holdings.notes, *content["notes"]],
        **({} if held is None or held.plain else {"book": book_content(held)}),
        "provenance": panel_provenance(given, **settings),
    }


def stress_of_files(
    panel: Panel,
    files: RiskFiles,
    calibrator: Calibrator,
    settings: StressSettings,
    write: Path | None = None,
    run: Run = run_here,
) -> StressTest:
    """A stress test of what files say is held: assets and options, with the scenarios of the library.

    Parameters
    ----------
    panel : prices up to today
    files : holdings, labels, options and library; the others are not read
    calibrator, settings, write, run : as of :func:`~.portfolio_stress.stress_test`

    Raises
    ------
    DataError
        If a file is missing or not what it is said to be, or nothing can be simulated.

    Examples
    --------
    >>> from riskengine import ArchReference, Panel, datasets
    >>> from riskengine.risk import Simulation
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> settings = StressSettings(Simulation(horizon=10, paths=2000), window=250)
    >>> test = stress_of_files(panel, RiskFiles(), ArchReference(), settings)
    >>> test.weights
    {'AAPL': 0.5, 'KO': 0.5}
    """
    held = files.held(panel)
    panel = panel if held is None else held.panel
    prices = panel.prices.ffill().to_numpy()[-1]
    weights = equal_weights(prices) if held is None else held.weights()
    labels = {} if files.labels is None else load_labels(files.labels)
    library, classes = read_library(files.library), _classes(labels, panel)
    if files.options is None:
        found = stress_test(panel, weights, calibrator, settings, write, library, classes, run=run)
        return replace(found, book=held)
    options = _options(files.options, panel, held)
    assets_alone = EQUAL_WEALTH if held is None else held.value.total.wealth
    wealth = assets_alone + float(options.value().sum())
    if not wealth > 0:
        raise DataError(f"a wealth of {wealth:,.2f} with options is nothing that losses are fractions of")
    beside = HeldOptions.of(options, wealth, library, settings.volatility)
    weights = weights * assets_alone / wealth
    found = stress_test(panel, weights, calibrator, settings, write, library, classes, beside, run)
    still = sorted({*options.underlying} - {*found.model.assets})
    flags = [
        f"options on {name}: it has no returns in the window; they move in no scenario" for name in still
    ]
    notes = (*found.notes, *options.notes, SAID)
    return replace(found, book=held, notes=notes, flags=(*found.flags, *flags))


def risk_view(
    panel: Panel,
    risk: DailyRisk,
    files: RiskFiles,
    desk: Desk,
    labels: Mapping[str, Mapping[str, str]],
    calibrator: Calibrator,
    held: HeldBook | None = None,
) -> RiskView:
    """What figures of any book on this day rest on."""
    assets, notes = risk.model.assets, []
    benchmark, said = _benchmark(files.benchmark, panel.assets, assets)
    notes += said
    traded = None if files.volume is None else load_volume(files.volume)
    volume = mean_volume(panel, traded, desk, held)
    classes = _classes(labels, panel)
    if not any(kind in labels for kind in _CLASSES):
        notes.append(
            "stress library: no column `class` in the labels, so that every asset is taken as equity"
        )
    library = library_moves(read_library(files.library), panel, assets, classes)
    stated = None
    if files.exposures is not None:
        stated = load_asset_numbers(files.exposures)
    series = None
    if files.factors is not None:
        series = factor_series(risk, load_factors(files.factors), calibrator)
    return RiskView(
        date=panel.dates[-1],
        model=risk.model,
        rows=risk.rows,
        moves=risk.model.history().one_day(),
        periods_per_year=risk.periods,
        desk=desk,
        benchmark=benchmark,
        factors=series,
        exposures=stated,
        volume=None if volume is None else volume[risk.alive],
        library=library,
        labels=labels,
        notes=tuple(notes),
    )


def file_labels(files: RiskFiles, desk: Desk, held: HeldBook | None) -> dict[str, Mapping[str, str]]:
    """Labels of the file, the currencies of a book, and the groups of the limits file as a kind of their own.

    Raises
    ------
    DataError
        If a column of the file has the name of a kind of limit.
    """
    found: dict[str, Mapping[str, str]] = {}
    if files.labels is not None:
        found |= files.kinds(load_labels(files.labels))
    taken = {"group", "weight", "factor", "stress", "risk", "asset", "position"} & set(found)
    if taken:
        raise DataError(f"{files.labels}: a column of labels may not be called {min(taken)}: rename it")
    if held is not None and held.holdings.foreign is not None and "currency" not in found:
        found["currency"] = held.currencies()
    return found | ({"group": desk.groups} if desk.groups else {})


def _classes(labels: Mapping[str, Mapping[str, str]], panel: Panel) -> dict[str, str]:
    """Asset classes by asset, as far as labels have them; foreign money is of the class currency."""
    money = {name: "currency" for name in panel.assets if is_money(name)}
    return money | dict(next((labels[kind] for kind in _CLASSES if kind in labels), {}))


def _options(path: Path, panel: Panel, held: HeldBook | None) -> OptionPositions:
    """Options of a file on the last prices of a panel, in the base currency of a book."""
    prices = panel.prices.ffill().to_numpy()[-1]
    exchange = None if held is None else held.exchanges()
    return read_options(path, panel.assets, prices, panel.dates[-1], exchange)


def _equal(panel: Panel, prices: Array) -> Holdings:
    alive = prices > 0
    each = EQUAL_WEALTH / alive.sum()
    quantity = np.where(alive, each / np.where(alive, prices, 1.0), 0.0)
    return Holdings(panel.assets, quantity, 0.0, ("no holdings are named: equal weights",))


def _benchmark(
    named: str | None, known: tuple[str, ...], assets: tuple[str, ...]
) -> tuple[Array | None, list[str]]:
    """Weights by asset of the model."""
    if named is None:
        return None, []
    if named in known and not Path(named).is_file():
        if named not in assets:
            raise DataError(f"the benchmark {named} has no returns in the window: bring its prices")
        return np.array([float(name == named) for name in assets]), [f"benchmark: {named}"]
    weights, notes = load_benchmark(Path(named), assets)
    return np.array([weights.get(name, 0.0) for name in assets]), notes


def _calibration_flags(risk: DailyRisk, now: BookRisk, before: BookRisk | None) -> list[str]:
    """Calibrations of what is held that a person has to look at."""
    held = set(now.book.assets) | set(() if before is None else before.book.assets)
    return [f"calibration: {note}" for note in risk.model.notes if note.split(": ")[0] in held]
