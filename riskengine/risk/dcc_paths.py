"""Monte Carlo over GARCH-DCC paths: variances and correlations of a small portfolio move along every path."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np

from riskengine.covariance.dcc import DccState
from riskengine.errors import DataError, SettingsError
from riskengine.garch.params import GarchParams
from riskengine.garch.step import step
from riskengine.risk.scenario_model import MIXING_POINTS, mixing_table

Array = np.ndarray

_BLOCK_CELLS = 2_000_000  # paths times assets squared


@dataclass(frozen=True)
class DccSimulation:
    """How paths are drawn.

    Attributes
    ----------
    horizon : days
    paths : number of scenarios
    uncertain : whether every path draws its GARCH parameters from their posterior
    seed : of the draws
    """

    horizon: int = 10
    paths: int = 10_000
    uncertain: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.paths < 1:
            raise SettingsError(f"horizon and paths are at least 1, not {self.horizon} and {self.paths}")


def simulate_dcc(state: DccState, settings: DccSimulation | None = None) -> Array:
    """Compounded returns over the horizon ``(paths, assets)`` of a universe with dynamic conditional correlations.

    Every path has its own variances and its own ``Q`` (Engle 2002). A day's surprises are grouped Student-t with the
    correlation of that path and day, as in :func:`riskengine.risk.paths.draw`. The cost grows with the cube of the
    number of assets, and is meant for portfolios of up to about a hundred; :mod:`riskengine.risk.scenarios` simulates
    universes, with a correlation that rests.

    Parameters
    ----------
    state : of a :class:`~riskengine.covariance.dcc.Dcc`, calibrated
    settings : see there

    Raises
    ------
    DataError
        If a variance is not finite.

    Examples
    --------
    >>> from riskengine.calibration import MaximumLikelihood
    >>> from riskengine.covariance.dcc import Dcc
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 2))
    >>> state = Dcc(MaximumLikelihood(), window=300, a=0.02, b=0.95).init(x)
    >>> simulate_dcc(state, DccSimulation(horizon=5, paths=100)).shape
    (100, 2)
    """
    settings = settings or DccSimulation()
    fit, variance = state.margins.fit, np.asarray(state.margins.variance)
    if not np.isfinite(variance).all():
        raise DataError("a variance is not finite: calibrate these assets, or leave them out")
    n = len(variance)
    table = mixing_table(np.asarray(fit.params.dof))
    size = int(np.clip(_BLOCK_CELLS // n**2, 1, settings.paths))
    found = []
    for number, start in enumerate(range(0, settings.paths, size)):
        rng = np.random.default_rng([settings.seed, number])
        params = GarchParams(*(np.asarray(leaf) for leaf in fit.params))
        if settings.uncertain:
            params = fit.posterior.sample(jax.random.key(int(rng.integers(2**31))), size)
        block = _block(state, params, variance, table, settings.horizon, size, rng)
        found.append(block[: settings.paths - start])
    return np.concatenate(found)


def _block(
    state: DccState,
    params: GarchParams,
    variance: Array,
    table: Array,
    horizon: int,
    paths: int,
    rng: np.random.Generator,
) -> Array:
    n = len(variance)
    q = np.broadcast_to(state.q, (paths, n, n))
    now = np.broadcast_to(variance, (paths, n))
    growth = np.ones((paths, n))
    a, b = state.a, state.b
    for _ in range(horizon):
        root = np.sqrt(np.einsum("pii->pi", q))
        correlation = q / (root[:, :, None] * root[:, None, :])
        gaussian = (np.linalg.cholesky(correlation) @ rng.standard_normal((paths, n, 1)))[..., 0]
        place = np.minimum((np.sqrt(rng.random(paths)) * MIXING_POINTS).astype(int), MIXING_POINTS - 1)
        z = gaussian * table[place]
        row = z * np.sqrt(now)
        growth = growth * np.maximum(1 + row, 0)
        now = step(params, now, row)
        q = (1 - a - b) * state.target + a * z[:, :, None] * z[:, None, :] + b * q
    return growth - 1
