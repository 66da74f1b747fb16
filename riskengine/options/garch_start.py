"""Starting values and priors of Heston and SABR from a GARCH model, under the physical measure P.

Quotes are of the risk-neutral measure Q, and the premium for variance risk between the two is in neither. What is here
starts a calibration, or is the prior mean where quotes are few; it never prices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from scipy.special import gammaln
from scipy.stats import t as student

from riskengine.calibration import Calibration
from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams
from riskengine.options.heston import HestonParams
from riskengine.options.sabr import SabrParams

Array = np.ndarray
YEAR = 252
"""Days of a GARCH model in a year."""
DRAWS = 256
HORIZON = 0.5
"""Years ahead over which the volatility of variance is matched."""
LEVEL_SPREAD = 0.7
"""Standard deviation of the log of the variance of a day about that of the long run, by which :func:`heston_start`
weighs the first and the last day of the window against the posterior's long run."""
TYPICAL_KAPPA = (3.0, 1.0)
"""Median, and standard deviation of the logarithm, of the speeds that equity surfaces are fitted with: a prior, since a
window of a few years tells a persistence near one from one nearer only poorly."""


@dataclass(frozen=True, eq=False)
class HestonStart:
    """Posterior medians and spreads of Heston's parameters of every asset, under measure P.

    Attributes
    ----------
    assets : names
    params : medians over the posterior, leaves ``(assets,)``
    spread : standard deviations over the posterior, of the logarithms of ``v0``, ``kappa``, ``theta`` and ``sigma``,
        and of ``rho`` itself; leaves ``(assets,)``
    """

    assets: tuple[str, ...]
    params: HestonParams
    spread: HestonParams

    def __getitem__(self, asset: str) -> HestonStart:
        """Of one asset; leaves are scalars."""
        k = _position(self.assets, asset)
        return HestonStart(
            (asset,), *(HestonParams(*(leaf[k] for leaf in p)) for p in (self.params, self.spread))
        )

    def widened(self, premium: HestonParams) -> HestonStart:
        """With further standard deviations, in the units of ``spread``, for what lies between P and Q."""
        wide = (np.hypot(a, b) for a, b in zip(self.spread, premium, strict=True))
        return HestonStart(self.assets, self.params, HestonParams(*wide))


@dataclass(frozen=True, eq=False)
class SabrStart:
    """Posterior medians and spreads of SABR's parameters of every asset for one maturity, under measure P.

    Attributes
    ----------
    assets : names
    params : medians over the posterior, leaves ``(assets,)``
    spread : standard deviations of the logarithms of ``alpha`` and ``nu`` and of ``rho``; that of ``beta`` is zero
    maturity : years
    """

    assets: tuple[str, ...]
    params: SabrParams
    spread: SabrParams
    maturity: float

    def __getitem__(self, asset: str) -> SabrStart:
        """Of one asset; leaves are scalars."""
        k = _position(self.assets, asset)
        params, spread = (
            SabrParams(*(np.asarray(leaf)[k] for leaf in p)) for p in (self.params, self.spread)
        )
        return SabrStart((asset,), params, spread, self.maturity)


@dataclass(frozen=True)
class Diffusion:
    """GARCH diffusion, per year: ``dv = kappa (theta - v) dt + xi v dW``, the limit of GJR-GARCH for short steps.

    Attributes
    ----------
    kappa, theta, xi, rho : arrays of one shape; ``rho`` correlates ``W`` with the asset
    """

    kappa: Array
    theta: Array
    xi: Array
    rho: Array


def diffusion_limit(params: GarchParams, observations: Any = 1000) -> Diffusion:
    """Diffusion limit (Nelson 1990) of a GJR-GARCH(1,1) model of daily returns.

    The news ``(alpha + gamma 1[z<0]) z^2`` has variance ``(alpha^2 + alpha gamma + gamma^2 / 2) E z^4`` less its
    squared mean, and covariance ``-gamma E|z|^3 / 2`` with ``z``. A Student-t has no fourth moment for ``dof <= 4``:
    moments are taken below the largest innovation that one expects to see in ten times the observed days.

    Parameters
    ----------
    params : leaves of one shape
    observations : observed days, which set that bound; broadcasting with the leaves

    Examples
    --------
    >>> limit = diffusion_limit(GarchParams(omega=2e-6, alpha=0.03, gamma=0.08, beta=0.91, dof=8.0))
    >>> [round(float(x), 2) for x in (limit.kappa, limit.theta, limit.xi, limit.rho)]
    [5.09, 0.03, 2.37, -0.48]
    """
    omega, alpha, gamma, beta, dof = (np.asarray(leaf, np.float64) for leaf in params)
    third, fourth = innovation_moments(dof, np.asarray(observations, np.float64))
    news = alpha + gamma / 2
    persistence = news + beta
    variance = np.maximum((alpha**2 + alpha * gamma + gamma**2 / 2) * fourth - news**2, 1e-12)
    return Diffusion(
        kappa=-YEAR * np.log(persistence),
        theta=YEAR * omega / (1 - persistence),
        xi=np.sqrt(YEAR * variance),
        rho=np.clip(-gamma / 2 * third / np.sqrt(variance), -0.99, 0.99),
    )


