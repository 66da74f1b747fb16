"""The parts of a backtest's page: charts and rows of tables, each made of a result."""

from __future__ import annotations

import calendar
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from riskengine.backtest import (
    BacktestResult,
    at_cost,
    drawdowns,
    exposures,
    largest_turns,
    monthly_returns,
    reduction_over_time,
    relative_to,
    trailing_returns,
)
from riskengine.covariance import bias_band
from riskengine.market import period_name, periods, plural
from riskengine.report.svg import Interval, Line, bars_cell, interval_chart, time_chart
from riskengine.report.thinning import quarter
from riskengine.risk import traffic_light

Rows = tuple[list[str], list[list[Any]]]

RIVALS = 5
"""Styles of benchmarks; a further one begins anew."""

_RATES = (0.0, 0.0005, 0.001, 0.002, 0.005)
_HOLDINGS = 10


class Titled(NamedTuple):
    """A chart with its heading and a quiet line."""

    title: str
    text: str
    chart: Markup


def beside(result: BacktestResult) -> list[tuple[str, BacktestResult]]:
    """Style and run of every portfolio, the strategy last, so that it lies on top."""
    rivals = [(f"rival-{k % RIVALS}", run) for k, run in enumerate(result.benchmarks)]
    return [*rivals, ("own", result)]


def tiles(result: BacktestResult) -> list[tuple[str, str, str]]:
    """What, how much, and a word on it."""
    row = result.statistics()
    found = [
        ("Volatility a year", f"{row['volatility']:.1%}", "realized, net of costs"),
        ("Return a year", f"{row['return']:.1%}", f"of cash {row['cash_return']:.1%}"),
        ("Sharpe ratio", "-" if math.isnan(row["sharpe"]) else f"{row['sharpe']:.2f}", "over cash"),
        ("Deepest drawdown", f"{row['max_drawdown']:.1%}", "below a peak"),
        ("Turnover a year", f"{row['turnover']:.1f}", f"costs {row['costs']:.2%} of wealth"),
    ]
    if not math.isnan(row["bias"]):
        low, high = bias_band(max(len(result.targets) - 1, 1))
        verdict = "forecasts of risk right" if low <= row["bias"] <= high else "forecasts of risk off"
        found.append(("Bias", f"{row['bias']:.2f}", f"{verdict}; {low:.2f} to {high:.2f} is chance"))
    if result.risk is not None and "var_99" in result.risk:
        count, of = row["var_99_exceptions"], row["var_99_expected"]
        found.append(
            ("Beyond VaR 99%", f"{count:.0f}", f"{of:.0f} expected in {len(result.exceptions(0.99))}")
        )
    return found


def intervals(result: BacktestResult) -> Markup | None:
    """The reduction of volatility against each benchmark, drawn and said."""
    rows = [
        Interval(one.other, one.reduction, *one.interval, one.sentence(), f"rival-{k % RIVALS}")
        for k, one in enumerate(result.comparisons)
    ]
    return interval_chart(rows, "reduction", "more volatile", "less volatile") if rows else None


def charts(result: BacktestResult) -> list[Titled]:
    """Growth, volatility, reduction and drawdown, then forecasts."""
    window, a_year = quarter(result), round(result.periods_per_year)
    runs = beside(result)
    growth = [Line(run.name, (1 + run.returns).cumprod(), style) for style, run in runs]
    root = np.sqrt(result.periods_per_year)
    calm = [Line(run.name, run.returns.rolling(window).std(ddof=0) * root, style) for style, run in runs]
    below = [
        Line(run.name, run.drawdown(), style) for style, run in runs if style == "own" or style == "rival-0"
    ]
    found = [
        Titled(
            "Growth of 1",
            "Net of costs, on a logarithmic scale.",
            time_chart(
                growth, "growth", f"Growth of one unit of wealth in {result.name}", percent=False, log=True
            ),
        ),
        Titled(
            "Volatility over time",
            f"Of the last {periods(window, result.periods_per_year)}, a year.",
            time_chart(calm, "volatility", f"Rolling volatility of {result.name}", zero=True),
        ),
    ]
    if result.benchmarks and len(result.returns) > a_year:
        lower = [
            Line(run.name, reduction_over_time(result, run, a_year), style)
            for style, run in runs
            if run is not result
        ]
        said = f"By how much {result.name} was less volatile than each benchmark over the last year"
        found.append(
            Titled(
                "Less volatile by",
                "Over the last year; above zero it was calmer.",
                time_chart(lower, "lower", said, zero=True),
            )
        )
    found.append(
        Titled(
            "Drawdown",
            "Below the highest wealth so far.",
            time_chart(below, "drawdown", f"Drawdown of {result.name}"),
        )
    )
    return found


