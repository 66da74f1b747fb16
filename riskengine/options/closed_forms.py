"""Expected present values of controls: what a simulation knows before it begins."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from riskengine.options.asian import Asian
from riskengine.options.black import black_price
from riskengine.options.garch_paths import HestonNandiParams
from riskengine.options.geometric_asian import geometric_asian
from riskengine.options.heston import HestonParams, heston_price
from riskengine.options.heston_nandi import heston_nandi_price
from riskengine.options.paths import BlackScholesParams, Market
from riskengine.options.products import Control, Product
from riskengine.options.simulation import How, Plan


def option_price(params: Any, market: Market, strike: float, maturity: float, kind: str) -> float | None:
    """European option by closed form or Fourier integral; None if the model has neither."""
    s, r, q = market
    if isinstance(params, BlackScholesParams):
        forward = s * np.exp((r - q) * maturity)
        price = black_price(forward, strike, maturity, params.volatility, kind)
        return float(np.exp(-r * maturity) * price)
    if isinstance(params, HestonParams):
        return float(heston_price(params, s, strike, maturity, r, q, kind))
    if isinstance(params, HestonNandiParams):
        return heston_nandi_price(params, s, strike, maturity, r, q, kind)
    return None


def control_mean(
    control: Control, product: Product, params: Any, market: Market, grid: np.ndarray
) -> float | None:
    """Expected present value of a control; None if the model has no closed form for it."""
    maturity = float(grid[-1])
    discount = np.exp(-market.rate * maturity)
    carry = market.rate - market.dividend
    if control.name == "forward":
        return float(market.spot * np.exp(-market.dividend * maturity))
    if control.name == "option":
        return option_price(params, market, getattr(product, control.strike), maturity, control.kind)
    if control.name == "digital":
        strike = getattr(product, control.strike)
        width = 1e-3 * strike
        low, high = (
            option_price(params, market, strike + side * width, maturity, "call") for side in (-1, 1)
        )
        return None if low is None or high is None else (low - high) / (2 * width)
    assert isinstance(product, Asian)
    weights, (total, logs) = product.weights(grid), product.known()
    if control.name == "average":
        return float(discount * (total + market.spot * np.sum(weights * np.exp(carry * grid))))
    assert control.name == "geometric"
    return geometric_asian(params, market, grid, weights, logs, product.strike, product.kind)


def known_means(plan: Plan, how: How) -> dict[str, np.ndarray]:
    """Expectations of the controls for the price and for each Greek, the latter by central differences."""
    grid = np.asarray(plan.grid)

    def means(controls: tuple[Control, ...], params: Any, market: Market) -> np.ndarray:
        return np.array([control_mean(c, plan.product, params, market, grid) for c in controls], float)

    def smooth(params: Any, market: Market) -> np.ndarray:
        return means(how.smooth_controls, params, market)

    here = (plan.params, plan.market)
    found = {"price": means(how.controls, *here)}

    def score(values: np.ndarray) -> np.ndarray:
        return values if how.method == "path" else np.append(values, 0.0)

    for name, direction in plan.directions.items():
        found[name] = score(_difference(smooth, here, direction))
    for name, (low, high, width) in plan.sides.items():
        found[name] = (smooth(*high) - smooth(*low)) / width
    if how.gamma:

        def at(spot: float) -> np.ndarray:
            return smooth(plan.params, plan.market._replace(spot=spot))

        spot, bump = plan.market.spot, float(plan.bump)
        if how.method != "path":
            h = 1e-3 * spot
            found["gamma"] = score((at(spot + h) - 2 * at(spot) + at(spot - h)) / h**2)
        else:
            h = 1e-4 * spot
            slopes = [(at(s + h) - at(s - h)) / (2 * h) for s in (spot - bump, spot + bump)]
            # linear in the spot: their gamma along the path is rounding and nothing else
            linear = [control.name in ("forward", "average") for control in how.smooth_controls]
            found["gamma"] = np.where(linear, np.nan, (slopes[1] - slopes[0]) / (2 * bump))
    return found


def _difference(function: Any, here: Any, direction: Any) -> np.ndarray:
    """Derivative of ``function(params, market)`` along a direction: a step of a ten-thousandth of what moves."""
    leaves, moves = jax.tree.leaves(here), jax.tree.leaves(direction)
    step = 1e-4 * max(max(abs(x), 0.01) / abs(d) for x, d in zip(leaves, moves, strict=True) if d != 0)
    sides = [jax.tree.map(lambda x, d, s=side: x + s * step * d, here, direction) for side in (-1, 1)]
    return (function(*sides[1]) - function(*sides[0])) / (2 * step)
