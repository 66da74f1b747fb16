"""Lines of a stream as rows: keys that grow, values by name, and headers that are read whole or refused."""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import json
import math
import re
from typing import Any, NamedTuple

import numpy as np

from riskengine.errors import DataError
from riskengine.market import parse_date

Array = np.ndarray

_MISSING = {"", "nan", "na", "n/a", "null", "none"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?")
_WHOLE = re.compile(r"[+-]?\d{1,18}")


class HeaderError(DataError):
    """A header that names what is not there, or a row that has no header to be read by."""


class Key(NamedTuple):
    """What a row is known by: a date (with a time of day, if wanted) or a whole number.

    Attributes
    ----------
    of_date : whether it is a date
    value : days since 1970, or the number
    text : as it is written back
    """

    of_date: bool
    value: float
    text: str

    @classmethod
    def parse(cls, value: Any) -> Key:
        """A whole number, or a date like 2024-01-31, strictly.

        Raises
        ------
        DataError
            If it is neither, or no day of the calendar.

        Examples
        --------
        >>> Key.parse("2024-01-31").value < Key.parse("2024-02-01 09:30").value
        True
        >>> Key.parse("007").text
        '7'
        >>> Key.parse("2023-1-10")
        Traceback (most recent call last):
        riskengine.errors.DataError: '2023-1-10' is no key: a key is a whole number, or a date like 2024-01-31
        """
        text = str(value).strip()
        if not isinstance(value, bool) and isinstance(value, str | int):
            if _WHOLE.fullmatch(text):
                return cls(False, int(text), str(int(text)))
            if _DATE.fullmatch(text):
                when = parse_date(text, "key").to_pydatetime()
                return cls(
                    True, (when - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1), text.replace(" ", "T")
                )
        raise DataError(f"{text[:40]!r} is no key: a key is a whole number, or a date like 2024-01-31")


def later(key: str, last: str | None) -> bool:
    """Whether a key comes after the last one: as numbers or as dates.

    Examples
    --------
    >>> later("10", "9"), later("2024-01-02", "2024-01-10"), later("2024-01-02", None)
    (True, False, True)
    """
    one = Key.parse(key)
    if last is None:
        return True
    other = Key.parse(last)
    if one.of_date != other.of_date:
        raise DataError(f"{key} after {last}: keys are all dates, or all whole numbers")
    return one.value > other.value


class Row:
    """A row as it came: its key and a value an asset."""

    def __init__(self, key: str, values: Array) -> None:
        self.key, self.values = key, values


class RowReader:
    """Turns lines into rows; remembers the header of a CSV.

    After a header that is not understood no line without names is read until a good header comes: its values could be
    those of other assets.

    Parameters
    ----------
    assets : names, in the order of a row without a header
    columns : of a header seen earlier
    refused : why the last header was refused; None if it was not

    Examples
    --------
    >>> reader = RowReader(("A", "B"))
    >>> reader.read("date,B,A")
    >>> reader.read("2024-01-02,0.02,0.01").values
    array([0.01, 0.02])
    >>> reader.read('{"key": "2024-01-03", "A": 0.03}').values
    array([0.03,  nan])
    >>> reader.read("date,B,a")
    Traceback (most recent call last):
    riskengine.desk.stream_rows.HeaderError: the header names 'a' (did you mean A?), which is no asset here; no row \
without names is read until a good header comes
    """

    def __init__(
        self, assets: tuple[str, ...], columns: list[int] | None = None, refused: str | None = None
    ) -> None:
        self.assets = assets
        self.place = {name: j for j, name in enumerate(assets)}
        self.columns, self.refused = columns, refused

    def read(self, line: str) -> Row | None:
        """The row of a line; None for a header.

        Raises
        ------
        HeaderError
            If the line is a header that is not understood, or comes after one and has no names of its own.
        DataError
            If the line is malformed.
        """
        line = line.removeprefix("\ufeff")
        if line.lstrip()[:1] in ("{", "["):
            return self._from_json(line)
        try:
            cells = next(csv.reader([line], strict=True))
        except (csv.Error, StopIteration) as error:
            raise DataError(f"not comma-separated: {error}") from error
        names = [cell.strip() for cell in cells[1:]]
        if self._is_header(cells[0].strip(), names):
            self._adopt(cells[0].strip(), names)
            return None
        self._need_header()
        columns = list(range(len(self.assets))) if self.columns is None else self.columns
        if len(names) != len(columns):
            raise DataError(f"{len(names)} values, not {len(columns)}{_semicolons(line)}")
        values = np.full(len(self.assets), np.nan)
        values[columns] = [_number(name) for name in names]
        return Row(Key.parse(cells[0]).text, values)

    def _is_header(self, first: str, names: list[str]) -> bool:
        """Whether a line names columns: it begins with no key, and has a name that is known or no number at all."""
        if not any(names) or _is_key(first):
            return False
        if any(name in self.place for name in names):
            return True
        return not first[:1].isdigit() and not any(_is_number(name) for name in names)

    def _adopt(self, first: str, names: list[str]) -> None:
        unknown = [name for name in names if name not in self.place]
        twice = sorted({name for name in names if names.count(name) > 1})
        if first in self.place:
            self.refused = (
                f"the header begins with the asset {first}: its first column is the key, a date say"
            )
        elif unknown:
            said = ", ".join(repr(name) + self._near(name) for name in unknown[:10])
            self.refused = (
                f"the header names {said}, which {'is' if len(unknown) == 1 else 'are'} no asset here"
            )
        elif twice:
            self.refused = f"the header names an asset twice: {', '.join(twice)}"
        else:
            self.columns, self.refused = [self.place[name] for name in names], None
            return
        raise HeaderError(self.refused + "; no row without names is read until a good header comes")

    def _need_header(self) -> None:
        if self.refused is not None:
            raise HeaderError(f"no valid header: {self.refused}")

    def _near(self, name: str) -> str:
        same = [asset for asset in self.assets if asset.casefold() == name.casefold()]
        near = same or difflib.get_close_matches(name, self.assets, 1, 0.5)
        return f" (did you mean {near[0]}?)" if near else ""

    def _from_json(self, line: str) -> Row:
        try:
            content = json.loads(line, object_pairs_hook=_pairs)
        except DataError:
            raise
        except (ValueError, RecursionError) as error:
            raise DataError(f"not JSON: {error}") from error
        values = np.full(len(self.assets), np.nan)
        if isinstance(content, list):
            self._need_header()
            if len(content) != len(self.assets) + 1:
                raise DataError(f"{len(content) - 1} values, not {len(self.assets)}")
            values[:] = [_number(value) for value in content[1:]]
            return Row(Key.parse(content[0]).text, values)
        fields = list(content.items())
        if not fields:
            raise DataError("an empty object")
        if fields[0][0] in self.place:
            raise DataError(f"the first field is the key, a date say, and not the asset {fields[0][0]}")
        for name, value in fields[1:]:
            if name not in self.place:
                raise DataError(f"unknown asset {name!r}{self._near(name)}")
            values[self.place[name]] = _number(value)
        return Row(Key.parse(fields[0][1]).text, values)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless it names something twice: the last would win without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DataError("an object names a field twice")
    return found


def _is_key(text: str) -> bool:
    try:
        Key.parse(text)
    except DataError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except DataError:
        return False
    return bool(text)


def _number(value: Any) -> float:
    """A finite number, or NaN for nothing."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"{value!r} is not a number")
    text = str(value)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        hint = ": write 0.01 for 1%" if text.strip().endswith("%") else ""
        raise DataError(f"{text[:40]!r} is not a number{hint}") from error
    if "_" in text:  # Python reads 1_000
        raise DataError(f"{text[:40]!r} is not a number")
    if math.isinf(number):
        raise DataError("an infinite value")
    return number


def _semicolons(line: str) -> str:
    return ": separate by commas, not by semicolons" if ";" in line else ""
