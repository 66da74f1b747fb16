"""Plotly figures of results, calibrations and frontiers, one function each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskengine.backtest import BacktestResult, rolling_beta, rolling_sharpe
from riskengine.calibration import Calibration
from riskengine.errors import SettingsError
from riskengine.market import period_name, periods, plural
from riskengine.portfolio import EfficientFrontier
from riskengine.report.page import LAYOUT
from riskengine.report.thinning import quarter, thinned

PALETTE = ("#0b5fa5", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#5f6b76", "#2e4057", "#c97b84")
OTHERS = "#c9ced4"
_LAYOUT = LAYOUT | {
    "margin": {"l": 60, "r": 20, "t": 20, "b": 40},
    "legend": {"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0},  # below: on a phone it wraps
    "hovermode": "x unified",
    "height": 380,
}


def figure_of(y_title: str, y_format: str = ".0%", **layout: object) -> go.Figure:
    """An empty figure in the pages' style."""
    figure = go.Figure(layout={**_LAYOUT, **layout})
    figure.update_yaxes(title=y_title, tickformat=y_format)
    return figure


def _line(figure: go.Figure, series: pd.Series, name: str, colour: str, **options: object) -> None:
    values = series.dropna()
    line = {"color": colour, "width": options.pop("width", 1.6), "dash": options.pop("dash", "solid")}
    figure.add_scatter(
        x=values.index, y=_short(values.to_numpy(float)), name=name, mode="lines", line=line, **options
    )


def _short(values: np.ndarray) -> list[float]:
    """Six digits of each number: enough for the eye, and a third of the page."""
    return [float(f"{value:.6g}") for value in values]


def _portfolios(result: BacktestResult) -> Iterator[tuple[str, BacktestResult, bool]]:
    """A colour for each portfolio, however many there are, and whether it is the strategy."""
    for colour, run in zip(cycle(PALETTE), (result, *result.benchmarks), strict=False):
        yield colour, run, run is result


def growth(result: BacktestResult) -> go.Figure:
    """Wealth of one unit, net of costs, on a logarithmic axis."""
    figure = figure_of("growth of 1", "~g")
    figure.update_yaxes(type="log", tickvals=[0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500])
    for colour, run, own in _portfolios(result):
        width = 2.4 if own else 1.3
        _line(figure, thinned((1 + run.returns).cumprod()), run.name, colour, width=width)
    return figure


def rolling_volatility(result: BacktestResult, window: int | None = None) -> go.Figure:
    """Realized volatility of the last quarter, or so many periods, annualised."""
    window = quarter(result) if window is None else window
    figure = figure_of(f"volatility a year, of {periods(window, result.periods_per_year)}")
    if len(result.returns) < window:
        figure.add_annotation(
            text=f"fewer than {periods(window, result.periods_per_year)}: nothing to draw", showarrow=False
        )
    for colour, run, own in _portfolios(result):
        width = 2.4 if own else 1.3
        deviation = run.returns.rolling(window).std(ddof=0) * np.sqrt(run.periods_per_year)
        _line(figure, thinned(deviation), run.name, colour, width=width)
    return figure


def forecast_and_realized(result: BacktestResult) -> go.Figure:
    """Each decision's forecast volatility beside what its holding period realized."""
    figure = figure_of("volatility a year", hovermode="closest")
    drawn: list[float] = []
    for colour, run, own in _portfolios(result):
        forecast = run.predicted_volatility
        if forecast.isna().all():
            continue
        earned = run.gross[run.decision >= 0].groupby(run.decision[run.decision >= 0])
        realized = np.sqrt(run.periods_per_year * earned.apply(lambda r: np.mean(r**2)))
        predicted = forecast.to_numpy()[realized.index]
        figure.add_scatter(
            x=_short(predicted),
            y=_short(realized.to_numpy(float)),
            mode="markers",
            name=run.name,
            marker={"color": colour, "size": 5, "opacity": 0.55},
            visible=True if own else "legendonly",
            text=[f"{date:%Y-%m-%d}" for date in forecast.index[realized.index]],
            hovertemplate="%{text}<br>forecast %{x:.1%}, realized %{y:.1%}<extra></extra>",
        )
        drawn += [*predicted[predicted > 0], *realized[realized > 0]]
    line = [min(drawn, default=0.03), max(drawn, default=1.0)]
    figure.add_scatter(x=line, y=line, mode="lines", name="equal", line={"color": OTHERS, "dash": "dot"})
    ticks = {
        "type": "log",
        "tickformat": ".2~%",
        "tickvals": [0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.4, 0.8, 2, 5],
    }
    figure.update_xaxes(title="forecast volatility a year", **ticks)
    figure.update_yaxes(title="realized over the holding period, a year", **ticks)
    return figure


