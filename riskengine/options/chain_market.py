"""Forward and discount of each maturity of a chain: what is given first, then what calls and puts say together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError
from riskengine.options.american import european_premium
from riskengine.options.chain_rows import ChainRows
from riskengine.options.curves import Curve
from riskengine.options.parity import Parity, parity

Array = np.ndarray
ROUNDS = 4
"""Times that American quotes are stripped with the dividends that their last European prices imply."""


@dataclass(frozen=True)
class MaturityTerms:
    """Forward and discount that were used for a maturity, and where they come from.

    Attributes
    ----------
    maturity : years
    forward, discount : used
    rate, dividend : zero rate and dividend yield that these are, continuously compounded; NaN where there is no spot
    source : in words
    pairs, rejected : calls and puts of one strike that were used, and left out as outliers
    error : standard error of the forward; NaN where it was given
    """

    maturity: float
    forward: float
    discount: float
    rate: float
    dividend: float
    source: str
    pairs: int = 0
    rejected: int = 0
    error: float = float("nan")


@dataclass(frozen=True)
class Given:
    """Market data from outside the chain; None where parity is to tell.

    Attributes
    ----------
    spot : of the underlying
    rate, dividend : zero rates and dividend yields
    forward : by maturity
    """

    spot: float | None = None
    rate: Curve | None = None
    dividend: Curve | None = None
    forward: Curve | None = None


@dataclass(eq=False)
class Sides:
    """Premiums of rows: bid, ask and what stands for the middle, arrays ``(rows,)``."""

    bid: Array | None
    ask: Array | None
    mid: Array

    @property
    def two(self) -> bool:
        """Whether there are two sides."""
        return self.bid is not None and self.ask is not None

    def mapped(self, function: Callable[[Array], Array]) -> Sides:
        """Every side through a function of premiums."""
        bid, ask = (None if a is None else function(a) for a in (self.bid, self.ask))
        return Sides(bid, ask, function(self.mid))


def pairs_of(rows: ChainRows, sides: Sides) -> tuple[Array, Array]:
    """Positions of the calls and of the puts of the same strike and maturity, both with a price that can be sold."""
    alive = np.isfinite(sides.mid) & np.isfinite(rows.maturity) & (rows.maturity > 0)
    if sides.bid is not None and sides.ask is not None:
        with np.errstate(invalid="ignore"):
            alive &= (sides.bid > 0) & (sides.ask >= sides.bid)
    place: dict[tuple[float, float], list[int]] = {}
    for k in np.flatnonzero(alive):
        side = 0 if rows.kind[k] == "call" else 1
        if rows.kind[k]:
            place.setdefault((rows.maturity[k], rows.strike[k]), [-1, -1])[side] = int(k)
    both = np.array([two for two in place.values() if min(two) >= 0], int).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def market_terms(rows: ChainRows, sides: Sides | None, given: Given) -> dict[float, MaturityTerms]:
    """Terms of every maturity; those without forward, spot or pairs are left out.

    Parameters
    ----------
    rows : of the chain
    sides : European premiums; None where volatilities are quoted
    given : takes precedence over the file's columns, and these over parity
    """
    maturities = np.unique(rows.maturity[np.isfinite(rows.maturity)])
    rates = {float(t): _given_rate(rows, given, float(t)) for t in maturities}
    told = _from_parity(rows, sides, rates) if sides is not None else {}
    found = {}
    for t in map(float, maturities):
        terms = _terms(rows, given, t, rates[t], told.get(t))
        if terms is not None:
            found[t] = terms
    return found


def _given_rate(rows: ChainRows, given: Given, t: float) -> tuple[float, str] | None:
    """Zero rate of a maturity and where it was given."""
    if given.rate is not None:
        return float(given.rate.at(t)), "rate as given"
    for name, text in (("discount", "discount of the file"), ("rate", "rate of the file")):
        value = _column(rows, name, t)
        if np.isfinite(value):
            return (
                -np.log(value) / t if name == "discount" and t > 0 else value if name == "rate" else 0.0
            ), text
    return None


def _column(rows: ChainRows, name: str, t: float) -> float:
    """The value of a column for a maturity: the first that is there."""
    if name not in rows.numbers:
        return float("nan")
    values = rows.numbers[name][rows.maturity == t]
    values = values[np.isfinite(values)]
    return float(values[0]) if len(values) else float("nan")


def _from_parity(
    rows: ChainRows, sides: Sides, rates: dict[float, tuple[float, str] | None]
) -> dict[float, Parity]:
    calls, puts = pairs_of(rows, sides)
    if not len(calls):
        return {}
    maturity = rows.maturity[calls]
    width = np.ones(len(calls))
    if sides.bid is not None and sides.ask is not None:
        half = ((sides.ask - sides.bid)[calls] + (sides.ask - sides.bid)[puts]) / 2
        width = np.maximum(half, 0.1 * np.median(half) + 1e-9 * rows.strike[calls])
    difference = sides.mid[calls] - sides.mid[puts]
    found: dict[float, Parity] = {}
    fixed = np.array([rates[float(t)] is not None for t in maturity])
    if fixed.any():
        discount = np.array([np.exp(-(rates[float(t)] or (0.0, ""))[0] * t) for t in maturity])
        found |= parity(
            rows.strike[calls][fixed], maturity[fixed], difference[fixed], width[fixed], discount[fixed]
        )
    if not fixed.all():
        free = ~fixed
        found |= parity(rows.strike[calls][free], maturity[free], difference[free], width[free])
    return found


def _terms(
    rows: ChainRows, given: Given, t: float, rate: tuple[float, str] | None, told: Parity | None
) -> MaturityTerms | None:
    """One maturity's, by precedence: forwards given, forwards of the file, parity, spot with rate and dividend."""
    spot = given.spot
    column = _column(rows, "forward", t)
    pairs = (0, 0, float("nan")) if told is None else (told.pairs, told.rejected, told.error)
    if rate is not None:
        discount, source = float(np.exp(-rate[0] * t)), rate[1]
    elif told is not None:
        discount = told.discount
        source = "discount by put-call parity" + ("" if told.own_rate else " of all maturities together")
    else:
        discount, source = 1.0, "no rate given: zero taken"
    zero = 0.0 if discount == 1 or t <= 0 else -np.log(discount) / t
    dividend = float(given.dividend.at(t)) if given.dividend is not None else _column(rows, "dividend", t)
    if given.forward is not None or np.isfinite(column):
        forward = float(given.forward.at(t)) if given.forward is not None else column
        source += f", forward {'as given' if given.forward is not None else 'of the file'}"
        pairs = (0, 0, float("nan"))
    elif spot is not None and np.isfinite(dividend):
        forward = spot * float(np.exp((zero - dividend) * t))
        source += ", forward from spot and the dividend given"
        pairs = (0, 0, float("nan"))
    elif told is not None:
        forward = told.forward
        source += ", forward by put-call parity"
    elif spot is not None:
        forward = spot * float(np.exp(zero * t))
        source += ", no dividend given: zero taken"
    else:
        return None
    yield_ = zero - np.log(forward / spot) / t if spot is not None and t > 0 and forward > 0 else float("nan")
    return MaturityTerms(t, forward, discount, zero, float(yield_), source, *pairs)


