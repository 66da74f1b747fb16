"""Variance forecasts beyond tomorrow."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from riskengine.errors import SettingsError
from riskengine.garch.params import GarchParams


def check_horizon(horizon: int) -> None:
    """Refuse a horizon below one day.

    Raises
    ------
    SettingsError
        If it is.
    """
    if horizon < 1:
        raise SettingsError(f"a horizon is at least one day, not {horizon}")


def term_structure(params: GarchParams, next_variance: Array, horizon: int) -> Array:
    """Expected variance of each of the next ``horizon`` days.

    ``v + persistence^(k-1) (next_variance - v)`` with the long-run variance ``v``.

    Parameters
    ----------
    params : leaves ``(assets,)``
    next_variance : (assets,) variance of tomorrow
    horizon : days, at least 1

    Returns
    -------
    (horizon, assets) variance per day

    Raises
    ------
    SettingsError
        If ``horizon`` is below one.

    Examples
    --------
    >>> p = GarchParams(2e-6, 0.05, 0.10, 0.88, 8.0)  # persistence .98, long-run variance .0001
    >>> print((1e4 * term_structure(p, jnp.array(4e-4), 3)).round(2))
    [4.   3.94 3.88]
    """
    check_horizon(horizon)
    persistence = jnp.asarray(params.persistence)
    days = jnp.arange(horizon, dtype=persistence.dtype)
    decay = persistence ** days.reshape(-1, *[1] * persistence.ndim)
    return params.long_run_variance + decay * (next_variance - params.long_run_variance)


def holding_period_variance(params: GarchParams, next_variance: Array, horizon: int) -> Array:
    """Mean variance per day over the holding period, ``(assets,)``; times ``horizon`` for the period.

    Parameters
    ----------
    params : leaves ``(assets,)``
    next_variance : (assets,) of tomorrow
    horizon : days, at least 1

    Examples
    --------
    >>> p = GarchParams(2e-6, 0.05, 0.10, 0.88, 8.0)
    >>> print(f"{float(holding_period_variance(p, 4e-4, 1)):.6f}")
    0.000400
    >>> print(f"{float(holding_period_variance(p, 4e-4, 5000)):.6f}")  # near the long-run variance of .0001
    0.000103
    """
    return jnp.mean(term_structure(params, next_variance, horizon), axis=0)
