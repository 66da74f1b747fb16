"""Factor attribution: a portfolio's scenarios as a sum of what factors move and what they do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError
from riskengine.risk.euler import cvar_contributions, var_contributions
from riskengine.risk.scenario_model import ScenarioModel

Array = np.ndarray

SPECIFIC = "specific"
"""Name of what no factor moves."""

_FEWEST_DAYS = 60
_TRACY_WIDOM = 0.9793  # 95% quantile of the law of order one


@dataclass(frozen=True, eq=False)
class FactorParts:
    """A portfolio's return in every scenario, split into factors; the last part is specific.

    Attributes
    ----------
    names : (factors + 1,)
    exposures : (factors,) of the portfolio, return per unit of the factor
    parts : (scenarios, factors + 1) returns as fractions of wealth; their sums are the portfolio's
    shares : (factors + 1,) of the variance, which add up to one
    """

    names: tuple[str, ...]
    exposures: Array
    parts: Array
    shares: Array

    def contributions(self, volatility: float, level: float) -> dict[str, Array]:
        """To volatility, VaR and CVaR ``(factors + 1,)`` each, which add up to the portfolio's.

        Parameters
        ----------
        volatility : of the portfolio, in any unit
        level : of VaR and CVaR
        """
        return {
            "volatility": self.shares * volatility,
            "var": var_contributions(self.parts, level),
            "cvar": cvar_contributions(self.parts, level),
        }


def statistical_parts(
    model: ScenarioModel,
    weights: Array,
    most: int = 10,
    outcome: Array | None = None,
    variance: float | None = None,
) -> FactorParts:
    """By the model's own factors, the leading principal components of the standardised residuals.

    A component is a factor if its eigenvalue is above what the largest one of independent series stays below in 19 of
    20 samples (Johnstone 2001). The others are specific: without such a rule two assets have two factors, and nothing
    of their own. Factors are uncorrelated, and the portfolio's variance is
    ``sum_k x_k^2 + specific`` with ``x = L' D w``, exactly that of :meth:`ScenarioModel.pull`.

    Parameters
    ----------
    model : scenarios are its past residuals at today's volatilities
    weights : (assets,)
    most : factors that are told apart, the largest in the universe; what the others move is "other factors"
    outcome : (scenarios,) returns of the portfolio where they are not those of its weights, as with options
    variance : of the portfolio in that case; what the factors of its weights do not explain is specific

    Examples
    --------
    >>> from riskengine.garch import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> z = np.random.default_rng(0).standard_normal((250, 2))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), z, np.full((2, 1), 0.8), np.full(2, 0.36))
    >>> found = statistical_parts(m, np.array([0.5, 0.5]))
    >>> found.names, found.shares.round(2)
    (('factor 1', 'specific'), array([0.78, 0.22]))
    """
    scaled = np.sqrt(model.variance) * weights
    scale = np.sqrt(np.mean(model.residuals**2, axis=0))
    unit = model.residuals / np.where(scale > 0, scale, 1.0)
    size = np.sum(model.loadings**2, axis=0)
    kept = np.flatnonzero(size > _chance(*model.residuals.shape))
    loadings = model.loadings[:, kept]
    exposures = loadings.T @ scaled
    parts = (unit @ loadings / size[kept]) * exposures
    explained = exposures**2
    total = model.pull(weights)[1] if variance is None else variance
    shares = np.append(explained, total - explained.sum())
    names = [f"factor {k + 1}" for k in range(len(kept))]
    if len(kept) > most:
        parts = np.column_stack([parts[:, :most], parts[:, most:].sum(axis=1)])
        shares = np.concatenate([shares[:most], [shares[most:-1].sum()], shares[-1:]])
        names = [*names[:most], "other factors"]
        exposures = np.append(exposures[:most], np.linalg.norm(exposures[most:]))
    return _completed(names, exposures, parts, _outcomes(model, weights, outcome), shares)


def _chance(days: int, assets: int) -> float:
    """95% quantile of the largest eigenvalue of independent series' correlation (Johnstone 2001)."""
    rows, columns = np.sqrt(max(days - 1, 1)), np.sqrt(assets)
    width = (rows + columns) * (1 / rows + 1 / columns) ** (1 / 3)
    return float(((rows + columns) ** 2 + _TRACY_WIDOM * width) / days)


