"""A vendor's table as rows of options: one a call or put, with what is missing named all at once."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from riskengine.errors import DataError
from riskengine.options.chain_cells import ChainTable, decimal_comma, numbers
from riskengine.options.chain_dates import stamp, year_fractions
from riskengine.options.chain_layouts import EUROPEAN, MORNING, Layout, layout_of, meanings

Array = np.ndarray
NUMBERS = (
    "strike", "maturity", "days", "spot", "forward", "rate", "dividend", "discount", "volatility", "price", "last",
    "bid", "ask", "bid_volatility", "ask_volatility", "call_bid", "call_ask", "put_bid", "put_ask",
)  # fmt: skip
VOLATILITIES = ("volatility", "bid_volatility", "ask_volatility")
_OCC = re.compile(r"^(?:O:)?\.?([A-Z]{1,6}\d?)\s*(\d{6})([CP])(\d{8})$")
_DERIBIT = re.compile(r"^([A-Z]+)(?:_[A-Z]+)?-(\d{1,2}[A-Z]{3}\d{2})-(\d+(?:[d.]\d+)?)-([CP])$")
PERCENT, DOUBTFUL = 4.0, 2.0
"""Median volatility from which on it is in percent, and above which it may be either."""


@dataclass
class ChainRows:
    """Options of one underlying, arrays ``(rows,)``; NaN where a cell says nothing.

    Attributes
    ----------
    layout : of the file
    strike, maturity : years
    kind : "call", "put" or empty
    numbers : the other fields that the file has, by name
    root : of each option's symbol, or of its underlying; empty where unknown
    american : whether the file says so of each row, None where it says nothing
    notes : what was read how
    """

    layout: Layout
    strike: Array
    maturity: Array
    kind: Array
    numbers: dict[str, Array]
    root: Array
    american: Array | None
    notes: list[str] = field(default_factory=list)

    def take(self, rows: Array) -> ChainRows:
        """Some of the rows."""
        return ChainRows(
            self.layout,
            self.strike[rows],
            self.maturity[rows],
            self.kind[rows],
            {name: values[rows] for name, values in self.numbers.items()},
            self.root[rows],
            None if self.american is None else self.american[rows],
            self.notes,
        )


@dataclass(frozen=True)
class ChainTerms:
    """What the caller says of a file.

    Attributes
    ----------
    asof : date of the quotes, with or without a time
    expiry : of all rows, where the file has none
    name : of the underlying, where a file has several
    percent : whether volatilities are percentages; told from the numbers if None
    day_count : see :data:`riskengine.options.chain_dates.DAY_COUNTS`
    """

    asof: str | None = None
    expiry: str | None = None
    name: str = ""
    percent: bool | None = None
    day_count: str = "act/365"


def chain_rows(table: ChainTable, asked: ChainTerms, missing: list[str]) -> ChainRows:
    """Rows of a table; what it lacks is added to ``missing``, and NaN in its place."""
    layout = layout_of(table.names)
    at = meanings(table.names, layout, str(table.path))
    symbols = _symbols(table, at)
    values, percents = _values(table, at, layout)
    rows = len(table.rows)
    strike = values.pop("strike", np.full(rows, np.nan)) / layout.strike_scale
    strike = np.where(np.isfinite(strike), strike, symbols.strike)
    if not np.isfinite(strike).any():
        missing.append("a column strike")
    kept = _one_underlying(table, at, symbols, asked)
    dated = _quote_dates(table, at, layout, asked)
    maturity, now = _maturities(table, at, layout, symbols, asked, values, dated, missing)
    found = ChainRows(
        layout, strike, maturity, _kinds(table, at, symbols), values, _roots(table, at, symbols), _style(table, at)
    )  # fmt: skip
    found.notes += [f"read as a file of {layout.name}"] if layout.name != "plain" else []
    found.notes += table.notes
    _percentages(found, percents, asked)
    if now is not None:
        kept &= now
    blank = ~np.isfinite(strike)
    if np.isfinite(maturity).any():
        blank |= ~np.isfinite(maturity)
    if blank.any() and not blank.all():
        found.notes.append(f"{int(blank.sum())} line(s) without a strike or an expiry left out")
    if not blank.all():
        found = found.take(np.flatnonzero(kept & ~blank))
    return _both_sides(found)


@dataclass
class _Symbols:
    """What symbols of options say."""

    root: Array
    strike: Array
    kind: Array
    expiry: list[str]


def _symbols(table: ChainTable, at: dict[str, int]) -> _Symbols:
    n = len(table.rows)
    found = _Symbols(np.full(n, "", object), np.full(n, np.nan), np.full(n, "", object), [""] * n)
    columns = [at[name] for name in ("symbol", "root") if name in at]
    for column in columns:
        for k, cell in enumerate(table.column(column)):
            occ, deribit = _OCC.match(cell), _DERIBIT.match(cell)
            if occ:
                found.root[k], found.kind[k] = occ[1].rstrip("0123456789"), occ[3]
                found.strike[k] = int(occ[4]) / 1000
                found.expiry[k] = f"20{occ[2][:2]}-{occ[2][2:4]}-{occ[2][4:]}"
            elif deribit:
                found.root[k], found.kind[k] = deribit[1], deribit[4]
                found.strike[k] = float(deribit[3].replace("d", "."))
                found.expiry[k] = deribit[2]
        if any(found.expiry):
            break
    return found


def _values(table: ChainTable, at: dict[str, int], layout: Layout) -> tuple[dict[str, Array], set[str]]:
    """Numbers by field, and the volatilities that carried a percent sign."""
    cells = {name: table.column(at[name]) for name in NUMBERS if name in at}
    comma = decimal_comma(list(cells.values()), table.path)
    if comma:
        table.notes.append("decimal commas")
    values, percents = {}, set()
    for name, column in cells.items():
        values[name], percent = numbers(column, comma)
        if percent.any():
            percents.add(name)
        unread = [
            (table.lines[k], cell) for k, cell in enumerate(column)
            if np.isnan(values[name][k]) and any(letter.isdigit() for letter in cell)
        ]  # fmt: skip
        if unread and name not in ("maturity", "spot"):
            line, cell = unread[0]
            raise DataError(
                f"{table.path}: line {line}, column {table.names[at[name]]}: {cell!r} is not a number"
            )
    for name in [name for name in values if not np.isfinite(values[name]).any() and name != "strike"]:
        values.pop(name)
    return values, percents


def _one_underlying(table: ChainTable, at: dict[str, int], symbols: _Symbols, asked: ChainTerms) -> Array:
    """Mask of the rows of the one underlying."""
    roots = _roots(table, at, symbols)
    families = {root.removesuffix("W") for root in roots if root}
    wanted = asked.name.upper()
    if len(families) <= 1:
        return np.ones(len(table.rows), bool)
    if wanted in families:
        return np.array([root.removesuffix("W") == wanted for root in roots])
    raise DataError(
        f"{table.path} holds options of {len(families)} underlyings ({', '.join(sorted(families)[:5])}): choose one by "
        "its name (--name)"
    )


def _roots(table: ChainTable, at: dict[str, int], symbols: _Symbols) -> Array:
    if any(symbols.root):
        return symbols.root
    if "root" not in at:
        return symbols.root
    cells = [cell.strip().lstrip("^$").upper() for cell in table.column(at["root"])]
    return np.array([cell.split()[0] if cell else "" for cell in cells], object)


def _kinds(table: ChainTable, at: dict[str, int], symbols: _Symbols) -> Array:
    """Calls and puts; empty where nothing says."""
    n = len(table.rows)
    letters = np.array(table.column(at["kind"]), object) if "kind" in at else symbols.kind
    lower = [str(cell).strip().lower() for cell in letters]
    known = {"c": "call", "call": "call", "calls": "call", "1": "call", "ce": "call", "p": "put", "put": "put",
             "puts": "put", "-1": "put", "pe": "put", "0": "put", "": ""}  # fmt: skip
    found = np.full(n, "", "<U4")
    for k, cell in enumerate(lower):
        if cell not in known:
            raise DataError(f"{table.path}: a kind is call or put, not {letters[k]!r}")
        found[k] = known[cell]
    return found


def _style(table: ChainTable, at: dict[str, int]) -> Array | None:
    if "style" not in at:
        return None
    cells = [cell.lower()[:1] for cell in table.column(at["style"])]
    return np.array([cell == "a" for cell in cells]) if set(cells) <= {"a", "e", ""} else None


def _quote_dates(
    table: ChainTable, at: dict[str, int], layout: Layout, asked: ChainTerms
) -> list[tuple[datetime.datetime, bool]] | None:
    """Date of each row's quote, from its column or a line above the table; None where there is none."""
    if "date" in at:
        known: dict[str, tuple[datetime.datetime, bool]] = {}
        cells = table.column(at["date"])
        for line, cell in zip(table.lines, cells, strict=True):
            if cell not in known:
                known[cell] = stamp(cell, layout.dates, f"{table.path}: line {line}")
        return [known[cell] for cell in cells]
    for text in table.above:
        match = re.search(r"Date:\s*([A-Z][a-z]+ \d{1,2}, \d{4}(?: at \d{1,2}:\d{2} [AP]M)?)", text)
        if match:
            return [stamp(match[1], layout.dates, str(table.path))] * len(table.rows)
    return None


