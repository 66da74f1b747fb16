"""What correlations that serve for some days cost a daily forecast of the ensemble.

    python -m backtests.covariance.held_correlations [--data DIR] [--assets 200]

The ensemble is calibrated every 21 days and moved on by a day at a time; every day's covariance is made with
correlations of that day, and with those of up to 5 and 21 days ago. Judged out of sample by the next day: variance of
the unconstrained minimum-variance portfolio, and Gaussian log score. Five minutes of one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from backtests.speed.backtest import most_traded
from riskengine import Ensemble
from riskengine.backtest import long_run_variance, variance_test
from riskengine.covariance import log_likelihood, minimum_variance
from riskengine.runtime import keep_compiled, use_cores

WINDOW, REFIT, SERVES = 1250, 21, (5, 21)
Array = np.ndarray


def run(returns: Array) -> tuple[dict[int, list[float]], dict[int, list[float]], list[float]]:
    """Returns of the portfolios and log scores, by days that correlations serve; how far their weights were apart."""
    model = Ensemble()
    experts: Any = model.experts
    served = (1, *SERVES)
    outcomes: dict[int, list[float]] = {days: [] for days in served}
    scores: dict[int, list[float]] = {days: [] for days in served}
    apart, state = [], model.init(returns[:WINDOW])
    held = dict.fromkeys(SERVES, ())
    for age, day in enumerate(range(WINDOW, len(returns))):
        if age and age % REFIT == 0:
            state = model.init(returns[day - WINDOW : day])
        elif age:
            state = model.update(state, returns[day - 1])
        anew = tuple(expert.correlated(one) for expert, one in zip(experts, state.experts, strict=True))
        weights = {}
        for days in served:
            if days > 1 and (age % REFIT) % days == 0:
                held[days] = anew
            known = anew if days == 1 else held[days]
            matrix = model.forecast(state._replace(correlated=known), 1).matrix()
            weights[days] = minimum_variance(matrix)
            row = np.nan_to_num(returns[day])
            outcomes[days].append(float(weights[days] @ row))
            scores[days].append(log_likelihood(row, matrix) / len(row))
        apart.append(float(np.abs(weights[SERVES[-1]] - weights[1]).sum()))
    return outcomes, scores, apart


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--assets", type=int, default=200)
    arguments = parser.parse_args()
    use_cores(1)
    keep_compiled()
    prices: pd.DataFrame = most_traded(arguments.data, 2 * arguments.assets)
    full = prices.notna().all()
    prices = prices.loc[:, full].iloc[:, : arguments.assets]
    outcomes, scores, apart = run(prices.pct_change(fill_method=None).iloc[1:].to_numpy(np.float64))
    base = np.array(outcomes[1])
    rows = [[1, f"{base.std() * np.sqrt(252):.3%}", "", f"{np.mean(scores[1]):.5f}", "", ""]]
    for days in SERVES:
        test = variance_test(np.array(outcomes[days]), base)
        gap = np.array(scores[days]) - np.array(scores[1])
        error = np.sqrt(long_run_variance(gap) / len(gap))
        rows.append(
            [
                days,
                f"{np.std(outcomes[days]) * np.sqrt(252):.3%}",
                f"{test.p_value:.2f}",
                f"{np.mean(scores[days]):.5f}",
                f"{gap.mean():+.1e}",
                f"{error:.1e}",
            ]
        )
    record = Record("held_correlations", "Correlations that serve for some days", assets=prices.shape[1])
    record.say(
        f"{prices.shape[1]} most traded US stocks with prices on all days, {len(base):,} days out of sample, forecasts "
        f"of a day every day, calibration every {REFIT} days. The p-value is of equal variances (HAC); "
        "the log score is the mean a day and asset, its difference with a HAC standard error. Weights of "
        f"{SERVES[-1]} days and of one differ by {np.mean(apart):.3f} in the mean of the sum of absolute differences."
    )
    record.table(
        "days",
        ["correlations serve, days", "volatility a year", "p", "log score", "difference", "standard error"],
        rows,
    )
    record.write()


if __name__ == "__main__":
    main()
