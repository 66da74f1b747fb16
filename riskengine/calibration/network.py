"""The network: a first guess from fixed anchors, then learned Newton steps.

Everything is written for a batch of series ``(assets, ...)``; a series never sees another.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.calibration.features import WIDTHS, Local, first_look, second_look

Weights = dict[str, Any]
STAGES = 2
"""A third stage, after a second look, lowered no error by more than 0.3%."""


class Belief(NamedTuple):
    """A Gaussian over unconstrained coordinates.

    Attributes
    ----------
    mean : (..., 5)
    precision_factor : (..., 5, 5) lower triangular ``L`` with precision ``L @ L.T``
    """

    mean: Array
    precision_factor: Array


WIDTH, BLOCKS, OUTPUTS = 192, 2, 5 + 15


def head(weights: Weights, x: Array) -> Array:
    """A multilayer perceptron with residual blocks, features ``(..., inputs)`` to ``(..., 20)``.

    Functions of arrays alone: the module of flax that makes the arrays (:mod:`.training.initial`) asks for the shape
    of each of them anew wherever it is applied, which was a fifth of the time to trace a calibration.
    """
    layers = weights["params"]
    x = jax.nn.silu(_dense(layers["Dense_0"], x))
    for k in range(BLOCKS):
        inner = jax.nn.silu(_dense(layers[f"Dense_{2 * k + 2}"], _normalised(layers[f"LayerNorm_{k}"], x)))
        x = x + _dense(layers[f"Dense_{2 * k + 1}"], inner)
    return _dense(layers[f"Dense_{2 * BLOCKS + 1}"], jax.nn.silu(x))


def _dense(layer: Weights, x: Array) -> Array:
    dtype = jnp.result_type(x, layer["kernel"], layer["bias"])
    x, kernel, bias = (value.astype(dtype) for value in (x, layer["kernel"], layer["bias"]))
    y = jax.lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))
    return y + jnp.reshape(bias, (1,) * (y.ndim - 1) + (-1,))


def _normalised(layer: Weights, x: Array) -> Array:
    """To mean zero and variance one over the features, then a learned scale and bias."""
    mean, square = x.mean(-1, keepdims=True), (x * x).mean(-1, keepdims=True)
    variance = jnp.maximum(0.0, square - mean * mean)
    return (x - mean) * (jax.lax.rsqrt(variance + 1e-6) * layer["scale"]) + layer["bias"]


def head_shapes(inputs: int) -> Weights:
    """Shapes of the weights of :func:`head`."""

    def shape(*sizes: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(sizes, jnp.float32)

    def dense(inputs: int, outputs: int) -> Weights:
        return {"kernel": shape(inputs, outputs), "bias": shape(outputs)}

    layers = {f"Dense_{k}": dense(WIDTH, WIDTH) for k in range(1, 2 * BLOCKS + 1)}
    layers |= {"Dense_0": dense(inputs, WIDTH), f"Dense_{2 * BLOCKS + 1}": dense(WIDTH, OUTPUTS)}
    layers |= {f"LayerNorm_{k}": {"scale": shape(WIDTH), "bias": shape(WIDTH)} for k in range(BLOCKS)}
    return {"params": layers}


def widths(robust: bool) -> list[int]:
    """Features that each stage reads."""
    first, here = WIDTHS[robust]
    return [first, *[first + here] * (STAGES - 1)]


def lower_triangular(values: Array) -> Array:
    """Fifteen numbers ``(..., 15)`` to a lower triangular ``(..., 5, 5)`` with a positive diagonal."""
    rows, columns = np.tril_indices(5, -1)
    matrix = jnp.zeros((*values.shape[:-1], 5, 5), values.dtype)
    matrix = matrix.at[..., rows, columns].set(values[..., 5:])
    return matrix + jnp.exp(jnp.clip(values[..., :5], -5, 5))[..., None] * jnp.eye(5, dtype=values.dtype)


def first_guess(weights: Weights, features: Array, prior_mean: Array, prior_spread: Array) -> Belief:
    """Belief from the anchors' features alone."""
    out = head(weights, features)
    factor = lower_triangular(out[..., 5:]) / prior_spread[:, None]
    return Belief(prior_mean + prior_spread * out[..., :5], factor)


def newton_step(weights: Weights, features: Array, local: Local) -> Belief:
    """Belief as a learned correction of the Newton step and of the curvature at the last estimate."""
    out = head(weights, features)
    factor = local.cholesky @ lower_triangular(out[..., 5:])
    return Belief(local.at(local.newton + out[..., :5]), factor)


def confine(u: Array, prior_mean: Array, prior_spread: Array) -> Array:
    """Keep an estimate where the likelihood can be evaluated safely: within five prior spreads."""
    return jnp.clip(u, prior_mean - 5 * prior_spread, prior_mean + 5 * prior_spread)


class Look(NamedTuple):
    """Input of one stage: features, and the local posterior that it corrects (none for the first)."""

    features: Array
    local: Local | None


def looks(
    stages: list[Weights],
    returns: Array,
    presample: Array,
    prior_mean: Array,
    prior_spread: Array,
    contamination: Array | None = None,
) -> tuple[list[Look], Belief]:
    """Run all stages on series of unit mean square and keep what each one saw.

    Parameters
    ----------
    stages : weights of each stage
    returns : (time, assets), NaN where missing
    presample : (assets,)
    prior_mean, prior_spread : (5,)
    contamination : (assets,) probability of an outlier; none if not given
    """
    first = first_look(returns, presample, contamination)
    seen = [Look(first, None)]
    belief = first_guess(stages[0], first, prior_mean, prior_spread)
    for weights in stages[1:]:
        u = confine(belief.mean, prior_mean, prior_spread)
        local, here = second_look(u, returns, presample, prior_mean, prior_spread, contamination)
        seen.append(Look(jnp.concatenate([first, here], axis=-1), local))
        belief = newton_step(weights, seen[-1].features, local)
    return seen, belief
