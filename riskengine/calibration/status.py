"""Which assets can be calibrated on their own, and where the others get their parameters from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskengine.calibration.result import SHORTEST, Status

if TYPE_CHECKING:
    from riskengine.calibration.forward import NetworkOutput

Array = np.ndarray

_FEW = 250
_ENOUGH_FOR_SCALE = 20
STRANGE = 1.5
"""Multiple of the training distribution's edge beyond which a series is none of the network's business."""

_OUTLIER = 12.0  # multiples of the typical size; a Student-t with 4 dof exceeds it once in 12,000 days

MANY_ZEROS, MOST_ZEROS, INFLATED = 0.15, 0.5, 1.3
"""Shares of zero returns from which prices are stale: the first if the long-run variance also is so many times the mean
square, the second in any case.

Prices that often do not move at all are no GARCH process: its likelihood takes the zeros for calm and the moves for
tails. On simulated ones the network's long-run volatility came out 1.35 times the root mean square at 20% of zeros and
1.8 times at 40%. Zeros of prices on a grid of ticks, up to 30% of them, did no harm: 1.01 to 1.02 times.
"""

IMPOSSIBLE = 40.0
"""Mean absolute returns from which one is no observation: 29 of 7.5 million days of 1,500 US stocks."""

_TRIMMED = 0.01  # of the days, the largest, and two at least: a wrong price makes two returns

_VANISHING = 1e-12  # of the mean square: nothing that moves has so little variance tomorrow

DEFAULT_MEAN = np.array([0.0, 3.6, -2.6, 1.0, -1.0])
DEFAULT_SPREAD = np.array([1.0, 1.4, 0.9, 1.3, 1.2])
"""Where a universe without a single usable asset gets its parameters: a typical equity, with a wide spread."""


def screen(returns: Array) -> tuple[Array, tuple[Status, ...]]:
    """Scale and status of every asset before anything is estimated.

    Parameters
    ----------
    returns : (time, assets), NaN where missing

    Returns
    -------
    root mean square ``(assets,)``, one where it would be zero, and a status an asset
    """
    observed = ~np.isnan(returns)
    n = observed.sum(axis=0)
    filled = np.where(observed, returns, 0.0)
    square = np.sum(filled**2, axis=0) / np.maximum(n, 1)
    first = np.where(n > 0, filled[np.argmax(observed, axis=0), np.arange(returns.shape[1])], 0.0)
    varies = np.any(observed & (returns != first), axis=0)
    size = np.abs(filled)
    typical = np.sum(size, axis=0) / np.maximum(n, 1)
    outlying = size.max(axis=0) > _OUTLIER * np.maximum(typical, np.finfo(float).tiny) * 1.25
    stale = zero_shares(returns) >= MOST_ZEROS
    facts = (n.tolist(), varies.tolist(), outlying.tolist(), stale.tolist())
    status = [_verdict(*each) for each in zip(*facts, strict=True)]
    return np.where(square > 0, np.sqrt(square), 1.0), tuple(status)


def zero_shares(returns: Array) -> Array:
    """Share of the observed returns that are zero, ``(assets,)``; NaN counts as none."""
    return np.sum(returns == 0, axis=0) / np.maximum(np.sum(~np.isnan(returns), axis=0), 1)


def stale_prices(returns: Array, long_run: Array) -> Array:
    """Which prices are stale, ``(assets,)``.

    Parameters
    ----------
    returns : (time, assets), NaN where missing
    long_run : (assets,) long-run variance that a model found, over the mean square
    """
    share = zero_shares(returns)
    return (share >= MOST_ZEROS) | ((share >= MANY_ZEROS) & (long_run > INFLATED))


def without_impossible(returns: Array) -> Array:
    """Returns ``(time, assets)`` without those beyond 40 mean absolute ones, which count as missing.

    A price of ten times its neighbours is a return of some 700 of them, and rules any mean square: levels would be
    those of the print. The mean leaves out the largest hundredth of the days, and two at least.

    Examples
    --------
    >>> rows = 0.01 * (-1.0) ** np.arange(100)[:, None]
    >>> rows[50], rows[51], rows[60] = 9.0, -0.9, 0.3
    >>> np.flatnonzero(np.isnan(without_impossible(rows)))
    array([50, 51])
    """
    seen = ~np.isnan(returns)
    size, days = np.where(seen, np.abs(returns), 0.0), seen.sum(axis=0)
    left_out = np.maximum(np.ceil(_TRIMMED * days), 2).astype(int)
    counted, largest = days - left_out, size.max(axis=0, initial=0.0)
    # The mean is no less than with all that it leaves out at the largest: most assets need no sorting.
    least = size.sum(axis=0) - left_out * largest
    doubtful = np.flatnonzero((counted >= SHORTEST / 2) & (largest * counted > IMPOSSIBLE * least))
    if not len(doubtful):
        return returns
    size, counted = size[:, doubtful], counted[doubtful]
    ordered = np.sort(np.where(seen[:, doubtful], size, np.inf), axis=0)
    kept = np.arange(len(returns))[:, None] < counted
    typical = np.where(kept, ordered, 0.0).sum(axis=0) / counted
    beyond = np.zeros(returns.shape, bool)
    beyond[:, doubtful] = (size > IMPOSSIBLE * typical) & (typical > 0)
    return np.where(beyond, np.nan, returns) if beyond.any() else returns


def marked(
    status: tuple[Status, ...], given: Array, kept: Array, mark: Status = Status.OUTLIER
) -> tuple[Status, ...]:
    """Statuses with the assets marked that :func:`without_impossible` took a return from.

    What fell back, is at a bound, or has not converged says so still.
    """
    if kept is given:
        return status
    lost = (np.isnan(kept) & ~np.isnan(given)).any(axis=0)
    said = (Status.AT_BOUND, Status.NOT_CONVERGED)
    return tuple(
        mark if found and not s.fell_back and s not in said else s
        for s, found in zip(status, lost.tolist(), strict=True)
    )


def judge(found: NetworkOutput, returns: Array) -> tuple[Status, ...]:
    """Status of every asset that the network has answered for, from these returns ``(time, assets)``."""
    outlying = found.largest > _OUTLIER * 1.25 * np.maximum(found.typical, np.finfo(float).tiny)
    status = np.array(
        [
            _verdict(*facts)
            for facts in zip(
                found.observations.tolist(),
                (found.varies > 0).tolist(),
                outlying.tolist(),
                stale_prices(returns, np.asarray(found.params.long_run_variance)).tolist(),
                strict=True,
            )
        ],
        dtype=object,
    )
    sane = np.isfinite(found.next_variance) & np.isfinite(found.log_likelihood)
    sane &= found.next_variance > _VANISHING
    usable = np.array([not s.fell_back for s in status])
    status[usable & ~(found.strangeness < STRANGE)] = Status.UNFAMILIAR
    status[usable & ~sane] = Status.FAILED
    return tuple(status)


def _verdict(observations: int, varies: bool, outlying: bool, stale: bool) -> Status:
    if observations == 0:
        return Status.NO_DATA
    if observations > 1 and not varies:
        return Status.CONSTANT
    if observations < SHORTEST:
        return Status.TOO_SHORT
    if stale:
        return Status.STALE
    if outlying:
        return Status.OUTLIER
    return Status.SHORT_HISTORY if observations < _FEW else Status.OK


def without_constants(returns: Array, status: tuple[Status, ...]) -> Array:
    """Returns ``(time, assets)`` in which a constant price counts as no observation, not as calm."""
    constant = [s is Status.CONSTANT for s in status]
    return np.where(constant, np.nan, returns) if any(constant) else returns


def complete(
    mean: Array, cholesky: Array, scale: Array, observations: Array, status: tuple[Status, ...]
) -> tuple[Array, Array]:
    """Give every asset that fell back a posterior, in the declared order.

    1. Shape (all coordinates but the long-run variance): the median of the universe's usable assets; a
       universe without one takes :data:`DEFAULT_MEAN`.
    2. Long-run variance: the asset's own mean square if it varies and has 20 observations, otherwise the
       median of the usable assets, otherwise the median mean square of whatever varies, otherwise that of
       1% a day.

    The spread is :data:`DEFAULT_SPREAD`: what is borrowed is not well known. Stale prices keep a level of their own,
    which is, but for their fat tails.

    Parameters
    ----------
    mean, cholesky : (assets, 5), (assets, 5, 5) in the returns' own scale; ignored where it fell back
    scale : (assets,) root mean square
    observations : (assets,)
    """
    borrowed = np.array([s.fell_back for s in status])
    if not borrowed.any():
        return mean, cholesky
    mean, cholesky = mean.copy(), cholesky.copy()
    usable = ~borrowed
    shape = np.median(mean[usable], axis=0) if usable.any() else DEFAULT_MEAN
    varies = np.array([s not in (Status.CONSTANT, Status.NO_DATA) for s in status])
    own = varies & (observations >= _ENOUGH_FOR_SCALE)
    if usable.any():
        level = shape[0]
    elif own.any():
        level = np.median(2 * np.log(scale[own]))
    else:
        level = 2 * np.log(0.01)
    for asset in np.flatnonzero(borrowed):
        mean[asset] = shape
        mean[asset, 0] = 2 * np.log(scale[asset]) if own[asset] else level
        spread = DEFAULT_SPREAD.copy()
        if (
            status[asset] is Status.STALE
        ):  # its level is its own, of many days: as well known as a mean square is
            spread[0] = min(spread[0], np.sqrt(20 / observations[asset]))
        cholesky[asset] = np.diag(spread)
    return mean, cholesky