def _maturities(
    table: ChainTable,
    at: dict[str, int],
    layout: Layout,
    symbols: _Symbols,
    asked: ChainTerms,
    values: dict[str, Array],
    dated: list[tuple[datetime.datetime, bool]] | None,
    missing: list[str],
) -> tuple[Array, Array | None]:
    """Years to expiry, and where a file has several days of quotes the mask of the one asked for."""
    nothing = np.full(len(table.rows), np.nan)
    now, rows = _moment(table, asked, layout, dated)
    column = at.get("expiry")
    cells = table.column(column) if column is not None else symbols.expiry
    if asked.expiry is not None and not any(cells):
        cells = [asked.expiry] * len(table.rows)
    if any(cells) and now is not None:
        known = {
            cell: stamp(cell, layout.dates, f"{table.path}: expiry")[0]
            for cell in dict.fromkeys(cells)
            if cell
        }
        missing_cell = np.array([not cell for cell in cells])
        moments = [known.get(cell, now[0]) for cell in cells]
        morning = _morning(table, at, symbols, moments)
        found = year_fractions(now[0], now[1], moments, morning, layout.expiry_time, asked.day_count)
        return np.where(missing_cell, np.nan, found), rows
    if "maturity" in values:
        return values["maturity"], rows
    if "days" in values:
        return values["days"] / 365, rows
    if any(cells):
        missing.append("the date of the quotes, since maturities are expiry dates (asof; --asof)")
    else:
        missing.append("a column maturity (years), days or expiry (or one expiry for all: --expiry)")
    return nothing, rows