def _largest(frame: pd.DataFrame, count: int = 7) -> list[str]:
    return frame.abs().mean().nlargest(count).index.tolist()


def _stacked(frame: pd.DataFrame, y_title: str) -> go.Figure:
    figure = figure_of(y_title)
    names = _largest(frame)
    rest = frame.drop(columns=names)
    for colour, name in zip(PALETTE, names, strict=False):
        _area(figure, frame[name], name, colour)
    if rest.shape[1]:
        _area(figure, rest.sum(axis=1), f"{rest.shape[1]} others", OTHERS)
    return figure


def _area(figure: go.Figure, series: pd.Series, name: str, colour: str) -> None:
    """Long above zero, short below: stacked into one they would hide each other."""
    values = series.to_numpy(float)
    sides = [("long", np.maximum(values, 0.0)), ("short", np.minimum(values, 0.0))]
    shown = [side for side in sides if side[0] == "long" or side[1].min(initial=0.0) < 0]
    for side, part in shown:
        figure.add_scatter(
            x=series.index,
            y=_short(part),
            name=name,
            legendgroup=name,
            showlegend=side == "long",
            mode="lines",
            line={"width": 0, "color": colour, "shape": "hv"},
            fillcolor=colour,
            stackgroup=side,
        )


def _to_the_end(frame: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """The last row once more on the last day, so that it is drawn for as long as it held."""
    if frame.empty or frame.index[-1] >= last:
        return frame
    return pd.concat([frame, frame.iloc[[-1]].set_axis([last], axis=0)])


def weights(result: BacktestResult) -> go.Figure:
    """Decided weights over time, the largest by name."""
    return _stacked(_to_the_end(result.targets, result.gross.index[-1]), "weight")


def risk_contributions(result: BacktestResult) -> go.Figure:
    """Share of each asset in the forecast variance, over time."""
    return _stacked(
        _to_the_end(result.contributions.dropna(how="all"), result.gross.index[-1]),
        "share of forecast variance",
    )


def value_at_risk(result: BacktestResult, level: float = 0.99) -> go.Figure:
    """Daily losses, the VaR forecast of the day before, and the days on which it was exceeded."""
    column = f"var_{100 * level:g}"
    figure = figure_of("fraction of wealth", ".1%", hovermode="closest")
    if result.risk is None or column not in result.risk:
        return figure
    forecast = result.risk[column].dropna()
    losses = -result.gross.loc[forecast.index]
    figure.add_scatter(
        x=losses.index,
        y=_short(losses.to_numpy(float)),
        mode="markers",
        name=f"loss of one {period_name(result.periods_per_year)}",
        marker={"color": OTHERS, "size": 3},
    )
    _line(figure, forecast, f"VaR {level:.0%}, one {period_name(result.periods_per_year)}", PALETTE[0])
    hits = losses[result.exceptions(level)]
    figure.add_scatter(
        x=hits.index,
        y=_short(hits.to_numpy(float)),
        mode="markers",
        name=f"{len(hits)} exceptions",
        marker={"color": PALETTE[1], "size": 6},
    )
    return figure


def drawdowns(result: BacktestResult) -> go.Figure:
    """Fraction of wealth below its highest value so far."""
    figure = figure_of("drawdown")
    for colour, run, own in _portfolios(result):
        _line(figure, thinned(run.drawdown()), run.name, colour, width=2.0 if own else 1.1)
    return figure


def distribution(result: BacktestResult) -> go.Figure:
    """Share of the periods by their return, net of costs."""
    figure = figure_of(f"share of {plural(period_name(result.periods_per_year))}", hovermode="closest")
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title=f"return of one {period_name(result.periods_per_year)}", tickformat=".1%")
    for colour, run, own in reversed(list(_portfolios(result))):
        figure.add_histogram(
            x=_short(run.returns.to_numpy()),
            name=run.name,
            histnorm="probability",
            bingroup="all",
            marker={"color": colour},
            opacity=0.55,
            visible=True if own or run is result.benchmarks[0] else "legendonly",
        )
    return figure


def sharpe(result: BacktestResult) -> go.Figure:
    """Sharpe ratio of the last year, over cash."""
    figure = figure_of("Sharpe ratio of the last year", "~g")
    for colour, run, own in _portfolios(result):
        ratio = rolling_sharpe(run, round(run.periods_per_year))
        _line(figure, thinned(ratio), run.name, colour, width=2.4 if own else 1.3)
    return figure


