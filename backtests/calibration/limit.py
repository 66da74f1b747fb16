"""How far the network is from the limit: the exact Bayes posterior of the same prior.

    python -m backtests.calibration.limit [--series 2048]

The exact posterior comes from adaptive importance sampling, which is what ``refine="posterior"`` answers. How
exact it is shows a second, independent run on a quarter of the series: the mean of both is the reference there.
About a quarter of an hour on two cores.
"""

from __future__ import annotations

import numpy as np

from backtests.arguments import study_parser
from backtests.ratios import rmse, shown
from backtests.record import Record
from riskengine import NeuralCalibrator
from riskengine.calibration import exact_moments
from riskengine.calibration.training import LENGTHS, Training, fresh_series, natural
from riskengine.runtime import use_cores

SEED, QUARTER = 88_003, 4
NAMES = ("persistence", "alpha + gamma/2", "gamma", "beta", "1/dof", "log variance")


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--series", type=int, default=2048, help="fresh series a length")
    series = parser.parse_args().series
    use_cores()
    training, network = Training(), NeuralCalibrator.pretrained()
    record = Record("calibration_limit", "The network against the exact posterior", seed=SEED, series=series)
    record.say(
        f"RMSE against the simulated truth over the RMSE of the exact posterior means, {series:,} fresh series a "
        "length, bootstrap standard error in brackets. One is the limit: no estimator is better on average over the "
        "prior. Log variance is that of the next day. Effective sample size: of 4,096 draws."
    )
    rows, sizes, values = [], [], {"network": [], 'refine="posterior"': []}
    for days in LENGTHS:
        params, returns, tomorrow = fresh_series(training, days, series, SEED)
        fit = network(returns)
        truth = np.stack([*natural(params).values(), np.log(tomorrow)])
        run = exact_moments(fit.posterior, returns, fit.presample, training.prior, 0)
        limit = np.stack([*natural(run[1]).values(), run[2]]) - truth
        own = np.stack([*natural(fit.params).values(), np.log(fit.next_variance)]) - truth
        part = slice(series // QUARTER)
        some = fit.select(part)
        again = exact_moments(some.posterior, returns[:, part], some.presample, training.prior, 1)
        second = np.stack([*natural(again[1]).values(), again[2]]) - truth[:, part]
        pairs = {
            "network": (own, limit),
            'refine="posterior"': (limit[:, part], (limit[:, part] + second) / 2),
        }
        for name, (errors, least) in pairs.items():
            rows.append([days, name, *(shown(a**2, b**2) for a, b in zip(errors, least, strict=True))])
            values[name] += [rmse(a) / rmse(b) for a, b in zip(errors, least, strict=True)]
            print(rows[-1], flush=True)
        sizes.append([days, *(f"{q:.0f}" for q in np.quantile(run[4], (0.01, 0.1, 0.5)))])
    record.table("ratios", ["days", "estimator", *NAMES], rows)
    summary = [[name, f"{np.mean(found):.3f}", f"{np.max(found):.3f}"] for name, found in values.items()]
    record.table("summary", ["estimator", "mean of the cells", "worst cell"], summary)
    record.table("effective sample size", ["days", "1% quantile", "10%", "median"], sizes)
    record.write()


if __name__ == "__main__":
    main()
