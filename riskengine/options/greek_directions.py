"""Directions in parameters and market that Greeks are derivatives along, and the steps of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from riskengine.errors import SettingsError
from riskengine.options.baskets import BasketParams
from riskengine.options.bates import BatesParams
from riskengine.options.dynamics import BlackScholesParams, MarketData
from riskengine.options.garch_paths import DAYS, DuanParams, HestonNandiParams
from riskengine.options.heston import HestonParams
from riskengine.options.local_volatility import LocalVolatilityParams
from riskengine.options.svi import SviParams, svi_variance

GREEKS = ("delta", "gamma", "vega", "rho", "dividend_rho", "theta")


def tangents(params: Any, market: MarketData, greeks: Sequence[str]) -> dict[str, Any]:
    """By name of a Greek other than gamma, the direction of (params, market) that it is the derivative along.

    Raises
    ------
    SettingsError
        If there is no such Greek.
    """
    if isinstance(params, BasketParams):
        return _basket_tangents(params, market, greeks)
    if isinstance(params, LocalVolatilityParams):
        return _surface_tangents(params, market, greeks)
    still, calm = jax.tree.map(lambda _: 0.0, (params, market))
    known = {
        "delta": (still, calm._replace(spot=1.0)),
        "vega": (_vega(params, still), calm),
        "rho": (still, calm._replace(rate=1.0)),
        "dividend_rho": (still, calm._replace(dividend=1.0)),
        **{f"d_{name}": (still._replace(**{name: 1.0}), calm) for name in params._fields},
    }
    for name in greeks:
        if name not in known and name != "gamma":
            names = ", ".join((*GREEKS, *(f"d_{field}" for field in params._fields)))
            raise SettingsError(f"no Greek {name!r} of this model: there are {names}")
    return {name: known[name] for name in greeks if name != "gamma"}


def _basket_tangents(params: BasketParams, market: MarketData, greeks: Sequence[str]) -> dict[str, Any]:
    """Of each asset's spot and volatility, by its position from one; and of the rate."""
    still, calm = jax.tree.map(lambda x: np.zeros_like(x, dtype=np.float64), (params, market))
    known = {"rho": (still, calm._replace(rate=1.0))}
    for k in range(len(params.weights)):
        unit = np.zeros(len(params.weights))
        unit[k] = 1.0
        known[f"delta_{k + 1}"] = (still, calm._replace(spot=unit))
        moved = (
            {"v0": unit * 2 * np.sqrt(params.models.v0)}
            if hasattr(params.models, "v0")
            else {"volatility": unit}
        )
        known[f"vega_{k + 1}"] = (still._replace(models=still.models._replace(**moved)), calm)
    for name in greeks:
        if name not in known:
            raise SettingsError(f"no Greek {name!r} of a basket: there are {', '.join(known)}")
    return {name: known[name] for name in greeks}


def _surface_tangents(
    params: LocalVolatilityParams, market: MarketData, greeks: Sequence[str]
) -> dict[str, Any]:
    """Of the spot with the surface held to its strikes, of all volatilities at the forward, and of the rates."""
    still, calm = jax.tree.map(lambda x: np.zeros_like(x, dtype=np.float64), (params, market))
    surface, t = params.surface, params.surface.maturity
    if isinstance(surface, SviParams):
        moved = still.surface._replace(a=2 * np.sqrt(svi_variance(surface, 0.0, t) * t))
    else:
        moved = still.surface._replace(theta=2 * np.sqrt(surface.theta * t))
    known = {
        "delta": (still, calm._replace(spot=1.0)),
        "vega": (still._replace(surface=moved), calm),
        "rho": (still, calm._replace(rate=1.0)),
        "dividend_rho": (still, calm._replace(dividend=1.0)),
    }
    for name in greeks:
        if name not in known and name != "gamma":
            raise SettingsError(
                f"no Greek {name!r} of a local volatility: there are {', '.join(known)}, gamma, theta"
            )
    return {name: known[name] for name in greeks if name != "gamma"}


def _vega(params: Any, zero: Any) -> Any:
    """Tangent of the parameters when the volatility now moves by one."""
    if isinstance(params, BlackScholesParams):
        return zero._replace(volatility=1.0)
    if isinstance(params, (DuanParams, HestonNandiParams)):
        return zero._replace(variance=2 * float(np.sqrt(params.variance / DAYS)))
    return zero._replace(v0=2 * float(np.sqrt(params.v0)))


def width(here: Any, tangent: Any) -> float:
    """Half the width of a central difference: a twentieth of what moves, and no correlation beyond one."""
    leaves, moves = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (here, tangent)
    )
    step = 0.05 * max(max(abs(x), 0.1) / abs(d) for x, d in zip(leaves, moves, strict=True) if d != 0)
    if isinstance(here[0], (HestonParams, BatesParams)) and tangent[0].rho != 0:
        step = min(step, (1 - abs(here[0].rho)) / 2)
    return float(step)


def ends(here: Any, tangent: Any, step: float) -> tuple[Any, Any, np.float64]:
    """Both ends of a central difference, and their distance."""
    low, high = (jax.tree.map(lambda x, d, s=side: x + s * step * d, here, tangent) for side in (-1, 1))
    return low, high, np.float64(2 * step)


def method(name: str, estimator: str, bumped: bool) -> str:
    """How a Greek was estimated, in words.

    Examples
    --------
    >>> method("gamma", "pathwise", False), method("vega", "spot shift", True)
    ('difference of pathwise deltas on common random numbers', 'central difference on common random numbers')
    """
    if bumped or estimator == "finite difference":
        return "central difference on common random numbers"
    if estimator == "pathwise":
        return "difference of pathwise deltas on common random numbers" if name == "gamma" else "pathwise"
    if estimator == "one-step survival":
        along = "along paths that are kept alive (one-step survival)"
        return f"difference of deltas {along}" if name == "gamma" else f"pathwise {along}"
    if estimator == "spot shift":
        return "likelihood ratio of a shift that decays"
    return "likelihood ratio of the fixings"
