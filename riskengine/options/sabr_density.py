"""Where the density that SABR's formula implies is negative between the quoted strikes."""

from __future__ import annotations

import numpy as np

from riskengine.options.bachelier import bachelier_price
from riskengine.options.black import black_price
from riskengine.options.sabr import SabrParams, sabr_normal_volatility, sabr_volatility

Array = np.ndarray
POINTS = 401
DEPTH = 1e-3
"""Share of the probability below zero from which on it is told: the formula's far wings are not traded to the digit."""


def negative_density(
    params: SabrParams, forward: float, maturity: float, strikes: Array, form: str
) -> list[tuple[float, float]]:
    """Ranges of strikes in which calls are not convex, where their negative probability adds up to a share.

    Parameters
    ----------
    params : scalars
    forward, strikes : shifted
    form : of :func:`sabr_volatility`, or "normal"

    Examples
    --------
    >>> wild = SabrParams(alpha=0.05, beta=0.5, nu=1.2, rho=-0.3)
    >>> [f"{low:.3f}" for low, _ in negative_density(wild, 0.03, 15.0, np.array([0.001, 0.08]), "hagan")]
    ['0.001', '0.044']
    >>> negative_density(wild._replace(nu=0.3, alpha=0.03), 0.03, 1.0, np.array([0.01, 0.06]), "hagan")
    []
    """
    if len(np.unique(strikes)) < 2:
        return []
    k = np.linspace(strikes.min(), strikes.max(), POINTS)
    if form == "normal":
        price = bachelier_price(
            forward, k, maturity, np.maximum(sabr_normal_volatility(params, forward, k, maturity), 0)
        )
    else:
        volatility = np.maximum(sabr_volatility(params, forward, k, maturity, form=form), 0)
        price = black_price(forward, k, maturity, volatility)
    mass = np.diff(price, 2) / (k[1] - k[0])
    below = mass < -1e-13 * np.max(np.abs(price)) / (k[1] - k[0])
    if -np.sum(mass[below]) < DEPTH:
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], below, [False]]).astype(int)))
    return [(float(k[a + 1]), float(k[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