def series_parts(
    model: ScenarioModel,
    weights: Array,
    factors: Array,
    names: tuple[str, ...],
    outcome: Array | None = None,
) -> FactorParts:
    """By factors that are series: the portfolio's scenarios are regressed on those of the factors.

    The betas are those of tomorrow: residuals of past days at tomorrow's volatilities on both sides. What is left is
    orthogonal to all factors, so that the shares of factors ``beta_k E[f_k p] / E[p^2]`` and of the rest add up to one
    (Menchero and Davis 2011). A day without a factor's return counts as specific in VaR and CVaR.

    Parameters
    ----------
    model, weights, outcome : as :func:`statistical_parts`
    factors : (scenarios, factors) returns in the same scenarios, NaN where there is none
    names : (factors,)

    Raises
    ------
    DataError
        If fewer than sixty days, or than twice as many as factors, are common; or factors are collinear.

    Examples
    --------
    >>> from riskengine.garch import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> rng = np.random.default_rng(0)
    >>> market, own = rng.standard_normal((250, 1)), rng.standard_normal((250, 2))
    >>> z = 0.8 * market + 0.6 * own
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), z, np.full((2, 1), 0.8), np.full(2, 0.36))
    >>> found = series_parts(m, np.array([0.5, 0.5]), 0.01 * market, ("market",))
    >>> found.names, found.exposures.round(2), found.shares.round(2)
    (('market', 'specific'), array([0.79]), array([0.79, 0.21]))
    """
    outcome = _outcomes(model, weights, outcome)
    known = ~np.isnan(factors).any(axis=1)
    _enough(int(known.sum()), names)
    x, y = factors[known], outcome[known]
    beta, _, rank, _ = np.linalg.lstsq(x / _norm(x), y, rcond=1e-10)
    if rank < len(names):
        raise DataError(f"the factors {', '.join(names)} are collinear: leave one out")
    beta = beta / _norm(x)
    parts = np.where(known[:, None], np.nan_to_num(factors) * beta, 0.0)
    moved = (x * beta).T @ y
    return _completed(list(names), beta, parts, outcome, np.append(moved, y @ y - moved.sum()))


def exposure_parts(
    model: ScenarioModel,
    weights: Array,
    exposures: Array,
    names: tuple[str, ...],
    outcome: Array | None = None,
) -> FactorParts:
    """By exposures of the assets that the user states; the factors' returns are those of cross-sections.

    In each scenario the assets' returns are regressed on their exposures, weighted by one over their variances. What
    of the portfolio that does not explain is specific; it may go with the factors, and its share is the covariance
    with the portfolio all the same, so that shares add up to one.

    Parameters
    ----------
    model, weights, outcome : as :func:`statistical_parts`
    exposures : (assets, factors), NaN in the row of an asset that has none: it is specific as a whole
    names : (factors,)

    Raises
    ------
    DataError
        If the assets with exposures are too few, or the exposures collinear.

    Examples
    --------
    >>> from riskengine.garch import GarchParams
    >>> p = GarchParams(*(np.full(3, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> z = np.random.default_rng(0).standard_normal((250, 3))
    >>> m = ScenarioModel(("A", "B", "C"), p, np.full(3, 1e-4), z, np.full((3, 1), 0.8), np.full(3, 0.36))
    >>> stated = np.array([[1.0, 0.5], [1.0, -0.5], [1.0, 0.0]])
    >>> found = exposure_parts(m, np.array([0.6, 0.4, 0.0]), stated, ("market", "size"))
    >>> found.exposures.round(2), found.shares.round(2)
    (array([1. , 0.1]), array([0.62, 0.04, 0.34]))
    """
    stated = ~np.isnan(exposures).any(axis=1) & (model.variance > 0)
    moves = model.history().one_day()
    b = exposures[stated] / np.sqrt(model.variance[stated])[:, None]
    if stated.sum() < len(names) or np.linalg.matrix_rank(b / _norm(b), tol=1e-8) < len(names):
        raise DataError(
            f"{int(stated.sum())} assets with exposures do not tell the factors {', '.join(names)} apart: leave one "
            "out, or state more assets"
        )
    scores = np.linalg.lstsq(b, (moves[:, stated] / np.sqrt(model.variance[stated])).T, rcond=None)[0].T
    x = np.where(stated, weights, 0.0) @ np.nan_to_num(exposures)
    parts, outcome = scores * x, _outcomes(model, weights, outcome)
    moved = parts.T @ outcome
    return _completed(list(names), x, parts, outcome, np.append(moved, outcome @ outcome - moved.sum()))


