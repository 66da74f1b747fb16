"""American options: prices by a tree of Leisen and Reimer (1996), and the European prices behind American quotes."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskengine.errors import DataError
from riskengine.options.black import black_price, implied_volatility, signs

Array = np.ndarray
STEPS = 101
BLOCK = 2048
"""Options a tree at once."""


def american_price(
    spot: Any,
    strike: Any,
    maturity: Any,
    volatility: Any,
    rate: Any = 0.0,
    dividend: Any = 0.0,
    kind: Any = "call",
    steps: int = STEPS,
) -> Array:
    """Premium of an American option under Black and Scholes.

    The closed form of the European option, and the premium of early exercise by a tree of Leisen and Reimer (1996),
    whose own European price is taken out: a control variate (Hull and White 1988).

    Parameters
    ----------
    spot, strike : positive; everything broadcasts
    maturity : years, positive
    volatility : per year, positive
    rate, dividend : continuously compounded
    kind : "call" or "put", one or an array
    steps : of the tree, odd

    Raises
    ------
    DataError
        If an input is not finite or outside its range.

    Examples
    --------
    Hull's example of a put, 4.2830 with 1000 steps and more:

    >>> round(float(american_price(50.0, 50.0, 5 / 12, 0.4, 0.1, 0.0, "put")), 3)
    4.283
    """
    arrays = [np.asarray(value, np.float64) for value in (spot, strike, maturity, volatility, rate, dividend)]
    sign = signs(kind)
    shape = np.broadcast_shapes(*(a.shape for a in arrays), sign.shape)
    s, k, t, v, r, q, sign = (np.broadcast_to(a, shape).ravel() for a in (*arrays, sign))
    for name, array in (("spot", s), ("strike", k), ("maturity", t), ("volatility", v)):
        if not np.all(np.isfinite(array) & (array > 0)):
            raise DataError(f"a {name} of an American option is finite and positive")
    if not (np.isfinite(r).all() and np.isfinite(q).all()):
        raise DataError("rate and dividend are finite numbers per year")
    forward, discount = s * np.exp((r - q) * t), np.exp(-r * t)
    european = discount * black_price(forward, k, t, v, np.where(sign > 0, "call", "put"))
    found = european + exercise_premium(s, k, t, v, r, q, sign, steps)
    return np.maximum(found, np.maximum(sign * (s - k), 0)).reshape(shape)


def exercise_premium(
    s: Array, k: Array, t: Array, v: Array, r: Array, q: Array, sign: Array, steps: int = STEPS
) -> Array:
    """American less European price on one tree, arrays (options,)."""
    found = np.zeros(len(s))
    # A call is never exercised early without a dividend, a put never without a rate.
    possible = np.where(sign > 0, q > 0, r > 0) | np.where(sign > 0, r < 0, q < 0)
    for first in range(0, len(s), BLOCK):
        rows = np.flatnonzero(possible[first : first + BLOCK]) + first
        if len(rows):
            found[rows] = _tree(s[rows], k[rows], t[rows], v[rows], r[rows], q[rows], sign[rows], steps | 1)
    return found


def _tree(s: Array, k: Array, t: Array, v: Array, r: Array, q: Array, sign: Array, n: int) -> Array:
    """Difference of both prices by backward induction, all options at once."""
    dt = t / n
    deviation = v * np.sqrt(t)
    d1 = (np.log(s / k) + (r - q) * t) / deviation + deviation / 2
    p_up, p = _peizer_pratt(d1, n), _peizer_pratt(d1 - deviation, n)
    growth = np.exp((r - q) * dt)
    up = growth * p_up / p
    down = growth * (1 - p_up) / (1 - p)
    usable = (p > 1e-12) & (p < 1 - 1e-12)
    up, down, p = (np.where(usable, x, y) for x, y in ((up, 1.01), (down, 0.99), (p, 0.5)))
    discount = np.exp(-r * dt)[:, None]
    level = np.arange(n + 1)
    price = s[:, None] * up[:, None] ** level * down[:, None] ** (n - level)
    american = np.maximum(sign[:, None] * (price - k[:, None]), 0)
    european = american
    share = p[:, None]
    for step in range(n - 1, -1, -1):
        price = price[:, : step + 1] / down[:, None]
        american = discount * (share * american[:, 1:] + (1 - share) * american[:, :-1])
        european = discount * (share * european[:, 1:] + (1 - share) * european[:, :-1])
        american = np.maximum(american, sign[:, None] * (price - k[:, None]))
    premium = american[:, 0] - european[:, 0]
    sure = np.maximum(sign * (s - k), 0) - np.maximum(sign * (s * np.exp(-q * t) - k * np.exp(-r * t)), 0)
    return np.where(usable, np.maximum(premium, 0), np.maximum(sure, 0))


def _peizer_pratt(z: Array, n: int) -> Array:
    """Binomial probability that has the normal one (second inversion)."""
    scaled = (z / (n + 1 / 3 + 0.1 / (n + 1))) ** 2 * (n + 1 / 6)
    return 0.5 + np.sign(z) * np.sqrt(-np.expm1(-scaled)) / 2


def european_premium(
    premium: Array,
    spot: float,
    strike: Array,
    maturity: Array,
    rate: Array,
    dividend: Array,
    sign: Array,
    tolerance: float = 1e-6,
) -> Array:
    """European premiums at the volatilities that give American quotes; NaN where a quote is worth its exercise.

    Parameters
    ----------
    premium : (quotes,) American
    spot : of the underlying
    strike, maturity, rate, dividend, sign : (quotes,); the sign is one for calls
    tolerance : change over the spot at which the iteration ends

    The premium of early exercise is taken at the volatility of the last European price, and taken off again, until it
    stands still.
    """
    european = premium.astype(float).copy()
    forward, discount = spot * np.exp((rate - dividend) * maturity), np.exp(-rate * maturity)
    kind = np.where(sign > 0, "call", "put")
    spots = np.full(len(strike), float(spot))
    alive = (
        np.isfinite(premium) & (premium > np.maximum(sign * (spot - strike), 0) * (1 + 1e-9)) & (maturity > 0)
    )
    open_ = alive.copy()
    for _ in range(30):
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        floor = discount[rows] * np.maximum(sign[rows] * (forward[rows] - strike[rows]), 0)
        guess = np.maximum(european[rows], floor + 1e-9 * spot)
        v = implied_volatility(
            guess / discount[rows], forward[rows], strike[rows], maturity[rows], kind[rows]
        )
        lost = ~np.isfinite(v)
        v = np.where(lost, 0.2, np.clip(v, 0.01, 10.0))
        extra = exercise_premium(
            spots[rows], strike[rows], maturity[rows], v, rate[rows], dividend[rows], sign[rows]
        )
        new = premium[rows] - extra
        moved = np.abs(new - european[rows]) > tolerance * spot
        european[rows] = np.where(lost, np.nan, new)
        open_[rows] = moved & ~lost
    european[~alive] = np.nan
    european[open_] = np.nan
    return european