def _moment(
    table: ChainTable, asked: ChainTerms, layout: Layout, dated: list[tuple[datetime.datetime, bool]] | None
) -> tuple[tuple[datetime.datetime, bool] | None, Array | None]:
    """Moment of the quotes, and the rows of that day where there are several."""
    if asked.asof is not None:
        wanted = stamp(asked.asof, (), "asof")
        if dated is None:
            return wanted, None
        each = np.array([one.date() == wanted[0].date() for one, _ in dated])
        if not each.any():
            first, last = (pick(one for one, _ in dated).date() for pick in (min, max))
            raise DataError(
                f"{table.path} has no quotes of {wanted[0]:%Y-%m-%d}: they are of {first} to {last}"
            )
        return wanted, each
    if dated is None:
        return None, None
    days = sorted({one.date() for one, _ in dated})
    if len(days) > 1:
        raise DataError(
            f"{table.path} holds quotes of {len(days)} days, {days[0]} to {days[-1]}: say of which (asof; --asof)"
        )
    return max(dated), None


def _morning(
    table: ChainTable, at: dict[str, int], symbols: _Symbols, moments: Sequence[datetime.datetime]
) -> Array:
    """Which expiries settle at the open: as a column says, or the monthly ones of index roots."""
    if "settlement" in at:
        return np.array([cell.lower() in ("am", "1", "true", "a") for cell in table.column(at["settlement"])])
    roots = _roots(table, at, symbols)
    third = np.array([moment.weekday() in (3, 4) and 15 <= moment.day <= 21 for moment in moments])
    # the Thursday before stands for a third Friday that is a holiday
    return (
        np.array([root in MORNING for root in roots]) & third
        if any(symbols.root)
        else np.zeros(len(third), bool)
    )


def _percentages(found: ChainRows, signed: set[str], asked: ChainTerms) -> None:
    """Volatilities as decimals; percentages are recognised or refused."""
    names = [name for name in VOLATILITIES if name in found.numbers and name not in signed]
    if not names:
        return
    seen = np.concatenate([found.numbers[name][np.isfinite(found.numbers[name])] for name in names])
    seen = seen[seen > 0]
    middle = float(np.median(seen)) if len(seen) else 0.0
    percent = asked.percent if asked.percent is not None else found.layout.percent
    if percent is None:
        if DOUBTFUL <= middle < PERCENT:
            raise DataError(
                f"volatilities about {middle:g} may be {100 * middle:.0f}% or {middle:g}%: say which (--percent, "
                "--decimal)"
            )
        percent = middle >= PERCENT
        if percent:
            found.notes.append("volatilities taken for percentages")
    if percent:
        for name in names:
            found.numbers[name] = found.numbers[name] / 100


def _both_sides(found: ChainRows) -> ChainRows:
    """Rows of calls and puts side by side as one row each; the others as they are."""
    if not {"call_bid", "call_ask", "put_bid", "put_ask"} <= found.numbers.keys():
        return found
    n = len(found.strike)
    both = found.take(np.repeat(np.arange(n), 2))
    both.kind = np.tile(["call", "put"], n)
    for side in ("bid", "ask"):
        both.numbers[side] = np.stack(
            [found.numbers[f"{kind}_{side}"] for kind in ("call", "put")], 1
        ).ravel()
    for name in ("volatility", "price", "last"):
        both.numbers.pop(name, None)
    return both


def is_american(found: ChainRows) -> bool | None:
    """As the file says, or as the roots tell; None where nothing does."""
    if found.american is not None:
        return bool(found.american.any())
    roots = {str(root) for root in found.root if root}
    if not roots:
        return None
    if roots <= EUROPEAN:
        return False
    return True if not roots & EUROPEAN and found.layout.name != "plain" else None