def innovation_moments(dof: Array, observations: Array) -> tuple[Array, Array]:
    """Truncated moments ``E|z|^3`` and ``E z^4`` of a unit Student-t, below its largest of ten windows of days.

    Read from a table in ``1 / dof``, since the quantile is slow and draws are many.
    """
    dof, observations = np.broadcast_arrays(np.asarray(dof, np.float64), observations)
    third, fourth = np.empty(dof.shape), np.empty(dof.shape)
    for days in np.unique(observations):
        here = observations == days
        for moment, known in zip((third, fourth), _moment_table(float(days)), strict=True):
            moment[here] = np.exp(np.interp(1 / dof[here], _TAILS, known))
    return third, fourth


_TAILS = np.linspace(0.0, 0.49, 99)
"""Grid of ``1 / dof``; beyond its end the moments are those of the end."""


@lru_cache(maxsize=1024)
def _moment_table(days: float) -> tuple[Array, Array]:
    """Logarithms of the moments on the grid."""
    nu = 1 / np.maximum(_TAILS, 1e-5)
    top = np.sqrt((nu - 2) / nu) * student.ppf(1 - 0.05 / max(days, 2.0), nu)
    points, weights = np.polynomial.legendre.leggauss(64)
    z, nu = top[:, None] * (points + 1) / 2, nu[:, None]
    log_density = (
        gammaln((nu + 1) / 2)
        - gammaln(nu / 2)
        - np.log(np.pi * (nu - 2)) / 2
        - (nu + 1) / 2 * np.log1p(z**2 / (nu - 2))
    )
    mass = np.exp(log_density) * weights * top[:, None]
    return np.log(np.sum(mass * z**3, axis=1)), np.log(np.sum(mass * z**4, axis=1))


def heston_start(fit: Calibration, draws: int = DRAWS, seed: int = 0) -> HestonStart:
    """Heston's parameters of every asset, with spreads, from the diffusion limit of its GARCH model.

    Speed and level are those of :func:`diffusion_limit` (Nelson 1990), the variance now is the forecast for tomorrow,
    and ``rho`` comes from the leverage. The limit's volatility of variance is proportional to the variance, Heston's to
    its root: they are matched at the variance expected on average over the next :data:`HORIZON` years. Where
    persistence is near one the posterior knows the long run to a factor of three, and errs upwards: ``theta`` is its
    mean in logarithms with the variances before the first day and after the last, weighted by precision, and ``kappa``
    likewise with :data:`TYPICAL_KAPPA`.

    Parameters
    ----------
    fit : from any calibrator
    draws : from the posterior
    seed : of the draws

    Raises
    ------
    SettingsError
        If there are fewer than 16 draws.

    Examples
    --------
    >>> from riskengine.calibration import Posterior, Status
    >>> from riskengine.garch import to_unconstrained
    >>> p = GarchParams(*(np.array([x]) for x in (2e-6, 0.03, 0.08, 0.91, 8.0)))
    >>> posterior = Posterior(np.asarray(to_unconstrained(p)), 0.1 * np.eye(5)[None])
    >>> day, none = np.array([1e-4]), np.zeros(1)
    >>> fit = Calibration(("A",), p, posterior, none, (Status.OK,), none, day, day, np.array([250]))
    >>> found = heston_start(fit)
    >>> round(float(found.params.kappa[0]), 1), round(float(found.params.rho[0]), 1)
    (5.1, -0.5)
    """
    limit, now = _posterior_limits(fit, draws, seed)
    ahead = limit.theta + (now - limit.theta) * _mean_decay(limit.kappa, HORIZON)
    values = HestonParams(now, limit.kappa, limit.theta, limit.xi * np.sqrt(ahead), limit.rho)
    return HestonStart(
        fit.assets,
        HestonParams(*(np.median(leaf, axis=0) for leaf in values)),
        HestonParams(*(_spread(leaf) for leaf in (*map(np.log, values[:4]), values.rho))),
    )


