"""Tables of facts: labels of assets such as sector and country, exposures to factors, benchmark weights, positions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.fields import FIELDS, plain_name
from riskengine.market.number_cells import MISSING, looks_like_number
from riskengine.market.sheet_files import read_sheet
from riskengine.market.sheets import Sheet
from riskengine.market.tables import dates, numbers, read_table, text

_ASSETS = frozenset(FIELDS["asset"]) - {"name"}
_EMPTY = ("", "nan", "NaN", "None", "<NA>", "-", "n/a", "N/A")  # NA is a country, and a region
_SHARED = 0.9
"""Distinct labels for each asset above which a column names assets and does not group them."""


def load_labels(path: Path | str) -> dict[str, dict[str, str]]:
    """Labels of assets by kind: ``{"sector": {"AAPL": "Technology", ...}, "country": {...}}``.

    A column of assets under any of the names that vendors give it (asset, symbol, ticker, ...), and a column a kind.
    Columns of numbers, of true and false, and those in which hardly two assets share a label (names say) are passed
    over; so are empty cells.

    Raises
    ------
    DataError
        If the file is no such table, an asset is twice in it, or no column groups assets.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.csv"
    ...     _ = path.write_text("ticker,sector\\nKO,Staples\\nPEP,Staples\\nXOM,Energy\\n")
    ...     load_labels(path)
    {'sector': {'KO': 'Staples', 'PEP': 'Staples', 'XOM': 'Energy'}}
    """
    path = Path(path)
    frame = _by_asset(path)
    found = {}
    for kind in frame.columns:
        cells = frame[kind].astype(object).where(frame[kind].notna(), "").map(str).str.strip()
        named = cells[~cells.isin(_EMPTY)]
        numeric = pd.api.types.is_numeric_dtype(frame[kind]) or all(map(looks_like_number, named))
        numeric |= set(named.str.lower()) <= {"true", "false"}
        if len(named) and not numeric and named.nunique() <= _SHARED * len(named):
            found[str(kind)] = {str(asset): str(label) for asset, label in named.items()}
    if not found:
        raise DataError(
            f"{path}: no column groups assets: add one such as sector, whose labels several share"
        )
    return found


def load_asset_numbers(path: Path | str) -> pd.DataFrame:
    """Numbers by asset, such as exposures to factors: assets x columns, NaN where a cell is empty.

    Raises
    ------
    DataError
        If the file is no such table, an asset is twice in it, a cell is no number, or there is no column of numbers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "exposures.csv"
    ...     _ = path.write_text("asset,size,value\\nKO,1.2,0.4\\nPEP,,0.3\\n")
    ...     load_asset_numbers(path)
         size  value
    KO    1.2    0.4
    PEP   NaN    0.3
    """
    path = Path(path)
    frame = _by_asset(path, lower=False)
    if not len(frame.columns):
        raise DataError(f"{path} has a column of assets and none of numbers: add one")
    found = {}
    for name in frame.columns:
        known = frame[name].notna() & ~frame[name].astype(object).map(lambda cell: str(cell).strip()).isin(
            MISSING
        )
        column = pd.Series(np.nan, frame.index)
        if known.any():
            column[known] = numbers(_rows(frame, known), name, path)
        found[name] = column
    return pd.DataFrame(found)


def load_benchmark(path: Path | str, assets: tuple[str, ...]) -> tuple[dict[str, float], list[str]]:
    """Weights of a benchmark by asset, scaled to sum to one, and notes on what was done to them.

    A column ``weight`` (or the only column of numbers), fractions or percent. What has no prices is left out, and the
    others take its place in proportion.

    Parameters
    ----------
    path : file
    assets : of the prices

    Raises
    ------
    DataError
        If there is no such column, or less than half of the weight has prices.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "benchmark.csv"
    ...     _ = path.write_text("asset,weight\\nKO,60\\nPEP,30\\nGONE,10\\n")
    ...     weights, notes = load_benchmark(path, ("KO", "PEP"))
    >>> {name: round(weight, 3) for name, weight in weights.items()}, notes
    ({'KO': 0.667, 'PEP': 0.333}, ['benchmark: 10.0% of it has no prices (GONE); the others take its place'])
    """
    table = load_asset_numbers(path)
    names = [name for name in table.columns if plain_name(name) in ("weight", "weights", "weight %")]
    if len(names) != 1 and len(table.columns) != 1:
        raise DataError(
            f"{path}: which column is the weight? Name one `weight`; there are {listed(list(map(str, table.columns)))}"
        )
    weights = table[names[0] if names else table.columns[0]].dropna()
    weights = weights[weights != 0]
    total = float(weights.sum())
    if not total > 0:
        raise DataError(
            f"{path}: the weights of the benchmark sum to {total:g}: they are fractions or percent"
        )
    known = weights[[str(name) in assets for name in weights.index]]
    share, notes = float(known.sum()) / total, []
    if share < 0.5:
        raise DataError(
            f"{path}: only {share:.0%} of the benchmark's weight has prices: bring those of "
            f"{listed(list(weights.index))}"
        )
    if len(known) < len(weights):
        gone = [str(name) for name in weights.index if str(name) not in assets]
        notes.append(
            f"benchmark: {1 - share:.1%} of it has no prices ({listed(gone)}); the others take its place"
        )
    if not (np.isclose(total, 1, atol=0.02) or np.isclose(total, 100, atol=2)):
        notes.append(f"benchmark: weights that sum to {total:g} are scaled to one")
    return {str(name): float(weight / known.sum()) for name, weight in known.items()}, notes


def load_rows(path: Path | str, wanted: Mapping[str, str], optional: Mapping[str, str]) -> pd.DataFrame:
    """Rows of facts under named columns, each of a kind: ``"text"``, ``"number"`` or ``"date"``.

    Empty cells are NaN, NaT or empty text in optional columns, and refused in the others. Others are passed over.

    Parameters
    ----------
    path : file
    wanted, optional : kinds by column, names in lower case

    Raises
    ------
    DataError
        If a column is missing, or a cell is not of its kind; the message names the row.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "trades.csv"
    ...     _ = path.write_text("asset,units,note\\nKO,-20,\\nPEP,5,late\\n")
    ...     load_rows(path, {"asset": "text", "units": "number"}, {"note": "text"})
      asset  units  note
    0    KO  -20.0
    1   PEP    5.0  late
    """
    path = Path(path)
    frame = read_table(path)
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(
            f"{path} has no column {listed(missing)}: there are {listed(list(map(str, frame.columns)))}"
        )
    readers = {"text": text, "number": numbers, "date": dates}
    found = {name: readers[kind](frame, name, path) for name, kind in wanted.items()}
    for name, kind in optional.items():
        if name not in frame.columns:
            continue
        cells = frame[name].astype(object).where(frame[name].notna(), "").map(str).str.strip()
        if kind == "date":
            found[name] = dates(frame, name, path, optional=True)
        else:
            known = ~cells.isin(MISSING)
            column = pd.Series("" if kind == "text" else np.nan, frame.index)
            if known.any():
                column = column.astype(object) if kind == "text" else column
                column[known] = cells[known] if kind == "text" else numbers(_rows(frame, known), name, path)
            found[name] = column
    return pd.DataFrame(found)


def _rows(frame: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """Some rows, with the lines of the file that they stand on."""
    part = frame[chosen]
    lines = frame.attrs.get("lines") or list(range(2, len(frame) + 2))
    part.attrs["lines"] = [line for line, kept in zip(lines, chosen, strict=True) if kept]
    return part


def _by_asset(path: Path, lower: bool = True) -> pd.DataFrame:
    """A table of facts, one row an asset."""
    frame = read_table(path)
    if not lower:
        frame.columns = _original(frame, read_sheet(path, facts=True))
    columns = [name for name in frame.columns if plain_name(str(name)) in _ASSETS]
    if not columns:
        columns = [name for name in frame.columns[:1] if str(name) in ("", "name", "unnamed: 0")]
    if not columns:
        raise DataError(f"{path} has no column of assets: name one asset, symbol or ticker")
    names = text(frame, columns[0], path)
    if names.duplicated().any():
        again = names[names.duplicated()].iloc[0]
        raise DataError(f"{path} has two rows of {again}: keep one")
    return frame.drop(columns=columns[0]).set_axis(list(names), axis=0)


def _original(frame: pd.DataFrame, sheet: Sheet) -> list[str]:
    """Names of columns as the file writes them, but for the one of assets."""
    return [
        low if low == "asset" else name.strip() for low, name in zip(frame.columns, sheet.names, strict=True)
    ]
