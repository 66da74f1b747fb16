"""A universe too wide for one calibration: blocks of assets in any process, one factor covariance over all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from riskengine.calibration import Calibration, Calibrator
from riskengine.covariance import Margin, for_frequency
from riskengine.garch import GarchParams
from riskengine.risk.filtered_historical import fill_residuals
from riskengine.risk.scenario_model import ScenarioModel, principal_correlation
from riskengine.workers import Run, run_here, run_whole

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray

WIDEST = 4096
"""Assets that are calibrated together; a wider universe is so in blocks of as many."""


def fit_universe(
    returns: pd.DataFrame,
    calibrator: Calibrator,
    window: int = 1250,
    factors: int = 20,
    run: Run = run_here,
) -> tuple[Calibration, ScenarioModel]:
    """Calibration and scenario model of a universe of any width.

    Up to :data:`WIDEST` assets are calibrated as one. Of more, each block of as many, in the order of the columns, is a
    universe by itself for the calibrator: what assets borrow from each other they borrow within it. The correlation is
    of all assets, by the principal components of all residuals. In simulations the variance of each asset goes its
    own way. Blocks do not depend on who computes them: the result is the same to the bit here and elsewhere.

    Parameters
    ----------
    returns : (time, assets); the last ``window`` rows are used
    calibrator : network, maximum likelihood, ...
    window : days
    factors : number of principal components
    run : makes the calls, here or in other processes; a block that a killed process held is calibrated again

    Examples
    --------
    >>> import pandas as pd
    >>> from riskengine.calibration import MaximumLikelihood
    >>> table = pd.DataFrame(0.01 * np.random.default_rng(0).standard_normal((250, 2)), columns=["A", "B"])
    >>> fit, model = fit_universe(table, MaximumLikelihood(), 250)
    >>> fit.assets, model.loadings.shape
    (('A', 'B'), (2, 2))
    """
    rows = returns.iloc[-window:]
    if returns.shape[1] <= WIDEST:
        fit = calibrator(rows)
        return fit, ScenarioModel.fit(returns, calibrator, window, factors, calibration=fit)
    blocks = [rows.iloc[:, first : first + WIDEST] for first in range(0, rows.shape[1], WIDEST)]
    calls = [partial(_block, calibrator, block) for block in blocks]
    fits, ahead, surprises = zip(*run_whole(run, calls), strict=True)
    fit, residuals = Calibration.joined(fits), fill_residuals(np.hstack(surprises))
    told = f"calibrated in {len(blocks)} blocks of up to {WIDEST:,} assets, each a universe by itself"
    model = ScenarioModel(
        fit.assets,
        GarchParams(*(np.asarray(leaf, np.float64) for leaf in fit.params)),
        np.concatenate(ahead),
        residuals,
        *principal_correlation(residuals, factors),
        fit.posterior,
        (*fit.flags, told),
    )
    return fit, model


def _block(calibrator: Calibrator, rows: pd.DataFrame) -> tuple[Calibration, Array, Array]:
    """Some assets as a universe by itself: calibration, variances of tomorrow, residuals with their gaps."""
    fit, matrix = calibrator(rows), rows.to_numpy()
    margin, variance = Margin.of(for_frequency(calibrator, fit.periods_per_year)[0], matrix, fit=fit)
    return fit, margin.variance, (matrix - fit.mean) / np.sqrt(variance)
