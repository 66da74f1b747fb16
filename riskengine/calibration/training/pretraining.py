"""From nothing to weights with their card: training, evaluation on fresh series, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration.network import STAGES
from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.pretrained_weights import WIDTH_DAYS, Trained, save
from riskengine.calibration.training.contaminants import Contaminants
from riskengine.calibration.training.loop import Training, familiarise, prior_arrays, train
from riskengine.garch import GarchParams, from_unconstrained, simulate
from riskengine.progress import ProgressReport, no_progress

CHECKPOINT = "checkpoint.npz"
LENGTHS = (250, 500, 1000, 2000)


def natural(params: GarchParams) -> dict[str, np.ndarray]:
    """Natural parameters by which estimates are evaluated."""
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


DAILY = 0.001
"""Standard deviation of a calm day: the heaviest tails of the prior then lose less than everything."""


def fresh_series(
    training: Training, days: int, series: int, seed: int
) -> tuple[GarchParams, np.ndarray, np.ndarray]:
    """Held-out simulations: true parameters, returns ``(days, series)`` and the next day's true variance.

    Of the size of daily returns: the prior's long-run variances are about one, and calibrators refuse such returns.
    """
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), days), 2)
    params = from_unconstrained(training.prior.sample(keys[0], series))
    path = jax.jit(simulate, static_argnames="days")(keys[1], params, days=days)
    exact = GarchParams(*(np.asarray(leaf, dtype=np.float64) for leaf in params))
    return (
        exact._replace(omega=exact.omega * DAILY**2),
        np.asarray(path.returns, dtype=np.float64) * DAILY,
        np.asarray(path.next_variance, dtype=np.float64) * DAILY**2,
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
        row["log_variance"] = float(np.sqrt(np.mean(np.log(fit.next_variance / tomorrow) ** 2)))
        row["qlike"] = float(np.mean(qlike(tomorrow, fit.next_variance)))
        low, high = fit.posterior.interval(0.9)
        inside = [np.mean((lo <= x) & (x <= hi)) for lo, hi, x in zip(low, high, params, strict=True)]
        row["coverage_90"] = float(np.mean(inside))
        metrics[str(days)] = row
    return metrics


def interval_widths(
    trained: Trained,
    training: Training,
    series: int,
    lengths: tuple[int, ...] = WIDTH_DAYS,
    level: float = 0.9,
) -> jax.Array:
    """Factors ``(WIDTH_DAYS, 6)`` that make intervals of a level cover on fresh clean series.

    Measured on series of these lengths and interpolated between them. An interval's ends keep their proportion
    to the median. Conformal in spirit (Papadopoulos and others 2002).
    """
    network = NeuralCalibrator(trained, robust=training.contaminants is not None)
    rows = []
    for days in lengths:
        params, returns, tomorrow = fresh_series(training, days, series, training.seed + 2)
        fit = network(returns)
        low, high = fit.posterior.interval(level)
        middle = fit.posterior.interval(1e-6)[0]
        row = []
        for name in GarchParams._fields:
            lo, mid, hi, x = (getattr(one, name) for one in (low, middle, high, params))
            if name == "dof":
                lo, mid, hi, x = 1 / hi, 1 / mid, 1 / lo, 1 / x
            row.append(np.quantile(np.where(x < mid, (mid - x) / (mid - lo), (x - mid) / (hi - mid)), level))
        reach = NormalDist().inv_cdf((1 + level) / 2) * np.asarray(fit.log_variance_spread)
        row.append(np.quantile(np.abs(np.log(tomorrow / fit.next_variance)) / reach, level))
        rows.append(row)
    knots, wanted = np.log(lengths), np.log(WIDTH_DAYS)
    return jnp.asarray(
        np.stack([np.interp(wanted, knots, factor) for factor in np.array(rows).T], -1), jnp.float32
    )


def pretrain(
    training: Training,
    folder: Path,
    restart: bool = False,
    series: int = 2048,
    lengths: tuple[int, ...] = LENGTHS,
    width_lengths: tuple[int, ...] = WIDTH_DAYS,
    report: ProgressReport = no_progress,
) -> dict[str, dict[str, Any]]:
    """Train the plain and the robust network, evaluate them on fresh series, and write weights and cards.

    A checkpoint in ``folder`` is gone on from, unless ``restart`` is set or it is of another network.

    Parameters
    ----------
    training : of the plain network; the robust one takes three quarters of the steps on contaminated series
    folder : gets ``plain`` and ``robust``, each with ``weights.npz`` and ``card.json``
    restart : begin anew
    series, lengths : of the evaluation
    width_lengths : lengths on which the widths of intervals are measured
    report : called with a stage, steps done and steps in all

    Returns
    -------
    The cards, by network
    """
    hard = replace(training, contaminants=Contaminants(), steps=max(1, 3 * training.steps // 4))
    return {
        name: _pretrain_one(name, settings, folder / name, restart, series, (lengths, width_lengths), report)
        for name, settings in (("plain", training), ("robust", hard))
    }


def _pretrain_one(
    name: str,
    training: Training,
    folder: Path,
    restart: bool,
    series: int,
    lengths: tuple[tuple[int, ...], tuple[int, ...]],
    report: ProgressReport,
) -> dict[str, Any]:
    checkpoint = folder / CHECKPOINT
    if restart:
        checkpoint.unlink(missing_ok=True)
    stages = train(training, checkpoint, report=lambda step, losses: report(name, step, training.steps))
    robust = training.contaminants is not None
    one = jnp.ones((len(WIDTH_DAYS), 6), jnp.float32)
    trained = Trained(stages, familiarise(training), *prior_arrays(training), one)
    trained = trained._replace(widths=interval_widths(trained, training, series, lengths[1]))
    report(f"{name}, evaluation", 0, 1)
    metrics = evaluate(
        NeuralCalibrator(trained, robust=robust), training, series, training.seed + 1, lengths[0]
    )
    report(f"{name}, evaluation", 1, 1)
    card = {
        "model": f"GJR-GARCH(1,1), Student-t; {STAGES} stages",
        "robust": robust,
        "training": training.to_json(),
        "series_seen": sum(training.batch(int(length)) for length in training.curriculum()),
        "metrics": metrics,
        "metrics_series": series,
    }
    return save(folder, trained, card)