def exposure_charts(result: BacktestResult) -> list[Titled]:
    """Forecast against realized; long, short and net exposure; how concentrated it is."""
    found = []
    forecast = result.predicted_volatility
    if forecast.notna().any():
        held = result.decision >= 0
        realized = (
            result.gross[held]
            .groupby(result.decision[held])
            .apply(lambda r: np.sqrt(result.periods_per_year * np.mean(r**2)))
        )
        dots = pd.Series(realized.to_numpy(), forecast.index[realized.index])
        lines = [
            Line("realized until the next", dots, "rival-0", "dots"),
            Line("forecast", forecast, "own", "steps"),
        ]
        text = f"Of each decision, a year. Bias {result.bias_statistic():.2f}: realized over forecast risk."
        chart = time_chart(lines, "forecast", "Forecast and realized volatility of each decision", zero=True)
        found.append(Titled("Forecast and realized risk", text, chart))
    table = exposures(result.weights)
    lines = [Line("long", table["long"], "own"), Line("net", table["net"], "second")]
    if (table["short"] < 0).any():
        lines.append(Line("short", table["short"], "hit"))
    found.append(
        Titled(
            "Exposure",
            "As fractions of wealth, at every close.",
            time_chart(lines, "exposure", f"Long, short and net exposure of {result.name}", zero=True),
        )
    )
    traded = [Line("traded", result.turnover.iloc[1:][result.turnover.iloc[1:] > 0], "own", "dots")]
    found.append(
        Titled(
            "Trading",
            "What is bought and sold on a day, as a fraction of wealth, after the first day, which buys all.",
            time_chart(
                traded, "trading", f"Turnover of {result.name} on days with trades", zero=True, key=False
            ),
        )
    )
    many = [Line("effective number", table["effective"], "own")]
    found.append(
        Titled(
            "Concentration",
            "As many equal holdings would be as concentrated (1 over the sum of squared shares).",
            time_chart(
                many, "concentration", "Effective number of holdings", percent=False, zero=True, key=False
            ),
        )
    )
    return found


def months(result: BacktestResult) -> tuple[list[str], list[tuple[str, list[tuple[str, str]]]]]:
    """Names of the columns; rows of year and cells with text and colour."""
    table = 100 * monthly_returns(result.returns)
    most = float(np.nanquantile(np.abs(table.iloc[:, :12].to_numpy()), 0.95)) or 1.0
    rows = []
    for year, row in table.iterrows():
        cells = [
            (
                _percent(value),
                _shade(value / most if place < 12 else 0.0),
            )
            for place, value in enumerate(row.to_numpy(float))
        ]
        rows.append((str(year), cells))
    return [*(calendar.month_abbr[k] for k in range(1, 13)), "year"], rows


def _percent(value: float) -> str:
    text = "" if math.isnan(value) else f"{value:.1f}"
    return "0.0" if text == "-0.0" else text


def _shade(share: float) -> str:
    """Blue above zero, orange below, transparent at zero; pale enough for text on both grounds."""
    if math.isnan(share) or share == 0:
        return "0 0 0 / 0"
    colour = "11 95 165" if share > 0 else "190 100 0"
    return f"{colour} / {0.32 * min(abs(share), 1.0):.2f}"


def trailing_rows(result: BacktestResult) -> Rows:
    """Returns to the last close, extremes, and how each portfolio moves with the strategy."""
    unit = period_name(result.periods_per_year)
    rows, headings = [], []
    for run in (result, *result.benchmarks):
        found = trailing_returns(run.returns, run.periods_per_year)
        headings = list(found.index)
        cells = ["" if math.isnan(value) else f"{value:.1%}" for value in found]
        with_it = relative_to(result, run)
        moves = run is not result and not math.isnan(with_it.beta)
        together, beta = (f"{x:.2f}" if moves else "" for x in (with_it.correlation, with_it.beta))
        extremes = (f"{run.returns.max():.1%}", f"{run.returns.min():.1%}")
        rows.append([run.name, *cells, *extremes, together, beta])
    return ["portfolio", *headings, f"best {unit}", f"worst {unit}", "correlation", "beta"], rows


def drawdown_rows(result: BacktestResult) -> Rows:
    """The five deepest drawdowns."""
    unit = plural(period_name(result.periods_per_year))
    rows = [
        [f"{one.depth:.1%}", f"{one.peak:%Y-%m-%d}", f"{one.trough:%Y-%m-%d}",
         "not yet" if one.recovered is None else f"{one.recovered:%Y-%m-%d}", f"{one.periods}"]
        for one in drawdowns(result)
    ]  # fmt: skip
    return ["depth", "peak", "trough", "recovered", unit], rows


