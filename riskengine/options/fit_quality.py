"""What a fit to quotes is worth: its error against bid and ask, at the money, and the density that it implies.

The three tests of a desk that marks options stand here and nowhere else: :data:`SHARE`, :data:`SHARE_AT_THE_MONEY` and
:data:`INSIDE`. :data:`FIT_RULE` says them in words, for pages and documents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.options.quotes import Quotes

Array = np.ndarray
SHARE = 0.05
"""Share of the quoted volatility that a root mean squared error may have where bid and ask are no wider."""
SHARE_AT_THE_MONEY = 0.05
"""The same for the error at the money of one maturity. A premium at the money is proportional to the volatility, so
this is the share of the premium that the model is off."""
INSIDE = 0.5
"""Least share of the quotes with two sides at which the model lies between bid and ask, unless the error is small:"""
SMALL = 0.02
"""Share of the quoted volatility, .4 points of 20, up to which a root mean squared error is small whatever the spread;
it is small within the distance from bid to ask too."""
FIT_RULE = (
    f"A fit is poor where its root mean squared error is above {SHARE:.0%} of the quoted volatility and half the "
    f"distance from bid to ask; where it is above {SMALL:.0%} and the whole of that distance, and fewer than "
    f"{INSIDE:.0%} of the quotes have the model between bid and ask; or where it misses the money of a maturity by "
    f"{SHARE_AT_THE_MONEY:.0%} of the volatility, which is that share of the premium, and by half the distance."
)
"""The rule in words."""
NEAR = 0.5
"""Standard deviations from the forward within which a quote speaks for the money."""


@dataclass(frozen=True, eq=False)
class FitQuality:
    """Errors of a fitted model, in volatility points, and what is poor about it.

    Attributes
    ----------
    rmse, largest
        Root mean squared and largest absolute error over the usable quotes.
    half_spread
        Root mean square of half the distance from bid to ask; zero where quotes have one side only.
    inside
        Share of the quotes with two sides at which the model lies between them; NaN where there are none.
    maturity, at_the_money
        (maturities,) years, and the signed error at the quote nearest the forward; NaN where none is near.
    reasons
        Why the fit is poor, one line each; empty where it is not.
    """

    rmse: float
    largest: float
    half_spread: float
    inside: float
    maturity: Array
    at_the_money: Array
    reasons: tuple[str, ...]

    @property
    def poor(self) -> bool:
        """Whether there is a reason."""
        return bool(self.reasons)


def fit_quality(quotes: Quotes, volatility: Array, further: tuple[str, ...] = ()) -> FitQuality:
    """Judge a model's volatilities at the quotes.

    A fit is poor by :data:`FIT_RULE`, and for the reasons handed over.

    Parameters
    ----------
    quotes : the data
    volatility : (quotes,) of the model; NaN where a quote is not usable
    further : reasons that only the model knows

    Examples
    --------
    >>> quotes = Quotes.of_volatilities([90.0, 100.0, 110.0], 0.5, [0.24, 0.2, 0.19], spot=100.0)
    >>> fit_quality(quotes, quotes.volatility + 0.001).reasons
    ()
    >>> fit_quality(quotes, quotes.volatility + 0.05).reasons[0]
    'the root mean squared error is 5 points, 24% of the quoted volatility'
    """
    used = quotes.usable & np.isfinite(volatility)
    if not used.any():
        none = np.zeros(0)
        return FitQuality(np.nan, np.nan, np.nan, np.nan, none, none, further)
    error = 100 * (volatility - quotes.volatility)
    half = np.where(used, np.nan_to_num(100 * (quotes.ask - quotes.bid) / 2), 0.0).clip(0)
    sided = used & (half > 0)
    rmse, spread = (float(np.sqrt(np.mean(values[used] ** 2))) for values in (error, half))
    between = (volatility >= quotes.bid) & (volatility <= quotes.ask)
    maturity = np.unique(quotes.maturity[used])
    nearest = [_nearest_the_money(quotes, used & (quotes.maturity == t)) for t in maturity]
    money = np.array([np.nan if k is None else error[k] for k in nearest])
    inside = float(np.mean(between[sided])) if sided.any() else float("nan")
    level = 100 * float(quotes.volatility[used].mean())
    typical = float(np.sqrt(np.mean(half[sided] ** 2))) if sided.any() else 0.0
    reasons = [*_overall(rmse, spread, level), *_outside(rmse, typical, level, inside), *further]
    for t, k in zip(maturity, nearest, strict=True):
        if k is not None and abs(error[k]) > max(100 * SHARE_AT_THE_MONEY * quotes.volatility[k], half[k]):
            quoted = f"{100 * quotes.volatility[k]:.4g}"
            reasons.append(f"at the money {error[k]:+.3g} points off {quoted} at {365 * t:.0f} days")
    return FitQuality(
        rmse,
        float(np.max(np.abs(error[used]))),
        spread,
        inside,
        maturity,
        money,
        tuple(reasons),
    )


def _overall(rmse: float, spread: float, level: float) -> list[str]:
    if not rmse > max(SHARE * level, spread):
        return []
    return [f"the root mean squared error is {rmse:.3g} points, {rmse / level:.0%} of the quoted volatility"]


def _outside(rmse: float, half: float, level: float, inside: float) -> list[str]:
    """Where most quotes with two sides have the model outside, by more than the spread."""
    if not (inside < INSIDE and rmse > max(SMALL * level, 2 * half)):
        return []
    return [
        f"{inside:.0%} of the quotes between bid and ask, {2 * half:.2g} points apart, and an error of {rmse:.2g}"
    ]


def _nearest_the_money(quotes: Quotes, rows: Array) -> int | None:
    """Position of the quote nearest the forward, if one is near."""
    which = np.flatnonzero(rows)
    x = quotes.form.moneyness(quotes.forward[which], quotes.strike[which])
    k = int(np.argmin(np.abs(x)))
    deviation = quotes.volatility[which[k]] * np.sqrt(quotes.maturity[which[k]])
    return int(which[k]) if abs(x[k]) <= NEAR * deviation else None
