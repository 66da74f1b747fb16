"""What simulated scenarios start from: variances, their parameters, correlations and tails of a universe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import gammaincinv

from riskengine.calibration import Calibration, Calibrator, Posterior
from riskengine.calibration.universe_calibrator import CommonMargin
from riskengine.covariance import Margin, for_frequency
from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams
from riskengine.garch.common_variance import with_variance
from riskengine.market import as_returns
from riskengine.risk.filtered_historical import FilteredHistory, fill_residuals

Array = np.ndarray

MIXING_POINTS = 2048
_INVERSE_DOF = np.linspace(0.0, 0.49, 50)


@dataclass(frozen=True, eq=False)
class ScenarioModel:
    """Scenario model: a calibrated universe at one close.

    Attributes
    ----------
    assets : names
    params : leaves ``(assets,)``
    variance : (assets,) of tomorrow
    residuals : (days, assets) past returns over their volatilities, without gaps
    loadings, specific : ``(assets, factors)`` and ``(assets,)``; their correlation is
        ``loadings @ loadings.T + diag(specific)``, with a diagonal of one
    posterior : of the parameters, for draws; None if not known
    common : the universe's part in the variances, so that stress in the market is stress everywhere at once; None if
        each asset's variance goes its own way
    notes : what was done to the model, one line each

    Raises
    ------
    DataError
        If the shapes differ, or something that is simulated is not finite.
    """

    assets: tuple[str, ...]
    params: GarchParams
    variance: Array
    residuals: Array
    loadings: Array
    specific: Array
    posterior: Posterior | None = None
    notes: tuple[str, ...] = ()
    common: CommonMargin | None = None

    def __post_init__(self) -> None:
        n = len(self.assets)
        for name, value in (*self.params._asdict().items(), ("variance", self.variance)):
            if np.shape(value) != (n,):
                raise DataError(f"{name} has shape {np.shape(value)}, but there are {n} assets")
            if name != "dof" and not np.isfinite(value).all():
                asset = self.assets[int(np.argmin(np.isfinite(value)))]
                raise DataError(f"{name} of {asset} is not finite: calibrate it, or leave the asset out")
        if self.residuals.shape[1:] != (n,) or self.loadings.shape[:1] != (n,) or self.specific.shape != (n,):
            raise DataError(f"residuals, loadings and specific parts must be of {n} assets")

    @classmethod
    def fit(
        cls,
        returns: Any,
        calibrator: Calibrator,
        window: int = 1250,
        factors: int = 20,
        calibration: Calibration | None = None,
    ) -> ScenarioModel:
        """Calibrate, filter, and take the leading principal components of the residuals as factors.

        Parameters
        ----------
        returns : (time, assets), an array or a DataFrame; the last ``window`` rows are used
        calibrator : network, maximum likelihood, ...
        window : days
        factors : number of principal components; what they leave of a variance is specific
        calibration : instead of a new one

        Raises
        ------
        SettingsError
            If window or factors are below one.
        DataError
            As :func:`riskengine.market.checks.as_returns`.
        """
        if window < 1 or factors < 1:
            raise SettingsError(f"window and factors are at least one, not {window} and {factors}")
        matrix, _ = as_returns(returns)
        fit = calibrator(returns[-window:]) if calibration is None else calibration
        rows = matrix[-window:]
        margin, variance = Margin.of(for_frequency(calibrator, fit.periods_per_year)[0], rows, fit=fit)
        residuals = fill_residuals((rows - fit.mean) / np.sqrt(variance))
        loadings, specific = principal_correlation(residuals, factors)
        notes = fit.flags
        params = GarchParams(*(np.asarray(leaf, np.float64) for leaf in fit.params))
        common = margin.common if margin.common is not None and margin.common.weight > 0 else None
        leaves = (params, margin.variance, residuals, loadings, specific, fit.posterior, notes, common)
        return cls(fit.assets, *leaves)

    def take(self, index: Sequence[int] | Array) -> ScenarioModel:
        """The model of the assets at these positions."""
        index = np.asarray(index)
        posterior = self.posterior
        if posterior is not None:
            posterior = Posterior(posterior.mean[index], posterior.cholesky[index])
        return replace(
            self,
            assets=tuple(self.assets[k] for k in index),
            params=GarchParams(*(leaf[index] for leaf in self.params)),
            variance=self.variance[index],
            residuals=self.residuals[:, index],
            loadings=self.loadings[index],
            specific=self.specific[index],
            posterior=posterior,
            common=None if self.common is None else self.common.take(index),
        )

    def covariance(self) -> Array:
        """Covariance of tomorrow's returns ``(assets, assets)``."""
        deviation = np.sqrt(self.variance)
        return (self.loadings @ self.loadings.T + np.diag(self.specific)) * np.outer(deviation, deviation)

    def pull(self, weights: Array) -> tuple[Array, float]:
        """Covariance of each asset with a portfolio, ``(assets,)``, and the portfolio's variance; both tomorrow's.

        No matrix of all pairs is formed.
        """
        deviation = np.sqrt(self.variance)
        scaled = deviation * weights
        pulled = deviation * (self.loadings @ (self.loadings.T @ scaled) + self.specific * scaled)
        return pulled, float(weights @ pulled)

    def common_today(self) -> CommonMargin | None:
        """The universe's part begun at this model's variances, whoever has chosen them; scenarios have no mean."""
        if self.common is None:
            return None
        with jax.enable_x64(True):
            state = jax.tree.map(jnp.asarray, self.common.state)
            begun = with_variance(self.common.params, state, jnp.asarray(self.variance))
        mean = np.zeros(len(self.assets))
        return self.common._replace(
            state=jax.tree.map(np.asarray, begun), variance=np.asarray(self.variance), mean=mean
        )

    def term_structure(self, horizon: int) -> Array:
        """Expected variance of each of the next days ``(horizon, assets)``, the universe's part in it.

        Examples
        --------
        >>> p = GarchParams(*(np.full(1, x) for x in (1e-5, 0.05, 0.0, 0.85, 8.0)))
        >>> m = ScenarioModel(("A",), p, np.array([2e-4]), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1))
        >>> m.term_structure(3)[:, 0]
        array([0.0002  , 0.00019 , 0.000181])
        """
        level = np.minimum(self.params.persistence, 1 - 1e-12)
        long_run = self.params.omega / (1 - level)
        own = long_run + level ** np.arange(horizon)[:, None] * (self.variance - long_run)
        common = self.common_today()
        return own if common is None else common.joined(common.term_structure(horizon), own)

    def history(self) -> FilteredHistory:
        """Past residuals at today's volatilities, for filtered historical simulation."""
        return FilteredHistory(self.residuals, self.params, self.variance)

    def with_volatility(self, factor: float) -> ScenarioModel:
        """The same universe with tomorrow's volatilities times ``factor``.

        Raises
        ------
        SettingsError
            If the factor is not above zero.
        """
        if not 0 < factor < np.inf:
            raise SettingsError(f"a factor on volatility is above zero, not {factor}")
        return replace(
            self, variance=self.variance * factor**2, notes=(*self.notes, f"volatility x {factor:g}")
        )

    def with_correlation(self, mean: float) -> ScenarioModel:
        """The same universe with correlations drawn towards one until their mean is ``mean``.

        A mean below today's draws them towards zero. Semi-definite by construction.

        Raises
        ------
        SettingsError
            If the mean lies outside [0, 1), or there is one asset only.

        Examples
        --------
        >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
        >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.5), np.full(2, 0.75))
        >>> round(m.mean_correlation, 2), round(m.with_correlation(0.8).mean_correlation, 2)
        (0.25, 0.8)
        """
        if not 0 <= mean < 1 or len(self.assets) < 2:
            raise SettingsError(f"a mean correlation of two assets or more lies in [0, 1), not at {mean}")
        today = self.mean_correlation
        if mean >= today:
            share = (mean - today) / (1 - today)
            common = np.full((len(self.assets), 1), np.sqrt(share))
            loadings = np.hstack([np.sqrt(1 - share) * self.loadings, common])
            specific = (1 - share) * self.specific
        else:
            kept = mean / today
            loadings = np.sqrt(kept) * self.loadings
            specific = 1 - np.einsum("ij,ij->i", loadings, loadings)
        note = f"mean correlation {today:.2f} -> {mean:.2f}"
        return replace(self, loadings=loadings, specific=specific, notes=(*self.notes, note))

    @property
    def mean_correlation(self) -> float:
        """Mean over all pairs of assets."""
        n = len(self.assets)
        total = np.sum(self.loadings.sum(axis=0) ** 2) + self.specific.sum()
        return float((total - n) / (n * (n - 1)))