def sabr_start(
    fit: Calibration,
    maturity: float,
    beta: float = 1.0,
    forward: Any = 1.0,
    draws: int = DRAWS,
    seed: int = 0,
) -> SabrStart:
    """SABR's parameters of every asset for one maturity, with spreads, from the diffusion limit of its GARCH model.

    SABR's volatility does not return to a level, so its parameters depend on the maturity: ``alpha`` is the root of the
    variance expected on average, ``nu`` gives the average variance the same spread to first order as the mean-reverting
    diffusion, and ``rho`` the same covariance with the asset (compare Hagan, Lesniewski and Woodward 2018).

    Parameters
    ----------
    maturity : years
    beta : of SABR; one if left out
    forward : level of the asset, on which ``alpha`` depends for ``beta`` below one; one, or one an asset

    Examples
    --------
    >>> from riskengine.calibration import Posterior, Status
    >>> from riskengine.garch import to_unconstrained
    >>> p = GarchParams(*(np.array([x]) for x in (2e-6, 0.03, 0.08, 0.91, 8.0)))
    >>> posterior = Posterior(np.asarray(to_unconstrained(p)), 0.1 * np.eye(5)[None])
    >>> day, none = np.array([1e-4]), np.zeros(1)
    >>> fit = Calibration(("A",), p, posterior, none, (Status.OK,), none, day, day, np.array([250]))
    >>> found = sabr_start(fit, maturity=0.5)
    >>> round(float(found.params.alpha[0]), 2), float(found.params.beta[0]), round(float(found.params.rho[0]), 1)
    (0.16, 1.0, -0.5)
    """
    if not maturity > 0:
        raise SettingsError(f"a maturity is positive, not {maturity}")
    if not 0 <= beta <= 1:
        raise SettingsError(f"beta lies between 0 and 1, not at {beta}")
    limit, now = _posterior_limits(fit, draws, seed)
    level, nu, rho = _effective_sabr(limit, now, maturity)
    alpha = np.sqrt(level) * np.asarray(forward, np.float64) ** (1 - beta)
    n = len(fit.assets)
    return SabrStart(
        fit.assets,
        SabrParams(np.median(alpha, axis=0), np.full(n, beta), np.median(nu, axis=0), np.median(rho, axis=0)),
        SabrParams(_spread(np.log(alpha)), np.zeros(n), _spread(np.log(nu)), _spread(rho)),
        maturity,
    )


def _effective_sabr(limit: Diffusion, now: Array, t: float) -> tuple[Array, Array, Array]:
    """Mean variance up to ``t``, and the ``nu`` and ``rho`` of SABR that match it to first order.

    A shock of the variance at ``s`` moves the variance's integral by ``(1 - exp(-kappa (t - s))) / kappa``; under SABR
    by ``t - s``.
    """
    level = limit.theta + (now - limit.theta) * _mean_decay(limit.kappa, t)
    points, weights = np.polynomial.legendre.leggauss(32)
    left = t * (points + 1) / 2
    moved = -np.expm1(-limit.kappa[..., None] * left) / limit.kappa[..., None]
    once, twice = (np.sum(moved**power * weights * t / 2, axis=-1) for power in (1, 2))
    nu = limit.xi / 2 * np.sqrt(3 * twice / t**3)
    rho = np.clip(limit.rho * (limit.xi / 2) * (2 * once / t**2) / nu, -0.99, 0.99)
    return level, nu, rho


def _posterior_limits(fit: Calibration, draws: int, seed: int) -> tuple[Diffusion, Array]:
    """Limits of posterior draws, and annual variances of tomorrow; ``(draws, assets)``."""
    if draws < 16:
        raise SettingsError(f"spreads need at least 16 draws, not {draws}")
    sample = fit.posterior.sample(jax.random.key(seed), draws)
    limit = diffusion_limit(sample, fit.observations)
    days = np.sqrt(YEAR * fit.presample * YEAR * fit.next_variance)
    limit = replace(
        limit,
        theta=_precision_weighted(limit.theta, days, LEVEL_SPREAD / np.sqrt(2)),
        kappa=_precision_weighted(limit.kappa, *TYPICAL_KAPPA),
    )
    spread = fit.log_variance_spread
    if spread is None:  # what the level's uncertainty alone makes of it
        spread = _spread(np.log(limit.theta))
    noise = np.random.default_rng(seed).standard_normal((draws, len(fit.assets)))
    noise -= noise.mean(axis=0)
    return limit, YEAR * fit.next_variance * np.exp(spread * noise)


def _precision_weighted(draws: Array, other: Array | float, spread: float) -> Array:
    """Draws ``(draws, assets)`` moved and narrowed as by a lognormal likelihood of this median and spread."""
    logs = np.log(draws)
    weight = 1 / (1 + (_spread(logs) / spread) ** 2)
    middle = np.median(logs, axis=0)
    return np.exp(weight * middle + (1 - weight) * np.log(other) + np.sqrt(weight) * (logs - middle))


def _mean_decay(kappa: Array, t: float) -> Array:
    """Mean of ``exp(-kappa s)`` for ``s`` up to ``t``."""
    return -np.expm1(-kappa * t) / (kappa * t)


def _spread(values: Array) -> Array:
    """Half the width of the central 68% of the draws: the standard deviation of a Gaussian, whatever the tails."""
    low, high = np.quantile(values, [0.1587, 0.8413], axis=0)
    return (high - low) / 2


def _position(assets: tuple[str, ...], asset: str) -> int:
    if asset not in assets:
        raise DataError(
            f"no asset {asset!r} among {', '.join(assets[:5])}{', ...' if len(assets) > 5 else ''}"
        )
    return assets.index(asset)
