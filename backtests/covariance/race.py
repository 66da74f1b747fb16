"""Covariance forecasts and their global minimum variance portfolios on a large panel.

    python -m backtests.covariance.race [--data DIR] [--assets 100 500 1000]

The protocol of Engle, Ledoit and Wolf (2019): the most traded stocks, of each pair with a correlation above .95 the
less traded one left out, 1,250 days of history, unconstrained minimum variance every 21 days. About ten minutes for
100 and 500 assets on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clarabel
import numpy as np
import pandas as pd
from scipy import sparse

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import (
    AnalyticalShrinkage,
    ConstantCorrelation,
    Dcc,
    Ensemble,
    FactorGarch,
    LedoitWolf,
    NeuralCalibrator,
    QuadraticInverseShrinkage,
    SampleCovariance,
)
from riskengine.backtest import legacy_forecaster, long_run_variance, variance_test
from riskengine.covariance import CovarianceForecaster
from riskengine.runtime import use_cores

WINDOW, STEP, TWIN = 1250, 21, 0.95
STYLES = {"": (1.0, 0.0), ", half pace": (0.5, 0.0), ", trades priced": (1.0, 0.05)}  # pace, price of trades
PANEL, META = "equities/us_equities_2005_2017.parquet", "meta/us_equities_meta.csv"
YARDSTICKS = ("quadratic-inverse", "Ledoit-Wolf linear", "legacy: ML GARCH, sample correlation")
INTRODUCTION = (
    "The most traded of 1,500 US stocks that were listed throughout, out of sample 2010-03 to 2017-11. Realized "
    "volatility, a year; change against the static quadratic-inverse forecast, against Ledoit-Wolf and against the "
    "legacy pipeline, with the p-value of equal variances (Ledoit and Wolf 2011); turnover a rebalancing, summed over "
    "assets, after drift; t of the daily mean return less that of the legacy pipeline, HAC. Half pace: every trade "
    "goes half of the way to its target; trades priced: they minimise variance plus .05 of the least variance times "
    "turnover. The ensemble was composed, and that price chosen, on the stocks ranked 501 to 1,000, none of which is "
    "among the first 500."
)
Array = np.ndarray


def forecasters() -> dict[str, CovarianceForecaster]:
    """Everything that runs; the static quadratic-inverse forecast is what others are compared with."""
    network = NeuralCalibrator.pretrained(robust=True, pooled=True)
    experts = Ensemble().experts
    return {
        "quadratic-inverse": QuadraticInverseShrinkage(),
        "sample": SampleCovariance(),
        "Ledoit-Wolf linear": LedoitWolf(),
        "analytical nonlinear": AnalyticalShrinkage(),
        "legacy: ML GARCH, sample correlation": legacy_forecaster(),
        "GARCH, constant correlation": ConstantCorrelation(network),
        "GARCH, DCC": Dcc(network),
        "one factor, diagonal": FactorGarch(network, residuals="diagonal"),
        "five factors, diagonal": FactorGarch(network, factors=5, residuals="diagonal"),
        "expert: EWMA 63, shrunk": experts[0],
        "expert: halfway, fading correlation": experts[1],
        "expert: one factor": experts[2],
        "ensemble": Ensemble(experts),
        "ensemble, harmonic": Ensemble(experts, mean="harmonic"),
    }


def twins(rows: Array) -> Array:
    """Positions that stay once the later of each pair with a correlation above .95 is left out."""
    high = np.triu(np.corrcoef(rows.T) > TWIN, 1)
    kept = np.ones(len(high), bool)
    for k in range(len(high)):
        kept[k] = not (high[:k, k] & kept[:k]).any()
    return np.flatnonzero(kept)


def minimum_variance(matrix: Array) -> Array:
    """Unconstrained weights."""
    weights = np.linalg.solve(matrix, np.ones(len(matrix)))
    return weights / weights.sum()


def thrifty(matrix: Array, held: Array, price: float) -> Array:
    """Weights that minimise variance plus ``price`` times turnover, the variance in units of the least one."""
    n = len(matrix)
    least = 1 / np.linalg.solve(matrix, np.ones(n)).sum()
    eye = sparse.identity(n, format="csc")
    quadratic = sparse.block_diag(
        [sparse.csc_matrix(np.triu(2 * matrix / least)), sparse.csc_matrix((n, n))], "csc"
    )
    linear = np.concatenate([np.zeros(n), np.full(n, price)])
    rows = sparse.bmat([[sparse.csc_matrix(np.ones((1, n))), None], [eye, -eye], [-eye, -eye]], format="csc")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * n)]
    bounds = np.concatenate([[1.0], held, -held])
    found = clarabel.DefaultSolver(quadratic, linear, rows, bounds, cones, settings).solve()
    weights = np.array(found.x)[:n]
    return weights / weights.sum()


class Book:
    """Portfolios of one forecaster through time."""

    def __init__(self, assets: int, style: tuple[float, float]) -> None:
        self.held, (self.pace, self.price) = np.zeros(assets), style
        self.daily: list[Array] = []
        self.turnover: list[float] = []
        self.gross: list[float] = []

    def trade(self, target: Array, matrix: Array | None, chosen: Array, future: Array) -> None:
        """Go ``pace`` of the way to the target, or weigh its trades, and hold the weights over the coming days."""
        weights = np.zeros_like(self.held)
        weights[chosen] = target
        if self.held.any():
            kept = np.zeros_like(self.held)
            kept[chosen] = self.held[chosen]
            if self.price and matrix is not None:
                weights[chosen] = thrifty(matrix, kept[chosen], self.price)
            weights = self.pace * weights + (1 - self.pace) * kept
            weights /= weights.sum()
            self.turnover.append(float(np.abs(weights - self.held).sum()))
        growth = np.vstack([np.ones(len(chosen)), np.cumprod(1 + future[:, chosen], axis=0)])
        value = 1 + (growth - 1) @ weights[chosen]
        self.daily.append(value[1:] / value[:-1] - 1)
        drifted = np.zeros_like(weights)
        drifted[chosen] = weights[chosen] * growth[-1] / value[-1]
        self.gross.append(float(np.abs(weights).sum()))
        self.held = drifted


def race(
    returns: Array, found: dict[str, CovarianceForecaster], say: Callable[[str], None]
) -> dict[str, Book]:
    """Books of all forecasters; those of ensembles in every style of trading."""
    books = {name: Book(returns.shape[1], STYLES[""]) for name in [*found, "equal weight"]}
    for name in found:
        if name.startswith("ensemble"):
            books |= {name + style: Book(returns.shape[1], STYLES[style]) for style in STYLES}
    spent = dict.fromkeys(found, 0.0)
    states: dict[str, Any] = {}
    before: Array | None = None
    for t in range(WINDOW, len(returns) - STEP + 1, STEP):
        rows, future = returns[t - WINDOW : t], returns[t : t + STEP]
        chosen = twins(rows)
        same = before is not None and np.array_equal(before, chosen)
        before = chosen
        for name, forecaster in found.items():
            begin = time.perf_counter()
            if same and getattr(
                forecaster, "carry", False
            ):  # maximum likelihood goes on from its last estimates
                states[name] = forecaster.init(rows[:, chosen], previous=states[name])  # type: ignore[call-arg]
            else:
                states[name] = forecaster.init(rows[:, chosen])
            matrix = forecaster.forecast(states[name], STEP).matrix()
            spent[name] += time.perf_counter() - begin
            for style in STYLES:
                if name + style in books:
                    books[name + style].trade(minimum_variance(matrix), matrix, chosen, future)
        books["equal weight"].trade(np.full(len(chosen), 1 / len(chosen)), None, chosen, future)
        print(f"{t}/{len(returns)}", flush=True)
    say(", ".join(f"{name} {seconds:.0f} s" for name, seconds in spent.items()))
    return books


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--assets", type=int, nargs="*", default=[100, 500])
    parser.add_argument("--only", nargs="*", help="names of forecasters; the three yardsticks always run")
    parser.add_argument("--first", type=int, default=0, help="rank by traded volume of the first stock")
    arguments = parser.parse_args()
    use_cores()
    prices = pd.read_parquet(arguments.data / PANEL)
    ranked = pd.read_csv(arguments.data / META).sort_values("median_dollar_volume", ascending=False).ticker
    for count in arguments.assets:
        record = Record(
            f"covariance_race_{count}", f"Global minimum variance of {count} stocks, 1,250 days, every 21"
        )
        record.say(INTRODUCTION)
        if arguments.first + count > 500:
            record.say("Here some are: this is no check on fresh data.")
        some = ranked[arguments.first : arguments.first + count]
        returns = prices[some].pct_change(fill_method=None).iloc[1:].to_numpy(np.float64)
        found = forecasters()
        if arguments.only is not None:
            found = {name: one for name, one in found.items() if name in (*YARDSTICKS, *arguments.only)}
        books = race(returns, found, lambda text: print(text, flush=True))
        base, linear, legacy = (np.concatenate(books[name].daily) for name in YARDSTICKS)
        turnover = np.mean(books[YARDSTICKS[0]].turnover)
        rows = []
        for name, book in books.items():
            daily = np.concatenate(book.daily)
            cells: list[object] = [name, f"{np.sqrt(252) * daily.std():.2%}", f"{252 * daily.mean():.1%}"]
            for rival in (base, linear, legacy):
                change = daily.std() / rival.std() - 1
                p = 1.0 if daily is rival or change == 0 else variance_test(daily, rival).p_value
                cells.append(f"{change:+.1%} (p {p:.3f})")
            cells += [
                f"{np.mean(book.turnover):.2f}",
                f"{np.mean(book.turnover) / turnover:.2f}",
                f"{np.mean(book.gross):.1f}",
            ]
            gap = daily - legacy
            error = np.sqrt(long_run_variance(gap) / len(gap))
            cells.append(f"{gap.mean() / error:+.1f}" if error else "")
            rows.append(cells)
            print(count, cells, flush=True)
        record.table(
            f"{count} stocks",
            [
                f"{count} stocks", "volatility", "mean return", "over quadratic-inverse", "over Ledoit-Wolf linear",
                "over legacy", "turnover", "over quadratic-inverse ", "gross exposure",
                "t of mean over legacy",
            ],
            rows,
        )  # fmt: skip
        record.write()


if __name__ == "__main__":
    main()
