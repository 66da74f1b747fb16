"""Validation of returns and weights: numbers in another unit, shape or order than is meant are refused here, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from riskengine.errors import DataError, ImplausibleError

Array = np.ndarray

_WILD = 0.2
"""A typical daily move above which returns are in percent: no asset moves by a fifth every other day."""

_LEVEL = 0.02
"""What no return stays above day after day, and prices do."""

_MANY = 20
"""Values that are all above :data:`_LEVEL` from which on they are called prices; of fewer, half above one half."""

LARGEST = 10.0
"""A return from outside, above which it is a price or a percentage."""


def as_returns(returns: Any, shortest: int = 1) -> tuple[Array, tuple[str, ...]]:
    """Checked simple returns ``(time, assets)`` in float64, and the assets' names (``0, 1, ...`` for a bare array).

    Parameters
    ----------
    returns : array or DataFrame, fractions a period (0.01 is one percent), NaN where there is none
    shortest : rows that are needed

    Raises
    ------
    ImplausibleError
        If these are prices, returns in percent, or a return is at or below -1, which loses more than there was.
    DataError
        If the input is not two-dimensional, not numeric, too short or infinite somewhere, if dates are unsorted or
        repeated, if names are repeated, or if dates stand where assets belong.

    Examples
    --------
    >>> as_returns([[0.01, -0.02], [0.0, float("nan")]])[1]
    ('0', '1')
    >>> as_returns(np.array([[101.0], [99.0], [100.0]]))
    Traceback (most recent call last):
    riskengine.errors.ImplausibleError: asset 0 has values that are all positive, 100 in the middle: prices, not \
returns; hand in the returns, prices[1:] / prices[:-1] - 1 (Panel.returns)
    """
    names: Sequence[Any] | None = getattr(returns, "columns", None)
    if names is not None:
        _check_frame(returns)
    matrix = _numbers(returns, "returns")
    days = {1: "one day", 2: "two days"}.get(shortest, f"{shortest} days")
    if matrix.ndim != 2:
        raise DataError(
            f"returns must be (time, assets) of at least {days}, not of shape {matrix.shape}: reshape one asset to "
            "(time, 1)"
        )
    if 0 in matrix.shape or len(matrix) < shortest:
        said = "empty" if 0 in matrix.shape else "too few"
        raise DataError(f"returns are {said}, of shape {matrix.shape}: pass at least {days} and one asset")
    assets = tuple(map(str, range(matrix.shape[1]) if names is None else names))
    infinite = np.isinf(matrix)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise DataError(
            f"{int(infinite.sum())} infinite return(s), the first in row {row}, asset {assets[column]}: use NaN for a "
            "missing observation"
        )
    _check_prices(matrix, assets)
    _check_size(matrix, assets, _WILD * _growth(returns))
    return matrix, assets


def as_row(row: Any, assets: int | Sequence[str], largest: float = np.inf) -> Array:
    """One period's returns ``(assets,)`` in float64, NaN where there is none.

    Parameters
    ----------
    row : array, or a Series or dict by name if names are given; a name that is left out has no return
    assets : names, or only their number
    largest : return that is believed where it stands alone; the data of a :class:`~riskengine.market.Panel` are
        audited, and may hold any

    Raises
    ------
    ImplausibleError
        If a return is at or below -1 or above ``largest`` (of one or two assets: 10), or most are above one half: a
        price or a percentage.
    DataError
        If the row is of another number of assets, not numeric, or infinite somewhere.

    Examples
    --------
    >>> as_row([0.01, float("nan")], 2)
    array([0.01,  nan])
    >>> as_row({"B": 0.01}, ("A", "B"))
    array([ nan, 0.01])
    >>> as_row([60.5, 0.01], ("A", "B"), largest=10)
    Traceback (most recent call last):
    riskengine.errors.ImplausibleError: a return of 60.5 for asset A is +6050%: a price, or a percentage? Returns are \
