"""Factor returns from files: any wide table, and the layout of Kenneth French's data library."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError, ImplausibleError
from riskengine.market.shapes import wide_numbers

_ROW = re.compile(r"\s*(\d{8}|\d{6})\s*,")
_MISSING = (-99.99, -999.0)
"""What French's files hold where there is no return."""

_LARGEST = 0.5
"""Median size of a factor's return in one period from which on it can be no fraction."""


@dataclass(frozen=True, eq=False)
class FactorReturns:
    """Returns of factors.

    Attributes
    ----------
    returns : dates x factors, fractions; NaN where there is none
    riskless : return of cash on the same dates, None where the file has none; it is no factor
    notes : how the file was read, one line each
    """

    returns: pd.DataFrame
    riskless: pd.Series | None
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the factors."""
        return tuple(map(str, self.returns.columns))

    def between(self, dates: pd.DatetimeIndex) -> pd.DataFrame:
        """Compounded from each of the dates to the next, a row for every date but the first; NaN where a day lacks.

        Raises
        ------
        DataError
            If the factors have fewer dates than the prices: a month's return says nothing of its days.
        """
        inside = self.returns.loc[(self.returns.index > dates[0]) & (self.returns.index <= dates[-1])]
        spans = dates[(dates >= self.returns.index[0]) & (dates <= self.returns.index[-1])]
        if len(spans) > 3 and len(inside) < 0.7 * (len(spans) - 1):
            raise DataError(
                f"the factors have {len(inside)} dates where the prices have {len(spans)}: bring factors as often as "
                "prices"
            )
        place = dates.searchsorted(inside.index)  # the close at which a factor's day ends
        compounded = (1 + inside).groupby(place).prod(min_count=1) - 1
        gaps = inside.isna().groupby(place).any()
        found = compounded.mask(gaps).reindex(range(1, len(dates)))
        return found.set_axis(dates[1:], axis=0)


def load_factors(path: Path | str) -> FactorReturns:
    """Read factor returns from a wide file, dates and a column a factor, or from one of French's library.

    French's files begin with lines of text, have dates as 19630701 (or months as 196307), returns in percent, -99.99
    where there is none, and end in lines of text or a table of years, which is passed over; zipped or not. Other files
    hold fractions. A column RF, in any case, is the return of cash.

    Raises
    ------
    DataError
        If the file is missing or no such table, or returns are plainly percentages in a file that is not French's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "factors.csv"
    ...     _ = path.write_text("date,MKT,SMB,RF\\n2024-01-02,0.01,-0.002,0.0002\\n2024-01-03,-0.01,0.001,0.0002\\n")
    ...     found = load_factors(path)
    >>> found.names, float(found.riskless.iloc[0])
    (('MKT', 'SMB'), 0.0002)
    """
    path = Path(path)
    lines = _lines(path)
    if lines is None or not any(_ROW.match(line) for line in lines):
        table, notes = wide_numbers(path), list[str]()
        size = float(np.nanmedian(table.abs().to_numpy())) if table.size else 0.0
        if size > _LARGEST / 10:
            raise ImplausibleError(
                f"{path}: half of the returns are larger than {size:.0%}: they look like percentages or prices, and "
                "fractions are wanted; divide by 100"
            )
    else:
        table, notes = _french(path, lines)
    table.columns = [str(name).strip() for name in table.columns]
    cash = [name for name in table.columns if name.lower() in ("rf", "riskless", "risk free", "cash")]
    riskless = table[cash[0]] if cash else None
    factors = table.drop(columns=cash)
    if not len(factors.columns):
        raise DataError(f"{path} has no factor beside the return of cash")
    return FactorReturns(factors, riskless, tuple(notes))


def _lines(path: Path) -> list[str] | None:
    """Lines of a text file, unpacked; None for other kinds."""
    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/")]
                if len(names) != 1:
                    raise DataError(f"{path} holds {len(names)} files: unpack it and name one")
                content = archive.read(names[0])
        elif path.suffix.lower() in (".csv", ".txt"):
            content = path.read_bytes()
        else:
            return None
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no archive, or a damaged one: {error}") from error
    return content.decode("utf-8", errors="replace").splitlines()


def _french(path: Path, lines: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """The first table of a file of the library."""
    first = next(k for k, line in enumerate(lines) if _ROW.match(line))
    names = [cell.strip() for cell in lines[first - 1].split(",")][1:] if first else []
    width = lines[first].count(",")
    if len(names) != width or not all(names):
        raise DataError(
            f"{path}: line {first} above the first row of returns does not name its {width} columns"
        )
    dates, rows = [], []
    digits = len(_matched(lines[first]))
    for number, line in enumerate(lines[first:], first + 1):
        found = _ROW.match(line)
        if found is None or len(found[1]) != digits:
            break
        cells = line.split(",")[1:]
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError as error:
            raise DataError(
                f"{path}: line {number} holds a cell that is no number: {line.strip()!r}"
            ) from error
        if len(cells) != width:
            raise DataError(f"{path}: line {number} has {len(cells)} numbers, the header {width} names")
        dates.append(found[1])
    form = "%Y%m%d" if digits == 8 else "%Y%m"
    index = pd.to_datetime(dates, format=form, errors="coerce")
    if index.isna().any() or not index.is_monotonic_increasing or index.has_duplicates:
        raise DataError(f"{path}: dates are not all dates, each later than the one before")
    if digits == 6:
        index = index + pd.offsets.MonthEnd(0)
    values = np.array(rows)
    table = pd.DataFrame(np.where(np.isin(values, _MISSING), np.nan, values / 100), index, names)
    table.index.name = "date"
    said = [
        f"{path.name}: Kenneth French's layout, percent made fractions, {first - 1} lines above the table"
    ]
    return table, said


def _matched(line: str) -> str:
    found = _ROW.match(line)
    return "" if found is None else found[1]
