"""Value and exposure of a book in its base currency, by line, by account and in all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from riskengine.book.fx import STALE_FX, FxRates
from riskengine.book.positions import CashBalance, Kind, Position, PositionBook
from riskengine.errors import DataError

APART = 0.05
"""Distance between the price of a file and that of the price history above which a person is asked to look."""


@dataclass(frozen=True)
class ValuedPosition:
    """A position and what it is worth.

    Attributes
    ----------
    position : as held
    price : that it is valued at, in its own currency
    source : ``prices`` or ``file``
    rate : value of one unit of its currency in the base
    exposure : quantity times price times multiplier, in the base
    value : the same; zero for a future
    accrued : due and not paid, in the base
    """

    position: Position
    price: float
    source: str
    rate: float

    @property
    def exposure(self) -> float:
        held = self.position
        return held.quantity * self.price * held.multiplier * self.rate

    @property
    def value(self) -> float:
        return self.exposure if self.position.paid else 0.0

    @property
    def accrued(self) -> float:
        return self.position.accrued * self.rate


@dataclass(frozen=True)
class Totals:
    """Sums in the base currency.

    Attributes
    ----------
    value : of all positions, shorts negative
    cash : of all currencies
    accrued : due and not paid
    wealth : net asset value: the three above
    long, short : exposures above and below zero, both positive
    """

    value: float
    cash: float
    accrued: float
    long: float
    short: float

    @property
    def wealth(self) -> float:
        return self.value + self.cash + self.accrued

    @property
    def gross(self) -> float:
        """Long plus short exposure."""
        return self.long + self.short

    @property
    def net(self) -> float:
        """Long less short exposure."""
        return self.long - self.short

    @property
    def leverage(self) -> float:
        """Gross exposure over wealth; infinite where nothing is left."""
        return self.gross / self.wealth if self.wealth > 0 else math.inf

    def to_dict(self) -> dict[str, float | None]:
        """For JSON."""
        names = ("wealth", "gross", "net")
        found: dict[str, float | None] = asdict(self) | {name: getattr(self, name) for name in names}
        return found | {"leverage": self.leverage if self.wealth > 0 else None}


@dataclass(frozen=True)
class BookValue:
    """What a book is worth.

    Attributes
    ----------
    base : currency of all figures; may be empty
    lines : one a position that has a price
    unpriced : positions without any; they are in no sum
    cash : balances with the rate of their currency
    total, accounts : sums
    flags : what a person has to look at, one line each; with an unpriced position or a stale price among it
    notes : of no consequence today
    """

    base: str
    lines: tuple[ValuedPosition, ...]
    unpriced: tuple[Position, ...]
    cash: tuple[tuple[CashBalance, float], ...]
    total: Totals
    accounts: Mapping[str, Totals]
    flags: tuple[str, ...]
    notes: tuple[str, ...]

    def by(self, group: str) -> dict[str, Totals]:
        """Sums by ``account``, ``currency`` or ``kind``.

        Examples
        --------
        >>> book = PositionBook((Position("A", 10, 5.0, "EUR"), Position("B", -2, 5.0, "EUR")), base="EUR")
        >>> found = value_book(book).by("currency")["EUR"]
        >>> found.value, found.gross, found.net
        (40.0, 60.0, 40.0)
        """
        keys: dict[str, tuple[list[ValuedPosition], list[tuple[CashBalance, float]]]] = {}
        for line in self.lines:
            key = (
                line.position.currency or self.base if group == "currency" else getattr(line.position, group)
            )
            keys.setdefault(str(key), ([], []))[0].append(line)
        for balance, rate in self.cash:
            key = {"currency": balance.currency or self.base, "account": balance.account}.get(group, "cash")
            keys.setdefault(key, ([], []))[1].append((balance, rate))
        return {name: _totals(lines, cash) for name, (lines, cash) in keys.items()}


def value_book(
    book: PositionBook,
    prices: Mapping[str, float] | None = None,
    rates: FxRates | None = None,
    ages: Mapping[str, int] | None = None,
) -> BookValue:
    """Value every line and every balance of a book.

    A position is valued at the last price of the history, in its own currency; where there is none at the price of its
    file, with a flag if there is a history at all. One without either is in no sum, and flagged; it never counts as
    nothing in silence.

    Parameters
    ----------
    book : what is held
    prices : last price by symbol, in the currency of each asset; NaN or absent where there is none
    rates : into the base of the book; those that the book states if not given
    ages : closes since the last price by symbol, where a decision may not rest on it any more

    Raises
    ------
    DataError
        If currencies have no exchange rate; all are named at once.

    Examples
    --------
    >>> book = PositionBook(
    ...     (Position("SAP", 10, 180.0, "EUR"), Position("ES", -1, 5000.0, "USD", multiplier=50, kind=Kind.FUTURE)),
    ...     (CashBalance(1000.0, "EUR"), CashBalance(-250.0, "USD")), base="EUR", rates={"USD": 0.8})
    >>> found = value_book(book)
    >>> found.total.wealth, found.total.long, found.total.short, round(found.total.leverage, 2)
    (2600.0, 1800.0, 200000.0, 77.62)
    """
    rates = rates or FxRates(book.base, given=book.rates)
    _check_rates(book, rates)
    lines, unpriced, flags, notes = [], [], [*book.flags], [*book.notes]
    for held in book.positions:
        found = _priced(held, prices, rates.rate(book.currency_of(held)))
        if found is None:
            unpriced.append(held)
            where = (
                "in its file: bring a history of prices"
                if prices is None
                else "in the prices or the file: add it"
            )
            flags.append(
                f"{held.symbol}{_where(held)}: {held.quantity:g} held and no price {where}, or write it off; it is in "
                "no total"
            )
            continue
        lines.append(found)
        flags += _doubts(found, prices, (ages or {}).get(held.symbol, 0))
    flags += _stale_rates(book, rates)
    told = [
        f"the rate of {code} is the one stated, {rates.rate(code):g}, and takes part in no risk"
        for code in book.currencies
        if code in rates.given and code != book.base
    ]
    if prices is not None:  # whose risk figures lack the currency
        flags += [f"{line}: add its rates to the prices" for line in told]
        told = []
    cash = tuple((one, rates.rate(book.currency_of(one))) for one in book.cash)
    accounts = {
        name: _totals(
            [line for line in lines if line.position.account == name],
            [pair for pair in cash if pair[0].account == name],
        )
        for name in book.accounts
    }
    total = _totals(lines, cash)
    if total.wealth < 0:
        flags.append(
            f"more is owed than held: wealth is {total.wealth:,.2f}; the proceeds of shorts belong into cash"
        )
    return BookValue(
        book.base, tuple(lines), tuple(unpriced), cash, total, accounts, tuple(flags),
        (*notes, *told),
    )  # fmt: skip


def _check_rates(book: PositionBook, rates: FxRates) -> None:
    absent = [code for code in book.currencies if not rates.known(code)]
    if absent:
        for code in absent[:1]:
            try:
                rates.rate(code)
            except DataError as error:
                more = f"; there are none of {', '.join(absent[1:])} either" if absent[1:] else ""
                raise DataError(f"{error}{more}") from None


def _priced(held: Position, prices: Mapping[str, float] | None, rate: float) -> ValuedPosition | None:
    known = math.nan if prices is None else prices.get(held.symbol, math.nan)
    if known > 0:
        return ValuedPosition(held, float(known), "prices", rate)
    if held.price is not None and (held.price > 0 or held.kind in (Kind.OPTION, Kind.OTHER)):
        return ValuedPosition(held, held.price, "file", rate)
    return None


_USUALLY = {
    Kind.FUTURE: "contracts mostly have a size",
    Kind.OPTION: "options are mostly on 100 shares",
    Kind.BOND: "bonds are mostly priced in percent, 0.01",
}


def _doubts(line: ValuedPosition, prices: Mapping[str, float] | None, age: int) -> list[str]:
    """What is wrong with the price of a line."""
    held, found = line.position, []
    who = f"{held.symbol}{_where(held)}"
    if not held.stated and held.kind in (Kind.FUTURE, Kind.OPTION, Kind.BOND):
        found.append(
            f"{who}: nothing says what a price of one is worth, and one is taken; {_USUALLY[held.kind]}: add a column "
            "multiplier, or state it in the book's settings"
        )
    if prices is not None and line.source == "file":
        remedy = "list it under --options" if held.kind is Kind.OPTION else "add its prices"
        found.append(
            f"{who}: no price in the price history; valued at the file's {line.price:,.4g}, and no risk figure knows "
            f"it: {remedy}"
        )
    if age:
        found.append(
            f"{who}: stale, no price for {age} close{'s' if age > 1 else ''}; valued at {line.price:,.4g}: find a "
            "price, or write it off"
        )
    if line.source == "prices" and held.price is not None and held.price > 0:
        ratio = held.price / line.price
        if abs(math.log(ratio)) > math.log1p(APART):
            hint = ""
            if 80 < ratio < 125 or 0.008 < ratio < 0.0125:
                hint = "; one of the two is in hundredths: GBX are pence"
            found.append(
                f"{who}: the file has a price of {held.price:,.4g}, the price history {line.price:,.4g}{hint}: look at "
                "the day of both, a split, the currency"
            )
    return found


def _stale_rates(book: PositionBook, rates: FxRates) -> list[str]:
    return [
        f"the exchange rate of {code} into {book.base} is {rates.age(code)} closes old: bring a newer one"
        for code in book.currencies
        if rates.age(code) > STALE_FX
    ]


def _where(held: Position) -> str:
    return f" in account {held.account}" if held.account else ""


def _totals(lines: Iterable[ValuedPosition], cash: Iterable[tuple[CashBalance, float]]) -> Totals:
    lines = list(lines)
    exposures = [line.exposure for line in lines]
    return Totals(
        math.fsum(line.value for line in lines),
        math.fsum(balance.amount * rate for balance, rate in cash),
        math.fsum(line.accrued for line in lines),
        math.fsum(x for x in exposures if x > 0),
        -math.fsum(x for x in exposures if x < 0) + 0.0,
    )