def principal_correlation(residuals: Array, factors: int) -> tuple[Array, Array]:
    """Loadings ``(assets, factors)`` and specific parts ``(assets,)`` of the residuals' correlation.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 3))
    >>> loadings, specific = principal_correlation(z, 20)
    >>> np.allclose(loadings @ loadings.T + np.diag(specific), (z.T @ z) / np.outer(*[np.linalg.norm(z, axis=0)] * 2))
    True
    """
    norm = np.sqrt(np.sum(residuals**2, axis=0))
    unit = residuals / np.where(norm > 0, norm, 1.0)
    # The smaller of the two matrices of products has the same leading roots.
    wide = unit.shape[1] > unit.shape[0]
    values, vectors = np.linalg.eigh(unit @ unit.T if wide else unit.T @ unit)
    values, vectors = np.maximum(values[::-1][:factors], 0), vectors[:, ::-1][:, :factors]
    loadings = unit.T @ vectors if wide else vectors * np.sqrt(values)
    specific = np.maximum(1 - np.einsum("ij,ij->i", loadings, loadings), 0)
    return loadings, specific


def mixing_table(dof: Array) -> Array:
    """Roots of the variances that turn Gaussian draws into unit-variance Student-t ones, ``(points, assets)``.

    Row i holds the value at rank ``((i + 1/2) / points)^2``; a uniform rank u belongs to row ``sqrt(u) points``.

    Examples
    --------
    >>> table = mixing_table(np.array([5.0, np.inf]))
    >>> rank = np.sqrt(np.random.default_rng(0).random(200_000)) * len(table)
    >>> z = table[rank.astype(int)] * np.random.default_rng(1).standard_normal((200_000, 2))
    >>> (z**2).mean(axis=0).round(1), (np.abs(z) > 4).mean(axis=0).round(4)
    (array([1., 1.]), array([0.0038, 0.0001]))
    """
    rank = ((np.arange(MIXING_POINTS) + 0.5) / MIXING_POINTS) ** 2
    mass = (2 * np.arange(MIXING_POINTS) + 1) / MIXING_POINTS**2
    dofs = 1 / np.maximum(_INVERSE_DOF, 1e-9)
    grid = np.where(
        _INVERSE_DOF[:, None] > 0,
        dofs[:, None] / (2 * gammaincinv(np.minimum(dofs, 1e7)[:, None] / 2, rank)),
        1,
    )
    grid /= grid @ mass[:, None]  # a variance of exactly one
    eta = np.clip(1 / np.asarray(dof, dtype=np.float64), 0, _INVERSE_DOF[-1])
    place = np.clip(np.searchsorted(_INVERSE_DOF, eta) - 1, 0, len(_INVERSE_DOF) - 2)
    step = ((eta - _INVERSE_DOF[place]) / np.diff(_INVERSE_DOF)[place])[:, None]
    return np.sqrt((1 - step) * grid[place] + step * grid[place + 1]).T