def beta(result: BacktestResult) -> go.Figure:
    """Beta to each benchmark over the last year."""
    figure = figure_of("beta over the last year", "~g")
    for colour, run, own in _portfolios(result):
        if not own:
            slope = rolling_beta(result, run, round(result.periods_per_year))
            _line(figure, thinned(slope), run.name, colour)
    return figure


_KINDS = {
    "growth": growth,
    "volatility": rolling_volatility,
    "drawdown": drawdowns,
    "distribution": distribution,
    "sharpe": sharpe,
    "beta": beta,
    "forecast": forecast_and_realized,
    "weights": weights,
    "contributions": risk_contributions,
    "var": value_at_risk,
}


def draw_result(result: BacktestResult, kind: str = "growth") -> go.Figure:
    """Chart of a result, by the chart's name.

    Raises
    ------
    SettingsError
        If there is none of that name.

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> [trace.name for trace in draw_result(result, "drawdown").data]
    ['equal weight', 'AAPL']
    """
    if kind not in _KINDS:
        raise SettingsError(f"there are figures of {', '.join(_KINDS)}, not of {kind!r}")
    return _KINDS[kind](result)


def draw_calibration(fit: Calibration) -> go.Figure:
    """Volatility a year of the next period and of the long run, an asset a line, the calmest at the bottom.

    With the 90% interval of the former, where the method knows one.

    Examples
    --------
    >>> from riskengine import ArchReference
    >>> fit = ArchReference()(0.01 * np.random.default_rng(0).standard_normal((500, 2)))
    >>> len(draw_calibration(fit).data)
    2
    """
    table = fit.to_frame().sort_values("next_volatility")
    names, root = table.index.astype(str), np.sqrt(fit.periods_per_year)
    figure = go.Figure(layout={**_LAYOUT, "hovermode": "closest", "height": 160 + 18 * len(names)})
    figure.update_xaxes(title="volatility a year", tickformat=".0%", rangemode="tozero")
    bars = {}
    if fit.log_variance_spread is not None:
        order = [fit.assets.index(name) for name in table.index]
        low, high = (root * np.sqrt(end[order]) for end in fit.variance_interval())
        middle = table["next_volatility"].to_numpy()
        bars = {
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": high - middle,
                "arrayminus": middle - low,
            }
        }
    options = {"mode": "markers", "y": names}
    marker = {"color": OTHERS, "symbol": "line-ns-open", "size": 11}
    figure.add_scatter(x=table["long_run_volatility"], name="in the long run", marker=marker, **options)
    figure.add_scatter(
        x=table["next_volatility"], name="next", marker={"color": PALETTE[0], "size": 7}, **options, **bars
    )
    return figure


def draw_frontier(frontier: EfficientFrontier) -> go.Figure:
    """Expected return by volatility, and below it what the portfolios are made of.

    Examples
    --------
    >>> two = EfficientFrontier(("A", "B"), np.array([0.1, 0.2]), np.array([0.03, 0.06]), np.eye(2))
    >>> [trace.name for trace in draw_frontier(two).data]
    ['frontier', 'A', 'B']
    """
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.55, 0.45])
    figure.update_layout(**{**_LAYOUT, "hovermode": "x unified", "height": 560})
    x = _short(frontier.volatility)
    line = {"color": PALETTE[0], "width": 2.4}
    figure.add_scatter(
        x=x,
        y=_short(frontier.expected_return),
        name="frontier",
        line=line,
        mode="lines+markers",
        row=1,
        col=1,
    )
    table = pd.DataFrame(frontier.weights, x, list(frontier.assets))
    names = _largest(table)
    parts = {name: table[name] for name in names}
    if len(names) < table.shape[1]:
        parts[f"{table.shape[1] - len(names)} others"] = table.drop(columns=names).sum(axis=1)
    for colour, (name, weight) in zip(cycle(PALETTE), parts.items(), strict=False):
        figure.add_bar(x=x, y=_short(weight.to_numpy()), name=name, marker={"color": colour}, row=2, col=1)
    figure.update_layout(barmode="relative")
    figure.update_yaxes(title="expected return a year", tickformat=".0%", row=1)
    figure.update_yaxes(title="weight", tickformat=".0%", row=2)
    figure.update_xaxes(title="volatility a year", tickformat=".1%", row=2)
    return figure
