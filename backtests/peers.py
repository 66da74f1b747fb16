"""Rivals in the studies, as calibrators: scivol, multigarch and RiskMetrics."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskengine.calibration import Calibration, Posterior, Status, as_matrix
from riskengine.garch import GarchParams


def bare(matrix: np.ndarray, assets: tuple[str, ...], params: GarchParams, done: np.ndarray) -> Calibration:
    """Bare parameters as a calibration, presample variance as in ``arch``."""
    width = len(assets)
    weight = 0.94 ** np.arange(min(75, len(matrix)))
    before = weight @ matrix[: len(weight)] ** 2 / weight.sum()
    blank = np.full(width, np.nan)
    return Calibration(
        assets=assets,
        params=params,
        posterior=Posterior(np.full((width, 5), np.nan), np.full((width, 5, 5), np.nan)),
        log_likelihood=blank,
        status=tuple(Status.OK if ok else Status.NOT_CONVERGED for ok in done),
        mean=np.zeros(width),
        next_variance=blank,
        presample=before,
        observations=np.full(width, len(matrix)),
    )


@dataclass(frozen=True)
class Scivol:
    """GJR-GARCH-t of the package scivol, a fit an asset."""

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns without gaps."""
        import scivol

        matrix, assets = as_matrix(returns)
        rows, done = [], []
        for series in matrix.T:
            scale = np.sqrt(np.mean(series**2))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = (scivol.GJRGARCH(1, 1) + scivol.StudentT()).fit(series / scale, show_progress=False)
            omega, alpha, gamma, beta, dof = fit.params
            rows.append((omega * scale**2, alpha, gamma, beta, dof))
            done.append(bool(fit.converged))
        return bare(matrix, assets, GarchParams(*np.array(rows).T), np.array(done))


@dataclass(frozen=True)
class Multigarch:
    """GJR-GARCH-t of the package multigarch, a fit an asset."""

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns without gaps."""
        from multigarch import GARCH

        matrix, assets = as_matrix(returns)
        rows, done = [], []
        for series in matrix.T:
            fit = GARCH(1, 1, o=1, dist="t").fit(series)
            rows.append((fit.omega, fit.alpha[0], fit.gamma[0], fit.beta[0], fit.nu))
            done.append(bool(fit.converged))
        return bare(matrix, assets, GarchParams(*np.array(rows).T), np.array(done))


@dataclass(frozen=True)
class RiskMetrics:
    """Exponentially weighted variance with a decay of 0.94, Student-t with the dof of least squares in kurtosis.

    Written as a GARCH whose persistence is all but one.
    """

    decay: float = 0.94

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns without gaps."""
        matrix, assets = as_matrix(returns)
        square = np.mean(matrix**2, axis=0)
        variance, scores = square.copy(), []
        for row in matrix:
            scores.append(row**2 / variance)
            variance = self.decay * variance + (1 - self.decay) * row**2
        kurtosis = np.maximum(np.mean(np.array(scores) ** 2, axis=0) / np.mean(scores, axis=0) ** 2, 3.01)
        dof = np.clip(4 + 6 / (kurtosis - 3), 4.1, 200)
        one = np.ones(len(assets))
        params = GarchParams(1e-7 * square, (1 - self.decay) * one, 0 * one, (self.decay - 1e-7) * one, dof)
        return bare(matrix, assets, params, one > 0)
