"""Control variates by regression, over independent randomisations (Glasserman 2003, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo estimate and its standard error."""

    value: float
    error: float


class RegressionMoments:
    """First moments of payoff and controls by randomisation, and second moments pooled over them.

    Parameters
    ----------
    outputs : one payoff and its controls
    """

    def __init__(self, outputs: int) -> None:
        self.means: list[np.ndarray] = []
        self.second = np.zeros((outputs, outputs))

    def add(self, first: np.ndarray, second: np.ndarray, points: int) -> None:
        """Add the sums ``(outputs,)`` and ``(outputs, outputs)`` of a randomisation of so many points."""
        self.means.append(first / points)
        self.second += second / points

    def estimate(self, known: np.ndarray) -> tuple[Estimate, np.ndarray, np.ndarray]:
        """Controlled mean ``mean(Y) - beta' (mean(X) - known)`` with ``beta`` of least squares.

        Parameters
        ----------
        known : (outputs - 1,) expectations of the controls; one that is NaN is left out

        Returns
        -------
        estimate, whose error is the spread of the randomisations; ``beta``; each randomisation's controlled mean. All
        are NaN where a sum is not finite

        Examples
        --------
        >>> moments = RegressionMoments(2)
        >>> for x in (np.array([1.0, 2.0]), np.array([3.0, 6.0])):
        ...     y = 2 * x + 1
        ...     moments.add(np.array([y.sum(), x.sum()]), np.array([[y @ y, y @ x], [y @ x, x @ x]]), 2)
        >>> estimate, beta, _ = moments.estimate(np.array([3.5]))
        >>> round(estimate.value, 12), beta.round(12)
        (8.0, array([2.]))
        """
        means = np.array(self.means)
        if not (np.all(np.isfinite(means)) and np.all(np.isfinite(self.second))):
            nothing = np.full(len(known), np.nan)
            return Estimate(float("nan"), float("nan")), nothing, np.full(len(means), np.nan)
        centre = means.mean(axis=0)
        covariance = self.second / len(means) - np.outer(centre, centre)
        beta = np.zeros(len(known))
        scale = np.sqrt(np.maximum(np.diag(covariance)[1:], 0))
        moving = scale > 1e-9 * np.sqrt(np.diag(self.second)[1:] / len(means) + 1e-300)
        moving &= np.isfinite(known)
        if moving.any():
            correlation = covariance[1:, 1:][np.ix_(moving, moving)] / np.outer(scale[moving], scale[moving])
            target = covariance[1:, 0][moving] / scale[moving]
            beta[moving] = np.linalg.lstsq(correlation, target, rcond=1e-9)[0] / scale[moving]
        adjusted = means[:, 0] - (means[:, 1:] - np.nan_to_num(known)) @ beta
        error = adjusted.std(ddof=1) / np.sqrt(len(adjusted))
        return Estimate(float(adjusted.mean()), float(error)), beta, adjusted
