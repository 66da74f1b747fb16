"""`riskengine price`: an exotic's price, its Greeks, how they depend on a term, and how the price converged."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from riskengine import options
from riskengine.backtest import software
from riskengine.desk.price_inputs import Terms, Trade
from riskengine.desk.trade_totals import trade_totals
from riskengine.errors import DataError

SWEPT = ("barrier", "protection", "strike")
"""Terms that the second chart moves, the first that the product has."""
SWEEP_PATHS = 2**14
POINTS = 21
GREEKS = ("delta", "gamma", "vega", "rho")
"""Shown where the terms do not name others."""


def price(terms: Terms, name: str, progress: Callable[[str, int, int], None] | None = None) -> dict[str, Any]:
    """Price the terms; everything that ``price.json`` and its page show: of one product, or ``trades`` of several.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from riskengine.desk import read_terms
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "terms.json"
    ...     _ = path.write_text(
    ...         '{"underlying": {"spot": 100, "rate": 0.03}, "model": {"name": "black-scholes", "volatility": 0.2}, '
    ...         '"product": {"name": "vanilla", "strike": 100, "maturity": 0.5}, "simulation": {"paths": 2048}}'
    ...     )
    ...     content = price(read_terms(path), "terms.json")
    >>> bool(abs(content["price"] - 6.37) < 0.02), content["product"], content["model"]
    (True, 'vanilla', 'black-scholes')
    """
    if len(terms.trades) == 1:
        return price_one(terms, terms.trades[0], name, progress)[0]
    each, simulated = [], []
    for trade in terms.trades:
        one, found = price_one(terms, trade, name, progress)
        each.append(one | {"notes": [note for note in one["notes"] if note not in terms.notes]})
        simulated.append(found)
    labels, quantities = zip(*((trade.label, trade.quantity) for trade in terms.trades), strict=True)
    totals = trade_totals(labels, quantities, simulated)
    return {
        "terms": name,
        "model": terms.model,
        "trades": each,
        "total": totals["price"]["value"],
        "total_error": totals["price"]["error"],
        "total_greeks": {_named(key, terms.names): greek for key, greek in totals["greeks"].items()},
        "total_models": _totals_by_model(each),
        "flagged": terms.doubtful,
        "notes": [*terms.notes, *totals["notes"]],
        "provenance": each[0]["provenance"],
    }


def price_one(
    terms: Terms, trade: Trade, name: str, progress: Callable[[str, int, int], None] | None = None
) -> tuple[dict[str, Any], options.MonteCarloResult]:
    """One product: what is shown of it, and its simulation."""
    settings = {"greeks": _usual_greeks(terms)} | terms.simulation
    curves = terms.curves_for(trade.product)
    found = options.monte_carlo(
        terms.params, trade.product, progress=progress, curves=curves, **terms.market, **settings
    )
    greeks = {_named(key, terms.names): _greek(greek) for key, greek in found.greeks.items()}
    content = {
        "terms": name,
        "label": trade.label,
        "quantity": trade.quantity,
        "model": terms.model,
        "parameters": _parameters(terms),
        "product": _words(type(trade.product).__name__),
        "product_terms": {key: value for key, value in vars(trade.product).items() if value is not None},
        "market": _market(terms, trade),
        "price": found.price,
        "error": found.error,
        "greeks": greeks,
        "methods": {_named(key, terms.names): words for key, words in found.methods.items()},
        "notes": [
            *terms.notes,
            *(f"{_named(key, terms.names)}: {note}" for key, note in found.notes.items()),
        ],
        "controls": found.controls,
        "paths": found.paths,
        "steps": found.steps,
        "convergence": _convergence(found),
        "flagged": terms.doubtful,
        "models": _under_each_model(terms, trade, found),
        "sweep": _sweep(terms, trade, progress),
        "provenance": software() | {"seed": terms.simulation.get("seed", 0)},
    }
    return content, found


def _totals_by_model(trades: list[dict[str, Any]]) -> list[dict[str, float | str | None]]:
    """The value of all trades under each model of a smile; None where a trade has no price under it."""
    rows: list[dict[str, float | str | None]] = []
    for models in zip(*(one["models"] for one in trades), strict=True):
        if all(row["price"] is not None for row in models):
            total = sum(one["quantity"] * row["price"] for one, row in zip(trades, models, strict=True))
            rows.append({"model": _without_level(models[0]["model"]), "price": total, "error": None})
    return rows


def _without_level(model: str) -> str:
    """Black and Scholes has a level for each trade's maturity."""
    return re.sub(r" at [\d.]+%$", "", model)


