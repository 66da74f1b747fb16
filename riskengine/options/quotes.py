"""Quotes of European options of one underlying: volatilities, and what is wrong with which quote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from riskengine.errors import DataError
from riskengine.options.arbitrage import butterfly, calendar, vertical
from riskengine.options.black import black_price, black_vega, implied_volatility, signs

Array = np.ndarray


class Flag(StrEnum):
    """What may be wrong with a quote; those up to ``ZERO_VEGA`` make it unusable."""

    MISSING = "not a number"
    EXPIRED = "expired"
    NOT_POSITIVE = "strike or forward not positive"
    CROSSED = "bid above ask"
    NO_BID = "no bid"
    NEGATIVE_TIME_VALUE = "below intrinsic value"
    TOO_HIGH = "above what any volatility gives"
    ZERO_VEGA = "no vega"
    VERTICAL = "vertical arbitrage"
    BUTTERFLY = "butterfly arbitrage"
    CALENDAR = "calendar arbitrage"
    ONE_STRIKE = "only strike of its maturity"


UNUSABLE = frozenset(list(Flag)[: list(Flag).index(Flag.ZERO_VEGA) + 1])
ARBITRAGE = frozenset({Flag.VERTICAL, Flag.BUTTERFLY, Flag.CALENDAR})
LEAST_VEGA = 1e-6
"""Vega over forward below which a volatility cannot be told from the price."""


@dataclass(frozen=True, eq=False)
class Quotes:
    """Quotes of one underlying on one day; arrays ``(quotes,)``. Make them with :meth:`of_volatilities`,
    :meth:`of_prices` or :func:`read_quotes`.

    Attributes
    ----------
    strike, maturity : of the underlying's currency; years
    forward : of the maturity
    discount : factor of the maturity
    volatility : implied by the middle of the quote, per year; NaN where there is none
    bid, ask : volatilities; those of the middle where there is one price only
    flags : for each :class:`Flag` that occurs, a mask ``(quotes,)``
    name : of the underlying
    spot : where known; the shortest forward otherwise
    """

    strike: Array
    maturity: Array
    forward: Array
    discount: Array
    volatility: Array
    bid: Array
    ask: Array
    flags: Mapping[Flag, Array] = field(default_factory=dict)
    name: str = ""
    spot: float = float("nan")

    def __len__(self) -> int:
        return len(self.strike)

    @property
    def usable(self) -> Array:
        """Mask of the quotes that a calibration sees: those without a flag that forbids it."""
        return ~self._any(UNUSABLE)

    @property
    def arbitrage(self) -> Array:
        """Mask of the quotes with which one could lock in a gain. They are kept unless dropped on purpose."""
        return self._any(ARBITRAGE)

    def _any(self, flags: frozenset[Flag]) -> Array:
        return np.any(
            [mask for flag, mask in self.flags.items() if flag in flags] or [np.zeros(len(self), bool)],
            axis=0,
        )

    def flags_of(self, quote: int) -> tuple[Flag, ...]:
        """Flags of one quote."""
        return tuple(flag for flag, mask in self.flags.items() if mask[quote])

    def counts(self) -> dict[str, int]:
        """How many quotes carry each flag that occurs."""
        return {str(flag): int(mask.sum()) for flag, mask in self.flags.items()}

    def take(self, which: Array) -> Quotes:
        """The quotes of a mask or at these positions."""
        arrays = {name: getattr(self, name)[which] for name in _ARRAYS}
        flags = {flag: mask[which] for flag, mask in self.flags.items() if mask[which].any()}
        return replace(self, **arrays, flags=flags)

    @classmethod
    def of_volatilities(
        cls,
        strike: Any,
        maturity: Any,
        volatility: Any,
        *,
        spot: Any = None,
        rate: Any = 0.0,
        dividend: Any = 0.0,
        forward: Any = None,
        discount: Any = None,
        bid: Any = None,
        ask: Any = None,
        name: str = "",
    ) -> Quotes:
        """Quotes given as Black volatilities; everything broadcasts.

        Parameters
        ----------
        strike, maturity : maturity in years
        volatility : per year, a decimal; with ``bid`` and ``ask`` it may be None, and is their middle
        spot, rate, dividend : make forward and discount where these are not given; continuously compounded
        bid, ask : volatilities

        Raises
        ------
        DataError
            If neither spot nor forward is given, or nothing is quoted.

        Examples
        --------
        >>> q = Quotes.of_volatilities([90.0, 100.0, 110.0], 0.5, [0.24, 0.2, float("nan")], spot=100.0)
        >>> q.usable
        array([ True,  True, False])
        >>> q.counts()
        {'not a number': 1}
        """
        if volatility is None:
            if bid is None or ask is None:
                raise DataError("give a volatility, or bid and ask")
            volatility = (np.asarray(bid, np.float64) + np.asarray(ask, np.float64)) / 2
        bid = volatility if bid is None else bid
        ask = volatility if ask is None else ask
        grid = _grid(strike, maturity, spot, rate, dividend, forward, discount, volatility, bid, ask)
        strike, maturity, forward, discount, mid, bid, ask = grid
        flags = _bad_numbers(strike, maturity, forward, discount, mid)
        ok = _none(flags, len(strike))
        with np.errstate(invalid="ignore"):
            flags[Flag.NEGATIVE_TIME_VALUE] = ok & (mid <= 0)
            flags[Flag.CROSSED] = ok & (bid > ask)
        return cls._checked(strike, maturity, forward, discount, mid, bid, ask, flags, name, spot)

    @classmethod
    def of_prices(
        cls,
        strike: Any,
        maturity: Any,
        price: Any = None,
        kind: Any = "call",
        *,
        spot: Any = None,
        rate: Any = 0.0,
        dividend: Any = 0.0,
        forward: Any = None,
        discount: Any = None,
        bid: Any = None,
        ask: Any = None,
        name: str = "",
    ) -> Quotes:
        """Quotes given as premiums paid today; as :meth:`of_volatilities` for the rest.

        Parameters
        ----------
        price : premium; with ``bid`` and ``ask`` it may be None, and is their middle
        kind : "call" or "put", one or an array

        Examples
        --------
        >>> q = Quotes.of_prices(100.0, 1.0, bid=[7.9, 8.2], ask=[8.0, 8.1], spot=100.0)
        >>> q.volatility.round(4), q.flags_of(1)
        (array([0.1996,    nan]), (<Flag.CROSSED: 'bid above ask'>,))
        """
        quoted = bid is not None and ask is not None
        if price is None:
            if not quoted:
                raise DataError("give a price, or bid and ask")
            price = (np.asarray(bid, np.float64) + np.asarray(ask, np.float64)) / 2
        bid = price if bid is None else bid
        ask = price if ask is None else ask
        sign = signs(kind)
        grid = _grid(strike, maturity, spot, rate, dividend, forward, discount, price, bid, ask, sign)
        strike, maturity, forward, discount, mid, bid, ask, sign = grid
        flags = _bad_numbers(strike, maturity, forward, discount, mid)
        ok = _none(flags, len(strike))
        with np.errstate(invalid="ignore"):
            flags[Flag.CROSSED] = ok & (bid > ask)
            flags[Flag.NO_BID] = ok & quoted & (bid <= 0)
            ok = _none(flags, len(strike))
            intrinsic = np.maximum(sign * (forward - strike), 0.0)
            flags[Flag.NEGATIVE_TIME_VALUE] = ok & (mid / discount <= intrinsic)
            flags[Flag.TOO_HIGH] = ok & (mid / discount >= np.where(sign > 0, forward, strike))
        ok = _none(flags, len(strike))
        volatilities = []
        for premium in (mid, bid, ask):
            found = np.full(len(strike), np.nan)
            kinds = np.where(sign[ok] > 0, "call", "put")
            found[ok] = implied_volatility(
                premium[ok] / discount[ok], forward[ok], strike[ok], maturity[ok], kinds
            )
            volatilities.append(found)
        mid, bid, ask = volatilities
        return cls._checked(strike, maturity, forward, discount, mid, bid, ask, flags, name, spot)

    @classmethod
    def _checked(
        cls,
        strike: Array,
        maturity: Array,
        forward: Array,
        discount: Array,
        mid: Array,
        bid: Array,
        ask: Array,
        flags: dict[Flag, Array],
        name: str,
        spot: Any,
    ) -> Quotes:
        """Add the flags that need all quotes together."""
        n = len(strike)
        ok = _none(flags, n)
        vega = np.zeros(n)
        vega[ok] = black_vega(forward[ok], strike[ok], maturity[ok], mid[ok]) / forward[ok]
        flags[Flag.ZERO_VEGA] = ok & ~(vega > LEAST_VEGA)
        ok &= ~flags[Flag.ZERO_VEGA]
        low, high = np.where(np.isfinite(bid), bid, 0.0), np.where(np.isfinite(ask), ask, mid)
        every = [np.zeros(n, bool) for _ in range(4)]
        slices = [np.flatnonzero(ok & (maturity == t)) for t in np.unique(maturity[ok])]
        slices = [rows[np.argsort(strike[rows], kind="stable")] for rows in slices]
        for rows in slices:
            k = strike[rows] / forward[rows]
            sold, bought = (black_price(1.0, k, maturity[rows], v[rows]) for v in (low, high))
            every[0][rows] = vertical(k, sold, bought)
            every[1][rows] = butterfly(k, sold, bought)
            every[3][rows] = len(np.unique(k)) == 1
        every[2] = calendar(
            slices,
            np.log(strike / np.where(ok, forward, 1.0), where=ok, out=np.zeros(n)),
            low**2 * maturity,
            high**2 * maturity,
        )
        for flag, mask in zip(
            (Flag.VERTICAL, Flag.BUTTERFLY, Flag.CALENDAR, Flag.ONE_STRIKE), every, strict=True
        ):
            flags[flag] = mask
        kept = {flag: flags[flag] for flag in Flag if flag in flags and flags[flag].any()}
        first = float(np.asarray(spot, np.float64).ravel()[0]) if spot is not None else float("nan")
        return cls(strike, maturity, forward, discount, mid, bid, ask, kept, name, first)


_ARRAYS = ("strike", "maturity", "forward", "discount", "volatility", "bid", "ask")


def _grid(
    strike: Any, maturity: Any, spot: Any, rate: Any, dividend: Any, forward: Any, discount: Any, *rest: Any
) -> list[Array]:
    """One-dimensional float64 arrays of one length."""
    try:
        strike, maturity, rate, dividend, *values = (
            np.asarray(v, np.float64) for v in (strike, maturity, rate, dividend, *rest)
        )
        if forward is None:
            if spot is None:
                raise DataError("give the forward of each quote, or the spot with rate and dividend")
            forward = np.asarray(spot, np.float64) * np.exp((rate - dividend) * maturity)
        discount = np.exp(-rate * maturity) if discount is None else discount
        arrays = np.broadcast_arrays(
            strike, maturity, np.asarray(forward, np.float64), np.asarray(discount, np.float64), *values
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"quotes are numbers of one length: {error}") from error
    found = [np.atleast_1d(a).ravel().copy() for a in arrays]
    if not found[0].size:
        raise DataError("there are no quotes: give at least one")
    return found


def _bad_numbers(
    strike: Array, maturity: Array, forward: Array, discount: Array, value: Array
) -> dict[Flag, Array]:
    finite = np.all([np.isfinite(a) for a in (strike, maturity, forward, discount, value)], axis=0)
    with np.errstate(invalid="ignore"):
        expired = finite & (maturity <= 0)
        positive = (strike > 0) & (forward > 0) & (discount > 0)
    return {
        Flag.MISSING: ~finite,
        Flag.EXPIRED: expired,
        Flag.NOT_POSITIVE: finite & ~expired & ~positive,
    }


def _none(flags: dict[Flag, Array], n: int) -> Array:
    """Mask of the quotes without a flag."""
    return ~np.any([*flags.values(), np.zeros(n, bool)], axis=0)
