"""Log-likelihood, score and expected information in one pass, without a stored path.

In the unconstrained coordinates of :mod:`riskengine.garch.params` the derivatives of the variance follow
linear recursions of the same form as the variance itself, so the pass carries them along and keeps only
sums. No gradient is ever taken through the recursion.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid

from riskengine.garch.innovations import (
    cross_information,
    location_information,
    log_normaliser,
    scale_information,
    tail_information,
)
from riskengine.garch.log_sum import LogSum
from riskengine.garch.params import GarchParams
from riskengine.garch.recursion import over_days
from riskengine.garch.robust import VariancePair, regular_probability
from riskengine.garch.variance import later, next_variance, waiting

_PAIRS = [(j, k) for j in range(5) for k in range(j + 1)]


class Likelihood(NamedTuple):
    """Log-likelihood at parameters ``u``, its score and information; ``K`` is 5, or 6 with a mean.

    Attributes
    ----------
    log_likelihood : (...,) in nats, over the observed days
    score : (..., K) its gradient
    information : (..., K, K) Fisher information, expected given the variances (Fiorentini, Calzolari and
        Panattoni 1996), positive semi-definite
    next_variance : (...,) variance of the day after the last
    next_slope : (..., K) gradient of its logarithm
    observations : (...,) number of observed days, or the sum of their weights
    """

    log_likelihood: Array
    score: Array
    information: Array
    next_variance: Array
    next_slope: Array
    observations: Array


def likelihood(
    u: Array,
    returns: Array,
    presample: Array,
    mean: Array | None = None,
    centre: Array | None = None,
    contamination: Array | None = None,
    curvature: bool = True,
) -> Likelihood:
    """Student-t GJR-GARCH log-likelihood with analytic score and expected information.

    Parameters
    ----------
    u : (..., assets, 5)
        Unconstrained coordinates. A tail of ``-inf`` is the Gaussian: its score and information are zero.
    returns : (time, assets), NaN where missing
    presample : (assets,) variance of the day before the sample
    mean : (..., assets), optional
        Constant mean, estimated jointly: it becomes the sixth coordinate, in the returns' own units.
    centre : (assets,), optional
        With a mean: the point about which ``presample`` was taken, so that the presample variance becomes
        ``presample + (centre - mean)^2`` and follows the mean, as in the benchmark of Fiorentini,
        Calzolari and Panattoni (1996).
    contamination : (..., assets), optional
        Prior probability of an outlier a day, see :mod:`riskengine.garch.robust`: every day then
        counts by its probability of being regular, in the recursion and in all sums, and these weights are
        held fixed in score and information.
    curvature : whether the information is wanted; without it a pass costs less than half, and it is zero

    Notes
    -----
    Write ``f`` for the news of the day, ``p`` persistence, ``a = alpha + gamma/2 = p s``, ``l``
    the leverage ``gamma / (2 a)``, ``v`` long-run variance and ``h`` variance. Then ``h' = v (1-p) + f + beta h`` and

    - log v: ``h'_0 = v (1-p) + beta h_0``
    - logit p: ``h'_1 = (1-p) (f + beta h - v p) + beta h_1``
    - log news (logit of s): ``h'_2 = (1-s) (f - a h) + beta h_2``
    - log asymmetry: ``h'_3 = a (1 - l^2) / 2 sign r^2 + beta h_3``, sign +1 for a loss and -1 for a gain
    - mean: ``h'_m = -2 f / r + beta h_m``

    On a missing day ``f`` is its expectation ``a h``.

    Examples
    --------
    >>> from riskengine.garch import to_unconstrained
    >>> p = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> found = likelihood(to_unconstrained(p), jnp.array([[-0.02], [0.005]]), jnp.array([1e-4]))
    >>> print(found.log_likelihood.round(3), found.score.shape, found.information.shape)
    [4.973] (1, 5) (1, 5, 5)
    """
    terms, lanes = _Terms.of(u), u.shape[:-1]
    away = jnp.zeros(lanes, u.dtype) if mean is None or centre is None else centre - mean
    first, slopes = _first_day(terms, presample + away * away, away, lanes, mean is not None)
    empty = _Sums.empty(lanes, u.dtype, len(slopes), contamination is not None, curvature)

    def day(carry: tuple, row: Array) -> tuple[tuple, None]:
        h, d, sums = carry
        today = _Day.of(terms, h, row, mean, contamination)
        return (*_tomorrow(terms, today, h, d, mean is not None), sums.plus(terms, today, h, d)), None

    (h_last, d_last, sums), _ = over_days(day, (first, slopes, empty), waiting(returns))
    n = sums.days
    if contamination is None:
        n = jnp.broadcast_to(jnp.sum(~jnp.isnan(returns), axis=0).astype(u.dtype), lanes)
    log_likelihood, score_eta = _value(terms.eta, terms.spread, sums, n, h_last)
    chain = terms.eta * sigmoid(-u[..., 4])  # to the logit of 2 eta
    score = [*sums.scores[:4], score_eta * chain]
    if mean is not None:
        score.append(sums.scores[4] + (1 + terms.eta) * sums.pulls)
    ahead = [*d_last[:4], jnp.zeros(lanes, u.dtype), *d_last[4:]]
    return Likelihood(
        log_likelihood,
        jnp.stack(score, axis=-1),
        _information(terms.eta, chain, sums, n, mean is not None, curvature),
        h_last,
        jnp.stack([relative / h_last for relative in ahead], axis=-1),
        n,
    )


class _Terms(NamedTuple):
    """What coordinates mean for every day; leaves have the shape of the lanes.

    ``p`` persistence and ``p_rest`` one minus it, ``s_rest`` one minus the share of the news, ``a`` the news, ``tilt``
    the slope of the news in the asymmetry, ``spread`` that of a mark in the variance.
    """

    eta: Array
    long_run: Array
    p: Array
    p_rest: Array
    s_rest: Array
    a: Array
    beta: Array
    gain: Array  # alpha
    loss: Array  # alpha + gamma
    tilt: Array
    omega: Array
    spread: Array

    @classmethod
    def of(cls, u: Array) -> _Terms:
        p, s, tail = sigmoid(u[..., 1]), sigmoid(u[..., 2]), sigmoid(u[..., 4])
        p_rest, s_rest = sigmoid(-u[..., 1]), sigmoid(-u[..., 2])
        eta, long_run = tail / 2, jnp.exp(u[..., 0])
        a, beta = p * s, p * s_rest
        leverage = jnp.tanh(u[..., 3] / 2)
        gain, loss = a * (1 - leverage), a * (1 + leverage)
        tilt = a * (1 - leverage) * (1 + leverage) / 2
        return cls(
            eta, long_run, p, p_rest, s_rest, a, beta, gain, loss, tilt, long_run * p_rest, 1 - 2 * eta
        )


class _Day(NamedTuple):
    """A day as the pass sees it: whether it waits, its shock, the square, whether that is a loss, its weight."""

    seen: Array
    wait: Array
    shock: Array
    r2: Array
    below: Array
    w: Array
    whole: bool  # every seen day counts in full

    @classmethod
    def of(cls, terms: _Terms, h: Array, row: Array, mean: Array | None, contamination: Array | None) -> _Day:
        seen, wait = jnp.isfinite(row), jnp.isinf(row)
        shock = jnp.where(seen, row, 0) - (0 if mean is None else mean)
        r2 = jnp.where(seen, shock * shock, 0)
        w = jnp.where(seen, jnp.ones((), terms.eta.dtype), 0)
        if contamination is not None:
            w = w * regular_probability(r2, h, terms.long_run, terms.eta, contamination)
        return cls(seen, wait, shock, r2, shock < 0, w, contamination is None)


class _Sums(NamedTuple):
    """What a pass adds up over the days; leaves have the shape of the lanes.

    A leaf a sum: slopes, drifts and products stacked into one array each took 1.4 to 3.5 times as long on a CPU.
    """

    days: Array
    logs: Array | LogSum  # of the variances
    marks: Array | LogSum  # of the variances times what the tail makes of a day
    weights: Array
    scores: list[Array]
    drifts: list[Array]
    products: list[Array]
    pulls: Array
    precisions: Array

    @classmethod
    def empty(
        cls, lanes: tuple[int, ...], dtype: jnp.dtype, slopes: int, weighted: bool, curvature: bool
    ) -> _Sums:
        """Of no day. A day that counts in full is a factor of a product; one in part needs its logarithm."""
        zero = jnp.zeros(lanes, dtype)
        product = zero if weighted else LogSum.zero(lanes, dtype)
        return cls(
            *(zero, product, product, zero),
            scores=[zero] * slopes,
            drifts=[zero] * (slopes * curvature),
            products=[zero] * (slopes * (slopes + 1) // 2 * curvature),
            pulls=zero,
            precisions=zero,
        )

    def plus(self, terms: _Terms, today: _Day, h: Array, d: list[Array]) -> _Sums:
        """With one more day, of variance ``h`` and its slopes ``d``."""
        w, with_mean, curvature = today.w, len(d) == 5, bool(self.drifts)

        def add(total: Array | LogSum, factor: Array) -> Array | LogSum:
            if isinstance(total, LogSum):
                return total.times(jnp.where(today.seen, factor, 1))
            return total + w * jnp.log(factor)

        inverse = 1 / h
        mark = terms.spread * h + terms.eta * today.r2
        share = w / mark
        weight = today.r2 * share  # z^2 shrunk by the tail
        pull = 0.5 * inverse * ((1 + terms.eta) * weight - w)
        relative = [slope * inverse for slope in d] if curvature else []
        return _Sums(
            days=self.days if today.whole else self.days + w,
            logs=add(self.logs, h),
            marks=add(self.marks, mark),
            weights=self.weights + weight,
            scores=[total + pull * slope for total, slope in zip(self.scores, d, strict=True)],
            drifts=[total + w * slope for total, slope in zip(self.drifts, relative, strict=False)],
            products=[
                total + w * relative[j] * relative[k]
                for total, (j, k) in zip(self.products, _PAIRS, strict=False)
            ],
            pulls=self.pulls + today.shock * share if with_mean else self.pulls,
            precisions=self.precisions + w * inverse if with_mean else self.precisions,
        )


def _first_day(
    terms: _Terms, presample: Array, away: Array, lanes: tuple[int, ...], with_mean: bool
) -> tuple[Array, list[Array]]:
    """Variance of the first day and its slopes, from the presample variance."""
    first = terms.omega + terms.p * presample
    zero = jnp.zeros(lanes, terms.eta.dtype)
    slopes = [terms.omega, terms.p * terms.p_rest * (presample - terms.long_run), zero, zero]
    slopes += [-2 * terms.p * away] * with_mean
    return first, [jnp.broadcast_to(slope, lanes) for slope in slopes]


def _tomorrow(
    terms: _Terms, today: _Day, h: Array, d: list[Array], with_mean: bool
) -> tuple[Array, list[Array]]:
    """The next variance and its slopes; both wait on a day that is only there to fill a shape."""
    expected = (1 - today.w) * terms.a
    bad = jnp.where(today.below, terms.loss, terms.gain) * today.w
    news = bad * today.r2 + expected * h
    keep = terms.beta + expected
    drive = [
        terms.omega,
        terms.p_rest * (news + terms.beta * h - terms.long_run * terms.p),
        terms.s_rest * (news - terms.a * h),
        terms.tilt * today.w * jnp.where(today.below, today.r2, -today.r2),
    ]
    if with_mean:
        drive.append(-2 * bad * today.shock)
    h_next = terms.omega + news + terms.beta * h
    d_next = [jnp.where(today.wait, old, new + keep * old) for old, new in zip(d, drive, strict=True)]
    return jnp.where(today.wait, h, h_next), d_next


def _value(eta: Array, spread: Array, sums: _Sums, n: Array, h_last: Array) -> tuple[Array, Array]:
    """The log-likelihood, and its slope in ``eta`` at fixed variances."""
    # Not a number stays so: a product of bits forgets it.
    logs, marks = (
        leaf.value() + 0 * h_last if isinstance(leaf, LogSum) else leaf for leaf in (sums.logs, sums.marks)
    )
    # sum over days of log(1 + eta z^2 / (1 - 2 eta)) / eta, and its Gaussian limit sum z^2
    gaussian = eta < 1e-7
    safe = jnp.where(gaussian, 1.0, eta)
    kernel = jnp.where(gaussian, sums.weights, (marks - logs - n * jnp.log(spread)) / safe)
    log_likelihood = n * log_normaliser(eta) - logs / 2 - (1 + eta) / 2 * kernel
    normaliser_slope = jax.vmap(jax.grad(log_normaliser))(eta.reshape(-1)).reshape(eta.shape)
    kernel_slope = jnp.where(gaussian, 0.0, ((sums.weights / spread) - kernel) / safe)
    return log_likelihood, n * normaliser_slope - kernel / 2 - (1 + eta) / 2 * kernel_slope


def _information(eta: Array, chain: Array, sums: _Sums, n: Array, with_mean: bool, curvature: bool) -> Array:
    """Expected information ``(..., K, K)``; ``chain`` is the slope of ``eta`` in its coordinate."""
    scale, cross = scale_information(eta), cross_information(eta) * chain
    zero = jnp.zeros_like(eta)
    size = 5 + with_mean
    information = [[zero] * size for _ in range(size)]
    place = [0, 1, 2, 3, 5]  # the mean comes last
    for total, (j, k) in zip(sums.products, _PAIRS, strict=False):
        information[place[j]][place[k]] = information[place[k]][place[j]] = scale * total
    for k, drift in enumerate(sums.drifts):
        information[place[k]][4] = information[4][place[k]] = cross * drift
    if curvature:
        information[4][4] = jnp.where(chain > 0, n * tail_information(eta) * chain**2, 0)
    if with_mean:
        information[5][5] = information[5][5] + location_information(eta) * sums.precisions
    return jnp.stack([jnp.stack(row, axis=-1) for row in information], axis=-2)


def log_likelihood(
    params: GarchParams, returns: Array, presample: Array, contamination: Array | None = None
) -> tuple[Array, Array]:
    """Log-likelihood and next-day variance alone: a third of the work of :func:`likelihood`.

    Parameters
    ----------
    params : leaves ``(assets,)``
    returns : (time, assets), demeaned if wanted, NaN where missing
    presample : (assets,) variance of the day before the sample
    contamination : (assets,) probability of an outlier, for the recursion alone

    Returns
    -------
    (assets,) nats over the observed days, and the (assets,) variance of the day after the last

    Examples
    --------
    >>> p = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> total, tomorrow = log_likelihood(p, jnp.array([[-0.02], [0.005]]), jnp.array([1e-4]))
    >>> print(total.round(3), (1e4 * tomorrow).round(3))
    [4.973] [1.352]
    """
    eta = 1 / params.dof
    gaussian = eta < 1e-7
    stretch = jnp.where(gaussian, 0, eta / (1 - 2 * jnp.where(gaussian, 0.25, eta)))
    first = params.omega + params.persistence * presample

    def add(sums: _Totals, variance: Array, row: Array) -> _Totals:
        r2, seen = row * row, jnp.isfinite(row)
        mark = variance + stretch * r2
        return _Totals(
            sums.logs.times(jnp.where(seen, variance, 1)),
            sums.marks.times(jnp.where(seen, mark, 1)),
            sums.squares + jnp.where(seen, r2 / variance, 0),
        )

    def day(carry: tuple[Array, _Totals], row: Array) -> tuple[tuple[Array, _Totals], None]:
        variance, sums = carry
        tomorrow = jnp.where(jnp.isinf(row), variance, next_variance(params, variance, row))
        return (tomorrow, add(sums, variance, row)), None

    def doubtful(
        carry: tuple[VariancePair, _Totals], row: Array
    ) -> tuple[tuple[VariancePair, _Totals], None]:
        today, sums = carry
        assert contamination is not None
        return (later(params, today, row, contamination), add(sums, today.variance, row)), None

    rows, empty = waiting(returns), LogSum.zero(first.shape, first.dtype)
    sums = _Totals(empty, empty, jnp.zeros_like(first))
    if contamination is None:
        (last, sums), _ = over_days(day, (first, sums), rows)
    else:
        (hypotheses, sums), _ = over_days(doubtful, (VariancePair.certain(first), sums), rows)
        last = hypotheses.variance
    days = jnp.sum(~jnp.isnan(returns), axis=0).astype(first.dtype)
    logs = sums.logs.value() + 0 * last  # not a number stays so: a product of bits forgets it
    kernel = jnp.where(gaussian, sums.squares, (sums.marks.value() - logs) / jnp.where(gaussian, 1, eta))
    return days * log_normaliser(eta) - logs / 2 - (1 + eta) / 2 * kernel, last


class _Totals(NamedTuple):
    """What :func:`log_likelihood` adds up; ``marks`` of ``variance + eta / (1 - 2 eta) r^2``."""

    logs: LogSum
    marks: LogSum
    squares: Array
