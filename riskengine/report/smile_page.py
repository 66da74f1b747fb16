"""The page of a smile: figures of both fits, their parameters, and the GARCH states."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskengine.backtest.provenance import commit
from riskengine.desk.smile import (
    Smile,
    content,
    expected_volatility,
    heston_smile,
    money,
    shown_maturities,
    stressed,
)
from riskengine.files import sha256, write_atomically
from riskengine.options import sabr_volatility
from riskengine.report.backtest_page import chart
from riskengine.report.figures import PALETTE
from riskengine.report.page import Section, page

Array = np.ndarray
LAYOUT: dict[str, Any] = {
    "template": "plotly_white",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#1d2733"},
    "margin": {"l": 60, "r": 20, "t": 40, "b": 45},
    "legend": {"orientation": "h", "y": 1.06, "x": 0, "yanchor": "bottom"},
    "hovermode": "closest",
}
PANELS = 8
"""Maturities shown at most."""


def when(maturity: float) -> str:
    """A maturity in words.

    Examples
    --------
    >>> when(0.05), when(0.5), when(2.0)
    ('18 days', '6 months', '2.0 years')
    """
    if maturity < 0.16:
        return f"{maturity * 365:.0f} days"
    return f"{maturity * 12:.0f} months" if maturity < 1.45 else f"{maturity:.1f} years"


def smiles_figure(smile: Smile) -> go.Figure:
    """Quotes and both models, a panel a maturity."""
    sabr = smile.sabr
    chosen = shown_maturities(sabr.maturity, PANELS)
    columns = 2 if len(chosen) > 1 else 1
    lines = -(-len(chosen) // columns)
    figure = make_subplots(
        lines,
        columns,
        subplot_titles=[when(float(sabr.maturity[k])) for k in chosen],
        vertical_spacing=0.28 / max(lines, 2),
        horizontal_spacing=0.08,
    )
    for place, k in enumerate(chosen):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        for trace in _panel(smile, k):
            figure.add_trace(trace.update(showlegend=place == 0), **at)
    figure.update_layout(**LAYOUT, height=120 + 235 * lines)
    figure.update_yaxes(tickformat=".0%")
    figure.update_xaxes(title_text="strike over forward", row=lines)
    return figure


def _panel(smile: Smile, k: int) -> list[go.Scatter]:
    """Quotes and both models at one maturity."""
    quotes, sabr, t = smile.quotes, smile.sabr, float(smile.sabr.maturity[k])
    here = np.flatnonzero(quotes.usable & (quotes.maturity == t))
    here = here[np.argsort(quotes.strike[here])]
    x, volatility = np.log(quotes.strike[here] / quotes.forward[here]), quotes.volatility[here]
    widths = np.maximum(quotes.ask[here] - volatility, 0), np.maximum(volatility - quotes.bid[here], 0)
    up, down = (np.round(np.where(np.isfinite(width), width, 0), 5) for width in widths)
    traces = [
        go.Scatter(
            x=np.round(np.exp(x), 5), y=np.round(volatility, 5), mode="markers", name="quotes",
            marker={"color": "#5f6b76", "size": 5}, legendgroup="quotes",
            error_y={"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 0.8, "width": 0},
        )
    ]  # fmt: skip
    fine = np.linspace(x[0] - 1e-3, x[-1] + 1e-3, 61)
    params, forward = type(sabr.params)(*(leaf[k] for leaf in sabr.params)), sabr.forward[k]
    models = {
        "Heston": heston_smile(smile.heston.params, fine, t),
        "SABR": sabr_volatility(params, forward, forward * np.exp(fine), t, sabr.shift, sabr.form),
    }
    for colour, (name, y) in zip(PALETTE, models.items(), strict=False):
        line = {"color": colour, "width": 1.8}
        x_y = {"x": np.round(np.exp(fine), 5), "y": np.round(y, 5)}
        traces.append(go.Scatter(**x_y, mode="lines", name=name, line=line, legendgroup=name))
    return traces


def states_figure(smile: Smile) -> go.Figure:
    """Heston's smile of the maturity nearest three months in every GARCH state."""
    t = float(smile.sabr.maturity[np.argmin(np.abs(smile.sabr.maturity - 0.25))])
    x = np.linspace(-0.25, 0.15, 61)
    figure = go.Figure(layout={**LAYOUT, "height": 400})
    for colour, state in zip(PALETTE, smile.states, strict=False):
        y = heston_smile(stressed(smile.heston.params, state, smile.states[0]), x, t)
        width = 3 if state is smile.states[0] else 1.6
        figure.add_scatter(
            x=np.round(np.exp(x), 5), y=np.round(y, 5), mode="lines", name=state.name,
            line={"color": colour, "width": width},
        )  # fmt: skip
    figure.update_yaxes(title="implied volatility", tickformat=".0%")
    figure.update_xaxes(title=f"strike over forward, {when(t)}")
    return figure


