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
    log_kernel,
    log_normaliser,
    scale_information,
    tail_information,
)
from riskengine.garch.params import GarchParams
from riskengine.garch.variance import next_variance, waiting

_PAIRS = [(j, k) for j in range(5) for k in range(j + 1)]


class Likelihood(NamedTuple):
    """What one pass over the data says of parameters ``u``; ``K`` is 5, or 6 with a mean.

    Attributes
    ----------
    log_likelihood : (...,) in nats, over the observed days
    score : (..., K) its gradient
    information : (..., K, K) Fisher information, expected given the variances (Fiorentini, Calzolari and
        Panattoni 1996), positive semi-definite
    next_variance : (...,) variance of the day after the last
    observations : (...,) number of observed days
    """

    log_likelihood: Array
    score: Array
    information: Array
    next_variance: Array
    observations: Array


def likelihood(
    u: Array,
    returns: Array,
    presample: Array,
    mean: Array | None = None,
    centre: Array | None = None,
    unroll: int = 1,
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
    unroll : days a loop step; more pays for a handful of assets, which are bound by the cost of a step, and
        compiles for longer

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
    """
    with_mean = mean is not None
    p, s, tail = sigmoid(u[..., 1]), sigmoid(u[..., 2]), sigmoid(u[..., 4])
    p_rest, s_rest = sigmoid(-u[..., 1]), sigmoid(-u[..., 2])
    eta, long_run = tail / 2, jnp.exp(u[..., 0])
    a, beta = p * s, p * s_rest
    leverage = jnp.tanh(u[..., 3] / 2)
    gain, loss = a * (1 - leverage), a * (1 + leverage)  # alpha and alpha + gamma
    tilt = a * (1 - leverage) * (1 + leverage) / 2
    omega = long_run * p_rest
    shape = u.shape[:-1]
    observed = ~jnp.isnan(returns)
    spread = 1 - 2 * eta

    zero = jnp.zeros(shape, u.dtype)
    away: Array = zero if mean is None or centre is None else centre - mean
    presample = presample + away * away
    first = omega + p * presample
    slopes = [omega, p * p_rest * (presample - long_run), zero, zero] + [-2 * p * away] * with_mean
    slopes = [jnp.broadcast_to(slope, shape) for slope in slopes]
    lags = len(slopes)
    sums = (zero, zero, zero, [zero] * lags, [zero] * lags, [zero] * (lags * (lags + 1) // 2), zero, zero)

    def day(carry: tuple, row: Array) -> tuple[tuple, None]:
        h, d, (logs, kernels, weights, scores, drifts, products, pulls, precisions) = carry
        seen, wait = jnp.isfinite(row), jnp.isinf(row)
        shock = jnp.where(seen, row, 0) - (0 if mean is None else mean)
        r2 = jnp.where(seen, shock * shock, 0)
        below = shock < 0
        one = jnp.where(seen, jnp.ones((), u.dtype), 0)

        inverse = one / h
        z2 = r2 * inverse
        blend = spread + eta * z2
        weight = z2 / blend  # z^2 shrunk by the tail
        pull = 0.5 * ((1 + eta) * weight - one)
        relative = [slope * inverse for slope in d]
        sums = (
            logs + jnp.where(seen, jnp.log(h), 0),
            kernels + jnp.where(seen, jnp.log(blend), 0),
            weights + weight,
            [total + pull * slope for total, slope in zip(scores, relative, strict=True)],
            [total + slope for total, slope in zip(drifts, relative, strict=True)],
            [total + relative[j] * relative[k] for total, (j, k) in zip(products, _PAIRS, strict=False)],
            pulls + jnp.where(seen, shock * inverse / blend, 0) if with_mean else pulls,
            precisions + inverse if with_mean else precisions,
        )

        news = jnp.where(seen, jnp.where(below, loss, gain) * r2, a * h)
        keep = jnp.where(seen, beta, p)
        drive = [
            omega,
            p_rest * (news + beta * h - long_run * p),
            s_rest * (news - a * h),
            tilt * jnp.where(below, r2, -r2),
        ]
        if with_mean:
            drive.append(jnp.where(seen, -2 * jnp.where(below, loss, gain) * shock, 0))
        h_next = omega + news + beta * h
        d_next = [jnp.where(wait, old, new + keep * old) for old, new in zip(d, drive, strict=True)]
        return (jnp.where(wait, h, h_next), d_next, sums), None

    carry, _ = jax.lax.scan(day, (first, slopes, sums), waiting(returns), unroll=unroll)
    h_last, _, (logs, kernels, weights, scores, drifts, products, pulls, precisions) = carry
    n = jnp.broadcast_to(jnp.sum(observed, axis=0).astype(u.dtype), shape)

    # sum over days of log(1 + eta z^2 / (1 - 2 eta)) / eta, and its Gaussian limit sum z^2
    gaussian = eta < 1e-7
    safe = jnp.where(gaussian, 1.0, eta)
    kernel = jnp.where(gaussian, weights, (kernels - n * jnp.log(spread)) / safe)
    log_likelihood = n * log_normaliser(eta) - logs / 2 - (1 + eta) / 2 * kernel

    # d/d eta at fixed variances: normaliser, then kernel; then the chain rule to the logit of 2 eta
    normaliser_slope = jax.vmap(jax.grad(log_normaliser))(eta.reshape(-1)).reshape(shape)
    kernel_slope = jnp.where(gaussian, 0.0, ((weights / spread) - kernel) / safe)
    score_eta = n * normaliser_slope - kernel / 2 - (1 + eta) / 2 * kernel_slope
    chain = eta * sigmoid(-u[..., 4])
    scale = scale_information(eta)
    cross = cross_information(eta) * chain
    tail_block = jnp.where(chain > 0, n * tail_information(eta) * chain**2, 0)

    score = [*scores[:4], score_eta * chain]
    size = 5 + with_mean
    information = [[zero] * size for _ in range(size)]
    place = [0, 1, 2, 3, 5]  # the mean comes last
    for total, (j, k) in zip(products, _PAIRS, strict=False):
        information[place[j]][place[k]] = information[place[k]][place[j]] = scale * total
    for k, drift in enumerate(drifts):
        information[place[k]][4] = information[4][place[k]] = cross * drift
    information[4][4] = tail_block
    if with_mean:
        score.append(scores[4] + (1 + eta) * pulls)
        information[5][5] = information[5][5] + location_information(eta) * precisions
    matrix = jnp.stack([jnp.stack(row, axis=-1) for row in information], axis=-2)
    return Likelihood(log_likelihood, jnp.stack(score, axis=-1), matrix, h_last, n)


def log_likelihood(params: GarchParams, returns: Array, presample: Array) -> tuple[Array, Array]:
    """Log-likelihood and next-day variance alone: a third of the work of :func:`likelihood`.

    Parameters
    ----------
    params : leaves ``(assets,)``
    returns : (time, assets), demeaned if wanted, NaN where missing
    presample : (assets,) variance of the day before the sample

    Returns
    -------
    (assets,) nats over the observed days, and the (assets,) variance of the day after the last
    """
    eta = 1 / params.dof
    seen = ~jnp.isnan(returns)

    def day(carry: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], None]:
        variance, total = carry
        wait = jnp.isinf(row)
        kernel = (1 + eta) * log_kernel(row * row / variance, eta) + jnp.log(variance)
        total = total + jnp.where(jnp.isfinite(row), kernel, 0)
        return (jnp.where(wait, variance, next_variance(params, variance, row)), total), None

    first = params.omega + params.persistence * presample
    (last, total), _ = jax.lax.scan(day, (first, jnp.zeros_like(first)), waiting(returns))
    days = jnp.sum(seen, axis=0).astype(total.dtype)
    return days * log_normaliser(eta) - total / 2, last
