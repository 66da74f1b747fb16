"""The network and its rivals on fresh series from the training prior: bias, RMSE, coverage.

    python -m backtests.calibration.simulated

2,048 series a length, drawn with seeds that the training never used; ``arch`` and the network on moments, which
has to be trained for its length, on 500 series of 500 days. About eight minutes on two cores.
"""

from __future__ import annotations

import numpy as np

from backtests.arguments import study_parser
from backtests.calibration.moments_network import MomentsNetwork
from backtests.peers import Multigarch, Scivol
from backtests.ratios import rmse, shown
from backtests.record import Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.calibration import Calibration, Calibrator
from riskengine.calibration.training import LENGTHS, Training, fresh_series, natural, qlike
from riskengine.covariance import conditional_variance
from riskengine.garch import GarchParams
from riskengine.runtime import use_cores

SEED, SERIES, FEW, FEW_DAYS = 77_001, 2048, 500, 500
NAMES = ("persistence", "alpha + gamma/2", "gamma", "beta", "1/dof", "log variance")


def errors(fit: Calibration, params: GarchParams, returns: np.ndarray, tomorrow: np.ndarray) -> np.ndarray:
    """``(6, series)`` of :data:`NAMES`; the next variance is filtered here where a rival does not give it."""
    ahead = fit.next_variance
    if np.isnan(ahead).all():
        ahead = conditional_variance(fit, returns)[-1]
    found = np.stack([*natural(fit.params).values(), np.log(ahead)])
    return found - np.stack([*natural(params).values(), np.log(tomorrow)])


def coverage(fit: Calibration, params: GarchParams, tomorrow: np.ndarray) -> list[str]:
    """Share of truths inside their 90% intervals: five parameters, then the next day's log variance."""
    low, high = fit.posterior.interval(0.9)
    sides = [*zip(low, high, params, strict=True), (*fit.variance_interval(0.9), tomorrow)]
    return [f"{np.mean((lo <= x) & (x <= hi)):.3f}" for lo, hi, x in sides]


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    use_cores()
    training = Training()
    networks = {
        "network": NeuralCalibrator.pretrained(),
        "robust": NeuralCalibrator.pretrained(robust=True),
        "pooled": NeuralCalibrator.pretrained(pooled=True),
    }
    maximum = MaximumLikelihood(tolerance=1e-6)
    record = Record("calibration_simulated", "Calibrators on simulated truth", seed=SEED)
    ratios, levels, covered = [], [], []
    for days in LENGTHS:
        params, returns, tomorrow = fresh_series(training, days, SERIES, SEED)
        fits = {name: calibrate(returns) for name, calibrate in networks.items()}
        fits["maximum likelihood"] = maximum(returns)
        missed = {name: errors(fit, params, returns, tomorrow) for name, fit in fits.items()}
        loss = {name: qlike(tomorrow, fit.next_variance) for name, fit in fits.items()}
        for name in networks:
            cells = [
                shown(a**2, b**2) for a, b in zip(missed[name], missed["maximum likelihood"], strict=True)
            ]
            ratios.append([days, name, *cells, shown(loss[name], loss["maximum likelihood"], root=False)])
            print(ratios[-1], flush=True)
        for name in ("network", "robust"):
            covered.append([days, name, *coverage(fits[name], params, tomorrow)])
            print(covered[-1], flush=True)
        for name, found in missed.items():
            levels.append([days, name, *(f"{rmse(e):.4f} ({e.mean():+.4f})" for e in found)])
    record.say(
        f"RMSE over that of maximum likelihood on the same {SERIES:,} series a length (bootstrap standard error of the "
        "ratio in brackets); log variance and excess QLIKE are of the next day. Below one is better. All see zero-mean "
        "returns and start the variance at the same backcast; maximum likelihood keeps the best of four starts."
    )
    record.table("ratios", ["days", "estimator", *NAMES, "excess QLIKE"], ratios)
    record.say("Share of truths inside 90% intervals.")
    record.table(
        "coverage",
        ["days", "estimator", "omega", "alpha", "gamma", "beta", "dof", "log variance"],
        covered,
    )
    record.say("RMSE with bias in brackets.")
    record.table("levels", ["days", "estimator", *NAMES], levels)

    params, returns, tomorrow = fresh_series(training, FEW_DAYS, FEW, SEED + 1)
    rivals: dict[str, Calibrator] = {
        "arch": ArchReference(),
        "scivol": Scivol(),
        "multigarch": Multigarch(),
        "network on moments": MomentsNetwork.trained(FEW_DAYS),
        "maximum likelihood": maximum,
    }
    mine = errors(networks["network"](returns), params, returns, tomorrow)
    rows = [["network", *(f"{rmse(e):.4f} ({e.mean():+.4f})" for e in mine)]]
    against = []
    for name, calibrate in rivals.items():
        theirs = errors(calibrate(returns), params, returns, tomorrow)
        rows.append([name, *(f"{rmse(e):.4f} ({e.mean():+.4f})" for e in theirs)])
        against.append([name, *(shown(a**2, b**2) for a, b in zip(mine, theirs, strict=True))])
        print(against[-1], flush=True)
    record.say(f"RMSE of the network over that of each rival, {FEW} series of {FEW_DAYS} days.")
    record.table("rivals", ["over", *NAMES], against)
    record.say("The same series, RMSE with bias in brackets.")
    record.table("rival levels", ["estimator", *NAMES], rows)
    record.write()


if __name__ == "__main__":
    main()
