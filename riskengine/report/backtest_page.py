"""One self-contained HTML page a backtest: opens without a network, prints, and says where it comes from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from riskengine.backtest import BacktestResult, gathered
from riskengine.files import write_atomically
from riskengine.market import period_name, periods, plural
from riskengine.report import more_sheet, tear_sheet
from riskengine.report.page import render_template

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

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> headings, rows = summary_rows(result)
    >>> headings[:2], [row[:2] for row in rows]
    (['portfolio', 'volatility a year'], [['equal weight', '13.71%'], ['AAPL', '26.09%']])
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
    """The result in plain sentences.

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> headline(result).split(":")[0]
    'equal weight realized 13.71% volatility a year, net of costs'
    """
    said = f"{result.name} realized {result.volatility:.2%} volatility a year, net of costs"
    parts = [against.sentence() for against in result.comparisons]
    return said + (": " + "; ".join(parts) if parts else "") + "."


def provenance_text(value: Any) -> str:
    """An entry of the provenance in a line; of hashes by file the first digits.

    Examples
    --------
    >>> provenance_text({"prices.csv": "0123456789abcdef" * 4})
    'prices.csv 0123456789ab'
    """
    if isinstance(value, dict):
        return ", ".join(f"{name} {str(one)[:12]}" for name, one in value.items())
    return str(value)


def lead(result: BacktestResult) -> str:
    """The first sentence of the page: against how many benchmarks it was calmer, and how sure that is."""
    tested = [one for one in result.comparisons if not math.isnan(one.interval[0])]
    said = f"{result.volatility:.1%} volatility a year, net of costs."
    if not tested:
        return said
    calmer = sum(one.interval[0] > 0 for one in tested)
    worse = sum(one.interval[1] < 0 for one in tested)
    many = {True: "all", False: str(calmer)}[calmer == len(tested)]
    count = f"{len(tested)} benchmarks" if len(tested) > 1 else "its benchmark"
    if calmer and len(tested) == 1:
        said += f" Calmer than {count}, with 95% confidence"
    elif calmer:
        said += f" Calmer than {many} {'' if calmer == len(tested) else 'of '}{count}, with 95% confidence"
    else:
        said += f" Not clearly calmer than {'any of ' if len(tested) > 1 else ''}{count}"
    return said + (f"; clearly wilder than {worse}." if worse else ".")


def render(result: BacktestResult) -> str:
    """The page as text. Names of assets and strategies are escaped."""
    first, last = (f"{result.returns.index[k]:%Y-%m-%d}" for k in (0, -1))
    span = periods(len(result.returns), result.periods_per_year)
    counts: pd.Series = result.status.value_counts()
    notes = gathered(result.notes)
    unit = period_name(result.periods_per_year)
    monitored = result.risk is not None and not result.risk_table().empty
    return render_template(
        "backtest.html",
        charted=False,
        title=result.name,
        subtitle=f"Walk-forward {first} to {last}, {span}, {result.weights.shape[1]} assets, "
        f"{len(result.targets)} decisions",
        headline=lead(result),
        flagged=False,
        last=last,
        units=plural(unit),
        unit=unit,
        flags=result.flags,
        remarks=result.remarks(),
        tiles=tear_sheet.tiles(result),
        intervals=tear_sheet.intervals(result),
        charts=tear_sheet.charts(result),
        more_charts=tear_sheet.exposure_charts(result),
        summary=summary_rows(result),
        months=tear_sheet.months(result),
        trailing=tear_sheet.trailing_rows(result),
        drawdowns=tear_sheet.drawdown_rows(result),
        turns=tear_sheet.turn_rows(result),
        holdings=tear_sheet.holding_rows(result),
        decided=f"{result.targets.index[-1]:%Y-%m-%d}",
        costs=tear_sheet.cost_rows(result),
        monitored=monitored,
        risk=tear_sheet.risk_rows(result) if monitored else None,
        var_chart=tear_sheet.var_chart(result) if monitored else None,
        light=tear_sheet.light(result) if monitored else None,
        today=None if result.risk_today is None or result.risk_today.empty else _today_rows(result),
        further_charts=more_sheet.more_charts(result),
        shape=more_sheet.shape_rows(result),
        years=more_sheet.year_rows(result),
        relative=more_sheet.relative_rows(result),
        worst=more_sheet.worst_rows(result),
        trips=more_sheet.trip_rows(result),
        statuses=[(str(status), int(count)) for status, count in counts.items()],
        notes=notes[:MOST_NOTES],
        more_notes=max(0, len(notes) - MOST_NOTES),
        provenance=[(key, provenance_text(value)) for key, value in result.provenance.items()],
    )


def write_report(result: BacktestResult, path: Path) -> Path:
    """Write the page atomically and return its path.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "equal weight" in write_report(result, Path(folder) / "report.html").read_text()
    True
    """
    write_atomically(path, render(result).encode())
    return path
