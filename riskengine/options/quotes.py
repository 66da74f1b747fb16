"""Quotes of European options of one underlying: volatilities, and what is wrong with which quote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypedDict, Unpack

import numpy as np

from riskengine.errors import DataError
from riskengine.options.arbitrage import butterfly, calendar, vertical
from riskengine.options.black import signs
from riskengine.options.volatility_form import LOGNORMAL, VolatilityForm

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
    EXERCISE = "worth its exercise and no more"
    ZERO_VEGA = "no vega"
    VERTICAL = "vertical arbitrage"
    BUTTERFLY = "butterfly arbitrage"
    CALENDAR = "calendar arbitrage"
    ONE_STRIKE = "only strike of its maturity"
    AMERICAN = "American: early exercise taken off"


UNUSABLE = frozenset(list(Flag)[: list(Flag).index(Flag.ZERO_VEGA) + 1])
ARBITRAGE = frozenset({Flag.VERTICAL, Flag.BUTTERFLY, Flag.CALENDAR})
LEAST_VEGA = 1e-6
"""Vega over forward below which a volatility cannot be told from the price."""


class Underlying(TypedDict, total=False):
    """Keywords of :meth:`Quotes.of_volatilities` and :meth:`Quotes.of_prices`; numbers broadcast with the quotes.

    Attributes
    ----------
    spot, rate, dividend : make forward and discount where these are not given; continuously compounded
    forward, discount : of each quote's maturity
    name : of the underlying
    shift : added to forwards and strikes, so that these may be negative; volatilities are of the shifted forward
    normal : whether volatilities are Bachelier's, in units of the forward; strikes may then be negative too
    """

    spot: Any
    rate: Any
    dividend: Any
    forward: Any
    discount: Any
    name: str
    shift: float
    normal: bool


@dataclass(frozen=True, eq=False)
class Quotes:
    """Quotes of European options of one underlying on one day; arrays ``(quotes,)``.

    Make them with :meth:`of_volatilities`, :meth:`of_prices` or :func:`read_quotes`.

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
    form : what the volatilities are of
    market : forward and discount that were used for each maturity, and whence, where a file was read
    notes : what was assumed or left out on reading
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
    form: VolatilityForm = LOGNORMAL
    market: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()

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

    def with_market(self, market: tuple[Any, ...], notes: tuple[str, ...]) -> Quotes:
        """With what a file was read by."""
        return replace(self, market=market, notes=notes)

    def with_flags(self, flags: Mapping[Flag, Array]) -> Quotes:
        """With other flags, those that occur."""
        return replace(
            self, flags={flag: flags[flag] for flag in Flag if flag in flags and flags[flag].any()}
        )

    @classmethod
    def of_volatilities(
        cls,
        strike: Any,
        maturity: Any,
        volatility: Any,
        *,
        bid: Any = None,
        ask: Any = None,
        **underlying: Unpack[Underlying],
    ) -> Quotes:
        """Quotes given as Black volatilities; everything broadcasts.

        Parameters
        ----------
        strike, maturity : maturity in years
        volatility : per year, a decimal; with ``bid`` and ``ask`` it may be None, and is their middle
        bid, ask : volatilities
        underlying : see :class:`Underlying`; the spot or the forward must be among them

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
        sheet, _ = _sheet(strike, maturity, _sides("volatility", volatility, bid, ask), **underlying)
        ok = sheet.sound
        with np.errstate(invalid="ignore"):
            sheet.flags[Flag.NEGATIVE_TIME_VALUE] = ok & (sheet.mid <= 0)
            sheet.flags[Flag.CROSSED] = ok & (sheet.bid > sheet.ask)
        return cls._checked(sheet)

    @classmethod
    def of_prices(
        cls,
        strike: Any,
        maturity: Any,
        price: Any = None,
        kind: Any = "call",
        *,
        bid: Any = None,
        ask: Any = None,
        **underlying: Unpack[Underlying],
    ) -> Quotes:
        """Quotes given as premiums paid today, turned into Black volatilities.

        Parameters
        ----------
        strike, maturity : maturity in years
        price : premium; with ``bid`` and ``ask`` it may be None, and is their middle
        kind : "call" or "put", one or an array
        bid, ask : premiums
        underlying : see :class:`Underlying`; the spot or the forward must be among them

        Raises
        ------
        DataError
            As :meth:`of_volatilities`.

        Examples
        --------
        >>> q = Quotes.of_prices(100.0, 1.0, bid=[7.9, 8.2], ask=[8.0, 8.1], spot=100.0)
        >>> q.volatility.round(4), q.flags_of(1)
        (array([0.1996,    nan]), (<Flag.CROSSED: 'bid above ask'>,))
        """
        sides = _sides("price", price, bid, ask)
        sheet, sign = _sheet(strike, maturity, sides, signs(kind), **underlying)
        _flag_prices(sheet, sign, two_sided=bid is not None and ask is not None)
        ok = sheet.sound
        kinds = np.where(sign[ok] > 0, "call", "put")
        forward, discount = sheet.forward[ok], sheet.discount[ok]
        for side in ("mid", "bid", "ask"):
            found = np.full(len(ok), np.nan)
            premium = getattr(sheet, side)[ok]
            found[ok] = sheet.form.volatility(
                premium / discount, forward, sheet.strike[ok], sheet.maturity[ok], kinds
            )
            setattr(sheet, side, found)
        return cls._checked(sheet)

    @classmethod
    def _checked(cls, sheet: _Sheet) -> Quotes:
        """Quotes with the flags that need volatilities, or all quotes together."""
        _flag_vega(sheet)
        _flag_arbitrage(sheet)
        kept = {flag: sheet.flags[flag] for flag in Flag if flag in sheet.flags and sheet.flags[flag].any()}
        numbers = (sheet.strike, sheet.maturity, sheet.forward, sheet.discount)
        return cls(*numbers, sheet.mid, sheet.bid, sheet.ask, kept, sheet.name, sheet.spot, sheet.form)


_ARRAYS = ("strike", "maturity", "forward", "discount", "volatility", "bid", "ask")


@dataclass
class _Sheet:
    """Numbers of the quotes ``(quotes,)``, and the flags raised so far."""

    strike: Array
    maturity: Array
    forward: Array
    discount: Array
    mid: Array
    bid: Array
    ask: Array
    flags: dict[Flag, Array]
    name: str
    spot: float
    form: VolatilityForm

    @property
    def sound(self) -> Array:
        """Mask of the quotes without a flag."""
        return ~np.any([*self.flags.values(), np.zeros(len(self.strike), bool)], axis=0)


def _sides(what: str, value: Any, bid: Any, ask: Any) -> tuple[Any, Any, Any]:
    """Middle, bid and ask from what there is of them."""
    if value is None:
        if bid is None or ask is None:
            raise DataError(f"give a {what}, or bid and ask")
        value = (np.asarray(bid, np.float64) + np.asarray(ask, np.float64)) / 2
    return value, value if bid is None else bid, value if ask is None else ask


def _sheet(
    strike: Any,
    maturity: Any,
    sides: tuple[Any, Any, Any],
    sign: Any = 1.0,
    *,
    spot: Any = None,
    rate: Any = 0.0,
    dividend: Any = 0.0,
    forward: Any = None,
    discount: Any = None,
    name: str = "",
    shift: float = 0.0,
    normal: bool = False,
) -> tuple[_Sheet, Array]:
    """Columns of one length, with flags for bad numbers; and the signs as one more column."""
    try:
        strike, maturity, rate, dividend = (
            np.asarray(v, np.float64) for v in (strike, maturity, rate, dividend)
        )
        if forward is None:
            if spot is None:
                raise DataError("give the forward of each quote, or the spot with rate and dividend")
            forward = np.asarray(spot, np.float64) * np.exp((rate - dividend) * maturity)
        discount = np.exp(-rate * maturity) if discount is None else discount
        columns = [np.asarray(v, np.float64) for v in (strike, maturity, forward, discount, *sides, sign)]
        columns = [np.atleast_1d(a).ravel().copy() for a in np.broadcast_arrays(*columns)]
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"quotes are numbers of one length: {error}") from error
    if not columns[0].size:
        raise DataError("there are no quotes: give at least one")
    first = float(np.asarray(spot, np.float64).ravel()[0]) if spot is not None else float("nan")
    k, t, f, d, mid, low, high, sign = columns
    form = _form(shift, normal)
    return _Sheet(k, t, f, d, mid, low, high, _bad_numbers(form, *columns[:5]), name, first, form), sign


def _form(shift: Any, normal: bool) -> VolatilityForm:
    if not (isinstance(shift, (int, float, np.floating, np.integer)) and np.isfinite(shift)):
        raise DataError(f"a shift is a finite number in units of the strikes, not {shift!r}")
    if normal and shift:
        raise DataError("normal volatilities take strikes of any sign: leave the shift out")
    return VolatilityForm(float(shift), bool(normal))


def _bad_numbers(
    form: VolatilityForm, strike: Array, maturity: Array, forward: Array, discount: Array, value: Array
) -> dict[Flag, Array]:
    finite = np.all([np.isfinite(a) for a in (strike, maturity, forward, discount, value)], axis=0)
    with np.errstate(invalid="ignore"):
        expired = finite & (maturity <= 0)
        positive = form.allows(strike) & form.allows(forward) & (discount > 0)
    return {
        Flag.MISSING: ~finite,
        Flag.EXPIRED: expired,
        Flag.NOT_POSITIVE: finite & ~expired & ~positive,
    }


def _flag_prices(sheet: _Sheet, sign: Array, two_sided: bool) -> None:
    """Premiums that no volatility gives, and quotes that are none."""
    ok = sheet.sound
    with np.errstate(invalid="ignore"):
        sheet.flags[Flag.CROSSED] = ok & (sheet.bid > sheet.ask)
        sheet.flags[Flag.NO_BID] = ok & two_sided & (sheet.bid <= 0)
        ok = sheet.sound
        value, most = sheet.mid / sheet.discount, np.where(sign > 0, sheet.forward, sheet.strike)
        most = np.full_like(value, np.inf) if sheet.form.normal else most + sheet.form.shift
        intrinsic = np.maximum(sign * (sheet.forward - sheet.strike), 0.0)
        sheet.flags[Flag.NEGATIVE_TIME_VALUE] = ok & (value <= intrinsic)
        sheet.flags[Flag.TOO_HIGH] = ok & (value >= most)


def _flag_vega(sheet: _Sheet) -> None:
    """Volatilities that the price does not tell."""
    ok = sheet.sound
    vega = np.zeros(len(ok))
    columns = (sheet.forward[ok], sheet.strike[ok], sheet.maturity[ok], sheet.mid[ok])
    vega[ok] = sheet.form.vega(*columns)
    sheet.flags[Flag.ZERO_VEGA] = ok & ~(vega > LEAST_VEGA)


def _flag_arbitrage(sheet: _Sheet) -> None:
    """Static arbitrage at bid and ask between the sound quotes, and strikes that are alone."""
    ok, maturity = sheet.sound, sheet.maturity
    low = np.where(np.isfinite(sheet.bid), sheet.bid, 0.0)
    high = np.where(np.isfinite(sheet.ask), sheet.ask, sheet.mid)
    slices = [np.flatnonzero(ok & (maturity == t)) for t in np.unique(maturity[ok])]
    slices = [rows[np.argsort(sheet.strike[rows], kind="stable")] for rows in slices]
    for flag in (Flag.VERTICAL, Flag.BUTTERFLY, Flag.ONE_STRIKE):
        sheet.flags[flag] = np.zeros(len(ok), bool)
    for rows in slices:
        f, scale = sheet.forward[rows], sheet.form.scale(sheet.forward[rows])
        k = sheet.strike[rows] / scale
        sold, bought = (
            sheet.form.price(f, sheet.strike[rows], maturity[rows], v[rows]) / scale for v in (low, high)
        )
        sheet.flags[Flag.VERTICAL][rows] = vertical(k, sold, bought)
        sheet.flags[Flag.BUTTERFLY][rows] = butterfly(k, sold, bought)
        sheet.flags[Flag.ONE_STRIKE][rows] = len(np.unique(k)) == 1
    x = np.zeros(len(ok))
    x[ok] = sheet.form.moneyness(sheet.forward[ok], sheet.strike[ok])
    sheet.flags[Flag.CALENDAR] = calendar(slices, x, low**2 * maturity, high**2 * maturity)
