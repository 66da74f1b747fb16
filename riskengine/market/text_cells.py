"""Cells of separated text, packed or not."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from collections import Counter
from pathlib import Path

from riskengine.errors import DataError

_DELIMITERS = ("\t", ";", "|", ",")
_WORDS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}


def unpacked(path: Path, kind: str) -> bytes:
    """Bytes of a file, or of the one table in an archive."""
    try:
        if kind == ".csv.gz":
            return gzip.decompress(path.read_bytes())
        if kind == ".csv.zip":
            with zipfile.ZipFile(path) as archive:
                inside = [
                    name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name
                ]
                if len(inside) != 1 or not inside[0].lower().endswith((".csv", ".tsv")):
                    raise DataError(
                        f"{path} holds {', '.join(inside[:3]) or 'nothing'}: one .csv file is wanted; unpack it and "
                        "name the file, or the folder of one file an asset"
                    )
                return archive.read(inside[0])
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no archive, or a damaged one: {error}") from error
    return path.read_bytes()


def decoded(content: bytes, path: Path) -> str:
    """Text, of UTF-8 or of UTF-16 where the file says so."""
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}; save it as CSV UTF-8") from error


def refuse_messages(content: str, path: Path) -> None:
    """Where a server's answer was saved in place of a table."""
    start = content.lstrip()[:300]
    if start.startswith("{") or start.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{path} holds no table but the answer of a server, {' '.join(start.split())[:80]!r}: download it again"
        )


def delimiter_of(content: str) -> str:
    """What separates the cells: the mark that most lines have equally often."""
    head = [line for line in content.splitlines()[:200] if line.strip()][:40]
    bare = [re.sub(r'"[^"]*"', "", line) for line in head]
    best, share = ",", 0.0
    if not bare:
        return best
    for mark in _DELIMITERS:
        counts = Counter(line.count(mark) for line in bare)
        usual, often = max(counts.items(), key=lambda item: (item[0] > 0, item[1], item[0]))
        agreed = often / max(len(bare), 1) if usual else 0.0
        header = bare[0].count(mark) if bare else 0
        if agreed > share and (header or len(bare) > 2):
            best, share = mark, agreed
    return best


def split_cells(content: str, delimiter: str, path: Path) -> tuple[list[list[str]], list[int]]:
    """Rows of cells and the line on which each ends, without blank lines.

    A reader of tables would rename a repeated column, pad a row that was cut short and lose count of blank
    lines, all silently; so the cells are taken as they stand.
    """
    rows, lines = [], []
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(
            f"{path}: row {reader.line_num} is not {_WORDS[delimiter]}-separated text: {error}"
        ) from error
    return rows, lines
