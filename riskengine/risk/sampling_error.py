"""How far tail figures of finitely many scenarios may be from those of infinitely many."""

from __future__ import annotations

import numpy as np

from riskengine.risk.measures import check_level, empirical_tail, tail_weights

Array = np.ndarray


def tail_error(returns: Array, level: float = 0.99) -> tuple[float, float]:
    """Standard errors of the empirical VaR and CVaR of independent, equally likely scenarios.

    That of VaR is half the distance of the order statistics one binomial standard deviation on either side; that of
    CVaR follows Trindade, Uryasev, Shapiro and Zrazhevsky (2007), with the variance of losses beyond VaR taken as no
    smaller than that of an exponential law, which a handful of them would not show.

    Parameters
    ----------
    returns : (scenarios,)
    level : confidence

    Raises
    ------
    DataError, SettingsError
        As :func:`riskengine.risk.empirical_tail`.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((400, 5000))
    >>> tails = empirical_tail(x.T, 0.99)
    >>> [round(float(np.std(figure)), 3) for figure in (tails.value_at_risk, tails.conditional_value_at_risk)]
    [0.054, 0.066]
    >>> [round(float(np.mean(part)), 3) for part in zip(*(tail_error(one) for one in x[:50]))]
    [0.051, 0.069]
    """
    check_level(level)
    x = np.asarray(returns, dtype=np.float64)
    tail = empirical_tail(x, level)
    var, cvar = float(tail.value_at_risk), float(tail.conditional_value_at_risk)
    n, p = len(x), 1 - level
    losses = np.sort(-x)
    place, reach = level * n, max(1.0, np.sqrt(n * p * level))
    low, high = (losses[int(np.clip(round(place + side * reach), 0, n - 1))] for side in (-1, 1))
    weights = tail_weights(x, level)
    spread = max(float(weights @ (-x - cvar) ** 2), (cvar - var) ** 2)
    return (high - low) / 2, float(np.sqrt((spread + level * (cvar - var) ** 2) / (n * p)))
