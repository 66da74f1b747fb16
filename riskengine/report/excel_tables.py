"""A report as a workbook: a sheet a table of its content, numbers as numbers, text as text whatever it begins with."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from riskengine.errors import DataError
from riskengine.report.page import Page

Table = list[list[Any]]

_PERCENT = re.compile(
    r"volatility|c?var|c?var_[\d.]+|weights?|targets|imposed|before|drift|share|loss\w*|drawdown|turnover|return|limit"
)
"""Columns that are shown in percent where they hold fractions."""

_BEGUN = b"2000-01-01T00:00:00Z"


def need_openpyxl() -> None:
    """Refuse where openpyxl is not installed."""
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise DataError(
            '--xlsx needs openpyxl, which is not installed: pip install "riskengine[excel]"'
        ) from error


def workbook(page: Page, content: dict[str, Any]) -> bytes:
    """The workbook; the same content gives the same bytes.

    Raises
    ------
    DataError
        If openpyxl is not installed.
    """
    need_openpyxl()
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = openpyxl.Workbook()
    book.remove(book.active)
    facts = [["report", page.title], ["", page.subtitle], ["", page.headline]]
    facts += [[name, value] for name, value in content.items() if not isinstance(value, dict | list)]
    taken: set[str] = set()
    for name, table in (("report", [["name", "value"], *facts]), *tables(content)):
        sheet = book.create_sheet(_sheet_name(name, taken))
        for k, row in enumerate(table, start=1):
            for j, value in enumerate(row, start=1):
                _write(sheet.cell(k, j), value, str(table[0][j - 1]))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "B2"
        for j in range(1, len(table[0]) + 1):
            longest = max(len(_text(row[j - 1])) for row in table[:200])
            sheet.column_dimensions[get_column_letter(j)].width = min(60, max(9, longest + 2))
    raw = io.BytesIO()
    book.save(raw)
    return _without_clock(raw.getvalue())


def tables(content: dict[str, Any], inside: str = "") -> Iterator[tuple[str, Table]]:
    """Name and rows of every table in a content, headings first.

    A list of objects is a table, and so is an object of objects; numbers by name that share names, weights before and
    after say, are columns of one.

    Examples
    --------
    >>> for name, table in tables({"before": {"A": 1.0}, "weights": {"A": 0.5, "B": 0.5}, "limits": [{"name": "x"}]}):
    ...     print(name, table)
    weights [['name', 'before', 'weights'], ['A', 1.0, 0.5], ['B', None, 0.5]]
    limits [['name'], ['x']]
    """
    numbers = {name: value for name, value in content.items() if _of_numbers(value)}
    for names in _sharing(numbers):
        title = "weights" if "weights" in names else names[0]
        keys = list(dict.fromkeys(key for name in names for key in numbers[name]))
        yield (
            f"{inside}{title}",
            [["name", *names], *([key, *(numbers[n].get(key) for n in names)] for key in keys)],
        )
    for name, value in content.items():
        rows = _records(value)
        if rows:
            yield from _of_records(f"{inside}{name}", rows)
        elif isinstance(value, dict) and name not in numbers:
            flat = [[key, one] for key, one in value.items() if not isinstance(one, dict | list)]
            if flat:
                yield f"{inside}{name}", [["name", "value"], *flat]
            yield from tables(value, f"{inside}{name} ")
        elif isinstance(value, list) and value:
            yield f"{inside}{name}", [[name], *([_cell(one)] for one in value)]


def _of_records(title: str, rows: list[dict[str, Any]]) -> Iterator[tuple[str, Table]]:
    """A table of objects; what holds numbers by name in each of them, contributions say, is one of its own."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    inner = [key for key in columns if all(_of_numbers(row.get(key)) for row in rows)]
    plain = [key for key in columns if key not in inner]
    yield title, [plain, *([_cell(row.get(key)) for key in plain] for row in rows)]
    for key in inner:
        named = list(dict.fromkeys(name for row in rows for name in row[key]))
        heads = [_cell(row[plain[0]]) for row in rows] if plain else list(range(1, len(rows) + 1))
        yield (
            f"{title} {key}",
            [["name", *heads], *([name, *(row[key].get(name) for row in rows)] for name in named)],
        )


def _of_numbers(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value.values())
    )


def _records(value: Any) -> list[dict[str, Any]]:
    """Rows of a table: of a list of objects, or of objects by name."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return value
    if isinstance(value, dict) and value and all(isinstance(one, dict) and one for one in value.values()):
        return [{"name": name} | one for name, one in value.items()]
    return []


def _sharing(numbers: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Names of objects, together where they have keys in common."""
    groups: list[tuple[set[str], list[str]]] = []
    for name, value in numbers.items():
        home = next((group for group in groups if group[0] & set(value)), None)
        if home is None:
            groups.append((set(value), [name]))
        else:
            home[0].update(value)
            home[1].append(name)
    return [names for _, names in groups]


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _write(cell: Any, value: Any, column: str) -> None:
    """A number, a truth value, or text that stays text if it begins like a formula."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if value is None or isinstance(value, bool | int | float):
        cell.value = value
        if isinstance(value, float) and _PERCENT.fullmatch(column):
            cell.number_format = "0.00%"
        return
    text = ILLEGAL_CHARACTERS_RE.sub(" ", str(value))[:32_000]
    cell.value = text
    cell.data_type = "s"
    cell.quotePrefix = text[:1] in tuple("=+-@\t\r")


def _sheet_name(name: str, taken: set[str]) -> str:
    """One that Excel takes, and that no other sheet has."""
    plain = re.sub(r"[\[\]:*?/\\'\x00-\x1f]", " ", name).strip()[:31] or "table"
    found, count = plain, 2
    while found.casefold() in taken:
        found, count = f"{plain[:27]} {count}", count + 1
    taken.add(found.casefold())
    return found


def _without_clock(raw: bytes) -> bytes:
    """The same workbook with fixed times in place of those of its writing."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for one in source.infolist():
            content = source.read(one)
            if one.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", _BEGUN, content)
            fixed = zipfile.ZipInfo(one.filename, (1980, 1, 1, 0, 0, 0))
            fixed.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(fixed, content)
    return made.getvalue()
