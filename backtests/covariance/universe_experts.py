"""Minimum variance by the ensemble whose GARCH experts know the universe, and the day's ranges.

    python -m backtests.covariance.universe_experts [--data DIR] [--step 21]

306 US stocks with open, high and low, unconstrained minimum variance on 1,250 days, out of sample. Wrong prints of a
tenth of the price are mended first: five in the panel, each of which would rule every sum of squares. The share of
static variance is looked at on 2005 to 2012; 2013 to 2017 are the check. About five minutes of one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.calibration.universe_fit import load
from backtests.record import Record
from riskengine import ConstantCorrelation, Ensemble, FactorGarch, UniverseCalibrator
from riskengine.backtest import variance_test
from riskengine.runtime import use_cores

PANEL, WINDOW, START, CHECK = "ohlc/us_stocks_2000_2017", 1250, "2005-01-03", "2013-01-01"
SHARES = (0.0, 0.25, 0.5)
Array = np.ndarray


def mended(returns: Array, ranges: Array) -> tuple[Array, Array]:
    """Without prints of a tenth of the price, which come back the next day."""
    returns, ranges = returns.copy(), ranges.copy()
    for day, asset in zip(*np.nonzero((returns[:-1] < -0.85) & (returns[1:] > 5)), strict=True):
        returns[day + 1, asset] = (1 + returns[day, asset]) * (1 + returns[day + 1, asset]) - 1
        returns[day, asset] = 0.0
        ranges[day : day + 2, asset] = np.nan
    return returns, ranges


def minimum_variance(matrix: Array) -> Array:
    """Unconstrained weights."""
    weights = np.linalg.solve(matrix, np.ones(len(matrix)))
    return weights / weights.sum()


def portfolios(returns: Array, ranges: Array, horizon: int) -> dict[str, Array]:
    """Weights of the minimum-variance portfolio after a window, by name of the ensemble."""
    usual, calibrator = Ensemble(), UniverseCalibrator.pretrained()
    state = usual.init(returns)
    parts = [one.forecast(s, horizon).matrix() for one, s in zip(usual.experts, state.experts, strict=True)]
    found = {"ensemble": sum(parts)}
    fit = state.experts[1].fit
    factor = FactorGarch(calibrator)
    common = factor.forecast(factor.init(returns), horizon).matrix()
    found["universe in the factor model"] = parts[0] + parts[1] + common
    for share in SHARES:
        expert = ConstantCorrelation(calibrator, static_share=share, half_life=500.0, static_half_life=250.0)
        for name, given in (("closes", None), ("ranges", ranges)):
            state = expert.init(returns, calibration=fit, ranges=given)
            slow = expert.forecast(state, horizon).matrix()
            found[f"universe in both, {name}, static {share:g}"] = parts[0] + slow + common
    return {name: minimum_variance(matrix) for name, matrix in found.items()}


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--step", type=int, default=21, help="days between rebalancings")
    arguments = parser.parse_args()
    use_cores()
    dates, returns, ranges = load(arguments.data, PANEL)
    returns, ranges = mended(returns, ranges)
    first, step = int(dates.searchsorted(pd.Timestamp(START))), arguments.step
    spots = np.arange(first, len(returns) - step, step)
    held: dict[str, list[Array]] = {}
    for spot in spots:
        past = slice(spot - WINDOW, spot)
        for name, weights in portfolios(returns[past], ranges[past], step).items():
            held.setdefault(name, []).append(weights)
    days = np.concatenate([np.arange(spot, spot + step) for spot in spots])
    late = dates[days] >= pd.Timestamp(CHECK)
    daily = {
        name: np.concatenate([returns[s : s + step] @ w for s, w in zip(spots, weights, strict=True)])
        for name, weights in held.items()
    }
    record = Record(f"universe_experts_{step}", "Minimum variance with experts that know the universe")
    record.say(
        f"306 US stocks, unconstrained minimum variance every {step} days on {WINDOW}: realized volatility a "
        "year, its change against the ensemble as it comes with the p-value of equal variances (Ledoit and "
        "Wolf 2011), and turnover a rebalancing, summed over assets, before drift. The share of static "
        "variance is to be judged by the years before 2013; those after are the check."
    )
    rows: list[list[object]] = []
    for name, series in daily.items():
        row: list[object] = [name]
        for part in (~late, late):
            mine, usual = series[part], daily["ensemble"][part]
            row += [f"{np.std(mine) * np.sqrt(252):.2%}"]
            change = np.std(mine) / np.std(usual) - 1
            row += ["" if name == "ensemble" else f"{change:+.1%} ({variance_test(mine, usual).p_value:.3f})"]
        row.append(
            f"{np.mean([np.abs(b - a).sum() for a, b in zip(held[name], held[name][1:], strict=False)]):.2f}"
        )
        rows.append(row)
        print(row, flush=True)
    record.table(
        "volatility", ["forecast", "2005-12", "change (p)", "2013-17", "change (p) ", "turnover"], rows
    )
    record.write()


if __name__ == "__main__":
    main()
