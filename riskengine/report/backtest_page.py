"""One self-contained HTML page a backtest: opens without a network, prints, and says where it comes from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from riskengine.backtest.flags import gathered
from riskengine.backtest.result import BacktestResult
from riskengine.files import write_atomically
from riskengine.market.period_names import period_name, periods, plural
from riskengine.report import figures
from riskengine.report.page import chart, render_template

MOST_NOTES = 200

_SUMMARY = {
    "volatility": ("volatility a year", "{:.2%}"),
    "reduction": ("lower by", "{:.1%}"),
    "interval": ("95% interval", "{}"),
    "p_value": ("p-value", "{:.3f}"),
    "return": ("return a year", "{:.1%}"),
    "sharpe": ("Sharpe over cash", "{:.2f}"),
    "sortino": ("Sortino over cash", "{:.2f}"),
    "information_ratio": ("information ratio", "{:.2f}"),
    "max_drawdown": ("drawdown", "{:.1%}"),
    "turnover": ("turnover a year", "{:.2f}"),
    "costs": ("costs a year", "{:.2%}"),
    "bias": ("bias", "{:.2f}"),
    "var_99": ("beyond VaR 99%, one {unit}", "{}"),
}
_RATIOS = ("sharpe", "sortino", "information_ratio")


def summary_rows(result: BacktestResult) -> tuple[list[str], list[list[str]]]:
    """Headings and formatted rows of the summary, for the page and for the terminal.

    A portfolio that did otherwise than it was asked to has a mark behind its name.
    """
    table = result.summary()
    flagged = {flag.portfolio for flag in result.flags}
    columns = {key: one for key, one in _SUMMARY.items() if key != "var_99" or "var_99_exceptions" in table}
    rows = []
    for name, row in table.iterrows():
        cells = row.to_dict()
        if not _missing(cells.get("reduction_low")):
            cells["interval"] = f"{cells['reduction_low']:.1%} to {cells['reduction_high']:.1%}"
        if not _missing(cells.get("var_99_exceptions")):
            cells["var_99"] = f"{cells['var_99_exceptions']:.0f} of {cells['var_99_expected']:.0f}"
        own = str(name) == result.name
        mark = " (!)" if str(name) in flagged else ""
        rows.append(
            [str(name) + mark, *(_cell(cells.get(key), text, key, own) for key, (_, text) in columns.items())]
        )
    unit = period_name(result.periods_per_year)
    return ["portfolio", *(heading.format(unit=unit) for heading, _ in columns.values())], rows


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _cell(value: Any, text: str, key: str, own: bool) -> str:
    """Text of a figure; a dash where it should be and cannot be had, nothing where it means nothing."""
    if not _missing(value):
        return text.format(value)
    compared = key in ("reduction", "interval", "p_value", "information_ratio")
    return "-" if (key in _RATIOS or compared) and not (own and compared) else ""


def _risk_rows(result: BacktestResult) -> tuple[list[str], list[list[str]]]:
    table = result.risk_table()
    unit = period_name(result.periods_per_year)
    headings = [
        "level",
        "method",
        plural(unit),
        "expected",
        "exceptions",
        f"share of {plural(unit)}",
        "Kupiec p",
        "Christoffersen p",
    ]
    rows = [
        [
            f"{row['level']:.0%}",
            str(row["method"]),
            f"{row['days']:.0f}",
            f"{row['expected']:.1f}",
            f"{row['exceptions']:.0f}",
            f"{row['share']:.2%}",
            f"{row['kupiec_p']:.3f}",
            f"{row['christoffersen_p']:.3f}",
        ]
        for _, row in table.iterrows()
    ]
    return headings, rows


def _today_rows(result: BacktestResult) -> tuple[list[str], list[list[str]]]:
    """VaR and CVaR from the last close: a row a method and horizon."""
    table = result.risk_today
    assert table is not None
    levels = sorted(table["level"].unique())
    headings = ["method", "horizon", *(f"{kind} {level:.0%}" for level in levels for kind in ("VaR", "CVaR"))]
    rows = []
    for (horizon, method), part in table.groupby(["horizon", "method"], sort=True):
        by_level = part.set_index("level")
        cells = [f"{by_level.loc[level, kind]:.2%}" for level in levels for kind in ("var", "cvar")]
        rows.append([str(method), periods(int(str(horizon)), result.periods_per_year), *cells])
    return headings, rows


def headline(result: BacktestResult) -> str:
    """The result in one sentence."""
    said = f"{result.name} realized {result.volatility:.2%} volatility a year, net of costs"
    parts = []
    for against in result.comparisons:
        words = against.words()
        parts.append(
            words.replace(" (", f" than {against.other} (", 1)
            if " (" in words
            else f"{against.other}: {words}"
        )
    return said + (": " + "; ".join(parts) if parts else "") + "."


def provenance_text(value: Any) -> str:
    """An entry of the provenance in a line; of hashes by file the first digits."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {str(one)[:12]}" for name, one in value.items())
    return str(value)


def render(result: BacktestResult) -> str:
    """The page as text. Names of assets and strategies are escaped."""
    first, last = (f"{result.returns.index[k]:%Y-%m-%d}" for k in (0, -1))
    span = periods(len(result.returns), result.periods_per_year)
    counts: pd.Series = result.status.value_counts()
    notes = gathered(result.notes)
    charts = [
        ("growth", "Growth", "One unit of wealth, net of costs, logarithmic.", figures.growth),
        (
            "volatility",
            "Rolling volatility",
            f"Realized a year, of the last {periods(figures.quarter(result), result.periods_per_year)}.",
            figures.rolling_volatility,
        ),
        ("drawdown", "Drawdown", "Below the highest wealth so far.", figures.drawdowns),
        (
            "forecast",
            "Forecast against realized",
            "Each holding period; on the dotted line the forecast was right. Benchmarks on a click in the legend.",
            figures.forecast_and_realized,
        ),
        ("weights", "Weights", "As decided; the rest is cash.", figures.weights),
        (
            "contributions",
            "Risk contributions",
            "Share of each asset in the forecast variance.",
            figures.risk_contributions,
        ),
    ]
    if result.risk is not None:
        unit = period_name(result.periods_per_year)
        text = f"Loss of each {unit} against the VaR forecast of the close before, by filtered historical simulation."
        charts.append(("var", f"Value at risk, 99%, one {unit}", text, figures.value_at_risk))
    return render_template(
        "backtest.html",
        charted=True,
        title=result.name,
        subtitle=f"Walk-forward {first} to {last}, {span}",
        headline=headline(result),
        flagged=False,
        last=last,
        units=plural(period_name(result.periods_per_year)),
        unit=period_name(result.periods_per_year),
        flags=result.flags,
        remarks=result.remarks(),
        summary=summary_rows(result),
        risk=_risk_rows(result) if result.risk is not None else None,
        today=None if result.risk_today is None or result.risk_today.empty else _today_rows(result),
        charts=[(name, title, text, chart(draw(result), name)) for name, title, text, draw in charts],
        statuses=[(str(status), int(count)) for status, count in counts.items()],
        notes=notes[:MOST_NOTES],
        more_notes=max(0, len(notes) - MOST_NOTES),
        provenance=[(key, provenance_text(value)) for key, value in result.provenance.items()],
    )


def write_report(result: BacktestResult, path: Path) -> Path:
    """Write the page atomically and return its path."""
    write_atomically(path, render(result).encode())
    return path
