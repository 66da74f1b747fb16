"""The tables of positions and of cash in a broker's file, told from titles, other sections, totals and remarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from riskengine.book.broker_columns import columns_of, one_of
from riskengine.errors import DataError
from riskengine.market.raw_rows import RawRows


class BrokerTable(NamedTuple):
    """A table below its row of headings.

    Attributes
    ----------
    columns : kind to place, see :data:`~riskengine.book.broker_columns.COLUMNS`
    head : the headings
    records : line and cells of each row
    title : text that stands alone above the headings, an account say
    """

    columns: dict[str, int]
    head: list[str]
    records: list[tuple[int, list[str]]]
    title: str


@dataclass
class BrokerTables:
    """What a file holds.

    Attributes
    ----------
    tables : of positions or of cash
    base, account : that the file states for all
    notes : what was passed over, one line each
    """

    tables: list[BrokerTable] = field(default_factory=list)
    base: str = ""
    account: str = ""
    notes: list[str] = field(default_factory=list)


def broker_tables(raw: RawRows, path: Path) -> BrokerTables:
    """Find them.

    Raises
    ------
    DataError
        If no row of headings names an asset and a quantity; the message says what was looked for.
    """
    rows = list(zip(raw.lines, raw.rows, strict=True))
    if any(row[0] == "Open Positions" and row[1:2] == ["Header"] for _, row in rows):
        return _statement(rows, path)
    found, title = BrokerTables(), ""
    above = 0
    for line, row in rows:
        columns = columns_of(row, str(path))
        if columns:
            found.tables.append(BrokerTable(columns, row, [], title))
            title = ""
        elif found.tables:
            filled = [cell for cell in row if cell]
            if len(filled) == 1 and row[0]:
                title = filled[0]
            found.tables[-1].records.append((line, row))
        else:
            above += 1
            title = row[0] if sum(map(bool, row)) == 1 else title
    trades = [table for table in found.tables if "trade" in table.columns]
    found.tables = [table for table in found.tables if "trade" not in table.columns]
    if not found.tables:
        raise DataError(_no_table(rows, path))
    if above:
        found.notes.append(f"{path.name}: {above} line(s) above the table are passed over")
    if trades:
        rows_left = sum(len(table.records) for table in trades)
        found.notes.append(f"{path.name}: a table of {rows_left} transactions is passed over")
    return found


def _no_table(rows: Sequence[tuple[int, list[str]]], path: Path) -> str:
    asset, quantity = "assets (asset, symbol, ticker)", "quantities (quantity, qty, shares, units)"
    half = max((one_of(row) for _, row in rows[:20]), key=len)
    missing = (
        asset if "quantity" in half else quantity if "asset" in half else f"{asset} and one of {quantity}"
    )
    start = next((row for _, row in rows if half and one_of(row) == half), rows[0][1])
    return (
        f"{path}: the first row of holdings is `asset,quantity`; it is {','.join(start)[:60]!r}, and no column "
        f"of {missing} is named"
    )


_SECTIONS = ("Open Positions", "Cash Report", "Open Dividend Accruals")


def _statement(rows: Sequence[tuple[int, list[str]]], path: Path) -> BrokerTables:
    """An activity statement of Interactive Brokers: sections of many tables, each row after its section's name."""
    found = BrokerTables()
    current: BrokerTable | None = None
    passed: dict[str, None] = {}
    for line, row in rows:
        section, kind, *cells = [*row, ""]
        if section == "Account Information" and cells[0] in ("Base Currency", "Account"):
            text = cells[1].split()[0] if cells[1] else ""
            found.base, found.account = (
                (text, found.account) if cells[0] == "Base Currency" else (found.base, text)
            )
        elif section not in _SECTIONS:
            passed[section] = None
        elif kind == "Header":
            columns = _section_columns(section, cells, path)
            current = BrokerTable(columns, cells, [], "")
            found.tables.append(current)
        elif kind == "Data" and current is not None:
            current.records.append((line, cells))
    if passed:
        found.notes.append(f"{path.name}: sections {', '.join(list(passed)[:6])} are not used")
    return found


def _section_columns(section: str, head: list[str], path: Path) -> dict[str, int]:
    names = {"Currency Summary": "cash row", "Currency": "currency", "Total": "cash"}
    if section == "Open Positions":
        return columns_of(head, str(path))
    if section == "Open Dividend Accruals":
        names = {"Currency": "currency", "Symbol": "asset", "Net Amount": "accrued"}
    return {kind: head.index(name) for name, kind in names.items() if name in head}


def cells_of(table: BrokerTable) -> Iterator[tuple[int, list[str], dict[str, str]]]:
    """Line, row and cells by kind of each record; a cell of ``="X"``, as spreadsheets are forced to take text, is X."""
    for line, row in table.records:
        yield line, row, {kind: _cell(row, place) for kind, place in table.columns.items()}


def _cell(row: list[str], place: int) -> str:
    text = row[place].strip() if place < len(row) else ""
    return text[2:-1] if text.startswith('="') and text.endswith('"') and len(text) > 3 else text
