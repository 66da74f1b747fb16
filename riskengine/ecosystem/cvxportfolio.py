"""A forecaster inside cvxportfolio's simulator."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from riskengine.covariance import CovarianceForecaster, Followed, Refit
from riskengine.errors import DataError, SettingsError


class _Known(NamedTuple):
    """State after a day, and that day's returns."""

    followed: Followed
    last: pd.Series


class CvxportfolioForecaster:
    """Covariance of each trading day from the returns before it, for the risk models of cvxportfolio.

    ::

        risk = cvx.FullCovariance(CvxportfolioForecaster(Ensemble()))
        policy = cvx.SinglePeriodOptimization(-risk, [cvx.LongOnly(), cvx.LeverageLimit(1)])

    A new day moves the state on by one update. It is made anew by ``init`` when ``refit`` days have passed, when the
    universe changes, or when the day before is not the one that it knows.

    Parameters
    ----------
    forecaster : of covariances
    window : days that each ``init`` sees
    horizon : days that it looks ahead; the covariance is the mean per day over these
    refit : days between calls of ``init``

    Raises
    ------
    SettingsError
        If a number is out of range.
    """

    def __init__(
        self, forecaster: CovarianceForecaster, window: int = 1250, horizon: int = 21, refit: int = 21
    ) -> None:
        if window < 2 or horizon < 1:
            raise SettingsError(f"a window has two days at least, a horizon one, not {window} and {horizon}")
        self.forecaster, self.window, self.horizon, self.refit = forecaster, window, horizon, Refit(refit)
        self._known: _Known | None = None

    def values_in_time(self, past_returns: pd.DataFrame | None = None, **_: Any) -> pd.DataFrame:
        """What cvxportfolio calls on each day: the covariance per day ``(assets, assets)``.

        Parameters
        ----------
        past_returns : (time, assets and cash); cash, the last column, is left out

        Raises
        ------
        DataError
            If there are no past returns.
        """
        if past_returns is None or len(past_returns) < 2:
            raise DataError(
                "a covariance needs past returns of two days at least: let the market data start earlier"
            )
        returns = past_returns.iloc[:, :-1]
        self._known = self._moved(returns)
        matrix = self.forecaster.forecast(self._known.followed.state, self.horizon).matrix()
        return pd.DataFrame(matrix, index=returns.columns, columns=returns.columns)

    def _moved(self, returns: pd.DataFrame) -> _Known:
        """What is known after these returns."""
        known, today = self._known, returns.iloc[-1]
        if known is not None and _same(known.last, today):
            return known
        before = known.followed if known is not None and _same(known.last, returns.iloc[-2]) else None
        history = returns.iloc[-self.window :].to_numpy(np.float64)
        return _Known(self.refit.follow(self.forecaster, before, history, self.window), today)


def _same(one: pd.Series, other: pd.Series) -> bool:
    """Whether two rows are of the same day, assets and returns."""
    return bool(one.name == other.name and one.equals(other))
