"""Training on fresh simulations: simulate, look, improve; no series is ever seen twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from riskengine.calibration.features import CONTAMINATION, first_look, mean_square
from riskengine.calibration.network import (
    Belief,
    Look,
    Weights,
    first_guess,
    looks,
    newton_step,
)
from riskengine.calibration.out_of_distribution import Familiar
from riskengine.calibration.pretrained_weights import load_leaves, save_leaves
from riskengine.calibration.prior import TrainingPrior
from riskengine.calibration.training.contaminants import Contaminants
from riskengine.calibration.training.initial import initial_weights
from riskengine.errors import SettingsError
from riskengine.garch import backcast, from_unconstrained, simulate


@dataclass(frozen=True)
class Training:
    """Settings of a training run; the defaults made the shipped weights.

    Attributes
    ----------
    contaminants : accidents that befall the series, and the filter then bounds its news; none if not given
    steps : simulated batches; each is used once
    series : series a batch, fewer where they are long (:meth:`batch`)
    minibatch : series a gradient step
    lengths : a batch holds histories of up to one of these lengths, and longer than the one before; the
        last one is drawn in one batch of twenty
    shortest : observed days of the shortest histories
    gaps : share of the series with missing days, up to a fifth of each
    learning_rate : peak of a cosine schedule with a warm-up
    """

    prior: TrainingPrior = field(default_factory=TrainingPrior)
    contaminants: Contaminants | None = None
    seed: int = 2026
    steps: int = 1600
    series: int = 4096
    minibatch: int = 512
    lengths: tuple[int, ...] = (120, 250, 500, 1000, 2560, 10_240)
    shortest: int = 60
    gaps: float = 0.15
    learning_rate: float = 1.5e-3

    def __post_init__(self) -> None:
        if self.steps < 1 or self.series % self.minibatch:
            raise SettingsError(
                "training takes at least one step, of a number of series that minibatches divide"
            )

    def batch(self, length: int) -> int:
        """Series in a batch of this length: a power of two of minibatches, four million days at most."""
        room = max(1, min(self.series, _CELLS // length) // self.minibatch)
        return self.minibatch * 2 ** (room.bit_length() - 1)

    def curriculum(self) -> np.ndarray:
        """Length of each step's series."""
        share = np.full(len(self.lengths), 1.0)
        share[-1] = 1 / 4 if len(self.lengths) > 1 else 1.0
        rng = np.random.default_rng(self.seed)
        return rng.choice(self.lengths, size=self.steps, p=share / share.sum())

    def to_json(self) -> dict[str, Any]:
        """Plain values for the file beside the weights."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Training:
        """Inverse of :meth:`to_json`, also after a journey through a file."""
        accidents = values["contaminants"]
        return cls(
            **values
            | {
                "prior": TrainingPrior.from_json(values["prior"]),
                "contaminants": accidents and Contaminants.from_json(accidents),
                "lengths": tuple(values["lengths"]),
            }
        )


_CELLS = 2**22  # days in a batch, all series together
_MOVES = 20


class Progress(NamedTuple):
    """State of a run: all that the next step needs."""

    step: Array
    stages: list[Weights]
    optimiser: optax.OptState


class Lesson(NamedTuple):
    """Simulated series of unit mean square ``(time, series)`` and their true coordinates ``(series, 5)``.

    ``contamination`` ``(series,)`` is the filter's prior probability of an outlier, or None.
    """

    returns: Array
    presample: Array
    truth: Array
    contamination: Array | None


def lesson(key: Array, training: Training, length: int) -> Lesson:
    """Simulate one batch of series of up to ``length`` days, one of the training's, some with missing days.

    A series shorter than ``length`` begins with missing days, which the filter waits through.
    """
    keys = jax.random.split(key, 6)
    size = training.batch(length)
    u = training.prior.sample(keys[0], size)
    returns = simulate(keys[1], from_unconstrained(u), length).returns
    limits = (training.shortest - 1, *training.lengths)
    days = jax.random.randint(keys[2], (size,), limits[training.lengths.index(length)] + 1, length + 1)
    late = jnp.arange(length)[:, None] < length - days
    draw = jax.random.uniform(keys[3], (size,), returns.dtype)
    rate = jnp.where(draw < training.gaps, 0.2 * draw / training.gaps, 0.0)
    missing = late | (jax.random.uniform(keys[4], (length, size), returns.dtype) < rate)
    contamination = None
    if training.contaminants is not None:
        spoiled, log_level = training.contaminants(keys[5], returns)
        moves = jnp.sum(~missing & (spoiled != 0), axis=0)
        alive = moves >= _MOVES  # whose price hardly ever moves has nothing to teach
        returns = jnp.where(alive, spoiled, returns)
        u = u.at[:, 0].add(jnp.where(alive, log_level, 0))
        contamination = jnp.full(size, CONTAMINATION, returns.dtype)
    returns = jnp.where(missing, jnp.nan, returns)
    scale = jnp.maximum(mean_square(returns), 1e-12)
    returns = returns / jnp.sqrt(scale)
    return Lesson(returns, backcast(returns), u.at[:, 0].add(-jnp.log(scale)), contamination)


def loss(belief: Belief, truth: Array) -> Array:
    """Gaussian negative log-likelihood of the true coordinates ``(series, 5)``, in nats a series."""
    factor = belief.precision_factor
    diagonal = jnp.diagonal(factor, axis1=-2, axis2=-1)
    error = jnp.einsum("...ji,...j->...i", factor, truth - belief.mean)
    # A few series are far from their first guess; the logarithm keeps them from ruling the gradient.
    square = jnp.sum(error**2, axis=-1)
    nll = jnp.where(square < 60, square, 60 * (1 + jnp.log(jnp.maximum(square, 60) / 60))) / 2
    return jnp.mean(nll - jnp.sum(jnp.log(diagonal), axis=-1))


def _batch_loss(
    stages: list[Weights], seen: list[Look], truth: Array, mean: Array, spread: Array
) -> tuple[Array, Array]:
    beliefs = [first_guess(stages[0], seen[0].features, mean, spread)]
    for weights, look in zip(stages[1:], seen[1:], strict=True):
        assert look.local is not None
        beliefs.append(newton_step(weights, look.features, look.local))
    losses = jnp.stack([loss(belief, truth) for belief in beliefs])
    return jnp.sum(losses), losses


def optimiser(training: Training) -> optax.GradientTransformation:
    """Adam with a clipped gradient and a cosine schedule over all gradient steps."""
    total = sum(training.batch(int(length)) // training.minibatch for length in training.curriculum())
    schedule = optax.warmup_cosine_decay_schedule(0.0, training.learning_rate, total // 50 + 1, total, 1e-6)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def prior_arrays(training: Training) -> tuple[Array, Array]:
    """Mean and spread of the prior as float32 arrays ``(5,)``."""
    mean, spread = training.prior.moments()
    return jnp.asarray(mean, jnp.float32), jnp.asarray(spread, jnp.float32)


@partial(jax.jit, static_argnames=("training", "length"), donate_argnames=("progress",))
def _step(
    progress: Progress, mean: Array, spread: Array, training: Training, length: int
) -> tuple[Progress, Array]:
    key = jax.random.fold_in(jax.random.key(training.seed), progress.step)
    taught = lesson(key, training, length)
    seen, _ = looks(progress.stages, taught.returns, taught.presample, mean, spread, taught.contamination)
    batches = training.batch(length) // training.minibatch
    data = jax.tree.map(
        lambda leaf: leaf.reshape(batches, training.minibatch, *leaf.shape[1:]), (seen, taught.truth)
    )
    rule = optimiser(training)

    def improve(carry: tuple, batch: tuple) -> tuple[tuple, Array]:
        stages, state = carry
        gradient, losses = jax.grad(_batch_loss, has_aux=True)(stages, *batch, mean, spread)
        with jax.numpy_dtype_promotion("standard"):  # optax's schedules divide integers by floats
            updates, state = rule.update(gradient, state)
        return (optax.apply_updates(stages, updates), state), losses

    (stages, state), losses = jax.lax.scan(improve, (progress.stages, progress.optimiser), data)
    return Progress(progress.step + 1, stages, state), jnp.mean(losses, axis=0)


_initial_weights = jax.jit(initial_weights, static_argnames="robust")


def start(training: Training) -> Progress:
    """Untrained state."""
    mean, spread = prior_arrays(training)
    robust = training.contaminants is not None
    stages = _initial_weights(jax.random.key(training.seed), mean, spread, robust)
    return Progress(jnp.zeros((), jnp.int32), stages, optimiser(training).init(stages))


def train(
    training: Training,
    checkpoint: Path | None = None,
    every: int = 50,
    report: Callable[[int, np.ndarray], None] = lambda step, losses: None,
) -> list[Weights]:
    """Train all stages and return their weights.

    Parameters
    ----------
    training : settings
    checkpoint : file in which the state is kept; a run that was stopped goes on from there and ends with
        the same weights
    every : steps between two checkpoints
    report : called after every step with the number of steps done and the mean loss of each stage
    """
    progress = start(training)
    if checkpoint is not None and checkpoint.exists():
        progress = jax.tree.map(jnp.asarray, load_leaves(checkpoint, progress))
    mean, spread = prior_arrays(training)
    for step, length in _remaining(training, int(progress.step)):
        progress, losses = _step(progress, mean, spread, training, length)
        report(step + 1, np.asarray(losses))
        if checkpoint is not None and (step + 1) % every == 0:
            save_leaves(checkpoint, progress)
    return progress.stages


def _remaining(training: Training, done: int) -> Iterator[tuple[int, int]]:
    """Step numbers still to do, each with the length of its series; the same whenever a run is resumed."""
    lengths = training.curriculum()
    yield from ((step, int(lengths[step])) for step in range(done, training.steps))


def familiarise(training: Training, batches: int = 24) -> Familiar:
    """What the first features look like on fresh series of the training distribution."""
    look = jax.jit(_first_features, static_argnames=("training", "length"))
    key = jax.random.fold_in(jax.random.key(training.seed), 2**30)
    lengths = training.curriculum()[:batches]
    seen = [look(jax.random.fold_in(key, k), training, int(length)) for k, length in enumerate(lengths)]
    return Familiar.of(np.concatenate([np.asarray(features, dtype=np.float64) for features in seen]))


def _first_features(key: Array, training: Training, length: int) -> Array:
    taught = lesson(key, training, length)
    return first_look(taught.returns, taught.presample, taught.contamination)