def _under_each_model(
    terms: Terms, trade: Trade, found: options.MonteCarloResult
) -> list[dict[str, float | str | None]]:
    """The price under every model of the same smile, and under Black and Scholes; empty without a smile."""
    if not terms.others:
        return []
    rows: list[dict[str, float | str | None]] = [
        {"model": terms.model, "price": found.price, "error": found.error}
    ]
    flat = []
    for params in (terms.params, *(params for _, params in terms.others)):
        surface = getattr(params, "surface", None)
        if isinstance(surface, options.SsviParams):
            t = trade.product.maturity
            level = options.ssvi_volatility(surface, 1.0, 1.0, t)
            flat = [(f"Black and Scholes at {float(level):.2%}", options.BlackScholesParams(float(level)))]
    for name, params in (*terms.others, *flat):
        settings = terms.simulation | {"greeks": ()}
        try:
            one = options.monte_carlo(
                params, trade.product, curves=terms.curves_for(trade.product), **terms.market, **settings
            )
        except DataError as error:  # a model that does not take these terms: said, and the others stand
            rows.append({"model": f"{name}: {error}", "price": None, "error": None})
            continue
        rows.append({"model": name, "price": one.price, "error": one.error})
    return rows


def _words(name: str) -> str:
    """``DoubleBarrier`` as "double barrier"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _usual_greeks(terms: Terms) -> tuple[str, ...]:
    """Those of one asset; delta and vega of each of several."""
    if not terms.names:
        return GREEKS
    count = range(1, len(terms.names) + 1)
    return (*(f"delta_{k}" for k in count), *(f"vega_{k}" for k in count), "rho")


def _named(greek: str, names: tuple[str, ...]) -> str:
    """With the asset's name for its position."""
    kind, _, place = greek.partition("_")
    return f"{kind} {names[int(place) - 1]}" if names and place.isdigit() else greek


def _parameters(terms: Terms) -> dict[str, Any]:
    """Of the model; lists for several assets."""
    if isinstance(terms.params, options.LocalVolatilityParams):
        surface = terms.params.surface._asdict()
        return {key: np.asarray(value).tolist() for key, value in surface.items()} | {
            "seen at": terms.params.spot
        }
    if not terms.names:
        return {key: float(value) for key, value in terms.params._asdict().items()}
    models = {key: np.asarray(value).tolist() for key, value in terms.params.models._asdict().items()}
    matrix = terms.params.variance_root @ terms.params.variance_root.T
    return models | {"names": list(terms.names), "correlation": np.round(matrix, 6).tolist()}


def _market(terms: Terms, trade: Trade) -> dict[str, Any]:
    """Flat numbers, or the curves in their place; dates and dividends."""
    found: dict[str, Any] = dict(terms.market)
    if terms.clock.today is not None:
        found["valuation"] = terms.clock.today.isoformat()
        known = (terms.clock.dates.get(float(t)) for t in trade.product.times())
        found["dates"] = [day.isoformat() for day in known if day is not None]
    curves = terms.curves_for(trade.product)
    if curves is not None:
        for name in ("rate", "dividend"):
            curve = getattr(curves, name)
            if curve is not None:
                found[f"{name}_curve"] = [list(curve.maturity), list(curve.value)]
                found.pop(name)
        if curves.cash:
            found["dividends"] = [list(pair) for pair in curves.cash]
        if curves.payments:
            found["payments"] = [list(pair) for pair in curves.payments]
    return found


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


def _sweep(
    terms: Terms, trade: Trade, progress: Callable[[str, int, int], None] | None
) -> dict[str, Any] | None:
    """Prices on fewer paths with one term moved; with the spot moved if there is none. None for a basket."""
    product, spot = trade.product, terms.market["spot"]
    if terms.names:
        return None
    name = next((term for term in SWEPT if isinstance(getattr(product, term, None), float)), "spot")
    now = spot if name == "spot" else getattr(product, name)
    settings = terms.simulation | {"paths": SWEEP_PATHS, "greeks": ()}
    rows = []
    for done, value in enumerate(_range(product, name, now, spot)):
        moved, market = product, terms.market
        if name == "spot":
            market = market | {"spot": float(value)}
        else:
            moved = replace(product, **{name: float(value)})  # type: ignore[type-var]
        curves = terms.curves_for(moved)
        try:
            found = options.monte_carlo(terms.params, moved, curves=curves, **market, **settings)
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
