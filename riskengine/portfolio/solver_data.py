"""The solver's data: matrices that are written straight into it, and the solvers that take it.

A matrix of cvxpy parameters costs more than the solver takes, in time and in memory, and most where there
are cones. So a constant matrix of markers holds its place while cvxpy compiles; at each solve the day's
values replace the markers in the matrix that cvxpy hands to the solver. Vectors stay cvxpy parameters.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse

Array = np.ndarray
_MARK = 2.0**40  # far above any value, and whole numbers up to 2^53 are exact

SOLVERS = (cp.CLARABEL, cp.SCS)
Options = dict[str, float | str | bool]
ATTEMPTS: dict[str, tuple[Options, ...]] = {
    cp.CLARABEL: (
        {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
        {},
        {"max_step_fraction": 0.9},
    ),
    cp.SCS: ({"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 50_000},),
}
"""Options of each solver, in turn until it reaches its tolerance: cones may not reach the first, and power cones
may want shorter steps."""
WIDE = 400
"""Assets of a dense problem from which Clarabel's supernodal factorisation is the faster one."""


class MatrixSlot:
    """A place for a matrix whose values change from solve to solve.

    Attributes
    ----------
    expression : stands for it in cvxpy expressions
    values : (rows, columns) to be set before each solve
    """

    def __init__(self, number: int, rows: int, columns: int) -> None:
        places = np.arange(rows * columns, dtype=np.float64).reshape(rows, columns)
        self.expression = cp.Constant(number * _MARK + places)
        self.values = np.zeros((rows, columns))


class MatrixSlots:
    """The matrix slots of one problem."""

    def __init__(self) -> None:
        self._made: list[MatrixSlot] = []

    def reserve(self, rows: int, columns: int) -> MatrixSlot:
        """A new slot."""
        self._made.append(MatrixSlot(len(self._made) + 1, rows, columns))
        return self._made[-1]

    def write(self, data: dict[str, Any]) -> None:
        """Replace the markers in the solver's linear constraints by the values."""
        if not self._made:
            return
        starts = np.cumsum([0, *(slot.values.size for slot in self._made)])
        values = np.concatenate([np.ravel(slot.values) for slot in self._made])
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
    size = len(matrix)
    if len(at) != size:
        raise AssertionError("only the weights may enter the goal squared")
    # Column by column, as the format wants it: the other columns have no entries.
    starts = np.concatenate([[0], np.cumsum(np.where(diagonal != 0, size, 0))]).astype(np.int32)
    entries = diagonal[at[0]] * np.ravel(matrix, order="F")
    return sparse.csc_array((entries, np.tile(at, size).astype(np.int32), starts), shape=place.shape)


def solve_compiled(
    problem: cp.Problem,
    solver: str,
    slots: MatrixSlots,
    square: Array | None = None,
    options: Options | None = None,
) -> tuple[str, float]:
    """Solve a problem whose matrices are written into the solver's data.

    Every solve starts cold: interior points gain next to nothing from a warm start, and what is solved
    must not depend on what was solved before, or a run that was killed could not be repeated.

    Parameters
    ----------
    problem : its variables have their values afterwards
    solver : name
    slots : filled
    square : (size, size) covariance, if it is dense
    options : for the solver; :data:`ATTEMPTS` in turn if not given

    Returns
    -------
    status : of cvxpy
    seconds : that the solver itself took

    Raises
    ------
    cvxpy.SolverError
        If the solver gave up.
    """
    if options is None:
        *firm, last = ATTEMPTS[solver]
        for attempt in firm:
            with contextlib.suppress(cp.SolverError):
                status, seconds = solve_compiled(problem, solver, slots, square, attempt)
                if status != cp.OPTIMAL_INACCURATE:
                    return status, seconds
        options = last
    if solver == cp.CLARABEL and square is not None and len(square) > WIDE:
        options = {"direct_solve_method": "faer", "max_threads": 1, **options}
    data, chain, inverse = problem.get_problem_data(solver, solver_opts=options)
    if square is not None:
        data["P"] = write_square(data["P"], square)
    slots.write(data)
    raw = chain.solve_via_data(problem, data, warm_start=False, verbose=False, solver_opts=options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate")  # the status says so
        problem.unpack_results(raw, chain, inverse)
    return str(problem.status), float(problem.solver_stats.solve_time or 0.0)
