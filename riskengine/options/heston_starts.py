"""Where calibrations of Heston's model begin: read from the quotes, and several where one is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskengine.options.garch_start import HestonStart
from riskengine.options.heston import HestonParams, check_heston
from riskengine.options.quotes import Quotes
from riskengine.options.surface import aligned

SHAPES = (
    (0.5, 0.3, -0.5),
    (1.5, 1.0, -0.7),
    (3.0, 0.8, 0.0),
    (5.0, 1.5, -0.7),
    (8.0, 2.0, 0.3),
    (10.0, 4.0, -0.7),
    (20.0, 3.0, -0.4),
)
"""Speed, volatility of variance and correlation of the further starts; the variances are read from the quotes."""
THIN_MATURITIES, THIN_STRIKES = 8, 16
"""Of the surface on which further starts are tried."""


def heston_guess(quotes: Quotes) -> HestonParams:
    """A start read from the quotes: variances nearest the money of the first and the last maturity, the rest fixed.

    Examples
    --------
    >>> from riskengine.options import Quotes
    >>> maturity, volatility = [0.5, 0.5, 0.5, 2.0], [0.24, 0.2, 0.18, 0.3]
    >>> quotes = Quotes.of_volatilities([90.0, 100.0, 110.0, 100.0], maturity, volatility, spot=100.0)
    >>> guess = heston_guess(quotes)
    >>> [round(float(leaf), 2) for leaf in guess]
    [0.04, 2.0, 0.09, 0.5, -0.5]
    """
    usable = np.flatnonzero(quotes.usable)
    if not len(usable):
        return HestonParams(0.04, 2.0, 0.04, 0.5, -0.5)
    x, t = np.abs(np.log(quotes.strike / quotes.forward)), quotes.maturity
    v = []
    for maturity in (t[usable].min(), t[usable].max()):
        rows = usable[t[usable] == maturity]
        v.append(float(np.clip(quotes.volatility[rows[np.argmin(x[rows])]] ** 2, 1e-4, 2.0)))
    return HestonParams(v[0], 2.0, v[1], 0.5, -0.5)


def first_starts(start: HestonStart | HestonParams | None, surfaces: Sequence[Quotes]) -> HestonParams:
    """Leaves ``(surfaces,)``: those handed over, or read from the quotes."""
    if start is None:
        guesses = [heston_guess(one) for one in surfaces]
        return HestonParams(*(np.array(leaf) for leaf in zip(*guesses, strict=True)))
    params = check_heston(start.params if isinstance(start, HestonStart) else start)
    return HestonParams(*(aligned(leaf, len(surfaces)) for leaf in params))


def further_starts(quotes: Quotes) -> HestonParams:
    """Leaves ``(starts,)``: the variances of :func:`heston_guess` with every shape of :data:`SHAPES`."""
    guess, shapes = heston_guess(quotes), np.array(SHAPES)
    v0, theta = (np.full(len(shapes), leaf) for leaf in (guess.v0, guess.theta))
    return HestonParams(v0, shapes[:, 0], theta, shapes[:, 1], shapes[:, 2])


def thinned(quotes: Quotes) -> Quotes:
    """At most :data:`THIN_MATURITIES` maturities of :data:`THIN_STRIKES` quotes, evenly by rank, ends included."""
    usable = quotes.usable
    maturities = np.unique(quotes.maturity[usable])
    kept = []
    for t in _spread(maturities, THIN_MATURITIES):
        rows = np.flatnonzero(usable & (quotes.maturity == t))
        kept.append(_spread(rows[np.argsort(quotes.strike[rows], kind="stable")], THIN_STRIKES))
    return quotes.take(np.concatenate(kept))


def _spread(values: np.ndarray, most: int) -> np.ndarray:
    return values[np.unique(np.round(np.linspace(0, len(values) - 1, min(most, len(values)))).astype(int))]