@dataclass(frozen=True, eq=False)
class FactorRegression:
    """Betas of a return series on factors, with errors that hold under heteroskedasticity and autocorrelation.

    Attributes
    ----------
    names : (factors,)
    beta, error : (factors,) and their standard errors
    alpha, alpha_error : of one period
    r_squared : share of the variance
    days, lags : of the sample, and of the errors
    """

    names: tuple[str, ...]
    beta: Array
    error: Array
    alpha: float
    alpha_error: float
    r_squared: float
    days: int
    lags: int


def factor_regression(returns: Array, factors: Array, names: tuple[str, ...]) -> FactorRegression:
    """Least squares with an intercept, and the errors of Newey and West (1987).

    The lags are ``4 (T / 100)^(2/9)`` (Newey and West 1994).

    Parameters
    ----------
    returns : (days,) NaN where there is none
    factors : (days, factors) likewise
    names : (factors,)

    Raises
    ------
    DataError
        If too few days are common, or the factors are collinear.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> f = rng.standard_normal((500, 2))
    >>> found = factor_regression(f @ [1.0, 0.5] + 0.1 * rng.standard_normal(500), f, ("Mkt", "SMB"))
    >>> found.beta.round(1), bool(found.r_squared > 0.98)
    (array([1. , 0.5]), True)
    """
    known = ~np.isnan(returns) & ~np.isnan(factors).any(axis=1)
    days = int(known.sum())
    _enough(days, names)
    y, scale = returns[known], _norm(factors[known])
    x = np.column_stack([np.ones(days), factors[known] / scale])
    inverse = np.linalg.pinv(x.T @ x)
    if np.linalg.matrix_rank(x, tol=1e-8) < x.shape[1]:
        raise DataError(f"the factors {', '.join(names)} are collinear: leave one out")
    coefficients = inverse @ (x.T @ y)
    rest = y - x @ coefficients
    lags = int(4 * (days / 100) ** (2 / 9))
    score = x * rest[:, None]
    meat = score.T @ score
    for lag in range(1, lags + 1):
        cross = score[lag:].T @ score[:-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.T)
    error = np.sqrt(np.maximum(np.diag(inverse @ meat @ inverse), 0))
    total = float(np.sum((y - y.mean()) ** 2))
    return FactorRegression(
        names,
        coefficients[1:] / scale,
        error[1:] / scale,
        float(coefficients[0]),
        float(error[0]),
        1 - float(rest @ rest) / total if total > 0 else float("nan"),
        days,
        lags,
    )


def _outcomes(model: ScenarioModel, weights: Array, given: Array | None) -> Array:
    """Returns of the portfolio tomorrow, a row a past day."""
    return given if given is not None else model.history().one_day() @ weights


def _norm(x: Array) -> Array:
    norm = np.linalg.norm(x, axis=0)
    return np.where(norm > 0, norm, 1.0)


def fewest_days(factors: int) -> int:
    """Minimum number of days for the estimation of betas on ``factors`` factors.

    Examples
    --------
    >>> fewest_days(5), fewest_days(50)
    (60, 100)
    """
    return max(_FEWEST_DAYS, 2 * factors)


def _enough(days: int, names: tuple[str, ...]) -> None:
    if days < fewest_days(len(names)):
        raise DataError(
            f"{days} days of factors are common with the prices, too few for {len(names)} factors: at least "
            f"{fewest_days(len(names))} are needed"
        )


def _completed(
    names: list[str], exposures: Array, parts: Array, outcome: Array, variance: Array
) -> FactorParts:
    """With the specific part, and shares that add up to one."""
    total = float(variance.sum())
    return FactorParts(
        (*names, SPECIFIC),
        exposures,
        np.column_stack([parts, outcome - parts.sum(axis=1)]),
        variance / total if total > 0 else np.zeros(len(variance)),
    )
