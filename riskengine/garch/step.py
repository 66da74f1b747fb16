"""The variance recursion of GJR-GARCH(1,1), one day: plain arithmetic, for numpy and jax arrays alike."""

from __future__ import annotations

from typing import Any

from riskengine.garch.params import GarchParams


def step(params: GarchParams, variance: Any, shock: Any) -> Any:
    """Next day's conditional variance, ``omega + (alpha + gamma 1[shock < 0]) shock^2 + beta variance``.

    Parameters
    ----------
    params : leaves that broadcast against the variance (Glosten, Jagannathan and Runkle 1993)
    variance : (..., assets) conditional variance of the day
    shock : (..., assets) return of the day less its mean, without NaN

    Examples
    --------
    >>> import numpy as np
    >>> p = GarchParams(2e-6, 0.05, 0.10, 0.88, 8.0)
    >>> step(p, np.array([1e-4, 1e-4]), np.array([-0.02, 0.02]))
    array([0.00015, 0.00011])
    """
    negative = (shock < 0).astype(shock.dtype)
    return params.omega + (params.alpha + params.gamma * negative) * shock * shock + params.beta * variance


def expected_step(params: GarchParams, variance: Any) -> Any:
    """Next day's expected variance before the shock is known, ``omega + (alpha + gamma / 2) variance + beta variance``.

    What a day without an observation makes of the variance.

    Examples
    --------
    >>> print(f"{expected_step(GarchParams(2e-6, 0.05, 0.10, 0.88, 8.0), 1e-4):.2e}")
    1.00e-04
    """
    return params.omega + (params.alpha + params.gamma / 2) * variance + params.beta * variance