fractions, 0.01 for one percent
    """
    values, name = _row(row, assets, "return")
    odd = (values <= -1) | (values > (largest if len(values) > 2 else min(largest, LARGEST)))
    if odd.any():
        k = int(np.argmax(odd))
        raise ImplausibleError(f"a return of {values[k]:g} for asset {name(k)} is {_unit(values[k])}")
    seen = np.abs(values[~np.isnan(values)])
    if len(seen) > 2 and np.count_nonzero(seen > 0.5) > len(seen) / 2:
        raise ImplausibleError(
            f"most of these returns are above 50% ({seen[seen > 0.5][0]:g}, say): prices, or percentages? Returns are "
            "fractions, 0.01 for one percent"
        )
    return values


def as_scores(row: Any, assets: int | Sequence[str]) -> Array:
    """One period's numbers ``(assets,)`` of any unit, as standardised returns: only shape and finiteness are asked.

    Raises
    ------
    DataError
        If the row is of another number of assets, not numeric, or infinite somewhere.
    """
    return _row(row, assets, "value")[0]


def as_weights(weights: Any, assets: int | Sequence[str], what: str = "weights") -> Array:
    """Finite float64 weights ``(assets,)``.

    Parameters
    ----------
    weights : array, or a Series or dict by name if names are given; a name that is left out weighs nothing
    assets : names, or only their number
    what : they are called in messages

    Raises
    ------
    DataError
        If they are not finite numbers, not one an asset, or name an asset that is not there. A NaN would otherwise
        pass for a portfolio without risk.

    Examples
    --------
    >>> as_weights({"B": 1.0}, ("A", "B"))
    array([0., 1.])
    """
    values, name = _row(weights, assets, what, absent=0.0)
    if not np.isfinite(values).all():
        k = int(np.argmin(np.isfinite(values)))
        raise DataError(f"{what} must be finite, not {values[k]} for asset {name(k)}; zero is no holding")
    return values


def _row(row: Any, assets: int | Sequence[str], what: str, absent: float = np.nan) -> tuple[Array, Any]:
    """Numbers one an asset, by name where they have names; and what to call the asset at a position."""
    names = None if isinstance(assets, int) else tuple(map(str, assets))
    count = assets if isinstance(assets, int) else len(assets)

    def name(k: int) -> str:
        return str(k) if names is None else names[k]

    keys = row.keys() if isinstance(row, Mapping) else getattr(row, "index", None)
    if names is not None and keys is not None and not callable(keys):
        given = [str(key) for key in keys]
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise DataError(
                f"{what} for {unknown[0]!r}, which is no asset here: the assets are {_some(names)}"
            )
        if len(set(given)) < len(given):
            raise DataError(f"{what} name an asset twice: add the two up")
        found = _numbers(list(row.values()) if isinstance(row, Mapping) else row, what)
        values = np.full(count, absent)
        values[[names.index(key) for key in given]] = found
    else:
        values = _numbers(row, what)
    if values.shape != (count,):
        if absent == 0:
            raise DataError(
                f"{what} must be finite, of shape ({count},), one an asset, not of shape {values.shape}; zero "
                "is no holding"
            )
        raise DataError(f"a row of shape {values.shape} for {count} assets: one {what} an asset")
    if absent != 0 and np.isinf(values).any():
        k = int(np.argmax(np.isinf(values)))
        raise DataError(f"the {what} of {name(k)} is infinite: use NaN where there is none")
    return values, name


def _numbers(values: Any, what: str) -> Array:
    """Float64, refusing text, objects, truth values and dates, which numpy would turn into numbers."""
    if isinstance(values, np.ma.MaskedArray):
        values = np.where(np.ma.getmaskarray(values), np.nan, values.data)
    elif hasattr(values, "to_numpy") and all(getattr(kind, "kind", "O") in "fiu" for kind in _dtypes(values)):
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)  # nullable columns of pandas become plain
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be an array of numbers: {error}") from error
    if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
        raise DataError(
            f"{what} must be numbers, not of type {array.dtype.name}"
            + (": text or mixed columns? Convert with astype(float)" if array.dtype.kind in "OUST" else "")
        )
    return array.astype(np.float64, copy=False)


def _dtypes(frame: Any) -> list[Any]:
    kinds: Any = getattr(frame, "dtypes", None)
    return list(kinds) if hasattr(kinds, "__iter__") else [getattr(frame, "dtype", None)]


def _check_frame(frame: Any) -> None:
    """Rows in the order of time, and one column an asset."""
    columns, index = frame.columns, frame.index
    if getattr(columns.dtype, "kind", "") in "mM" or type(columns).__name__ in (
        "DatetimeIndex",
        "PeriodIndex",
    ):
        raise DataError(
            "dates stand where the assets belong: hand in returns.T, dates down and assets across"
        )
    if not columns.is_unique:
        raise DataError(
            f"asset {columns[columns.duplicated()][0]!s} names more than one column: rename or drop one"
        )
    if type(index).__name__ not in ("DatetimeIndex", "PeriodIndex"):
        if index.dtype == object or index.dtype.kind not in "iuf":
            _check_text(index)
        return
    if index.hasnans:
        raise DataError(f"row {int(np.argmax(index.isna())) + 1} has no date: give it one or drop it")
    if not index.is_unique:
        raise DataError(f"date {index[index.duplicated()][0]!s} appears more than once: keep one row a date")
    if not index.is_monotonic_increasing:
        row = int(np.argmax(np.diff(index.asi8) < 0)) + 1
        raise DataError(
            f"dates are not sorted: {index[row]!s} comes after {index[row - 1]!s}; use sort_index()"
        )


def _check_text(index: Any) -> None:
    """An index of text may hold dates, whose order cannot be told before they are read."""
    first = str(index[0]) if len(index) else ""
    if first[:1].isdigit() and any(mark in first for mark in "-/."):
        raise DataError(
            f"the dates are text, like {first!r}: use pandas.to_datetime, so that their order is known"
        )


def _check_prices(matrix: Array, assets: tuple[str, ...]) -> None:
    """Columns that are positive throughout, and higher than returns are."""
    suspects = np.flatnonzero(~(matrix <= 0).any(axis=0))
    for column in suspects:
        seen = matrix[~np.isnan(matrix[:, column]), column]
        above = _LEVEL if len(seen) >= _MANY else 0.5
        if len(seen) and np.count_nonzero(seen > above) > len(seen) / 2:
            raise ImplausibleError(
                f"asset {assets[column]} has values that are all positive, {np.median(seen):g} in the middle: prices, "
                "not returns; hand in the returns, prices[1:] / prices[:-1] - 1 (Panel.returns)"
            )


def _check_size(matrix: Array, assets: tuple[str, ...], wild: float) -> None:
    """Whether these are fractions."""
    size = np.abs(matrix)
    known = np.maximum((~np.isnan(size)).sum(axis=0), 1)
    with np.errstate(invalid="ignore"):
        usual = (size > wild).sum(axis=0) > known / 2
        lost = matrix <= -1
    many = known >= _MANY
    if (usual & many).any():
        column = int(np.argmax(usual & many))
        typical = float(np.nanmedian(size[:, column]))
        unit = "basis points, divide by 10000" if typical > 10 else "percent, divide by 100"
        raise ImplausibleError(
            f"asset {assets[column]} moves by {typical:g} on a typical day, which would be {typical:.0%}: are these "
            f"returns in {unit}? Returns are fractions, 0.01 for one percent"
        )
    if lost.any():
        row, column = np.argwhere(lost)[0]
        raise ImplausibleError(
            f"{int(lost.sum())} return(s) at or below -1, the first {matrix[row, column]:g} in row {row}, asset "
            f"{assets[column]}: nothing loses more than it was worth. Returns are fractions, 0.01 for one percent; "
            "look for percentages, differences of prices and wrong prices"
        )


def _growth(returns: Any) -> float:
    """Factor on a typical move for the time between rows: the root of the days, one where there are no dates."""
    index: Any = getattr(returns, "index", None)
    if type(index).__name__ != "DatetimeIndex" or len(index) < 2:
        return 1.0
    days = float(np.median(np.diff(index.to_numpy()).astype("timedelta64[s]").astype(np.float64))) / 86400
    return float(np.sqrt(max(days, 1.0)))


def _unit(value: float) -> str:
    if value <= -1:
        return "a loss of more than there was: a percentage, or a difference of prices? Returns are fractions"
    return f"{value:+.0%}: a price, or a percentage? Returns are fractions, 0.01 for one percent"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
