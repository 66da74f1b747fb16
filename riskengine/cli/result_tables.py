"""Results of backtests and sweeps as tables, and what must be known before their numbers are read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from riskengine.cli.console import new_table, plainly

if TYPE_CHECKING:
    import pandas as pd

    from riskengine.backtest import BacktestResult, ResultFlag, Sweep

MOST_NOTES = 20
_MARK = " (!)"


def show_flags(console: Console, flags: Iterable[ResultFlag], name: str | None = None) -> None:
    """A line a flag: red for the strategy's own, yellow for a benchmark's."""
    for flag in flags:
        style = "bold red" if flag.serious else "yellow"
        whose = name or (flag.portfolio if flag.serious else f"{flag.portfolio} (benchmark)")
        console.print(f"{whose}: {flag.message}", style=style, highlight=False, markup=False)


def show_with_page(
    console: Console, result: BacktestResult, page: Path | None, provenance: bool = False
) -> None:
    """A result, its headline, where it comes from if asked, and where its page is."""
    from riskengine.report import headline, provenance_text

    show_result(console, result)
    plainly(console, headline(result))
    if provenance:
        plainly(console, *(f"{key:12} {provenance_text(value)}" for key, value in result.provenance.items()))
    if page is not None:
        console.print(f"[bold]{page}[/bold]")


def show_result(console: Console, result: BacktestResult) -> None:
    """Flags, summary, why figures are missing, VaR exceptions and notes of a backtest."""
    from riskengine.backtest import gathered

    show_flags(console, result.flags)
    _show_summary(console, result)
    if "train" in result.provenance:
        plainly(console, f"- train: {result.provenance['train']}")
    plainly(console, *(f"- {remark}" for remark in result.remarks()))
    if not result.risk_table().empty:
        console.print(_exceptions(result))
    # Clashes of limits stand above already, counted.
    notes = gathered([note for note in result.notes if ": infeasible: " not in note])
    plainly(console, *(f"- {note}" for note in notes[:MOST_NOTES]))
    if len(notes) > MOST_NOTES:
        plainly(console, f"- and {len(notes) - MOST_NOTES} more notes in result.json")


def _show_summary(console: Console, result: BacktestResult) -> None:
    """The figures of all portfolios in three tables, for a screen of eighty columns."""
    from riskengine.report import summary_rows

    headings, rows = summary_rows(result)
    first, last = result.returns.index[0], result.returns.index[-1]
    cuts = [1, headings.index("p-value") + 1, headings.index("drawdown") + 1, len(headings)]
    title: str | None = f"{result.name}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, net of costs"
    for columns in starmap(range, pairwise(cuts)):
        table, title = new_table(title), None
        table.add_column(headings[0], no_wrap=True)
        for k in columns:
            table.add_column(_two_lines(headings[k]), justify="right", no_wrap=True)
        for row in rows:
            table.add_row(row[0], *(row[k] for k in columns), style="bold" if row is rows[0] else None)
        console.print(table)


def _exceptions(result: BacktestResult) -> Table:
    """VaR exceptions, a row a method and level."""
    from riskengine.market import period_name, plural

    unit = period_name(result.periods_per_year)
    table = new_table(f"VaR exceptions of {result.name}, one {unit} ahead, number of {plural(unit)}")
    for heading in ("method", "level", "expected", "beyond", "Kupiec\np", "Christof-\nfersen p", "verdict"):
        table.add_column(heading, justify="right")
    add_var_rows(table, result)
    return table


def add_var_rows(table: Table, result: BacktestResult) -> None:
    """A row a method and level: days expected and seen beyond VaR, what the tests say."""
    for _, row in result.risk_table().iterrows():
        table.add_row(
            str(row["method"]),
            f"{row['level']:.0%}",
            f"{row['expected']:.1f}",
            f"{row['exceptions']:.0f}",
            f"{row['kupiec_p']:.3f}",
            f"{row['christoffersen_p']:.3f}",
            str(row["verdict"]).partition(":")[0],
            style=None if row["verdict"] == "passes" else "red",
        )


def _two_lines(heading: str) -> str:
    """The unit below the name, so that eighty columns hold the table."""
    for unit in (" a year", " 99%,", " over cash", " ratio"):
        name, found, rest = heading.partition(unit)
        if found:
            return f"{name}\n{(found + rest).strip()}"
    return heading


_SWEEP_COLUMNS = {
    "volatility": ("vol", "{:.2%}"),
    "return": ("return", "{:.1%}"),
    "sharpe": ("Sharpe", "{:.2f}"),
    "deflated_sharpe": ("DSR", "{:.3f}"),
    "mcs_p": ("MCS", "{:.3f}"),
    "turnover": ("trades", "{:.2f}"),
    "sharpe_dear": ("50 bp", "{:.2f}"),
}
_SWEEP_LEGEND = (
    "Sharpe: a year, over cash. DSR: probability of any skill after so many trials. MCS: p-value of being among the "
    "calmest. trades: turnover a year. 50 bp: Sharpe at such costs. even: cost at which the return is that of equal "
    "weight. -: see below."
)


def show_sweep(console: Console, found: Sweep) -> None:
    """A table a universe, and below it what fell back, what is missing and what failed."""
    ability, table = found.superior_ability(), found.table()
    for place, rows in table.groupby("universe", sort=False):
        market, names = str(place), _names(rows)
        console.print(_universe_table(market, rows, names))
        for index, name in names.items():
            own = found.cells[index].path is not None
            for flag in found.flags.get(index, ()):
                style = "bold red" if own else "yellow"
                console.print(
                    f"{_MARK.strip()} {name}: {flag.message}", style=style, highlight=False, markup=False
                )
        if market in ability:
            plainly(
                console,
                f"Superior ability: p = {ability[market].p_value:.3f} that the calmest of {len(rows) - 1} is no "
                "calmer than equal weight.",
            )
    if len(table):
        console.print(_SWEEP_LEGEND, style="dim", highlight=False)
    plainly(console, *(f"- {said}" for said in (*found.remarks, *found.notes)))
    for k, message in found.failures.items():
        cell = found.cells[k]
        console.print(f"failed: {cell.label}, {cell.market}: {message}", style="bold red", markup=False)


def _names(rows: pd.DataFrame) -> dict[Any, str]:
    """The strategy of each cell, with the settings that differ between cells."""
    values = [(name, repr(value)) for row in rows["settings"] for name, value in row.items()]
    varied = {name for name, _ in values if len({text for other, text in values if other == name}) > 1}
    return {
        index: " ".join(
            [
                row["strategy"],
                *(f"{name}={value}" for name, value in row["settings"].items() if name in varied),
            ]
        )
        for index, row in rows.iterrows()
    }


def _universe_table(market: str, rows: pd.DataFrame, names: dict[Any, str]) -> Table:
    """A row a cell, the calmest in bold."""
    table = new_table(f"{market}: net of costs; vol, return and trades a year", gap=0)
    table.add_column("strategy", overflow="fold")
    for heading in (*(heading for heading, _ in _SWEEP_COLUMNS.values()), "even"):
        table.add_column(heading, justify="right", no_wrap=True)
    known = rows["volatility"].dropna()
    calmest = known.idxmin() if len(known) else None
    for index, row in rows.iterrows():
        table.add_row(
            names[index] + _MARK * bool(row["flagged"]),
            *(_figure(row[key], text) for key, (_, text) in _SWEEP_COLUMNS.items()),
            _break_even(row["break_even"]),
            style="bold" if index == calmest else None,
        )
    return table


def _figure(value: float, text: str) -> str:
    return "-" if math.isnan(value) else text.format(value)


def _break_even(rate: float) -> str:
    """A cost rate in basis points; a word where no cost makes returns equal."""
    if math.isnan(rate):
        return ""
    return "never" if rate < 0 else "always" if math.isinf(rate) else f"{1e4 * rate:.0f} bp"