def term_figure(smile: Smile) -> go.Figure:
    """Volatility at the money by maturity: implied, and expected by the GARCH model."""
    figure = go.Figure(layout={**LAYOUT, "height": 360})
    t = smile.sabr.maturity
    heston = np.array([heston_smile(smile.heston.params, np.zeros(1), float(one))[0] for one in t])
    lines = {"SABR, at the money": money(smile.sabr), "Heston, at the money": heston}
    if smile.fit is not None:
        lines["GARCH, expected (measure P)"] = expected_volatility(smile.fit, t)
    for colour, (name, y) in zip(("#d1495b", "#0b5fa5", "#66a182"), lines.items(), strict=False):
        figure.add_scatter(
            x=np.round(t, 4), y=np.round(y, 5), mode="lines+markers", name=name, line={"color": colour}
        )
    figure.update_yaxes(title="volatility", tickformat=".0%")
    figure.update_xaxes(title="maturity, years")
    return figure


def sections(smile: Smile, numbers: dict[str, Any]) -> list[Section]:
    """The parts of the page."""
    parts = [
        _heston_section(numbers),
        Section(
            "Smiles",
            "Quotes with bid and ask where there are both; at most eight maturities are shown.",
            chart=chart(smiles_figure(smile), "smiles"),
        ),
        Section(
            "At the money",
            "Implied volatility above the GARCH model's expectation is a premium for variance risk, or news "
            "that prices do not hold yet." if smile.fit is not None else "",
            chart=chart(term_figure(smile), "term"),
        ),
    ]  # fmt: skip
    if smile.fit is not None:
        parts.append(_states_section(smile, numbers["states"]))
    flags = [f"{count} of {numbers['quotes']} quotes: {flag}" for flag, count in numbers["flags"].items()]
    return [*parts, _sabr_section(numbers["sabr"]), Section("Flags of the quotes", items=flags)]


def _heston_section(numbers: dict[str, Any]) -> Section:
    """Fitted parameters, and the GARCH start if there is one."""
    heston, start = numbers["heston"], numbers.get("start")
    names = ("v0", "kappa", "theta", "sigma", "rho")
    rows = [["fitted", *(f"{heston[name]:.4f}" for name in names)]]
    text = (
        f"Root mean squared error {heston['rmse']:.2f} volatility points, largest {heston['largest_error']:.2f}; "
        f"{heston['iterations']} iterations; condition {heston['condition']:.0f}; Feller ratio {heston['feller']:.2f}; "
        f"{heston['status']}"
    )
    if start is not None:
        rows += [
            ["GARCH start (measure P)", *(f"{start['params'][name]:.4f}" for name in names)],
            ["its spread (log; rho as it is)", *(f"{start['spread'][name]:.2f}" for name in names)],
        ]
        text += f". From a start read from the quotes it takes {start['iterations_from_quotes']} iterations"
    return Section("Heston", text + ".", ["", *names], rows)


def _states_section(smile: Smile, states: list[dict[str, Any]]) -> Section:
    """Volatility at the money and skew in every GARCH state."""
    rows = []
    for row in states:
        pairs = zip(row["at_the_money"], row["skew"], strict=True)
        cells = [cell for level, skew in pairs for cell in (f"{level:.1%}", f"{100 * skew:+.1f}")]
        rows.append([row["state"], f"{row['garch_volatility']:.1%}", *cells])
    return Section(
        "Today's state among others",
        f"Today's GARCH variance is above {smile.quantile:.0%} of the days of its window. In other states "
        "Heston's variance of today is scaled as the GARCH model's; all other parameters stay. A scenario, "
        "not a forecast of quotes. By maturity: the forward's volatility, and that 10% below less it.",
        ["state", "GARCH volatility", *(cell for t in states[0]["maturities"] for cell in (when(t), "skew"))],
        rows,
        chart=chart(states_figure(smile), "states"),
    )


def _sabr_section(smiles: list[dict[str, Any]]) -> Section:
    """A row a maturity."""
    return Section(
        "SABR",
        "",
        ["maturity", "forward", "alpha", "beta", "nu", "rho", "error, points", "status"],
        [
            [
                when(row["maturity"]),
                f"{row['forward']:,.2f}",
                *(f"{row[name]:.4f}" for name in ("alpha", "beta", "nu", "rho")),
                f"{row['rmse']:.2f}",
                row["status"],
            ]
            for row in smiles
        ],
    )


def write_smile(smile: Smile, source: Path, out: Path, origin: dict[str, Any]) -> dict[str, Any]:
    """Write ``smile.json`` and ``smile.html``; the numbers."""
    numbers = content(smile)
    facts = {
        "riskengine": version("riskengine"),
        "commit": commit(),
        "python": platform.python_version(),
        "jax": version("jax"),
        "quotes": sha256(source),
    } | origin
    heston = numbers["heston"]
    headline = (
        f"Heston fits {numbers['usable']} of {numbers['quotes']} quotes to {heston['rmse']:.2f} volatility points "
        f"({heston['status']}), SABR to {smile.sabr.rmse:.2f}."
    )
    text = page(
        "Smile",
        numbers["name"],
        headline,
        sections(smile, numbers),
        facts,
        numbers["flagged"],
    )
    numbers["provenance"] = facts
    write_atomically(out / "smile.json", (json.dumps(_plain(numbers), indent=1) + "\n").encode())
    write_atomically(out / "smile.html", text.encode())
    return _plain(numbers)


def _plain(value: Any) -> Any:
    """The same with NaN and infinity as null, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
