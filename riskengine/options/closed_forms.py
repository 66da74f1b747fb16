"""Expectations of control variates, in closed form or by Fourier integral."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from riskengine.options.asian import Asian
from riskengine.options.bates import BatesParams, bates_price
from riskengine.options.black import black_price
from riskengine.options.dynamics import BlackScholesParams, MarketData
from riskengine.options.garch_paths import HestonNandiParams
from riskengine.options.geometric_asian import geometric_asian
from riskengine.options.heston import HestonParams, heston_price
from riskengine.options.heston_nandi import heston_nandi_price
from riskengine.options.path_kernel import KernelInputs, KernelStatic
from riskengine.options.products import ControlVariate, Product


def option_price(params: Any, market: MarketData, strike: float, maturity: float, kind: str) -> float | None:
    """European option by closed form or Fourier integral; None if the model has neither."""
    s, r, q = market
    if isinstance(params, BlackScholesParams):
        forward = s * np.exp((r - q) * maturity)
        price = black_price(forward, strike, maturity, params.volatility, kind)
        return float(np.exp(-r * maturity) * price)
    if isinstance(params, HestonParams):
        return float(heston_price(params, s, strike, maturity, r, q, kind))
    if isinstance(params, BatesParams):
        return float(bates_price(params, s, strike, maturity, r, q, kind))
    if isinstance(params, HestonNandiParams):
        return heston_nandi_price(params, s, strike, maturity, r, q, kind)
    return None


def control_mean(
    control: ControlVariate, product: Product, params: Any, market: MarketData, grid: np.ndarray
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


def known_means(inputs: KernelInputs, static: KernelStatic) -> dict[str, np.ndarray]:
    """Expectations of the controls for the price and for each Greek, the latter by central differences."""
    grid = np.asarray(inputs.grid)

    def means(controls: tuple[ControlVariate, ...], params: Any, market: MarketData) -> np.ndarray:
        return np.array([control_mean(c, inputs.product, params, market, grid) for c in controls], float)

    def smooth(params: Any, market: MarketData) -> np.ndarray:
        return means(static.smooth_controls, params, market)

    here = (inputs.params, inputs.market)
    found = {"price": means(static.controls, *here)}

    def score(values: np.ndarray) -> np.ndarray:
        ratio = static.greek_estimator in ("likelihood ratio", "spot shift")  # one more control, of mean zero
        return np.append(values, 0.0) if ratio else values

    for name, tangent in inputs.tangents.items():
        found[name] = score(_difference(smooth, here, tangent))
    if "rho" in inputs.tangents and static.greek_estimator in ("pathwise", "one-step survival"):
        # a discounted asset does not move with the rate: along the path its derivative is rounding and nothing else
        still = [control.name == "forward" for control in static.smooth_controls]
        found["rho"] = np.where(still, np.nan, found["rho"])
    for name, (low, high, width) in inputs.bumps.items():
        found[name] = (smooth(*high) - smooth(*low)) / width
    if static.gamma:

        def at(spot: float) -> np.ndarray:
            return smooth(inputs.params, inputs.market._replace(spot=spot))

        spot, bump = inputs.market.spot, float(inputs.gamma_bump)
        if static.greek_estimator in ("likelihood ratio", "spot shift"):
            h = 1e-3 * spot
            found["gamma"] = score((at(spot + h) - 2 * at(spot) + at(spot - h)) / h**2)
        else:
            if static.greek_estimator == "finite difference":
                second = (at(spot + bump) - 2 * at(spot) + at(spot - bump)) / bump**2
            else:
                h = 1e-4 * spot
                slopes = [(at(s + h) - at(s - h)) / (2 * h) for s in (spot - bump, spot + bump)]
                second = (slopes[1] - slopes[0]) / (2 * bump)
            # linear in the spot: their gamma along the path is rounding and nothing else
            linear = [control.name in ("forward", "average") for control in static.smooth_controls]
            found["gamma"] = np.where(linear, np.nan, second)
    return found


def _difference(function: Any, here: Any, tangent: Any) -> np.ndarray:
    """Derivative of ``function(params, market)`` along a tangent: a step of a ten-thousandth of what moves."""
    leaves, moves = jax.tree.leaves(here), jax.tree.leaves(tangent)
    step = 1e-4 * max(max(abs(x), 0.01) / abs(d) for x, d in zip(leaves, moves, strict=True) if d != 0)
    sides = [jax.tree.map(lambda x, d, s=side: x + s * step * d, here, tangent) for side in (-1, 1)]
    return (function(*sides[1]) - function(*sides[0])) / (2 * step)
