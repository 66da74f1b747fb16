"""Rounded shapes, so that a universe one asset wider or one day longer does not compile anew."""

import numpy as np

NARROWEST = 128
"""Series that are worth a device of their own."""


def bucket(size: int) -> int:
    """The next of 16, 20, 24, 28, 32, 40, ...: four sizes an octave, so that few shapes are ever compiled."""
    step = max(4, 2 ** (max(size - 1, 1).bit_length() - 3))
    return max(16, -(-size // step) * step)


def lengthened(matrix: np.ndarray) -> np.ndarray:
    """``(time, assets)`` returns with missing days in front, which every filter waits through, up to a bucket."""
    return np.pad(matrix, ((bucket(len(matrix)) - len(matrix), 0), (0, 0)), constant_values=np.nan)


def widened(leaf: np.ndarray, axis: int = -1) -> np.ndarray:
    """An array with its last asset repeated along an axis, up to a bucket."""
    leaf = np.asarray(leaf)
    pads = [(0, 0)] * leaf.ndim
    pads[axis] = (0, bucket(leaf.shape[axis]) - leaf.shape[axis])
    return np.pad(leaf, pads, mode="edge")
