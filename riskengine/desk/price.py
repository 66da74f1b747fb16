"""`riskengine price`: an exotic's price, its Greeks, how they depend on a term, and how the price converged."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from riskengine import options
from riskengine.backtest.provenance import commit
from riskengine.desk.price_inputs import Terms
from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.report.backtest_page import chart
from riskengine.report.figures import PALETTE, figure_of
from riskengine.report.page import Section, page

SWEPT = ("barrier", "protection", "strike")
"""Terms that the second chart moves, the first that the product has."""
SWEEP_PATHS = 2**14
POINTS = 21
TITLES = {
    "black-scholes": "Black and Scholes",
    "heston": "Heston",
    "duan": "Duan's GARCH",
    "heston-nandi": "Heston and Nandi's GARCH",
}
GREEKS = ("delta", "gamma", "vega", "rho")


def price(terms: Terms, name: str, progress: Callable[[str, int, int], None] | None = None) -> dict[str, Any]:
    """Price the terms; everything that the page and ``price.json`` show."""
    found = options.monte_carlo(
        terms.params, terms.product, greeks=GREEKS, progress=progress, **terms.market, **terms.simulation
    )
    return {
        "terms": name,
        "model": terms.model,
        "parameters": {key: float(value) for key, value in terms.params._asdict().items()},
        "product": type(terms.product).__name__.lower(),
        "product_terms": {key: value for key, value in vars(terms.product).items() if value is not None},
        "market": terms.market,
        "price": found.price,
        "error": found.error,
        "greeks": {key: asdict(greek) for key, greek in found.greeks.items()},
        "controls": found.controls,
        "paths": found.paths,
        "steps": found.steps,
        "convergence": _convergence(found),
        "sweep": _sweep(terms, progress),
        "provenance": {
            "riskengine": version("riskengine"),
            "commit": commit(),
            "python": platform.python_version(),
            "jax": version("jax"),
            "seed": terms.simulation.get("seed", 0),
        },
    }


def _convergence(found: options.MonteCarloResult) -> list[dict[str, float]]:
    """Running mean and error over the randomisations."""
    each = np.array(found.estimates)
    share = found.paths / len(each)
    return [
        {
            "paths": float(k * share),
            "price": float(each[:k].mean()),
            "error": float(each[:k].std(ddof=1) / np.sqrt(k)),
        }
        for k in range(2, len(each) + 1)
    ]


def _sweep(terms: Terms, progress: Callable[[str, int, int], None] | None) -> dict[str, Any]:
    """Prices on fewer paths with one term moved; with the spot moved if there is none."""
    product, spot = terms.product, terms.market["spot"]
    name = next((term for term in SWEPT if getattr(product, term, None) is not None), "spot")
    now = spot if name == "spot" else getattr(product, name)
    settings = terms.simulation | {"paths": SWEEP_PATHS}
    rows = []
    for done, value in enumerate(_range(product, name, now, spot)):
        moved, market = product, terms.market
        if name == "spot":
            market = market | {"spot": float(value)}
        else:
            moved = replace(product, **{name: float(value)})  # type: ignore[type-var]
        try:
            found = options.monte_carlo(terms.params, moved, greeks=(), **market, **settings)
        except DataError:  # a spot or barrier that contradicts the other terms: a gap in the chart
            continue
        rows.append({"at": float(value), "price": found.price, "error": found.error})
        if progress is not None:
            progress(f"price against {name}", done + 1, POINTS)
    return {"term": name, "now": float(now), "rows": rows}


def _range(product: options.Product, name: str, now: float, spot: float) -> np.ndarray:
    """Where a term is moved to: for a barrier, from near the spot to twice as far as it is."""
    if isinstance(product, options.Barrier) and name == "barrier":
        far = (now / spot) ** 2
        return spot * np.exp(np.log(far) * np.linspace(0.05, 1.0, POINTS))
    return now * np.linspace(0.7, 1.3, POINTS)


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
        name=f"{SWEEP_PATHS:,} paths, two standard errors",
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


def render(content: dict[str, Any]) -> str:
    """The page as text."""
    headline = f"{content['price']:.4f}, standard error {content['error']:.4f}."
    greeks = [
        [name, f"{greek['value']:.5f}", f"{greek['error']:.5f}"] for name, greek in content["greeks"].items()
    ]
    controls = [[name, f"{value:.3f}"] for name, value in content["controls"].items()]
    told = {**content["product_terms"], **content["market"], **content["parameters"]}
    sections = [
        Section(
            "Greeks",
            "Delta and gamma per unit of spot, vega per unit of volatility a year, rho per unit of rate.",
            ["", "value", "standard error"],
            greeks,
        ),
        Section("Control variates", "Coefficients in the price.", ["control", "coefficient"], controls),
        Section("Terms", "", ["term", "value"], [[key, _shown(value)] for key, value in told.items()]),
    ]
    term = content["sweep"]["term"]
    sections += [
        Section(
            f"Price against {term}",
            "The same points everywhere.",
            chart=chart(sweep_figure(content), "sweep"),
        ),
        Section(
            "Convergence",
            "Mean of the first scrambled sets of points, against the paths in them.",
            chart=chart(convergence_figure(content), "convergence"),
        ),
    ]
    title = f"{content['product'].capitalize()} under {TITLES[content['model']]}"
    subtitle = f"{content['terms']}, {content['paths']:,} paths of {content['steps']:,} steps"
    return page(title, subtitle, headline, sections, content["provenance"], False)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        shown = [f"{item:g}" for item in value[:6]]
        return ", ".join(shown) + (f", ... ({len(value)})" if len(value) > 6 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def write_price(content: dict[str, Any], out: Path) -> None:
    """Write ``price.json`` and ``price.html``."""
    write_atomically(out / "price.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(out / "price.html", render(content).encode())
