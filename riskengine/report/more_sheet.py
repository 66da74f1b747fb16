"""The folded part of a backtest's page: distribution, rolling ratios, worst days, how long things were held."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from riskengine.backtest import (
    BacktestResult,
    monthly_returns,
    relative_to,
    return_shape,
    rolling_beta,
    rolling_sharpe,
    round_trips,
    worst_periods,
)
from riskengine.market import period_name, plural
from riskengine.report.histogram import histogram
from riskengine.report.svg import Line, time_chart
from riskengine.report.tear_sheet import Rows, Titled, beside

FEWEST_MONTHS = 12
"""Months below which periods are counted in the distribution instead."""


def more_charts(result: BacktestResult) -> list[Titled]:
    """Distribution of returns; Sharpe ratio and beta of the last year."""
    found, a_year = [_distribution(result)], round(result.periods_per_year)
    if len(result.returns) <= a_year:
        return found
    sharpe = [Line(run.name, rolling_sharpe(run, a_year), style) for style, run in beside(result)]
    said = f"Sharpe ratio of {result.name} and its benchmarks over the last year"
    found.append(
        Titled(
            "Sharpe ratio over time",
            "Of the last year, over cash.",
            time_chart(sharpe, "sharpe", said, percent=False),
        )
    )
    betas = [
        Line(run.name, rolling_beta(result, run, a_year), style)
        for style, run in beside(result)
        if run is not result
    ]
    if betas:
        chart = time_chart(betas, "beta", f"Beta of {result.name} to each benchmark", percent=False)
        found.append(
            Titled("Beta over time", f"Of {result.name} to each benchmark, over the last year.", chart)
        )
    return found


def _distribution(result: BacktestResult) -> Titled:
    """Months, or periods where there are few, of the portfolio and its first benchmark."""
    runs = [*result.benchmarks[:1], result]
    monthly = len(_months(result)) >= FEWEST_MONTHS
    values = {run.name: _months(run) if monthly else run.returns.to_numpy() for run in runs}
    unit = "month" if monthly else period_name(result.periods_per_year)
    said = f"Distribution of the returns of {result.name}, a {unit}"
    chart = histogram(values, "distribution", said)
    return Titled("Distribution of returns", f"Share of {plural(unit)} by their return, net of costs.", chart)


def _months(run: BacktestResult) -> np.ndarray:
    table = monthly_returns(run.returns).drop(columns="year").to_numpy(float)
    return table[np.isfinite(table)]


def shape_rows(result: BacktestResult) -> Rows:
    """Figures of the distribution, a row a portfolio."""
    unit = period_name(result.periods_per_year)
    rows = []
    for run in (result, *result.benchmarks):
        one = return_shape(run.returns)
        percents = (
            one.var_95,
            one.cvar_95,
            one.best_month,
            one.worst_month,
            one.ulcer_index,
            one.average_drawdown,
        )
        figures = (one.skewness, one.kurtosis, one.omega, one.tail_ratio)
        rows.append(
            [run.name, *(_number(x) for x in figures[:2]), *(f"{x:.1%}" for x in percents[:4]),
             *(_share(x) for x in (one.positive_periods, one.positive_months)), *(_number(x) for x in figures[2:]),
             *(f"{x:.1%}" for x in percents[4:]), f"{one.longest_drawdown}"]
        )  # fmt: skip
    headings = ["portfolio", "skewness", "kurtosis", "VaR 95%", "CVaR 95%", "best month", "worst month"]
    headings += [f"{plural(unit)} up", "months up", "omega", "tail ratio", "ulcer index", "mean drawdown"]
    return [*headings, f"longest, {plural(unit)}"], rows


def year_rows(result: BacktestResult) -> Rows:
    """Returns by calendar year, a column a portfolio."""
    years = pd.DataFrame(
        {run.name: monthly_returns(run.returns)["year"] for run in (result, *result.benchmarks)}
    )
    rows = [[str(year), *map(_percent, row)] for year, row in zip(years.index, years.to_numpy(), strict=True)]
    return ["year", *map(str, years.columns)], rows


def relative_rows(result: BacktestResult) -> Rows:
    """How the portfolio moves with each benchmark."""
    rows = []
    for run in result.benchmarks:
        one = relative_to(result, run)
        rows.append(
            [run.name, _number(one.correlation), _number(one.beta), _percent(one.alpha), _percent(one.tracking_error),
             _share(one.up_capture), _share(one.down_capture)]
        )  # fmt: skip
    headings = [
        "benchmark",
        "correlation",
        "beta",
        "alpha a year",
        "tracking error",
        "up capture",
        "down capture",
    ]
    return headings, rows


def worst_rows(result: BacktestResult) -> Rows:
    """The ten worst periods, with what the benchmarks did then."""
    table = worst_periods(result)
    scored = "deviations" in table
    rows = [
        [f"{date:%Y-%m-%d}", *(_percent(x) for x in (row.iloc[:-1] if scored else row)),
         *([_number(row.iloc[-1])] if scored else [])]
        for date, row in table.iterrows()
    ]  # fmt: skip
    names = [str(name) for name in table.columns]
    return ["date", *(names[:-1] if scored else names), *(["deviations"] if scored else [])], rows


def trip_rows(result: BacktestResult) -> Rows:
    """How often and how long assets were held, a row a side."""
    trips = round_trips(result)
    rows = []
    for side, part in trips.groupby("side", sort=True):
        ended = part[part["closed"].notna()]
        rows.append(
            [str(side), f"{len(part)}", f"{len(part) - len(ended)}", f"{part['periods'].median():.0f}",
             f"{part['periods'].max():.0f}", f"{part['weight'].abs().mean():.1%}"]
        )  # fmt: skip
    units = plural(period_name(result.periods_per_year))
    return [
        "",
        "round trips",
        "assets",
        "still held",
        f"median {units}",
        f"longest, {units}",
        "mean weight",
    ], rows


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _percent(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.1%}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"
