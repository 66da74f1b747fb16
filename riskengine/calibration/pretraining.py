"""From nothing to weights with their card: training, evaluation on fresh series, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from riskengine.calibration.arrays import save_arrays
from riskengine.calibration.neural import CARD, WEIGHTS, NeuralCalibrator
from riskengine.calibration.training import Training, train
from riskengine.files import write_atomically
from riskengine.garch.params import GarchParams, from_unconstrained
from riskengine.garch.simulate import simulate

CHECKPOINT = "checkpoint.npz"
LENGTHS = (250, 500, 1000, 2000)


def natural(params: GarchParams) -> dict[str, np.ndarray]:
    """The parameters that estimates are judged by."""
    news = params.alpha + params.gamma / 2
    return {
        "persistence": np.asarray(news + params.beta),
        "news": np.asarray(news),
        "gamma": np.asarray(params.gamma),
        "beta": np.asarray(params.beta),
        "inverse_dof": np.asarray(1 / params.dof),
    }


def qlike(variance: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Excess QLIKE of a variance forecast where the true variance is known; zero if they are equal."""
    ratio = variance / forecast
    return ratio - np.log(ratio) - 1


def fresh_series(
    training: Training, days: int, series: int, seed: int
) -> tuple[GarchParams, np.ndarray, np.ndarray]:
    """True parameters, returns ``(days, series)`` and the true variance of the next day, never trained on."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), days), 2)
    params = from_unconstrained(training.prior.sample(keys[0], series))
    path = jax.jit(simulate, static_argnames="days")(keys[1], params, days=days)
    return (
        GarchParams(*(np.asarray(leaf, dtype=np.float64) for leaf in params)),
        np.asarray(path.returns, dtype=np.float64),
        np.asarray(path.next_variance, dtype=np.float64),
    )


def evaluate(
    calibrator: NeuralCalibrator,
    training: Training,
    series: int,
    seed: int,
    lengths: tuple[int, ...] = LENGTHS,
) -> dict[str, dict[str, float]]:
    """RMSE of each parameter, mean excess QLIKE of the next day and coverage of 90% intervals, by length."""
    metrics = {}
    for days in lengths:
        params, returns, tomorrow = fresh_series(training, days, series, seed)
        fit = calibrator(returns)
        truth, estimate = natural(params), natural(fit.params)
        row = {name: float(np.sqrt(np.mean((estimate[name] - truth[name]) ** 2))) for name in truth}
        row["qlike"] = float(np.mean(qlike(tomorrow, fit.next_variance)))
        low, high = fit.posterior.interval(0.9)
        inside = [np.mean((lo <= x) & (x <= hi)) for lo, hi, x in zip(low, high, params, strict=True)]
        row["coverage_90"] = float(np.mean(inside[1:]))
        metrics[str(days)] = row
    return metrics


def pretrain(
    training: Training,
    folder: Path,
    restart: bool = False,
    series: int = 2048,
    lengths: tuple[int, ...] = LENGTHS,
    report: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Train, evaluate on fresh series, and write weights and card; returns the card.

    A checkpoint in ``folder`` is gone on from, unless ``restart`` is set or it is of another network.
    """
    checkpoint = folder / CHECKPOINT
    if restart:
        checkpoint.unlink(missing_ok=True)
    weights = train(
        training, checkpoint, report=lambda step, losses: report("training", step, training.steps)
    )
    mean, spread = training.prior.moments()
    calibrator = NeuralCalibrator(weights, mean, spread)
    report("evaluation", 0, 1)
    metrics = evaluate(calibrator, training, series, seed=training.seed + 1, lengths=lengths)
    report("evaluation", 1, 1)
    digest = save_arrays(folder / WEIGHTS, weights)
    card = {
        "model": "GJR-GARCH(1,1), Student-t; three stages",
        "sha256": digest,
        "training": training.to_json(),
        "series_seen": training.steps * training.series,
        "prior_mean": mean.tolist(),
        "prior_spread": spread.tolist(),
        "metrics": metrics,
        "metrics_series": series,
    }
    write_atomically(folder / CARD, (json.dumps(card, indent=2) + "\n").encode())
    return card
