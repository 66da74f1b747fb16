"""Heston's parameters as unbounded coordinates for a least-squares solver, and back."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.options.heston import HestonParams

LOWER = HestonParams(v0=1e-5, kappa=0.02, theta=1e-5, sigma=0.01, rho=-0.999)
UPPER = HestonParams(v0=4.0, kappa=60.0, theta=4.0, sigma=12.0, rho=0.999)
"""Edges of the parameters."""
SHARE = 0.01
"""Least volatility of variance, as a share of the largest that Feller's condition allows."""


@dataclass(frozen=True)
class HestonSpace:
    """The coordinates of a calibration of Heston's model: a static argument of its program.

    Parameters
    ----------
    feller : whether the volatility of variance stays below ``sqrt(2 kappa theta)``
    """

    feller: bool = False

    def params(self, u: Array) -> HestonParams:
        """:func:`from_coordinates`."""
        return from_coordinates(u, self.feller)

    def coordinates(self, params: HestonParams) -> np.ndarray:
        """:func:`to_coordinates`."""
        return to_coordinates(params, self.feller)

    def at_edge(self, u: np.ndarray) -> np.ndarray:
        """Which coordinates are within a two-hundredth of an edge."""
        return at_edge(u, self.feller)


def between(u: Array, low: Array, high: Array) -> Array:
    """An unbounded coordinate bent to stay between two edges."""
    width = high - low
    return low + width * jax.nn.sigmoid(4 * (u - (low + high) / 2) / width)


def unbent(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Inverse of :func:`between`; what is at or beyond an edge is moved to within a thousandth of it."""
    share = np.clip((value - low) / (high - low), 1e-3, 1 - 1e-3)
    return (low + high) / 2 + (high - low) / 4 * np.log(share / (1 - share))


def from_coordinates(u: Array, feller: bool = False) -> HestonParams:
    """Parameters of coordinates ``(5,)``: logarithms bent so as to stay inside the edges, and ``rho`` likewise.

    With ``feller`` the volatility of variance stays below ``sqrt(2 kappa theta)``.
    """
    low, high = ([jnp.asarray(v) for v in edge] for edge in (LOWER, UPPER))
    v0, kappa, theta = (jnp.exp(between(u[i], jnp.log(low[i]), jnp.log(high[i]))) for i in range(3))
    if feller:
        largest = jnp.sqrt(2 * kappa * theta)
        sigma = largest * jnp.exp(between(u[3], jnp.log(SHARE), jnp.zeros(())))
    else:
        sigma = jnp.exp(between(u[3], jnp.log(low[3]), jnp.log(high[3])))
    return HestonParams(v0, kappa, theta, sigma, between(u[4], low[4], high[4]))


def to_coordinates(params: HestonParams, feller: bool = False) -> np.ndarray:
    """Inverse of :func:`from_coordinates`, for leaves ``(surfaces,)``: ``(surfaces, 5)``.

    Parameters at or beyond an edge are moved to within a thousandth of it.
    """
    p = HestonParams(*(np.asarray(leaf, np.float64) for leaf in params))
    logs = [
        unbent(np.log(np.maximum(leaf, 1e-300)), np.log(lo), np.log(hi))
        for leaf, lo, hi in zip(p[:3], LOWER, UPPER, strict=False)
    ]
    if feller:
        share = np.maximum(p.sigma, 1e-300) / np.sqrt(2 * p.kappa * p.theta)
        logs.append(unbent(np.log(share), np.log(SHARE), 0.0))
    else:
        logs.append(unbent(np.log(np.maximum(p.sigma, 1e-300)), np.log(LOWER.sigma), np.log(UPPER.sigma)))
    return np.stack([*logs, unbent(p.rho, LOWER.rho, UPPER.rho)], axis=-1)


def at_edge(u: np.ndarray, feller: bool = False) -> np.ndarray:
    """Which coordinates ``(5,)`` are within a two-hundredth of an edge."""
    low, high = (np.array([*np.log(edge[:4]), edge[4]]) for edge in (LOWER, UPPER))
    if feller:
        low[3], high[3] = np.log(SHARE), 0.0
    share = 1 / (1 + np.exp(-np.clip(4 * (u - (low + high) / 2) / (high - low), -500, 500)))
    return np.minimum(share, 1 - share) < 0.005
