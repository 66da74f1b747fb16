"""What the commands of the desk do, from files to files: content from `desk`, its page from `report`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskengine.errors import DataError, SettingsError
from riskengine.files import sha256, write_atomically

if TYPE_CHECKING:
    from riskengine.calibration import Calibrator
    from riskengine.desk import RiskFiles, Smile, StressSettings
    from riskengine.market import Panel, Source


def network() -> Calibrator:
    """The calibrator of all figures of the desk."""
    from riskengine.calibration import standard_calibrator

    return standard_calibrator()


def _panel(
    prices: Source, asof: str | None, membership: Path | None = None, periods_per_year: float | None = None
) -> Panel:
    from riskengine.market import close_on, load_panel

    panel = load_panel(prices, membership, periods_per_year=periods_per_year)
    return panel if asof is None else panel.between(end=close_on(panel.dates, asof, "--asof"))


def write_page(out: Path, name: str, content: dict[str, Any], page: str) -> None:
    """Content as JSON, and its page."""
    write_atomically(out / f"{name}.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(out / f"{name}.html", page.encode())


def run_rebalance(
    strategy: Path,
    prices: Source,
    holdings: Path,
    limits: Path | None,
    asof: str | None,
    out: Path,
    window: int,
    fresh: bool = False,
    history: int | None = None,
    membership: Path | None = None,
    volume: Source | None = None,
    top: int | None = None,
    periods_per_year: float | None = None,
    files: RiskFiles | None = None,
) -> dict[str, Any]:
    """Write the daily report and the strategy's state; the report's content.

    Raises
    ------
    SettingsError
        If there are traded values and no number of assets to choose by them.
    """
    from riskengine.backtest import load_strategy
    from riskengine.book import read_book_settings
    from riskengine.desk import (
        RiskFiles,
        Shown,
        close_name,
        hold_book,
        read_desk,
        read_history,
        rebalance,
        write_rebalance,
    )
    from riskengine.market import Universe, load_volume
    from riskengine.report import render_rebalance

    if volume is not None and top is None:
        raise SettingsError(
            "traded values (--volume) serve to choose the most liquid: say how many with --top"
        )
    panel = _panel(prices, asof, membership, periods_per_year)
    universe = None if top is None else Universe(top, volume=None if volume is None else load_volume(volume))
    files = files or RiskFiles()
    held = hold_book(holdings, panel, read_book_settings(files.book), files.base, trading=True)
    panel, desk = held.panel, read_desk(limits, held.panel.assets)
    _, last = read_history(out, close_name(panel.dates[-1]))
    shown, candidate = Shown(history, universe), load_strategy(strategy)
    known = (window, last, out, shown, fresh, held, files)
    found = rebalance(candidate, panel, held.holdings, desk, network(), *known)
    write_rebalance(found, render_rebalance(found.content), out)
    return found.content


def run_stress(
    prices: Source,
    files: RiskFiles,
    limits: Path | None,
    asof: str | None,
    settings: StressSettings,
    write_paths: bool,
    out: Path,
    month: bool = False,
    periods_per_year: float | None = None,
    workers_of: tuple[int, str | None] = (1, None),
) -> tuple[dict[str, Any], bool]:
    """Write the stress test; its content, and whether a limit is broken or a holding flagged.

    Of the files it reads holdings, labels, options and library. With ``month`` the horizon is as many periods as the
    prices have in a month. ``workers_of`` are processes on this machine, and the address of a Dask scheduler.
    """
    from riskengine.backtest import workers
    from riskengine.desk import read_desk, stress_content, stress_of_files
    from riskengine.report import render_stress

    panel = _panel(prices, asof, periods_per_year=periods_per_year)
    if month:
        periods = max(1, round(panel.periods_per_year / 12))
        settings = replace(settings, simulation=replace(settings.simulation, horizon=periods))
    desk = read_desk(limits, panel.assets)
    file = out / "paths.parquet" if write_paths else None
    with workers(*workers_of) as run:
        found = stress_of_files(panel, files, network(), settings, file, run)
    content = stress_content(found, panel, desk, settings)
    write_page(out, "stress", content, render_stress(content))
    return content, content["status"] == "flagged"


def run_holdings(
    holdings: Path, prices: Source | None, asof: str | None, book: Path | None, base: str, out: Path
) -> tuple[dict[str, Any], bool]:
    """Value a book and write its page; its content, and whether something needs a look."""
    from riskengine.book import read_book_settings
    from riskengine.desk import holdings_content
    from riskengine.report import render_holdings

    panel = None if prices is None else _panel(prices, asof)
    content = holdings_content(holdings, panel, read_book_settings(book), base)
    write_page(out, "holdings", content, render_holdings(content))
    return content, content["status"] == "flagged"


def run_risk(
    prices: Source,
    files: RiskFiles,
    limits: Path | None,
    asof: str | None,
    window: int,
    periods_per_year: float | None,
    out: Path,
    workers_of: tuple[int, str | None] = (1, None),
) -> dict[str, Any]:
    """Write the risk report; its content. ``workers_of`` as of :func:`run_stress`."""
    from riskengine.backtest import finite, workers
    from riskengine.desk import read_desk, risk_report
    from riskengine.report import render_risk

    panel = _panel(prices, asof, periods_per_year=periods_per_year)
    desk = read_desk(limits, panel.assets)
    with workers(*workers_of) as run:
        found = risk_report(panel, files, desk, network(), window, run)
    content: dict[str, Any] = finite(found)  # JSON has no NaN
    write_page(out, "risk", content, render_risk(content))
    return content


def run_price(terms: Path, out: Path, progress: Any) -> dict[str, Any]:
    """Price a terms file and write its page; its content."""
    from riskengine.desk import price, read_terms
    from riskengine.report import render_price

    content = price(read_terms(terms), terms.name, progress)
    write_page(out, "price", content, render_price(content))
    return content


def run_smile(
    quotes: Path,
    prices: Source | None,
    asset: str | None,
    asof: str | None,
    fitting: Mapping[str, Any],
    window: int,
    out: Path,
    reading: Mapping[str, Any],
) -> dict[str, Any]:
    """Fit all models to a file of quotes and write the page; its content.

    Parameters
    ----------
    fitting : keywords of :func:`riskengine.desk.fit_smile`
    reading : further keywords of :func:`riskengine.options.read_quotes`

    Raises
    ------
    SettingsError
        If there are prices without an asset, or the reverse.
    """
    from riskengine.calibration import ranges_for
    from riskengine.desk import fit_smile
    from riskengine.options import read_quotes

    if (prices is None) != (asset is None):
        raise SettingsError("a smile with its GARCH state needs both --prices and --asset")
    read = read_quotes(quotes, asof=asof, **reading)
    if prices is None or asset is None:
        return _write_smile(fit_smile(read, **fitting), quotes, out, {})
    panel = _panel(prices, None if asof is None else asof.split()[0])
    if asset not in panel.assets:
        raise DataError(f"{prices} has no asset {asset!r}")
    rows, calibrator = panel.session_returns.iloc[-window:], network()
    whole = calibrator(
        rows, **ranges_for(calibrator, panel, len(rows))
    )  # others and ranges tell of one: bridge.md
    place = panel.assets.index(asset)
    fit, returns = whole.select(slice(place, place + 1)), rows[[asset]]
    found = fit_smile(read, returns.to_numpy(), fit, **fitting)
    doubts = [
        str(one) for one in panel.audit()
        if one.serious and one.asset in (asset, None) and (one.date is None or one.date >= returns.index[0])
    ]  # fmt: skip
    origin = {"prices": panel.hash, "asset": asset, "last price": f"{panel.dates[-1]:%Y-%m-%d}"}
    origin |= {"read": "; ".join(panel.notes)} if panel.notes else {}
    origin |= {"prices look wrong": "; ".join(doubts)} if doubts else {}
    return _write_smile(found, quotes, out, origin, doubts)


def _write_smile(
    smile: Smile, quotes: Path, out: Path, origin: dict[str, Any], doubts: list[str] | None = None
) -> dict[str, Any]:
    from riskengine.backtest import finite, software
    from riskengine.desk import smile_content, smile_curves
    from riskengine.report import render_smile

    numbers = smile_content(smile, software() | {"quotes": sha256(quotes)} | origin)
    if doubts is not None:
        numbers |= {"findings": doubts, "flagged": numbers["flagged"] or bool(doubts)}
    content: dict[str, Any] = finite(numbers)  # JSON has no NaN
    write_page(out, "smile", content, render_smile(numbers, smile_curves(smile)))
    return content