def stripped(rows: ChainRows, sides: Sides, given: Given) -> Sides:
    """European premiums behind American quotes: early exercise is worth what a tree says at each quote's volatility.

    The dividends are those given, or the yields that put-call parity of the European premiums implies, found in turns.

    Raises
    ------
    DataError
        If there is no spot.
    """
    if given.spot is None:
        raise DataError("American quotes need the spot (--spot)")
    now = sides
    sign = np.where(rows.kind == "call", 1.0, -1.0)
    for _ in range(ROUNDS):
        terms = market_terms(rows, now, given)
        rate, dividend = (
            np.array([getattr(terms[float(t)], name) if float(t) in terms else 0.0 for t in rows.maturity])
            for name in ("rate", "dividend")
        )
        strip = _Strip(given.spot, rows, rate, np.nan_to_num(dividend), sign)
        now = sides.mapped(strip)
        if given.dividend is not None or given.forward is not None:
            break
    return now


@dataclass(eq=False)
class _Strip:
    """Premiums without early exercise, for the rows of a chain."""

    spot: float
    rows: ChainRows
    rate: Array
    dividend: Array
    sign: Array

    def __call__(self, premium: Array) -> Array:
        rows = self.rows
        return european_premium(
            premium, self.spot, rows.strike, rows.maturity, self.rate, self.dividend, self.sign
        )
