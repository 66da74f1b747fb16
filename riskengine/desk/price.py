"""`riskengine price`: an exotic's price, its Greeks, how they depend on a term, and how the price converged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from riskengine import options
from riskengine.backtest import software
from riskengine.desk.price_inputs import Terms
from riskengine.errors import DataError

SWEPT = ("barrier", "protection", "strike")
"""Terms that the second chart moves, the first that the product has."""
SWEEP_PATHS = 2**14
POINTS = 21
GREEKS = ("delta", "gamma", "vega", "rho")
"""Shown where the terms do not name others."""


def price(terms: Terms, name: str, progress: Callable[[str, int, int], None] | None = None) -> dict[str, Any]:
    """Price the terms; everything that ``price.json`` and its page show."""
    settings = {"greeks": GREEKS} | terms.simulation
    found = options.monte_carlo(terms.params, terms.product, progress=progress, **terms.market, **settings)
    return {
        "terms": name,
        "model": terms.model,
        "parameters": {key: float(value) for key, value in terms.params._asdict().items()},
        "product": type(terms.product).__name__.lower(),
        "product_terms": {key: value for key, value in vars(terms.product).items() if value is not None},
        "market": terms.market,
        "price": found.price,
        "error": found.error,
        "greeks": {key: _greek(greek) for key, greek in found.greeks.items()},
        "notes": [f"{key}: {note}" for key, note in found.notes.items()],
        "controls": found.controls,
        "paths": found.paths,
        "steps": found.steps,
        "convergence": _convergence(found),
        "sweep": _sweep(terms, progress),
        "provenance": software() | {"seed": terms.simulation.get("seed", 0)},
    }


def _greek(greek: options.Estimate) -> dict[str, float | None]:
    """Value and error, None where there is none: JSON has no NaN."""
    return {key: value if np.isfinite(value) else None for key, value in asdict(greek).items()}


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
    settings = terms.simulation | {"paths": SWEEP_PATHS, "greeks": ()}
    rows = []
    for done, value in enumerate(_range(product, name, now, spot)):
        moved, market = product, terms.market
        if name == "spot":
            market = market | {"spot": float(value)}
        else:
            moved = replace(product, **{name: float(value)})  # type: ignore[type-var]
        try:
            found = options.monte_carlo(terms.params, moved, **market, **settings)
        except DataError:  # a spot or barrier that contradicts the other terms: a gap in the chart
            continue
        rows.append({"at": float(value), "price": found.price, "error": found.error})
        if progress is not None:
            progress(f"price against {name}", done + 1, POINTS)
    return {"term": name, "now": float(now), "paths": SWEEP_PATHS, "rows": rows}


def _range(product: options.Product, name: str, now: float, spot: float) -> np.ndarray:
    """Where a term is moved to: for a barrier, from near the spot to twice as far as it is."""
    if isinstance(product, options.Barrier) and name == "barrier":
        far = (now / spot) ** 2
        return spot * np.exp(np.log(far) * np.linspace(0.05, 1.0, POINTS))
    return now * np.linspace(0.7, 1.3, POINTS)
