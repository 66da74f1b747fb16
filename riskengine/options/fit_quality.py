"""What a fit to quotes is worth: its error against bid and ask, at the money, and the density that it implies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.options.quotes import Quotes

Array = np.ndarray
SHARE = 0.05
"""Share of the quoted volatility that a root mean squared error may have where bid and ask are no wider."""
SHARE_AT_THE_MONEY = 0.1
"""The same for the error at the money of one maturity."""
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

    A fit is poor where its root mean squared error is above :data:`SHARE` of the quoted volatility and above half the
    distance from bid to ask; where it misses the money of a maturity by :data:`SHARE_AT_THE_MONEY` likewise; and for
    the reasons handed over.

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
    reasons = [*_overall(rmse, spread, 100 * float(quotes.volatility[used].mean())), *further]
    for t, k in zip(maturity, nearest, strict=True):
        if k is not None and abs(error[k]) > max(100 * SHARE_AT_THE_MONEY * quotes.volatility[k], half[k]):
            level = f"{100 * quotes.volatility[k]:.4g}"
            reasons.append(f"at the money {error[k]:+.3g} points off {level} at {365 * t:.0f} days")
    return FitQuality(
        rmse,
        float(np.max(np.abs(error[used]))),
        spread,
        float(np.mean(between[sided])) if sided.any() else float("nan"),
        maturity,
        money,
        tuple(reasons),
    )


def _overall(rmse: float, spread: float, level: float) -> list[str]:
    if not rmse > max(SHARE * level, spread):
        return []
    return [f"the root mean squared error is {rmse:.3g} points, {rmse / level:.0%} of the quoted volatility"]


def _nearest_the_money(quotes: Quotes, rows: Array) -> int | None:
    """Position of the quote nearest the forward, if one is near."""
    which = np.flatnonzero(rows)
    x = quotes.form.moneyness(quotes.forward[which], quotes.strike[which])
    k = int(np.argmin(np.abs(x)))
    deviation = quotes.volatility[which[k]] * np.sqrt(quotes.maturity[which[k]])
    return int(which[k]) if abs(x[k]) <= NEAR * deviation else None
