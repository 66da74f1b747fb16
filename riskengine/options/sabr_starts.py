"""Where calibrations of SABR begin: level, slope and curvature of the smile at the money, or parameters handed over."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from riskengine.options.garch_start import SabrStart
from riskengine.options.sabr import SabrParams
from riskengine.options.surface import aligned

Array = np.ndarray
REACH = 1.5
"""Standard deviations from the money within which the smile is read as a parabola."""
SHAPES = ((0.4, -0.3), (1.0, -0.5), (2.0, -0.7), (5.0, -0.4), (1.0, 0.4))
"""Volatility of volatility and correlation of further starts."""


def from_coordinates(u: Any, beta: Any) -> SabrParams:
    """Parameters of ``(log alpha, log nu, artanh(rho / .999))``."""
    return SabrParams(jnp.exp(u[0]), beta, jnp.exp(u[1]), 0.999 * jnp.tanh(u[2]))


def to_coordinates(p: SabrParams) -> Array:
    """Inverse of :func:`from_coordinates`, stacked along the last axis."""
    rho = np.arctanh(np.clip(p.rho, -0.995, 0.995) / 0.999)
    return np.stack([np.log(p.alpha), np.log(np.maximum(p.nu, 1e-3)), rho], axis=-1)


def start_of_quotes(smiles: Any, beta: float) -> Array:
    """Coordinates ``(smiles, 3)`` from level, slope and curvature at the money.

    By the expansion ``s0 (1 + (rho l - b) x / 2 + (b^2 + (2 - 3 rho^2) l^2) x^2 / 12)`` of Hagan et al. (2002, 3.1a),
    ``l = nu / s0`` and ``b = 1 - beta`` for lognormal volatilities, ``b = -beta`` for normal ones, whose curvature in
    ``b`` is left out.
    """
    starts = []
    for j in range(len(smiles.forward)):
        level, slope, curvature = _parabola(smiles, j)
        f = smiles.forward[j]
        unit = 1.0
        if smiles.normal and beta > 0:  # in the logarithm of the strike, as the slope of F^beta asks
            unit = f
        bend = -beta / unit if smiles.normal else 1 - beta
        product = 2 * slope + bend * level  # rho nu
        square = (12 * level * curvature - (0 if smiles.normal else bend**2) * level**2 + 3 * product**2) / 2
        scale = 1 / unit if smiles.normal and beta > 0 else 1.0
        nu = np.sqrt(square) if square > 1.1 * product**2 else max(1.25 * abs(product), 0.2 * scale)
        rho = float(np.clip(product / nu, -0.9, 0.9))
        nu = float(np.clip(nu / scale, 0.05, 20.0))
        alpha = level * (
            f**-beta if smiles.normal and beta > 0 else f ** (1 - beta) if not smiles.normal else 1.0
        )
        growth = (2 - 3 * rho**2) / 24 * nu**2 * smiles.maturity[j]
        starts.append((alpha / np.clip(1 + growth, 0.5, 3.0), nu, rho))
    alpha, nu, rho = np.array(starts).T
    return to_coordinates(SabrParams(alpha, beta, nu, rho))


def _parabola(smiles: Any, j: int) -> tuple[float, float, float]:
    """Level, slope and half the second derivative at the money, by least squares near it."""
    seen = smiles.weight[j] > 0
    k, v, f = smiles.strike[j][seen], smiles.volatility[j][seen], smiles.forward[j]
    x = k - f if smiles.normal else np.log(k / f)
    nearest = float(v[np.argmin(np.abs(x))])
    near = np.abs(x) <= REACH * nearest * np.sqrt(smiles.maturity[j])
    if len(x) < 3:
        return nearest, 0.0, 0.0
    if near.sum() < 4:
        near = np.argsort(np.abs(x), kind="stable")[:5]
    scale = np.max(np.abs(x[near])) or 1.0
    c, b, a = np.polyfit(x[near] / scale, v[near], 2)
    if not 0.5 * nearest < a < 2 * nearest:
        return nearest, 0.0, 0.0
    return float(a), float(b / scale), float(c / scale**2)


def further_starts(first: Array) -> Array:
    """Coordinates ``(starts, smiles, 3)``: the level of the first with every shape of :data:`SHAPES`."""
    found = np.repeat(first[None], len(SHAPES), axis=0)
    for one, (nu, rho) in zip(found, SHAPES, strict=True):
        one[:, 1], one[:, 2] = np.log(nu), np.arctanh(rho / 0.999)
    return found


def start_of_params(params: SabrParams, owner: Array, surfaces: int) -> Array:
    """Coordinates ``(smiles, 3)`` of parameters that are scalars, or one a surface."""
    return to_coordinates(SabrParams(*(aligned(leaf, surfaces)[owner] for leaf in params)))


def pull_of(prior: SabrStart, owner: Array, surfaces: int) -> tuple[Array, Array]:
    """Centre and inverse standard deviation of the coordinates ``(smiles, 3)``."""
    rho = aligned(prior.params.rho, surfaces)[owner]
    spread = [np.maximum(aligned(leaf, surfaces)[owner], 1e-6) for leaf in prior.spread]
    slope = 1 - np.minimum(rho**2, 0.98)
    pull = 1 / np.stack([spread[0], spread[2], spread[3] / slope], axis=-1)
    return start_of_params(prior.params, owner, surfaces), pull
