"""Tables as they stand in a file: cells, names of columns and lines, before anybody says what they mean."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass
class Sheet:
    """A table, column by column.

    Attributes
    ----------
    path : the file
    labels : name of each column, of one or two levels
    columns : of text, of numbers or of dates
    lines : line of the file on which each row ends
    delimiter : of a text file; empty for the others
    notes : what was left out or changed, for people
    ordered : whether the order of the rows says something, as in a file; those of a database come in any
    """

    path: Path
    labels: list[tuple[str, ...]]
    columns: list[pd.Series]
    lines: Sequence[int]
    delimiter: str = ""
    notes: list[str] = field(default_factory=list)
    ordered: bool = True

    @property
    def names(self) -> list[str]:
        """Names of the columns, both levels of them in one."""
        return [" ".join(part for part in label if part) for label in self.labels]


def sheet_of_frame(path: Path, frame: pd.DataFrame) -> Sheet:
    """A table as Parquet or a database has it, an index that says something as its first columns."""
    labels = [_label(name) for name in frame.columns]
    columns = [frame.iloc[:, k].reset_index(drop=True) for k in range(frame.shape[1])]
    if not isinstance(frame.index, pd.RangeIndex) and (
        isinstance(frame.index, pd.DatetimeIndex | pd.MultiIndex) or frame.index.name is not None
        or not pd.api.types.is_integer_dtype(frame.index)
    ):  # fmt: skip
        levels = [
            (
                str(frame.index.names[k] or ("date" if frame.index.nlevels == 1 else "")),
                frame.index.get_level_values(k),
            )
            for k in range(frame.index.nlevels)
        ]
        labels = [(name,) if len(labels[0]) == 1 else (name, "") for name, _ in levels] + labels
        columns = [pd.Series(values) for _, values in levels] + columns
    return Sheet(path, labels, columns, range(1, len(frame) + 1))


def _label(name: Any) -> tuple[str, ...]:
    if isinstance(name, tuple):
        return tuple(str(part) for part in name)
    return (str(name),)


def tuple_name(name: str) -> tuple[str, ...] | None:
    """The parts of a name that is a tuple written as text.

    Examples
    --------
    >>> tuple_name("('Close', 'AAPL')"), tuple_name("AAPL")
    (('Close', 'AAPL'), None)
    """
    if not (name.startswith("(") and name.endswith(")") and "," in name):
        return None
    try:
        parts = ast.literal_eval(name)
    except (ValueError, SyntaxError):
        return None
    return tuple(str(part) for part in parts) if isinstance(parts, tuple) and len(parts) > 1 else None
