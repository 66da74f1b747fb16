"""What is held, as it is: positions with signs, currencies, multipliers and lots, and cash in each currency."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from riskengine.book.currencies import CODES, QUOTED
from riskengine.errors import DataError


class Kind(StrEnum):
    """What a position is. A future has exposure and no value; all others are worth what they are exposed to."""

    EQUITY = "equity"
    FUND = "fund"
    BOND = "bond"
    FUTURE = "future"
    OPTION = "option"
    OTHER = "other"


@dataclass(frozen=True)
class TaxLot:
    """Units that were opened together.

    Attributes
    ----------
    quantity : units; negative of a short
    cost : of one unit, in the currency of the position
    opened : day, None where it is not known
    """

    quantity: float
    cost: float
    opened: datetime.date | None = None


@dataclass(frozen=True)
class Position:
    """One line of a book.

    Attributes
    ----------
    symbol : name of the asset in the prices
    quantity : units or contracts; negative is held short
    price : of a unit as the file has it, in ``currency``; None where it has none
    currency : ISO code; empty for the base currency of the book
    account : empty where there is one only
    multiplier : money that one unit moves for a move of one in the price: contract size of a future
    kind : see :class:`Kind`
    lots : tax lots; empty where costs are not known
    accrued : dividends or interest that are due and not paid, in ``currency``; negative on a short
    hundredths : whether the price is in hundredths of the currency, pence say, which the multiplier accounts for
    stated : whether the multiplier is known, and not taken as one; told of futures, options and bonds
    """

    symbol: str
    quantity: float
    price: float | None = None
    currency: str = ""
    account: str = ""
    multiplier: float = 1.0
    kind: Kind = Kind.EQUITY
    lots: tuple[TaxLot, ...] = ()
    accrued: float = 0.0
    hundredths: bool = False
    stated: bool = True

    @property
    def quoted(self) -> str:
        """What the price is in: the currency, or what its hundredth is called."""
        return QUOTED.get(self.currency, self.currency) if self.hundredths else self.currency

    @property
    def paid(self) -> bool:
        """Whether a unit costs its price: futures are settled daily and cost nothing."""
        return self.kind is not Kind.FUTURE


@dataclass(frozen=True)
class CashBalance:
    """Money of one account in one currency; negative is owed."""

    amount: float
    currency: str = ""
    account: str = ""


@dataclass(frozen=True)
class PositionBook:
    """Everything that is held.

    Attributes
    ----------
    positions : in the order of the file; one a symbol and account
    cash : one a currency and account
    base : currency of all totals; empty where no currency is named anywhere
    rates : value of one unit of a currency in the base, as files state it; rates in the prices take precedence
    notes : what of a file was passed over, one line each
    flags : what a person has to look at, one line each

    Raises
    ------
    DataError
        If a currency is no ISO code, or a symbol is twice in one account.

    Examples
    --------
    >>> book = PositionBook((Position("SAP", 10, 180.0, "EUR"), Position("ES", -1, 5000.0, "USD", multiplier=50,
    ...     kind=Kind.FUTURE)), (CashBalance(1000.0, "EUR"),), base="EUR")
    >>> book.currencies, book.accounts
    (('EUR', 'USD'), ('',))
    """

    positions: tuple[Position, ...]
    cash: tuple[CashBalance, ...] = ()
    base: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = [(one.symbol, one.currency) for one in self.positions]
        for what, code in (*named, *(("cash", one.currency) for one in self.cash), ("the base", self.base)):
            if code and code not in CODES:
                raise DataError(f"{what}: {code!r} is no currency: write its ISO code, EUR or USD")
        seen = set()
        for one in self.positions:
            if (one.account, one.symbol) in seen:
                where = f" in account {one.account}" if one.account else ""
                raise DataError(
                    f"{one.symbol!r} is held twice{where}: add the two up, or name their accounts"
                )
            seen.add((one.account, one.symbol))

    @property
    def accounts(self) -> tuple[str, ...]:
        """Names of accounts, in the order in which they come."""
        named = [*(one.account for one in self.positions), *(one.account for one in self.cash)]
        return tuple(dict.fromkeys(named))

    @property
    def currencies(self) -> tuple[str, ...]:
        """ISO codes of all that is held, the base first."""
        codes = [*(one.currency for one in self.positions), *(one.currency for one in self.cash)]
        return tuple(code for code in dict.fromkeys((self.base, *codes)) if code)

    def currency_of(self, one: Position | CashBalance) -> str:
        """ISO code; the base where a line names none."""
        return one.currency or self.base
