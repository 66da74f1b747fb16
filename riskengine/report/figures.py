"""The figures of the backtest report, one function each, as plotly figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from riskengine.backtest.result import YEAR, BacktestResult

PALETTE = ("#0b5fa5", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#5f6b76", "#2e4057", "#c97b84")
OTHERS = "#c9ced4"
_LAYOUT = {
    "template": "plotly_white",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#1d2733"},
    "margin": {"l": 60, "r": 20, "t": 20, "b": 40},
    "legend": {"orientation": "h", "y": 1.08, "x": 0},
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
        x=values.index, y=np.round(values.to_numpy(float), 5), name=name, mode="lines", line=line, **options
    )


def _thinned(series: pd.Series, every: int = 3) -> pd.Series:
    """Every third day: enough for the eye, and a third of the page."""
    return series.iloc[::every]


def growth(result: BacktestResult) -> go.Figure:
    """Wealth of one unit, net of costs, on a logarithmic axis."""
    figure = figure_of("growth of 1", "~g")
    figure.update_yaxes(type="log", tickvals=[0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500])
    for colour, run in zip(PALETTE, (result, *result.benchmarks), strict=False):
        width = 2.4 if run is result else 1.3
        _line(figure, _thinned((1 + run.returns).cumprod()), run.name, colour, width=width)
    return figure


def rolling_volatility(result: BacktestResult, window: int = 63) -> go.Figure:
    """Realized volatility of the last quarter, annualised."""
    figure = figure_of("volatility, 63 days, annualised")
    for colour, run in zip(PALETTE, (result, *result.benchmarks), strict=False):
        width = 2.4 if run is result else 1.3
        deviation = run.returns.rolling(window).std(ddof=0) * np.sqrt(YEAR)
        _line(figure, _thinned(deviation), run.name, colour, width=width)
    return figure


def forecast_and_realized(result: BacktestResult) -> go.Figure:
    """Each decision's forecast volatility beside what its holding period realized."""
    figure = figure_of("annualised volatility", hovermode="closest")
    for colour, run in zip(PALETTE, (result, *result.benchmarks), strict=False):
        forecast = run.predicted_volatility
        if forecast.isna().all():
            continue
        earned = run.gross[run.decision >= 0].groupby(run.decision[run.decision >= 0])
        realized = np.sqrt(YEAR * earned.apply(lambda r: np.mean(r**2)))
        predicted = forecast.to_numpy()[realized.index]
        figure.add_scatter(
            x=np.round(predicted, 4),
            y=np.round(realized.to_numpy(), 4),
            mode="markers",
            name=run.name,
            marker={"color": colour, "size": 5, "opacity": 0.55},
            visible=True if run is result else "legendonly",
            text=[f"{date:%Y-%m-%d}" for date in forecast.index[realized.index]],
            hovertemplate="%{text}<br>forecast %{x:.1%}, realized %{y:.1%}<extra></extra>",
        )
    line = [0.03, 1.0]
    figure.add_scatter(x=line, y=line, mode="lines", name="equal", line={"color": OTHERS, "dash": "dot"})
    ticks = {"type": "log", "tickformat": ".0%", "tickvals": [0.03, 0.05, 0.1, 0.2, 0.4, 0.8]}
    figure.update_xaxes(title="forecast volatility, annualised", **ticks)
    figure.update_yaxes(title="realized over the holding period", **ticks)
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
    figure.add_scatter(
        x=series.index,
        y=np.round(series.to_numpy(float), 4),
        name=name,
        mode="lines",
        line={"width": 0, "color": colour, "shape": "hv"},
        fillcolor=colour,
        stackgroup="all",
    )


def weights(result: BacktestResult) -> go.Figure:
    """Decided weights over time, the largest by name."""
    return _stacked(result.targets, "weight")


def risk_contributions(result: BacktestResult) -> go.Figure:
    """Share of each asset in the forecast variance, over time."""
    return _stacked(result.contributions.dropna(how="all"), "share of forecast variance")


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
        y=np.round(losses.to_numpy(), 5),
        mode="markers",
        name="daily loss",
        marker={"color": OTHERS, "size": 3},
    )
    _line(figure, forecast, f"VaR {level:.0%}, one day", PALETTE[0])
    hits = losses[result.exceptions(level)]
    figure.add_scatter(
        x=hits.index,
        y=np.round(hits.to_numpy(), 5),
        mode="markers",
        name=f"{len(hits)} exceptions",
        marker={"color": PALETTE[1], "size": 6},
    )
    return figure


def drawdowns(result: BacktestResult) -> go.Figure:
    """Fraction of wealth below its highest value so far."""
    figure = figure_of("drawdown")
    for colour, run in zip(PALETTE, (result, *result.benchmarks), strict=False):
        _line(figure, _thinned(run.drawdown()), run.name, colour, width=2.0 if run is result else 1.1)
    return figure
