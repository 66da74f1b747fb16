"""The page of a smile: all fits, what was assumed, and the GARCH states.

Made of what `riskengine smile` writes as ``smile.json`` and of the curves that it draws.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskengine.report.figures import PALETTE
from riskengine.report.page import LAYOUT as PAGE_LAYOUT
from riskengine.report.page import Section, chart, page
from riskengine.report.smile_fits import NAMES, errors_section, models_section, parameter_sections, poor, when

LAYOUT: dict[str, Any] = PAGE_LAYOUT | {
    "margin": {"l": 60, "r": 20, "t": 40, "b": 45},
    "legend": {"orientation": "h", "y": 1.06, "x": 0, "yanchor": "bottom"},
}


def render_smile(numbers: dict[str, Any], curves: dict[str, Any]) -> str:
    """The page as text, of the content of ``smile.json`` and of the points of its charts.

    Examples
    --------
    >>> from riskengine.desk import fit_smile, smile_content, smile_curves
    >>> from riskengine.options import Quotes
    >>> quotes = Quotes.of_volatilities([0.01, 0.02, 0.03], 1.0, [0.009, 0.008, 0.0085], forward=0.02, normal=True)
    >>> smile = fit_smile(quotes)
    >>> "SABR fits 3 of 3 quotes" in render_smile(smile_content(smile, {}), smile_curves(smile))
    True
    """
    heston, of = numbers["heston"], f"{numbers['usable']} of {numbers['quotes']} quotes"
    headline = f"SABR fits {of} to {numbers['sabr_rmse']:.3g} volatility points."
    if heston is not None:
        headline = (
            f"Heston fits {of} to {heston['rmse']:.2f} volatility points ({heston['status']}), "
            f"SABR to {numbers['sabr_rmse']:.2f}"
        )
        others = [name for name in ("bates", "ssvi", "svi") if numbers[name] is not None]
        headline += "".join(f", {NAMES[name]} to {numbers[name]['rmse']:.2f}" for name in others) + "."
    parts = _sections(numbers, curves)
    return page("Smile", numbers["name"], headline, parts, numbers["provenance"], numbers["flagged"])


def smiles_figure(panels: list[dict[str, Any]]) -> go.Figure:
    """Quotes and all models, a panel a maturity."""
    columns = 2 if len(panels) > 1 else 1
    lines = -(-len(panels) // columns)
    figure = make_subplots(
        lines,
        columns,
        subplot_titles=[when(panel["maturity"]) for panel in panels],
        vertical_spacing=0.28 / max(lines, 2),
        horizontal_spacing=0.08,
    )
    for place, panel in enumerate(panels):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        for trace in _traces(panel):
            figure.add_trace(trace.update(showlegend=place == 0), **at)
    figure.update_layout(**LAYOUT, height=120 + 235 * lines)
    figure.update_yaxes(tickformat="~%")
    figure.update_xaxes(title_text=panels[0]["axis"], row=lines)
    return figure


def _traces(panel: dict[str, Any]) -> list[go.Scatter]:
    """Quotes and all models at one maturity."""
    quotes = panel["quotes"]
    spread = {"type": "data", "symmetric": False, "array": quotes["up"], "arrayminus": quotes["down"]}
    traces = [
        go.Scatter(
            x=quotes["x"],
            y=quotes["y"],
            mode="markers",
            name="quotes",
            marker={"color": "#5f6b76", "size": 5},
            legendgroup="quotes",
            error_y=spread | {"thickness": 0.8, "width": 0},
        )
    ]
    for colour, (name, curve) in zip(PALETTE, panel["models"].items(), strict=False):
        line = {"color": colour, "width": 1.8}
        traces.append(go.Scatter(**curve, mode="lines", name=name, line=line, legendgroup=name))
    return traces


def states_figure(states: dict[str, Any]) -> go.Figure:
    """Heston's smile of the maturity nearest three months in every GARCH state; today's is the first."""
    figure = go.Figure(layout={**LAYOUT, "height": 400})
    for k, (colour, (name, y)) in enumerate(zip(PALETTE, states["lines"].items(), strict=False)):
        line = {"color": colour, "width": 1.6 if k else 3}
        figure.add_scatter(x=states["x"], y=y, mode="lines", name=name, line=line)
    figure.update_yaxes(title="implied volatility", tickformat="~%")
    figure.update_xaxes(title=f"strike over forward, {when(states['maturity'])}")
    return figure


def term_figure(term: dict[str, Any]) -> go.Figure:
    """Volatility at the money by maturity: implied, and expected by the GARCH model."""
    figure = go.Figure(layout={**LAYOUT, "height": 360})
    for colour, (name, y) in zip(("#d1495b", "#0b5fa5", "#66a182"), term["lines"].items(), strict=False):
        figure.add_scatter(x=term["maturity"], y=y, mode="lines+markers", name=name, line={"color": colour})
    figure.update_yaxes(title="volatility", tickformat="~%")
    figure.update_xaxes(title="maturity, years")
    return figure


def _sections(numbers: dict[str, Any], curves: dict[str, Any]) -> list[Section]:
    """The parts of the page."""
    parts = [
        models_section(numbers),
        Section("Where the fits are poor", "", items=poor(numbers)),
        Section("What was assumed", "", items=numbers["notes"]),
        *([_market_section(numbers)] if numbers["market"] else []),
        Section(
            "Smiles",
            "Quotes with bid and ask where there are both; at most eight maturities are shown.",
            chart=chart(smiles_figure(curves["panels"]), "smiles"),
        ),
        errors_section(numbers["by_maturity"]),
        Section(
            "At the money",
            "Implied volatility above the GARCH model's expectation is a premium for variance risk, or news "
            "that prices do not hold yet."
            if "start" in numbers
            else "",
            chart=chart(term_figure(curves["term"]), "term"),
        ),
    ]
    if "start" in numbers:
        parts.append(_states_section(numbers, curves["states"]))
    flags = [f"{count} of {numbers['quotes']} quotes: {flag}" for flag, count in numbers["flags"].items()]
    if numbers["heston"] is not None:
        parts.append(_heston_section(numbers))
    return [
        *parts,
        *parameter_sections(numbers),
        _sabr_section(numbers["sabr"]),
        Section("Flags of the quotes", items=flags),
    ]


def _market_section(numbers: dict[str, Any]) -> Section:
    """What was assumed and used, a row a maturity."""
    rows = []
    for row in numbers["market"]:
        percents = [
            "" if row[name] is None else f"{round(row[name], 6) + 0.0:.2%}" for name in ("rate", "dividend")
        ]
        error = "" if row["error"] is None else f"{row['error']:.3g}"
        rows.append(
            [f"{365 * row['maturity']:.0f} days", f"{row['forward']:,.4f}", error, f"{row['discount']:.5f}", *percents,
             f"{row['pairs']}", f"{row['rejected']}", row["source"]]
        )  # fmt: skip
    return Section(
        "Forwards and discounts",
        "Rate and dividend are continuously compounded. Pairs are calls and puts of one strike.",
        ["maturity", "forward", "its error", "discount", "rate", "dividend", "pairs", "rejected", "from"],
        rows,
    )


def _heston_section(numbers: dict[str, Any]) -> Section:
    """Fitted parameters, and the GARCH start if there is one."""
    heston, start = numbers["heston"], numbers.get("start")
    names = ("v0", "kappa", "theta", "sigma", "rho")
    rows = [["fitted", *(f"{heston[name]:.4f}" for name in names)]]
    text = (
        f"Root mean squared error {heston['rmse']:.2f} volatility points, largest {heston['largest_error']:.2f}; "
        + (
            f"{heston['inside_bid_ask']:.0%} of the quotes with two sides inside bid and ask; "
            if heston["inside_bid_ask"] is not None
            else ""
        )
        + f"{heston['iterations']} iterations from {heston['starts']} start(s); Feller ratio {heston['feller']:.2f}; "
        f"{heston['status']}"
    )
    if start is not None:
        rows += [
            ["GARCH start (measure P)", *(f"{start['params'][name]:.4f}" for name in names)],
            ["its spread (log; rho as it is)", *(f"{start['spread'][name]:.2f}" for name in names)],
        ]
        text += f". From a start read from the quotes it takes {start['iterations_from_quotes']} iterations"
    return Section("Heston", text + ".", ["", *names], rows)


def _states_section(numbers: dict[str, Any], curves: dict[str, Any]) -> Section:
    """Volatility at the money and skew in every GARCH state."""
    rows, states = [], numbers["states"]
    for row in states:
        pairs = zip(row["at_the_money"], row["skew"], strict=True)
        cells = [cell for level, skew in pairs for cell in (f"{level:.1%}", f"{100 * skew:+.1f}")]
        rows.append([row["state"], f"{row['garch_volatility']:.1%}", *cells])
    return Section(
        "Today's state among others",
        f"Today's GARCH variance is above {numbers['start']['quantile_of_today']:.0%} of the days of its window. "
        "In other states Heston's variance of today is scaled as the GARCH model's; all other parameters stay. "
        "A scenario, not a forecast of quotes. By maturity: the forward's volatility, and that 10% below less it.",
        ["state", "GARCH volatility", *(cell for t in states[0]["maturities"] for cell in (when(t), "skew"))],
        rows,
        chart=chart(states_figure(curves), "states"),
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
                f"{row['rmse']:.3g}",
                row["status"],
            ]
            for row in smiles
        ],
    )
