"""The page of an exotic's price, of what `riskengine price` writes as ``price.json``."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from riskengine.report.figures import PALETTE, figure_of
from riskengine.report.page import Section, chart, page

TITLES = {
    "black-scholes": "Black and Scholes",
    "heston": "Heston",
    "bates": "Bates",
    "local volatility of SSVI": "the local volatility of SSVI",
    "local volatility of SVI": "the local volatility of SVI",
    "duan": "Duan's GARCH",
    "heston-nandi": "Heston and Nandi's GARCH",
}


def render_price(content: dict[str, Any]) -> str:
    """The page as text: of one product, or of several.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from riskengine.desk import price, read_terms
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "terms.json"
    ...     _ = path.write_text(
    ...         '{"underlying": {"spot": 100, "rate": 0.03}, "model": {"name": "black-scholes", "volatility": 0.2}, '
    ...         '"product": {"name": "vanilla", "strike": 100, "maturity": 0.5}, "simulation": {"paths": 2048}}'
    ...     )
    ...     "Vanilla under" in render_price(price(read_terms(path), "terms.json"))
    True
    """
    if "trades" in content:
        return _several(content)
    headline = f"{content['price']:.4f}, standard error {content['error']:.4f}."
    controls = [[name, f"{value:.3f}"] for name, value in content["controls"].items()]
    told = {**content["product_terms"], **content["market"], **content["parameters"]}
    sections = [
        _greek_section("Greeks", content),
        Section("Control variates", "Coefficients in the price.", ["control", "coefficient"], controls),
        Section("Terms", "", ["term", "value"], [[key, _shown(value)] for key, value in told.items()]),
    ]
    sections += _models_section(content)
    sections += _sweep_section(content, "sweep")
    sections += [
        Section(
            "Convergence",
            "Mean of the first scrambled sets of points, against the paths in them.",
            chart=chart(convergence_figure(content), "convergence"),
        ),
    ]
    title = f"{content['product'].capitalize()} under {TITLES[content['model']]}"
    subtitle = f"{content['terms']}, {content['paths']:,} paths of {content['steps']:,} steps"
    return page(title, subtitle, headline, sections, content["provenance"], content["flagged"])


def _sweep_section(content: dict[str, Any], name: str) -> list[Section]:
    """The price against one of its terms, where one was moved."""
    if content["sweep"] is None:
        return []
    title = f"Price against {content['sweep']['term']}"
    return [Section(title, "The same points everywhere.", chart=chart(sweep_figure(content), name))]


def _models_section(content: dict[str, Any]) -> list[Section]:
    """The price under each model of the same smile."""
    rows = content["models"]
    if not rows:
        return []
    prices = [row["price"] for row in rows if row["price"] is not None]
    text = (
        f"The same quotes under other models: from {min(prices):.4f} to {max(prices):.4f}. What lies between is the "
        "risk of the model, and is in no standard error."
    )
    return [
        Section(
            "Under each model", text, ["model", "price", "standard error"], [model_cells(row) for row in rows]
        )
    ]


def model_cells(row: dict[str, Any]) -> list[str]:
    """Model, price and error as text.

    Examples
    --------
    >>> model_cells({"model": "Heston", "price": 6.3712, "error": 0.0031})
    ['Heston', '6.3712', '0.0031']
    """
    return [
        row["model"],
        *("none" if row[name] is None else f"{row[name]:.4f}" for name in ("price", "error")),
    ]


def _several(content: dict[str, Any]) -> str:
    """A row a trade, then each with its Greeks and terms."""
    trades = content["trades"]
    rows = [
        [one["label"], one["product"], f"{one['quantity']:g}", f"{one['price']:.4f}", f"{one['error']:.4f}",
         f"{one['quantity'] * one['price']:,.2f}"]
        for one in trades
    ]  # fmt: skip
    headings = ["trade", "product", "quantity", "price", "standard error", "value"]
    sections = [
        Section("Trades", "", headings, rows, items=content["notes"]),
        Section(
            "All trades together",
            "Quantity times price, and times each Greek, of the one underlying or of each asset of the basket. Trades "
            "are priced on the same random numbers, and the errors are those of the sums.",
            ["", "value", "standard error"],
            total_rows(content),
        ),
    ]
    for k, one in enumerate(trades):
        told = {**one["product_terms"], **one["market"], **one["parameters"]}
        sections += [
            _greek_section(f"{one['label']}: Greeks", one),
            Section(
                f"{one['label']}: terms", "", ["term", "value"], [[key, _shown(x)] for key, x in told.items()]
            ),
            *_models_section(one),
            *_sweep_section(one, f"sweep{k}"),
        ]
    title = f"{len(trades)} trades under {TITLES[content['model']]}"
    headline = f"Worth {content['total']:,.2f} together, standard error {content['total_error']:.2f}."
    prices = [row["price"] for row in content["total_models"]]
    if prices:
        headline += f" From {min(prices):,.2f} to {max(prices):,.2f} under the models of the smile."
    return page(title, content["terms"], headline, sections, content["provenance"], content["flagged"])


def total_rows(content: dict[str, Any]) -> list[list[str]]:
    """Value and Greeks of all trades, and the range of the value over the models of a smile.

    Examples
    --------
    >>> content = {"total": 1234.5, "total_error": 0.3, "total_greeks": {"delta": {"value": 1.2, "error": 0.01}}}
    >>> total_rows(content | {"total_models": []})
    [['value', '1,234.5000', '0.3000'], ['delta', '1.20000', '0.01000']]
    """
    rows = [["value", f"{content['total']:,.4f}", f"{content['total_error']:.4f}"]]
    for name, greek in content["total_greeks"].items():
        rows.append([name, *greek_cells(greek)])
    rows += [[f"value under {row['model']}", f"{row['price']:,.4f}", ""] for row in content["total_models"]]
    return rows


def _greek_section(title: str, content: dict[str, Any]) -> Section:
    """Value, error and method of each."""
    methods = content["methods"]
    return Section(
        title,
        "Delta and gamma per unit of spot, vega per unit of volatility a year, rho per unit of rate, theta a calendar "
        "day.",
        ["", "value", "standard error", "method"],
        [[name, *greek_cells(greek), methods.get(name, "")] for name, greek in content["greeks"].items()],
        items=content["notes"],
    )


def greek_cells(greek: dict[str, float | None]) -> tuple[str, str]:
    """Value and error as text.

    Examples
    --------
    >>> greek_cells({"value": 0.5312, "error": 0.0004})
    ('0.53120', '0.00040')
    """
    value, error = ("none" if x is None else f"{x:.5f}" for x in (greek["value"], greek["error"]))
    return value, error


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        shown = [f"{item:g}" if isinstance(item, (int, float)) else _shown(item) for item in value[:6]]
        return ", ".join(shown) + (f", ... ({len(value)})" if len(value) > 6 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def sweep_figure(content: dict[str, Any]) -> go.Figure:
    """Price against the term that was moved."""
    swept = content["sweep"]
    figure = figure_of("price", "~g", hovermode="closest")
    rows = swept["rows"]
    figure.add_scatter(
        x=[row["at"] for row in rows],
        y=[row["price"] for row in rows],
        error_y={"array": [2 * row["error"] for row in rows], "color": PALETTE[5]},
        mode="lines+markers",
        name=f"{swept['paths']:,} paths, two standard errors",
        line={"color": PALETTE[0]},
    )
    figure.add_scatter(
        x=[swept["now"]],
        y=[content["price"]],
        mode="markers",
        name="as in the terms",
        marker={"color": PALETTE[1], "size": 11, "symbol": "diamond"},
    )
    figure.update_xaxes(title=swept["term"])
    return figure


def convergence_figure(content: dict[str, Any]) -> go.Figure:
    """Running mean of the randomisations, with a band of two standard errors."""
    rows = content["convergence"]
    paths = [row["paths"] for row in rows]
    low, high = ([row["price"] + side * 2 * row["error"] for row in rows] for side in (-1, 1))
    figure = figure_of("price", "~g", hovermode="closest")
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=paths, y=high, showlegend=False, **band)
    figure.add_scatter(
        x=paths, y=low, name="two standard errors", fill="tonexty", fillcolor="rgba(11, 95, 165, .15)", **band
    )
    figure.add_scatter(
        x=paths, y=[row["price"] for row in rows], name="running mean", line={"color": PALETTE[0]}
    )
    figure.update_xaxes(title="paths", tickformat="~s")
    return figure
