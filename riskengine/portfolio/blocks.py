"""Matrices that are written straight into the solver's data.

A matrix of cvxpy parameters costs more than the solver takes, in time and in memory, and most where there
are cones. So a constant matrix of markers holds its place while cvxpy compiles; at each solve the day's
values replace the markers in the matrix that cvxpy hands to the solver. Vectors stay cvxpy parameters.
"""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

Array = np.ndarray
_MARK = 2.0**40  # far above any value, and whole numbers up to 2^53 are exact


class Block:
    """A matrix whose values change from day to day.

    Attributes
    ----------
    expression : stands for it in cvxpy expressions
    values : (rows, columns) to be set before each solve
    """

    def __init__(self, number: int, rows: int, columns: int) -> None:
        places = np.arange(rows * columns, dtype=np.float64).reshape(rows, columns)
        self.expression = cp.Constant(number * _MARK + places)
        self.values = np.zeros((rows, columns))


class Blocks:
    """The blocks of one problem, and the square of its weights if risk is dense."""

    def __init__(self) -> None:
        self._made: list[Block] = []

    def reserve(self, rows: int, columns: int) -> Block:
        """A new block."""
        self._made.append(Block(len(self._made) + 1, rows, columns))
        return self._made[-1]

    def write(self, data: dict[str, Any]) -> None:
        """Replace the markers in the solver's linear constraints by the values."""
        if not self._made:
            return
        starts = np.cumsum([0, *(block.values.size for block in self._made)])
        values = np.concatenate([np.ravel(block.values) for block in self._made])
        for key in ("A", "F", "G"):
            if sparse.issparse(data.get(key)):
                data[key] = _written(data[key], starts, values)


def _written(matrix: sparse.csc_array, starts: Array, values: Array) -> sparse.csc_array:
    size = np.abs(matrix.data)
    hit = np.flatnonzero(size >= _MARK)
    number, place = np.divmod(size[hit], _MARK)
    entries = matrix.data.copy()
    entries[hit] = np.sign(entries[hit]) * values[starts[number.astype(int) - 1] + place.astype(int)]
    return type(matrix)((entries, matrix.indices, matrix.indptr), shape=matrix.shape)


def write_square(place: sparse.csc_array, matrix: Array) -> sparse.csc_array:
    """The solver's quadratic matrix with ``matrix`` where a sum of squares of the weights held its place."""
    diagonal = place.diagonal()
    at = np.flatnonzero(diagonal)
    slots = len(matrix)
    if len(at) != slots:
        raise AssertionError("only the weights may enter the goal squared")
    # Column by column, as the format wants it: the other columns have no entries.
    starts = np.concatenate([[0], np.cumsum(np.where(diagonal != 0, slots, 0))]).astype(np.int32)
    entries = diagonal[at[0]] * np.ravel(matrix, order="F")
    return sparse.csc_array((entries, np.tile(at, slots).astype(np.int32), starts), shape=place.shape)
