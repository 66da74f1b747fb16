"""Risk against a benchmark: tracking error, beta, active share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.market import as_weights
from riskengine.risk.euler import volatility_contributions
from riskengine.risk.scenario_model import ScenarioModel

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class ActiveRisk:
    """A portfolio against its benchmark.

    Attributes
    ----------
    weights : (assets,) active ones, the portfolio's less the benchmark's
    tracking_error : standard deviation of the active return over one period
    contributions : (assets,) to the tracking error, which they add up to
    beta : of the portfolio on the benchmark, both forecast; NaN where the benchmark does not move
    active_share : half the sum of absolute active weights, cash among them (Cremers and Petajisto 2009)
    volatility : of the benchmark over one period
    """

    weights: Array
    tracking_error: float
    contributions: Array
    beta: float
    active_share: float
    volatility: float


def active_risk(model: ScenarioModel, weights: Array, benchmark: Array) -> ActiveRisk:
    """Forecast risk of weights ``(assets,)`` against those of a benchmark.

    Parameters
    ----------
    model : of the assets, at one close
    weights, benchmark : (assets,) fractions of wealth

    Raises
    ------
    DataError
        If weights are not finite or not one an asset.

    Examples
    --------
    >>> from riskengine.garch import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.8), np.full(2, 0.36))
    >>> found = active_risk(m, np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    >>> round(found.tracking_error, 5), round(found.beta, 2), found.active_share
    (0.00424, 1.0, 0.5)
    """
    weights, benchmark = as_weights(weights, model.assets), as_weights(benchmark, model.assets, "benchmark")
    active = weights - benchmark
    pulled, variance = model.pull(active)
    by_benchmark, against = model.pull(benchmark)
    beta = float(weights @ by_benchmark / against) if against > 0 else float("nan")
    share = (np.abs(active).sum() + abs(active.sum())) / 2
    return ActiveRisk(
        active,
        float(np.sqrt(variance)),
        volatility_contributions(active, pulled),
        beta,
        float(share),
        float(np.sqrt(against)),
    )
