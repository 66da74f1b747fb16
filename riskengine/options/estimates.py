"""Estimates from independent randomisations, with control variates by regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error."""

    value: float
    error: float


class Moments:
    """Means of each randomisation and pooled second moments of payoff and controls, for one quantity."""

    def __init__(self, outputs: int) -> None:
        self.means: list[np.ndarray] = []
        self.second = np.zeros((outputs, outputs))

    def add(self, first: np.ndarray, second: np.ndarray, points: int) -> None:
        """One randomisation."""
        self.means.append(first / points)
        self.second += second / points

    def estimate(self, known: np.ndarray) -> tuple[Estimate, np.ndarray, np.ndarray]:
        """The mean with controls of these expectations and its error, the coefficients, each randomisation's mean.

        A control whose expectation is NaN is left out.
        """
        means = np.array(self.means)
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
