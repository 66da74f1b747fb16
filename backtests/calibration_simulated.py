"""The network against maximum likelihood on fresh series from the training prior.

    python -m backtests.calibration_simulated

2,048 series a length, drawn with seeds that the training never used. About four minutes on two cores.
"""

from __future__ import annotations

import numpy as np

from backtests.record import Record
from riskengine import MaximumLikelihood, NeuralCalibrator
from riskengine.calibration.pretraining import LENGTHS, fresh_series, natural, qlike
from riskengine.calibration.training import Training

SEED, SERIES, DRAWS = 77_001, 2048, 500


def ratio(mine: np.ndarray, theirs: np.ndarray, root: bool) -> tuple[float, float]:
    """Ratio of (root) means of two losses of the same series, and its bootstrap standard error."""
    power = 0.5 if root else 1.0
    picks = np.random.default_rng(SEED).integers(len(mine), size=(DRAWS, len(mine)))
    again = (mine[picks].mean(axis=1) / theirs[picks].mean(axis=1)) ** power
    return float((mine.mean() / theirs.mean()) ** power), float(again.std())


def main() -> None:
    """Run and record."""
    training, network, maximum = Training(), NeuralCalibrator.pretrained(), MaximumLikelihood(tolerance=1e-6)
    record = Record("calibration_simulated", "Network and maximum likelihood on simulated truth", seed=SEED)
    record.say(
        f"RMSE of the network's posterior means over RMSE of maximum likelihood (standard error of the ratio in "
        f"brackets); the last but one column is the ratio of mean excess QLIKE of the next-day variance. {SERIES} "
        "fresh series a length from the training prior. Below one the network is better. Both see zero-mean returns "
        "and start their variance at the same backcast; maximum likelihood keeps the best of four starts."
    )
    ratios, levels = [], []
    for days in LENGTHS:
        params, returns, tomorrow = fresh_series(training, days, SERIES, SEED)
        truth = natural(params)
        fits = {"network": network(returns), "maximum likelihood": maximum(returns)}
        estimates = {name: natural(fit.params) for name, fit in fits.items()}
        losses = {name: qlike(tomorrow, fit.next_variance) for name, fit in fits.items()}
        row: list[object] = [days]
        for name in truth:
            mine, theirs = ((estimates[who][name] - truth[name]) ** 2 for who in fits)
            value, error = ratio(mine, theirs, root=True)
            row.append(f"{value:.3f} ({error:.3f})")
        value, error = ratio(*losses.values(), root=False)
        row.append(f"{value:.3f} ({error:.3f})")
        low, high = fits["network"].posterior.interval(0.9)
        inside = [np.mean((lo <= x) & (x <= hi)) for lo, hi, x in zip(low, high, params, strict=True)]
        row.append(" ".join(f"{share:.3f}" for share in inside[1:]))
        ratios.append(row)
        for who in fits:
            rmse = {name: np.sqrt(np.mean((estimates[who][name] - truth[name]) ** 2)) for name in truth}
            bias = {name: np.mean(estimates[who][name] - truth[name]) for name in truth}
            cells = [f"{rmse[name]:.4f} ({bias[name]:+.4f})" for name in truth]
            levels.append([days, who, *cells, f"{losses[who].mean():.5f}", f"{np.median(losses[who]):.5f}"])
    names = ["persistence", "alpha + gamma/2", "gamma", "beta", "1/dof"]
    record.table("ratios", ["days", *names, "excess QLIKE", "90% coverage: alpha gamma beta dof"], ratios)
    record.say("RMSE with bias in brackets, and the mean and median excess QLIKE:")
    record.table("levels", ["days", "estimator", *names, "QLIKE", "median QLIKE"], levels)
    record.write()


if __name__ == "__main__":
    main()
