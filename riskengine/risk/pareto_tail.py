"""Tails by peaks over threshold: a generalised Pareto law beyond a high quantile (McNeil and Frey 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.risk.measures import TailRisk, check_level

Array = np.ndarray

SHARE = 0.1
"""Share of observations that a tail is fitted to, by default."""

FEWEST = 20
"""Losses that a tail is fitted to at least."""

PRIOR = 10.0
"""Losses that the prior on the shape counts as, by default."""


@dataclass(frozen=True)
class ParetoTail:
    """``P(L > u + x) = share (1 + shape x / scale)^(-1 / shape)`` for ``x > 0``.

    Attributes
    ----------
    threshold : u, a loss
    shape : above zero for heavy tails; a Student-t has one over its dof
    scale : above zero
    share : probability beyond the threshold
    """

    threshold: float
    shape: float
    scale: float
    share: float

    def quantile(self, probability: Array | float) -> Array:
        """Loss exceeded with this probability, at most ``share``.

        Examples
        --------
        >>> float(ParetoTail(1.0, 0.0, 0.5, 0.1).quantile(0.1 * np.exp(-2)))
        2.0
        """
        ratio = np.log(np.asarray(probability) / self.share)
        if abs(self.shape) < 1e-9:
            return self.threshold - self.scale * ratio
        return self.threshold + self.scale * np.expm1(-self.shape * ratio) / self.shape

    def tail(self, level: float, volatility: Array | float = 1.0, horizon: int = 1) -> TailRisk:
        """VaR and CVaR of a return whose standardised loss has this tail.

        Parameters
        ----------
        level : confidence, at or beyond ``1 - share``
        volatility : standard deviation that standardised losses are multiplied by
        horizon : days, only noted

        Raises
        ------
        SettingsError
            If the level lies before the threshold, where this law says nothing.
        """
        check_level(level)
        if 1 - level > self.share * (1 + 1e-9):
            raise SettingsError(
                f"a tail beyond a share of {self.share:g} says nothing at {level:g}: raise the level or the share"
            )
        var = self.quantile(1 - level)
        cvar = (var + self.scale - self.shape * self.threshold) / (1 - self.shape)
        return TailRisk(
            volatility * float(var), volatility * float(cvar), level, horizon, "peaks over threshold"
        )


def pareto_tail(losses: Array, share: float = SHARE, prior: float = PRIOR) -> ParetoTail:
    """Fit the law of the largest ``share`` of losses.

    The estimator of Zhang and Stephens (2009), close to a posterior mean, which always exists, with the weak prior on
    the shape of Vehtari, Simpson, Gelman, Yao and Gabry (2024), kept below 0.9 so that CVaR exists.

    Parameters
    ----------
    losses : (days,) standardised: filtered residuals with their sign turned, say; NaN is no observation
    share : of them in the tail
    prior : losses that the prior, a shape of a half, counts as; 0 for none

    Raises
    ------
    DataError
        If fewer than 20 losses are in the tail.
    SettingsError
        If the share is not between 0 and 0.5, or the prior counts as fewer losses than none.

    Examples
    --------
    >>> losses = np.random.default_rng(0).standard_t(4, 20_000)
    >>> tail = pareto_tail(losses)
    >>> round(tail.shape, 2), round(tail.tail(0.999).value_at_risk, 1)  # the truth: 0.25, 7.2
    (0.17, 7.2)
    """
    if not 0 < share < 0.5:
        raise SettingsError(f"a tail holds a share between 0 and 0.5, not {share}")
    if not (prior >= 0 and np.isfinite(prior)):
        raise SettingsError(f"a prior counts as no losses or more, not as {prior}")
    x = np.asarray(losses, dtype=np.float64)
    x = np.sort(x[~np.isnan(x)])
    count = int(np.floor(share * len(x)))
    if count < FEWEST:
        raise DataError(
            f"{count} losses are too few for a tail: at least {FEWEST}; lengthen the window or raise the share"
        )
    threshold = float(x[-count - 1])
    shape, scale = _zhang_stephens(x[-count:] - threshold, prior)
    return ParetoTail(threshold, shape, scale, count / len(x))


def _zhang_stephens(excess: Array, prior: float) -> tuple[float, float]:
    """Shape and scale of sorted excesses."""
    n = len(excess)
    if excess[-1] <= 0:
        raise DataError("the losses of the tail are all alike: there is nothing to fit")
    grid = 30 + int(np.sqrt(n))
    quartile = max(excess[int(n / 4 + 0.5) - 1], 1e-3 * excess[-1])
    theta = 1 / excess[-1] + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quartile)
    shapes = np.log1p(-theta[:, None] * excess).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        profile = n * (np.log(-theta / shapes) - shapes - 1)
    profile = np.where(np.isfinite(profile), profile, -np.inf)
    weights = np.exp(profile - profile.max())
    best = float(weights @ theta / weights.sum())
    shape = float(np.log1p(-best * excess).mean())
    scale = -shape / best
    shape = (n * shape + prior * 0.5) / (n + prior)
    return min(shape, 0.9), scale
