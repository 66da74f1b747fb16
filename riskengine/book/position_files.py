"""Position files of brokers and custodians, as they are. Nothing in them is guessed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from riskengine.book.amounts import NOTHING, amount_in, decimal_mark
from riskengine.book.broker_rows import (
    Amounts,
    RowTerms,
    is_remark,
    money_of,
    quantity_of,
    terms_of,
    unit_cost,
    usual_multiplier,
    value_doubt,
)
from riskengine.book.broker_tables import BrokerTable, broker_tables, cells_of
from riskengine.book.currencies import CODES, currency_unit
from riskengine.book.positions import CashBalance, Position, PositionBook, TaxLot
from riskengine.errors import DataError
from riskengine.market.date_cells import dates_of
from riskengine.market.raw_rows import read_rows

SEVERAL = 8
"""Problems of a file that are named at once; of more, how many there are."""


class PositionFile(NamedTuple):
    """A book as a file has it.

    Attributes
    ----------
    book : its base is empty where the file names several currencies and not which of them counts
    rows : line of the file by account and symbol, for messages
    """

    book: PositionBook
    rows: Mapping[tuple[str, str], int]


def read_positions(path: Path, known: Collection[str] = ()) -> PositionFile:
    """Read a table of positions under the names that brokers give its columns.

    One column of assets and one of quantities are enough; price, currency, account, multiplier, asset class, side,
    costs and days of opening, accruals and rates are used where they are. The table may follow titles, end in totals
    and remarks, and stand several times, for an account each; an activity statement of Interactive Brokers is read by
    its sections. ``CASH``, in any case, is an amount of money. Rows of one symbol with days of opening are its tax
    lots. ``1,234.5``, ``1.234,5``, ``(12)`` and ``12-`` are read as what they plainly are; what could be either is
    refused.

    Parameters
    ----------
    known : assets of the prices; none of them is taken for money or for a remark

    Raises
    ------
    DataError
        If the file is missing or not such a table, or cells cannot be read. All problems are named at once, with rows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "holdings.csv"
    ...     _ = path.write_text("symbol,quantity,currency\\nKO,-20,USD\\nCASH,1000,USD\\n")
    ...     book = read_positions(path).book
    >>> [(one.symbol, one.quantity) for one in book.positions], [one.amount for one in book.cash]
    ([('KO', -20.0)], [1000.0])
    """
    try:
        raw = read_rows(path)
    except DataError as error:
        if "is empty" in str(error):
            raise DataError(f"{path} is empty: the first row of holdings is `asset,quantity`") from error
        raise
    if not raw.rows:
        raise DataError(f"{path} is empty: the first row of holdings is `asset,quantity`")
    tables = broker_tables(raw, path)
    mark = decimal_mark(_numeric_cells(tables.tables), raw.delimiter)
    found = _Found(path, Amounts(mark, known), tables.account, list(tables.notes))
    several = sum(bool(table.title) for table in tables.tables) > 1
    for table in tables.tables:
        _note_columns(table, found)
        found.title = table.title if several and "account" not in table.columns else ""
        for line, row, cells in cells_of(table):
            try:
                _take(found, table, line, row, cells)
            except DataError as error:
                found.problems.append(str(error))
    found.complain()
    return PositionFile(_book(found, tables.base or found.base), found.rows)


@dataclass
class _Found:
    """What was read so far."""

    path: Path
    read: Amounts
    account: str
    notes: list[str]
    title: str = ""
    problems: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    lots: dict[tuple[str, str, bool], list[tuple[float, float | None, str, int]]] = field(
        default_factory=dict
    )
    summed: set[tuple[str, str]] = field(default_factory=set)  # made of lots alone
    cash: dict[tuple[str, str, str], CashBalance] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    base: str = ""

    def state(self, terms: RowTerms, cells: dict[str, str]) -> None:
        """Take over what a row says of the currencies."""
        self.base = cells.get("base") or self.base
        if terms.rate is not None and terms.currency:
            self.rates[terms.currency] = terms.rate

    def complain(self) -> None:
        """All problems in one error."""
        if not self.problems:
            return
        start = f"{self.path}: "
        first, *rest = dict.fromkeys(self.problems)
        rest = [one.removeprefix(start) for one in rest]
        more = f"; and {len(rest) - SEVERAL + 1} more" if len(rest) >= SEVERAL else ""
        raise DataError("; ".join([first, *rest[: SEVERAL - 1]]) + more)


def _numeric_cells(tables: Iterable[BrokerTable]) -> list[str]:
    kinds = (
        "quantity",
        "price",
        "value",
        "base value",
        "unit cost",
        "total cost",
        "accrued",
        "rate",
        "multiplier",
    )
    return [
        cells[kind] for table in tables for _, _, cells in cells_of(table) for kind in kinds if kind in cells
    ]


def _note_columns(table: BrokerTable, found: _Found) -> None:
    used = set(table.columns.values())
    others = [cell for k, cell in enumerate(table.head) if k not in used and cell.strip()]
    if others:
        line = f"{found.path.name}: columns {', '.join(map(repr, others[:6]))} are not used"
        if line not in found.notes:
            found.notes.append(line)


def _take(found: _Found, table: BrokerTable, line: int, row: list[str], cells: dict[str, str]) -> None:
    """One row of a table."""
    where, read = f"{found.path}: row {line}", found.read
    if "quantity" not in table.columns:
        return _take_section(found, cells, where)
    name, text = cells["asset"], cells["quantity"]
    if is_remark(row, name, text, read.known):
        found.notes.append(
            f"{found.path.name}: row {line} is passed over: {', '.join(filter(None, row))[:60]!r}"
        )
        return None
    if not name:
        raise DataError(f"{where} has a quantity, {text!r}, and no asset: name it, or drop the row")
    if any(row[len(table.head) :]):
        raise DataError(
            f"{where} has {len(row)} cells, the first row {len(table.head)}: put a number with commas in "
            "quotes, or leave the commas out"
        )
    account = cells.get("account") or found.title or found.account
    money = money_of(name, cells, read.known)
    if money is not None:
        if name in read.known:
            raise DataError(f"{where}: {name!r} is money here and an asset of the prices: rename that column")
        return _take_cash(found, (account, money, name), cells, where, line)
    return _take_position(found, (account, name), cells, where, line)


def _take_position(found: _Found, key: tuple[str, str], cells: dict[str, str], where: str, line: int) -> None:
    account, name = key
    read, who = found.read, f"{where}, {name!r}"
    units = quantity_of(name, cells, read, where)
    terms, value = terms_of(cells, read, who, name), read.optional(cells, "value", who, "value")
    usual = usual_multiplier(units, terms, value)
    if usual is not None:
        terms = terms._replace(multiplier=usual)
        found.notes.append(f"{name}: a multiplier of {usual:g}, as its value in the file says")
    found.state(terms, cells)
    level, opened = cells.get("level", "").casefold(), cells.get("opened", "")
    lot = level == "lot" or (bool(opened) and level != "summary")
    cost = unit_cost(cells, read, who, units, terms.multiplier)
    if units and (lot or cost is not None):
        found.lots.setdefault((*key, lot), []).append((units, cost, opened, line))
    before = found.positions.get(key)
    if before is not None and lot:
        if key in found.summed:
            found.positions[key] = replace(
                before, quantity=before.quantity + units, accrued=before.accrued + terms.accrued
            )
        return
    if before is not None and key not in found.summed:
        again = f"in account {account} again" if account else "again"
        raise DataError(f"{where} holds {name!r} {again}, after row {found.rows[key]}: add the two up")
    (found.summed.add if lot else found.summed.discard)(key)
    found.rows[key] = line
    doubt = value_doubt(name, units, terms, value)
    weighed = bool(value and terms.price and units) and doubt is None
    found.positions[key] = Position(
        name,
        units,
        terms.price,
        terms.currency,
        account,
        terms.multiplier,
        terms.kind,
        accrued=terms.accrued,
        hundredths=terms.hundredths,
        stated=bool(cells.get("multiplier")) or usual is not None or weighed,
    )
    found.flags += [doubt] if doubt else []


def _take_cash(
    found: _Found, key: tuple[str, str, str], cells: dict[str, str], where: str, line: int
) -> None:
    account, money, name = key
    terms, place = terms_of(cells, found.read, f"{where}, cash"), (account, name.casefold())
    found.state(terms, cells)
    text = (
        cells["value"]
        if cells["quantity"].casefold() in NOTHING and cells.get("value")
        else cells["quantity"]
    )
    amount = amount_in(text, f"{where}, cash", found.read.mark, money=True)
    currency = money or terms.currency
    if (account, currency, name.casefold()) in found.cash:
        raise DataError(f"{where} holds {name!r} again, after row {found.rows[place]}: add the two up")
    found.rows[place] = line
    found.cash[account, currency, name.casefold()] = CashBalance(amount, currency, account)


def _take_section(found: _Found, cells: dict[str, str], where: str) -> None:
    """A row of a table of cash, or of dividends that are due."""
    read, currency = found.read, cells.get("currency", "")
    account = cells.get("account") or found.account
    if "accrued" in cells and cells.get("asset"):
        net = read.optional(cells, "accrued", where, "accrual")
        if net is None or currency.upper() not in CODES:
            return
        key = (account, cells["asset"])
        held = found.positions.get(key) or Position(cells["asset"], 0.0, None, currency, account)
        found.positions[key] = replace(held, accrued=held.accrued + net)
        return
    if cells.get("cash row", "Ending Cash") != "Ending Cash" or currency.upper() not in CODES:
        return  # another line of the report, or the sum of all currencies
    amount = read.optional(cells, "cash", where, "amount")
    if amount is not None:
        found.cash[account, currency.upper(), "cash"] = CashBalance(amount, currency.upper(), account)


def _book(found: _Found, base: str) -> PositionBook:
    """All of it, with the lots at their positions."""
    lots = _dated_lots(found)
    positions = tuple(replace(held, lots=tuple(lots.get(key, ()))) for key, held in found.positions.items())
    totals: dict[tuple[str, str], float] = {}
    for (account, currency, _), balance in found.cash.items():
        totals[account, currency] = totals.get((account, currency), 0.0) + balance.amount
    cash = tuple(CashBalance(amount, currency, account) for (account, currency), amount in totals.items())
    return PositionBook(
        positions,
        cash,
        _base(found, base, positions, cash),
        found.rates,
        tuple(found.notes),
        tuple(found.flags),
    )


def _base(found: _Found, stated: str, positions: tuple[Position, ...], cash: tuple[CashBalance, ...]) -> str:
    """The base currency: stated, or the only one, or the one whose rate is one; empty where it is open."""
    if stated:
        return currency_unit(stated)[0]
    named = [*(one.currency for one in positions), *(one.currency for one in cash)]
    codes = {code for code in named if code}
    ones = {code for code, rate in found.rates.items() if rate == 1.0}
    if len(codes) == 1:
        return codes.pop() if not found.rates or ones else ""
    return ones.pop() if len(ones) == 1 else ""


def _dated_lots(found: _Found) -> dict[tuple[str, str], list[TaxLot]]:
    """Lots with the days on which they were opened where these are plain; rows of lots go before an average cost."""
    chosen = {key[:2]: lots for key, lots in sorted(found.lots.items(), key=lambda item: item[0][2])}
    flat = [(key, lot) for key, lots in chosen.items() for lot in lots]
    texts = [lot[2].split(";")[0].split(",")[0].strip() for _, lot in flat]
    filled = [k for k, text in enumerate(texts) if text]
    days: dict[int, pd.Timestamp] = {}
    if filled:
        cells, lines = pd.Series([texts[k] for k in filled]), [flat[k][1][3] for k in filled]
        try:
            days = dict(zip(filled, dates_of(cells, found.path, lines, found.notes, "opened"), strict=True))
        except DataError as error:
            found.flags.append(f"the days on which lots were opened are not known: {error}")
    made: dict[tuple[str, str], list[TaxLot]] = {}
    for k, (key, (units, cost, _, _)) in enumerate(flat):
        if cost is not None:
            made.setdefault(key, []).append(TaxLot(units, cost, days[k].date() if k in days else None))
    return made
