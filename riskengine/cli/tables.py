"""Results of backtests and sweeps as tables."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console

from riskengine.cli.console import new_table


def show_result(console: Console, result: Any) -> None:
    from riskengine.report import summary_rows

    headings, rows = summary_rows(result)
    first, last = result.returns.index[0], result.returns.index[-1]
    cut = headings.index("p-value") + 1
    titles = (f"{result.name}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, net of costs", None)
    for title, columns in zip(titles, (range(1, cut), range(cut, len(headings))), strict=True):
        table = new_table(title, gap=0 if title is None else 1)
        table.add_column(headings[0], no_wrap=True)
        for k in columns:
            table.add_column(headings[k], justify="right", no_wrap=True)
        for row in rows:
            table.add_row(row[0], *(row[k] for k in columns), style="bold" if row is rows[0] else None)
        console.print(table)
    if not result.risk_table().empty:
        risk = new_table("VaR exceptions, one day")
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


def show_sweep(console: Console, found: Any) -> None:
    """A table a universe, and below it what failed."""
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
    for market, rows in found.table().groupby("universe", sort=False):
        table = new_table(f"{market}, net of costs", gap=0)
        table.add_column("strategy", overflow="fold")
        for heading, _ in formats.values():
            table.add_column(heading, justify="right", no_wrap=True)
        values = rows["settings"].map(dict.items).explode().dropna()
        varied = {name for name, _ in values if len({repr(v) for n, v in values if n == name}) > 1}
        calmest = rows["volatility"].idxmin()
        for index, row in rows.iterrows():
            shown = {name: value for name, value in row["settings"].items() if name in varied}
            label = " ".join([row["strategy"], *(f"{name}={value}" for name, value in shown.items())])
            cells = [text.format(row[key]) for key, (_, text) in formats.items() if text]
            table.add_row(
                label, *cells, _break_even(row["break_even"]), style="bold" if index == calmest else None
            )
        console.print(table)
        if market in ability:
            console.print(
                f"Superior ability: p = {ability[market].p_value:.3f} that the calmest of {len(rows) - 1} is no "
                "calmer than equal weight.",
                highlight=False,
            )
    console.print(
        "DSR: probability of any skill after so many trials. MCS: p-value of being among the calmest. trades: "
        "turnover a year. 50 bp: Sharpe at such costs. even: cost at which the return is that of equal weight.",
        style="dim",
        highlight=False,
    )
    for k, message in found.failures.items():
        console.print(f"- {found.cells[k].label}, {found.cells[k].market}: {message}", markup=False)


def _break_even(rate: float) -> str:
    """A cost rate in basis points; a word where no cost makes returns equal."""
    if math.isnan(rate):
        return ""
    return "never" if rate < 0 else "always" if math.isinf(rate) else f"{1e4 * rate:.0f} bp"
