"""RiskMetrics 2006: a long memory made of exponentially weighted moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.covariance.base import Covariance
from riskengine.covariance.moments import Moments, with_missing_variances
from riskengine.covariance.running_moments import ExponentialMoments, ExponentialSums
from riskengine.covariance.window import as_row, last_days
from riskengine.errors import SettingsError

Array = np.ndarray


@dataclass(frozen=True)
class RiskMetrics2006:
    """Mixture of exponentially weighted second moments whose weights fall with the logarithm of their age.

    ``Sigma = sum_k w_k Sigma_k`` with decays ``mu_k = exp(-1 / tau_k)``, ``tau_k = tau1 rho^(k-1)`` and
    ``w_k`` proportional to ``1 - ln(tau_k) / ln(tau0)`` (Zumbach 2007, "The RiskMetrics 2006 methodology").
    Over a holding period each component is expected to move towards the mixture, so that the weights of the
    slow ones grow with the horizon.

    Attributes
    ----------
    tau0, tau1 : days of the logarithmic decay, and of the fastest component
    rho : ratio of neighbouring components' days
    components : 15, the published number, ends at 512 days

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> forecaster = RiskMetrics2006()
    >>> forecaster.forecast(forecaster.init(x), horizon=21).volatility.round(3)
    array([0.009, 0.009, 0.011])
    """

    tau0: float = 1560.0
    tau1: float = 4.0
    rho: float = 2**0.5
    components: int = 15

    def __post_init__(self) -> None:
        if not (self.tau1 > 0 and self.rho > 1 and self.components >= 1):
            raise SettingsError("RiskMetrics 2006 needs tau1 > 0, rho > 1 and at least one component")
        if not self.tau0 > self.days[-1]:
            raise SettingsError(
                f"tau0 = {self.tau0} must be above the slowest component, {self.days[-1]:g} days"
            )

    @property
    def days(self) -> Array:
        """``tau_k`` ``(components,)``."""
        return self.tau1 * self.rho ** np.arange(self.components)

    @property
    def sums(self) -> tuple[ExponentialMoments, ...]:
        """The components."""
        return tuple(ExponentialMoments(float(decay)) for decay in np.exp(-1 / self.days))

    def weights(self, horizon: int = 1) -> Array:
        """Mean weights of the components over the next ``horizon`` days, ``(components,)``, adding up to one.

        Examples
        --------
        >>> RiskMetrics2006().weights(1)[[0, -1]].round(3), RiskMetrics2006().weights(250)[[0, -1]].round(3)
        (array([0.112, 0.021]), array([0.014, 0.078]))
        """
        if horizon < 1:
            raise SettingsError(f"a horizon is at least one day, not {horizon}")
        first = 1 - np.log(self.days) / np.log(self.tau0)
        first /= first.sum()
        decay = np.exp(-1 / self.days)
        # E[Sigma_k] of the day after: mu_k Sigma_k + (1 - mu_k) sum_l w_l Sigma_l.
        now, total = first, np.zeros_like(first)
        for _ in range(horizon):
            total, now = total + now, now * decay + (now @ (1 - decay)) * first
        return total / horizon

    def init(self, returns: Array) -> tuple[ExponentialSums, ...]:
        """State after all rows of ``(time, assets)``."""
        rows = last_days(returns, len(returns))
        return tuple(component.init(rows) for component in self.sums)

    def update(self, state: tuple[ExponentialSums, ...], row: Array) -> tuple[ExponentialSums, ...]:
        """State after one more day: a rank-one update of each component."""
        row = as_row(row, state[0].recent.shape[1])
        return tuple(component.update(one, row) for component, one in zip(self.sums, state, strict=True))

    def forecast(self, state: tuple[ExponentialSums, ...], horizon: int = 1) -> Covariance:
        """Weighted mean of the components; assets never seen are noted (:func:`with_missing_variances`)."""
        matrix, days = np.zeros((1, 1)), 0
        for weight, component, one in zip(self.weights(horizon), self.sums, state, strict=True):
            found = component.moments(one)
            matrix, days = matrix + weight * found.matrix, max(days, found.days)
        moments, notes = with_missing_variances(Moments(matrix, days))
        return Covariance.dense(moments.matrix, horizon, notes)
