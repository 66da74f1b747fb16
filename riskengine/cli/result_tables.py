"""Results of backtests and sweeps as tables, and what must be known before their numbers are read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Any

from rich.console import Console

from riskengine.cli.console import new_table

if TYPE_CHECKING:
    from riskengine.backtest.flags import ResultFlag

MOST_NOTES = 20
_MARK = " (!)"


def show_flags(console: Console, flags: Iterable[ResultFlag], name: str | None = None) -> None:
    """A line a flag: red for the strategy's own, yellow for a benchmark's."""
    for flag in flags:
        style = "bold red" if flag.serious else "yellow"
        whose = name or (flag.portfolio if flag.serious else f"{flag.portfolio} (benchmark)")
        console.print(f"{whose}: {flag.message}", style=style, highlight=False, markup=False)


def show_result(console: Console, result: Any) -> None:
    """Flags, summary, why figures are missing, VaR exceptions and notes of a backtest."""
    from riskengine.backtest.flags import gathered
    from riskengine.market.period_names import period_name, plural
    from riskengine.report import summary_rows

    headings, rows = summary_rows(result)
    unit = period_name(result.periods_per_year)
    first, last = result.returns.index[0], result.returns.index[-1]
    show_flags(console, result.flags)
    cuts = [1, headings.index("p-value") + 1, headings.index("drawdown") + 1, len(headings)]
    title: str | None = f"{result.name}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, net of costs"
    for columns in starmap(range, pairwise(cuts)):  # three tables, for a screen of eighty columns
        table, title = new_table(title), None
        table.add_column(headings[0], no_wrap=True)
        for k in columns:
            table.add_column(_two_lines(headings[k]), justify="right", no_wrap=True)
        for row in rows:
            table.add_row(row[0], *(row[k] for k in columns), style="bold" if row is rows[0] else None)
        console.print(table)
    if "train" in result.provenance:
        console.print(f"- train: {result.provenance['train']}", highlight=False, markup=False)
    for remark in result.remarks():
        console.print(f"- {remark}", highlight=False, markup=False)
    if not result.risk_table().empty:
        risk = new_table(f"VaR exceptions of {result.name}, one {unit} ahead, number of {plural(unit)}")
        for heading in ("method", "level", "expected", "exceptions", "Kupiec p", "Christoffersen p"):
            risk.add_column(heading, justify="right")
        for _, row in result.risk_table().iterrows():
            risk.add_row(
                str(row["method"]),
                f"{row['level']:.0%}",
                f"{row['expected']:.1f}",
                f"{row['exceptions']:.0f}",
                f"{row['kupiec_p']:.3f}",
                f"{row['christoffersen_p']:.3f}",
            )
        console.print(risk)
    # Clashes of limits stand above already, counted.
    notes = gathered([note for note in result.notes if ": infeasible: " not in note])
    for note in notes[:MOST_NOTES]:
        console.print(f"- {note}", highlight=False, markup=False)
    if len(notes) > MOST_NOTES:
        console.print(f"- and {len(notes) - MOST_NOTES} more notes in result.json", highlight=False)


def _two_lines(heading: str) -> str:
    """The unit below the name, so that eighty columns hold the table."""
    for unit in (" a year", " 99%,", " over cash", " ratio"):
        name, found, rest = heading.partition(unit)
        if found:
            return f"{name}\n{(found + rest).strip()}"
    return heading


def show_sweep(console: Console, found: Any) -> None:
    """A table a universe, and below it what fell back, what is missing and what failed."""
    ability = found.superior_ability()
    formats = {
        "volatility": ("vol", "{:.2%}"),
        "return": ("return", "{:.1%}"),
        "sharpe": ("Sharpe", "{:.2f}"),
        "deflated_sharpe": ("DSR", "{:.3f}"),
        "mcs_p": ("MCS", "{:.3f}"),
        "turnover": ("trades", "{:.2f}"),
        "sharpe_dear": ("50 bp", "{:.2f}"),
        "break_even": ("even", ""),
    }
    table_of_all = found.table()
    for market, rows in table_of_all.groupby("universe", sort=False):
        table = new_table(f"{market}: net of costs; vol, return and trades a year", gap=0)
        table.add_column("strategy", overflow="fold")
        for heading, _ in formats.values():
            table.add_column(heading, justify="right", no_wrap=True)
        values = [(name, repr(value)) for row in rows["settings"] for name, value in row.items()]
        varied = {name for name, _ in values if len({text for other, text in values if other == name}) > 1}
        known = rows["volatility"].dropna()
        calmest = known.idxmin() if len(known) else None
        names = {}
        for index, row in rows.iterrows():
            shown = {name: value for name, value in row["settings"].items() if name in varied}
            names[index] = " ".join([row["strategy"], *(f"{name}={value}" for name, value in shown.items())])
            cells = [_figure(row[key], text) for key, (_, text) in formats.items() if text]
            table.add_row(
                names[index] + _MARK * bool(row["flagged"]),
                *cells,
                _break_even(row["break_even"]),
                style="bold" if index == calmest else None,
            )
        console.print(table)
        for index, name in names.items():
            own = found.cells[index].path is not None
            for flag in found.flags.get(index, ()):
                console.print(
                    f"{_MARK.strip()} {name}: {flag.message}",
                    style="bold red" if own else "yellow",
                    highlight=False,
                    markup=False,
                )
        if market in ability:
            console.print(
                f"Superior ability: p = {ability[market].p_value:.3f} that the calmest of {len(rows) - 1} is no "
                "calmer than equal weight.",
                highlight=False,
            )
    if len(table_of_all):
        console.print(
            "Sharpe: a year, over cash. DSR: probability of any skill after so many trials. MCS: p-value of being "
            "among the calmest. trades: turnover a year. 50 bp: Sharpe at such costs. even: cost at which the return "
            "is that of equal weight. -: see below.",
            style="dim",
            highlight=False,
        )
    for said in (*found.remarks, *found.notes):
        console.print(f"- {said}", highlight=False, markup=False)
    for k, message in found.failures.items():
        console.print(
            f"failed: {found.cells[k].label}, {found.cells[k].market}: {message}",
            style="bold red",
            markup=False,
        )


def _figure(value: float, text: str) -> str:
    return "-" if math.isnan(value) else text.format(value)


def _break_even(rate: float) -> str:
    """A cost rate in basis points; a word where no cost makes returns equal."""
    if math.isnan(rate):
        return ""
    return "never" if rate < 0 else "always" if math.isinf(rate) else f"{1e4 * rate:.0f} bp"