def turn_rows(result: BacktestResult) -> Rows:
    """The five decisions that changed the targets most, and what the forecast did."""
    rows = []
    for one in largest_turns(result):
        moved = (
            "" if math.isnan(one.before) or math.isnan(one.after) else f"{one.before:.1%} to {one.after:.1%}"
        )
        rows.append(
            [f"{one.date:%Y-%m-%d}", f"{one.turnover:.2f}", moved, f"{one.bought[0]} {one.bought[1]:+.1%}",
             f"{one.sold[0]} {one.sold[1]:+.1%}"]
        )  # fmt: skip
    return ["decision", "traded", "forecast risk", "most bought", "most sold"], rows


def holding_rows(result: BacktestResult) -> Rows:
    """The largest holdings of the last decision, with their shares of its forecast variance."""
    weights, shares = result.targets.iloc[-1], result.contributions.iloc[-1]
    known = bool(shares.notna().any())
    names = weights.abs().nlargest(_HOLDINGS).index
    most = float(max(weights.abs().max(), shares.abs().max() if known else 0.0))
    rows: list[list[Any]] = []
    for name in names:
        if weights[name] == 0:
            continue
        row: list[Any] = [str(name), f"{weights[name]:.1%}", bars_cell(float(weights[name]), most)]
        rows.append([*row, f"{shares[name]:.1%}", bars_cell(float(shares[name]), most)] if known else row)
    rest = weights.drop(names)
    rest = rest[rest != 0]
    if len(rest):
        last: list[Any] = [f"{len(rest)} others", f"{rest.sum():.1%}", ""]
        rows.append([*last, f"{shares[rest.index].sum():.1%}", ""] if known else last)
    return ["asset", "weight", "", *(["share of risk", ""] if known else [])], rows


def cost_rows(result: BacktestResult) -> Rows:
    """Return and Sharpe ratio at several costs of trading."""
    rows = []
    for rate in _RATES:
        row = at_cost(result, rate).statistics()
        sharpe = "-" if math.isnan(row["sharpe"]) else f"{row['sharpe']:.2f}"
        rows.append(
            [
                f"{1e4 * rate:.0f}",
                f"{row['costs']:.2%}",
                f"{row['return']:.1%}",
                f"{row['volatility']:.2%}",
                sharpe,
            ]
        )
    return ["basis points", "costs a year", "return a year", "volatility", "Sharpe"], rows


def risk_rows(result: BacktestResult) -> Rows:
    """Exceptions of every monitored VaR, and what their tests say."""
    unit = plural(period_name(result.periods_per_year))
    headings = [
        "method",
        "level",
        unit,
        "expected",
        "exceptions",
        f"share of {unit}",
        "Kupiec p",
        "Christoffersen p",
        "verdict",
    ]
    rows = []
    for _, row in result.risk_table().iterrows():
        word = str(row["verdict"])
        verdict = Markup('<span class="verdict {}">{}</span>').format(
            "good" if word == "passes" else "bad", word
        )
        rows.append(
            [str(row["method"]), f"{row['level']:.0%}", f"{row['days']:.0f}", f"{row['expected']:.1f}",
             f"{row['exceptions']:.0f}", f"{row['share']:.2%}", f"{row['kupiec_p']:.3f}",
             f"{row['christoffersen_p']:.3f}", verdict]
        )  # fmt: skip
    return headings, rows


def var_chart(result: BacktestResult, level: float = 0.99) -> Markup:
    """Daily results, minus the VaR of the day before, and the days that fell below it."""
    column = f"var_{100 * level:g}"
    assert result.risk is not None
    if column not in result.risk:
        return Markup("")
    forecast = result.risk[column].dropna()
    outcomes = result.gross.loc[forecast.index]
    hits = outcomes[result.exceptions(level)]
    lines = [
        Line(f"each {period_name(result.periods_per_year)}", outcomes, "quietly", "dots"),
        Line(f"VaR {level:.0%}", -forecast, "own"),
        Line(f"{len(hits)} exceptions", hits, "hit", "dots"),
    ]
    return time_chart(lines, "var", f"Returns and VaR at {level:.0%} of {result.name}")


def light(result: BacktestResult, level: float = 0.99) -> dict[str, str]:
    """The traffic light of the last year, with its count in words."""
    if result.risk is None or f"var_{100 * level:g}" not in result.risk:
        return {"zone": "", "count": "not monitored", "text": ""}
    hits = result.exceptions(level).iloc[-round(result.periods_per_year) :]
    count, of = int(hits.sum()), len(hits)
    unit = plural(period_name(result.periods_per_year))
    return {
        "zone": traffic_light(count, of, level).zone,
        "count": f"{count} of the last {of} {unit} beyond VaR {level:.0%}, {of * (1 - level):.1f} expected",
        "text": "Supervisors' traffic light:",
    }
