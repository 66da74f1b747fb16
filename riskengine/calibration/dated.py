"""What a table of returns says beside its numbers: how often they come, and which assets are priced less often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from riskengine.calibration.result import Calibration, Status
from riskengine.market import Frequency, as_returns, frequency_of

Array = np.ndarray

DEFAULT = Frequency("day", 252.0)
"""What a matrix without dates is taken for."""


PER_ROW = "riskengine: returns of one row each"
"""Key in the ``attrs`` of a DataFrame whose sparse returns are scaled to one row already."""


@dataclass(frozen=True, eq=False)
class Dated:
    """Returns as a calibrator reads them.

    Attributes
    ----------
    matrix : (time, assets), those of sparse prices scaled to one row, see :func:`per_row`
    assets : names
    frequency : of the rows; that of five-day closes where there are no dates
    notes : what was done, one line each
    """

    matrix: Array
    assets: tuple[str, ...]
    frequency: Frequency = DEFAULT
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, returns: Any) -> Dated:
        """From an array, taken as it is, or a DataFrame; see ``market.checks.as_returns`` for what is refused."""
        matrix, assets = as_returns(returns)
        frequency = frequency_of(returns)
        if frequency is None:
            return cls(matrix, assets)
        spacing = np.ones(len(assets), int)
        if not returns.attrs.get(PER_ROW, False):
            matrix, spacing = per_row(matrix)
        notes = [
            f"{assets[k]}: a return every {spacing[k]} rows, taken as the move over these and scaled to one"
            for k in np.flatnonzero(spacing > 1)
        ]
        if frequency.doubt:
            notes.append(
                f"irregular dates: {frequency.doubt}; annualised by {frequency.periods_per_year:.1f}"
            )
        return cls(matrix, assets, frequency, tuple(notes))

    def told(self, fit: Calibration) -> Calibration:
        """The calibration with what the table says."""
        stale = stale_notes(self.matrix, fit.assets, fit.status)
        if not stale and not self.notes and fit.periods_per_year == self.frequency.periods_per_year:
            return fit
        notes = (*fit.notes, *self.notes, *stale)
        return replace(fit, periods_per_year=self.frequency.periods_per_year, notes=notes)


def per_row(matrix: Array) -> tuple[Array, Array]:
    """Returns whose variance is that of one row, and the rows from a return to the next ``(assets,)``.

    The return of what is priced every k-th row spans k rows, and has k times the variance of one. It is divided by the
    root of the rows that it spans. What is priced at most rows keeps its returns, also those that span a gap.

    Parameters
    ----------
    matrix : (time, assets), NaN where there is no return

    Examples
    --------
    >>> weekly = np.full((11, 1), np.nan)
    >>> weekly[::5] = 0.02
    >>> found, spacing = per_row(weekly)
    >>> found[[0, 5, 10]].ravel().round(4), spacing
    (array([0.0089, 0.0089, 0.0089]), array([5]))
    """
    spacing = np.ones(matrix.shape[1], int)
    found = matrix
    for asset in np.flatnonzero(np.isnan(matrix).any(axis=0)):
        rows = np.flatnonzero(~np.isnan(matrix[:, asset]))
        if len(rows) < 3:
            continue
        steps = np.diff(rows)
        spacing[asset] = max(1, int(np.median(steps)))
        if spacing[asset] > 1:
            found = matrix.copy() if found is matrix else found
            found[rows, asset] /= np.sqrt(np.concatenate([[spacing[asset]], steps]))
    return found, spacing


def stale_notes(matrix: Array, assets: Sequence[str], status: Sequence[Status]) -> tuple[str, ...]:
    """A line for each asset whose prices hardly move, with the share of zero returns."""
    found = []
    for k in (k for k, s in enumerate(status) if s is Status.STALE):
        column = matrix[:, k]
        share = float(np.mean(column[~np.isnan(column)] == 0))
        found.append(
            f"{assets[k]}: {Status.STALE}: {share:.0%} of its returns are zero; level of its own mean square"
        )
    return tuple(found)
