"""Rounded shapes, so that a universe one asset wider or one day longer does not compile anew."""

import numpy as np

NARROWEST = 128
"""Series that are worth a device of their own; a universe of fewer spends more on a program than on idle days."""

_FEWEST, _SHORTEST, _SETTLED = 16, 320, 1280


def _rounded(size: int) -> int:
    """The next of four sizes an octave."""
    step = max(4, 2 ** (max(size - 1, 1).bit_length() - 3))
    return -(-size // step) * step


def bucket(size: int) -> int:
    """A number of series, rounded up: to 16, 32, 64 or 128, and from there on to one of four sizes an octave.

    Examples
    --------
    >>> [bucket(size) for size in (3, 20, 100, 130, 500)]
    [16, 32, 128, 160, 512]
    """
    return _rounded(size) if size > NARROWEST else max(_FEWEST, 2 ** max(size - 1, 1).bit_length())


def period(days: int, series: int) -> int:
    """A number of days, rounded up for a universe of so many series.

    Of few series, less than 1,280 days become 320, 640 or 1,280, so that a window that grows to its length compiles
    three programs and not nine. Longer ones, and those of many series, become one of four sizes an octave.

    Examples
    --------
    >>> [period(days, 20) for days in (100, 500, 900, 1300, 2000)]
    [320, 640, 1280, 1536, 2048]
    >>> [period(days, 500) for days in (100, 500, 900, 1300, 2000)]
    [112, 512, 1024, 1536, 2048]
    """
    if days > _SETTLED or series > NARROWEST:
        return max(_FEWEST, _rounded(days))
    return next(size for size in (_SHORTEST, 2 * _SHORTEST, _SETTLED) if days <= size)


def lengthened(matrix: np.ndarray) -> np.ndarray:
    """``(time, assets)`` returns with missing days in front, which every filter waits through, up to :func:`period`."""
    days, series = matrix.shape
    return np.pad(matrix, ((period(days, series) - days, 0), (0, 0)), constant_values=np.nan)


def widened(leaf: np.ndarray, axis: int = -1) -> np.ndarray:
    """An array with its last asset repeated along an axis, up to a bucket."""
    leaf = np.asarray(leaf)
    pads = [(0, 0)] * leaf.ndim
    pads[axis] = (0, bucket(leaf.shape[axis]) - leaf.shape[axis])
    return np.pad(leaf, pads, mode="edge")
