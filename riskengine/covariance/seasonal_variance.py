"""Log-variance regression of residual variances on own, common and calendar squared residuals.

A GARCH variance knows its own asset's past through one decaying sum. Three things it does not know move the variance of
an asset's residual: a day of large residuals of many assets; the day after a large residual of its own, most of which a
robust filter ignores; and quarterly reports, which come at nearly the same distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

QUARTERS = (62, 63, 64, 65, 124, 125, 126, 127, 187, 188, 189, 190)
"""Days back to the reports of the three quarters before: thirteen weeks less holidays each."""
YEAR = (249, 250, 251, 252)
FAST, SLOW = 0.5, 5.0  # half-lives of the common squared residual, days
_OWN, _COMMON, _OUTCOME = (
    100.0,
    20.0,
    50.0,
)  # largest squared residual as own news, in the common news, as outcome
_FLOOR = 0.05  # keeps the logarithm of a day without any news
_RANGE = (-2.0, 4.0)  # of the logarithm of a multiplier
_LEAST = 250  # days to learn from
_RIDGE = 10.0


@dataclass(frozen=True)
class LogVarianceRegression:
    """Log-variance regression: multipliers of the next day's residual variances, pooled over the assets.

    ``log m[t,i] = c + a l[t-1,i] + f log F[t] + s log S[t] + q sum l[t-k,i] + y sum l[t-k,i]`` with
    ``l = log(1 + z^2)`` of standardised residuals, ``F`` and ``S`` the fast and slow fading mean of ``z^2`` over all
    assets, and the last two sums over the days about one, two and three quarters, and about a year, ago. The
    coefficients are one set for all assets, by Gaussian quasi-likelihood: a gamma regression with a logarithmic link,
    whose loss is convex. Over several days the own news count on the first alone, and the common ones fade with their
    own half-lives.

    Attributes
    ----------
    ridge : of the coefficients, in days of one asset

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((1250, 20))
    >>> model = LogVarianceRegression()
    >>> found = model.multipliers(z, model.fit(z))
    >>> found.shape, bool(abs(found.mean() - 1) < 0.1)  # nothing follows on anything here
    ((20,), True)
    """

    ridge: float = _RIDGE

    def fit(self, residuals: Array) -> Array:
        """Coefficients ``(6,)``.

        Parameters
        ----------
        residuals : (time, assets) over their conditional volatilities, NaN where missing

        Returns
        -------
        The constant, and those of own, fast and slow common, quarterly and yearly news; zeros, which leave
        variances as they are, if fewer than 250 days have a year before them.
        """
        first = YEAR[-1]
        if len(residuals) < first + _LEAST:
            return np.zeros(6)
        squares = residuals**2
        own, common = _own(squares), _common(squares)
        slow, fast = (np.log(path + _FLOOR) for path in (_fading(common, SLOW), _fading(common, FAST)))
        days = np.arange(first, len(squares))
        shape = (len(days), squares.shape[1])
        columns: list[Array] = [
            np.ones(shape),
            own[days - 1],
            np.broadcast_to(fast[days - 1, None], shape),
            np.broadcast_to(slow[days - 1, None], shape),
            np.sum([own[days - lag] for lag in QUARTERS], axis=0),
            np.sum([own[days - lag] for lag in YEAR], axis=0),
        ]
        outcome = np.minimum(squares[first:], _OUTCOME)
        seen = ~np.isnan(outcome)
        if not np.any(outcome[seen] > 0):
            return np.zeros(6)
        return _gamma_regression(np.stack([one[seen] for one in columns], axis=1), outcome[seen], self.ridge)

    def multipliers(self, residuals: Array, coefficients: Array, horizon: int = 1) -> Array:
        """What to multiply the residual variances by, mean over the next ``horizon`` days, ``(assets,)``."""
        if not coefficients.any():
            return np.ones(residuals.shape[1])
        squares = residuals**2
        own, common = _own(squares), _common(squares)
        calm_own, calm_common = np.mean(own), float(np.log(np.mean(common) + _FLOOR))
        fast, slow = (
            float(np.log(_fading(common, half_life)[-1] + _FLOOR)) - calm_common for half_life in (FAST, SLOW)
        )
        total = np.zeros(squares.shape[1])
        for ahead in range(horizon):
            yesterday = own[-1] if ahead == 0 else np.full(len(total), calm_own)
            quarters, year = (
                np.sum([_back(own, lag - ahead, calm_own) for lag in lags], axis=0)
                for lags in (QUARTERS, YEAR)
            )
            parts = (
                np.ones(len(total)),
                yesterday,
                np.full(len(total), calm_common + fast * 0.5 ** (ahead / FAST)),
                np.full(len(total), calm_common + slow * 0.5 ** (ahead / SLOW)),
                quarters,
                year,
            )
            total += np.exp(np.clip(coefficients @ np.array(parts), *_RANGE))
        return total / horizon


def _own(squares: Array) -> Array:
    """``log(1 + z^2)``; the mean where it is missing."""
    found = np.log1p(np.minimum(squares, _OWN))
    missing = np.isnan(found)
    return np.where(missing, np.mean(found[~missing]), found) if missing.any() else found


def _common(squares: Array) -> Array:
    """Mean over assets ``(time,)``, of all days on a day without any."""
    capped = np.minimum(squares, _COMMON)
    seen = ~np.isnan(capped)
    count = seen.sum(axis=1)
    total = np.where(seen, capped, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), total.sum() / max(int(count.sum()), 1))


def _fading(path: Array, half_life: float) -> Array:
    """Exponentially weighted mean of each day and those before it; it starts at the mean of all."""
    decay = 0.5 ** (1 / half_life)
    found, level = np.empty_like(path), float(path.mean())
    for day, value in enumerate(path):
        level = decay * level + (1 - decay) * value
        found[day] = level
    return found


def _back(own: Array, lag: int, calm: float) -> Array:
    """The news of ``lag`` days before tomorrow; the usual ones where that is not known."""
    return own[-lag] if 0 < lag <= len(own) else np.full(own.shape[1], calm)


def _gamma_regression(columns: Array, outcome: Array, ridge: float) -> Array:
    """Coefficients that minimise the mean of ``eta + outcome exp(-eta)``, by damped Newton steps; convex."""
    count = columns.shape[1]
    penalty = ridge * np.eye(count)
    penalty[0, 0] = 0.0
    found = np.zeros(count)
    found[0] = np.log(outcome.mean())
    for _ in range(50):
        ratio = outcome * np.exp(-np.clip(columns @ found, -8, 8))
        slope = columns.T @ (1 - ratio) + penalty @ found
        curvature = (columns * ratio[:, None]).T @ columns + penalty
        step = np.linalg.solve(curvature, slope)
        found = found - step * min(1.0, 1.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-8:
            break
    return found
