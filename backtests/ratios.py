"""Ratios of mean losses with their sampling error."""

from __future__ import annotations

import numpy as np


def ratio(mine: np.ndarray, theirs: np.ndarray, root: bool = True, draws: int = 500) -> tuple[float, float]:
    """Ratio of (root) means of two losses of the same independent series, and its bootstrap standard error.

    Parameters
    ----------
    mine, theirs : (series,) losses
    root : ratio of root means, such as of root mean square errors
    """
    power = 0.5 if root else 1.0
    picks = np.random.default_rng(0).integers(len(mine), size=(draws, len(mine)))
    again = (mine[picks].mean(axis=1) / theirs[picks].mean(axis=1)) ** power
    return float((mine.mean() / theirs.mean()) ** power), float(again.std())


def shown(mine: np.ndarray, theirs: np.ndarray, root: bool = True) -> str:
    """The ratio with its standard error in brackets."""
    value, error = ratio(mine, theirs, root)
    return f"{value:.3f} ({error:.3f})"


def rmse(errors: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(errors**2)))
