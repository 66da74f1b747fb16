"""One-day VaR and CVaR on real panels: which forecasts pass which test, and whose Fissler-Ziegel loss is least.

    python -m backtests.var_race [--data DIR] [--assets 40] [--series 80] [--days 1000]

Assets, and portfolios with random fixed weights, each as one series. About half an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from backtests.record import Record
from riskengine import MaximumLikelihood, NeuralCalibrator
from riskengine.backtest.inference import long_run_variance
from riskengine.calibration import Calibrator
from riskengine.covariance.constant_correlation import conditional_variance
from riskengine.errors import DataError
from riskengine.risk import fissler_ziegel_loss, student_t_tail, validate
from riskengine.risk.extremes import pareto_tail
from riskengine.runtime import keep_compiled, use_cores

WINDOW, REFIT, HISTORY, DECAY = 1000, 63, 500, 0.94
LEVELS = (0.95, 0.975, 0.99)
DRAWS = 99
OURS = "robust pooled network, Pareto tail"
RIVALS = ("GJR-t, maximum likelihood", "historical simulation", "RiskMetrics")
PANELS = {
    "bundled 20": "data/us_equities_20/prices.parquet",
    "18 ETFs": "multiasset/etf18_2006_2022.parquet",
    "92 ETFs": "multiasset/etf_2007_2017.parquet",
    "global": "multiasset/global_2013_2023.parquet",
    "US": "equities/us_equities_2005_2017.parquet",
    "25 US": "equities/cov_pred_25_returns.parquet",
    "Dow 30": "equities/dji30_logret_1987_2009.parquet",
    "crypto": "crypto/crypto_2017_2023.parquet",
}
Array = np.ndarray


class Forecast(NamedTuple):
    """VaR and CVaR by level, each ``(days, series)``."""

    var: dict[float, Array]
    cvar: dict[float, Array]


def blank(days: int, series: int) -> Forecast:
    """To be filled."""
    return Forecast(*({level: np.full((days, series), np.nan) for level in LEVELS} for _ in range(2)))


def garch(rows: Array, first: int, calibrator: Calibrator, laws: dict[str, str]) -> dict[str, Forecast]:
    """Forecasts of every day from ``first`` on with variances of one calibrator and several laws of the surprises."""
    days, series = rows.shape
    found = {name: blank(days - first, series) for name in laws}
    for start in range(first, days, REFIT):
        end = min(start + REFIT, days)
        fit = calibrator(rows[start - WINDOW : start])
        past = rows[start - WINDOW : end]
        deviation = np.sqrt(conditional_variance(fit, past)[:-1])
        residuals = (past - fit.mean) / deviation
        now = slice(start - first, end - first)
        for name, law in laws.items():
            for level in LEVELS:
                var, cvar = unit_tail(law, residuals, np.asarray(fit.params.dof), level)
                found[name].var[level][now] = var * deviation[WINDOW:] - fit.mean
                found[name].cvar[level][now] = cvar * deviation[WINDOW:] - fit.mean
    return found


def unit_tail(law: str, residuals: Array, dof: Array, level: float) -> tuple[Array, Array]:
    """VaR and CVaR of the surprises of each day after the window, ``(days or 1, series)``."""
    if law == "student":
        tail = student_t_tail(np.ones(len(dof)), dof, level)
        return np.asarray(tail.value_at_risk), np.asarray(tail.conditional_value_at_risk)
    if law == "pareto":
        tails = [pareto_tail(-column).tail(level) for column in residuals[:WINDOW].T]
        return (
            np.array([t.value_at_risk for t in tails]),
            np.array([t.conditional_value_at_risk for t in tails]),
        )
    return empirical(-residuals, WINDOW, level)


def empirical(losses: Array, window: int, level: float) -> tuple[Array, Array]:
    """Rolling VaR and CVaR of the ``window`` days before each day, as in ``empirical_tail`` where the tail is whole."""
    mass = window * (1 - level)
    whole = int(np.floor(mass + 1e-9))
    var, cvar = [], []
    for t in range(window, len(losses)):
        worst = np.sort(
            np.partition(losses[t - window : t], window - whole - 1, axis=0)[window - whole - 1 :], axis=0
        )
        var.append(worst[0])
        cvar.append((worst[1:].sum(axis=0) + (mass - whole) * worst[0]) / mass)
    return np.array(var), np.array(cvar)


def forecasts(rows: Array, first: int) -> dict[str, Forecast]:
    """All methods."""
    found = garch(
        rows,
        first,
        NeuralCalibrator.pretrained(),
        {
            "network, Pareto tail": "pareto",
            "network, filtered history": "history",
            "network, Student-t": "student",
        },
    )
    found |= garch(
        rows,
        first,
        NeuralCalibrator.pretrained(robust=True, pooled=True),
        {OURS: "pareto", "robust pooled network, Student-t": "student"},
    )
    found |= garch(rows, first, MaximumLikelihood(), {RIVALS[0]: "student"})
    days, series = rows.shape
    history, metrics = blank(days - first, series), blank(days - first, series)
    variance = np.mean(rows[first - HISTORY : first - HISTORY + 60] ** 2, axis=0)
    path = np.empty((days - first, series))
    for t in range(first - HISTORY, days):
        if t >= first:
            path[t - first] = variance
        variance = DECAY * variance + (1 - DECAY) * rows[t] ** 2
    for level in LEVELS:
        history.var[level][:], history.cvar[level][:] = empirical(-rows[first - HISTORY :], HISTORY, level)
        tail = student_t_tail(np.sqrt(path), np.inf, level)
        metrics.var[level][:], metrics.cvar[level][:] = tail.value_at_risk, tail.conditional_value_at_risk
    return found | {RIVALS[1]: history, RIVALS[2]: metrics}


def load(name: str, path: Path, assets: int, days: int) -> Array:
    """Returns of the last days, of assets without gaps or flat stretches there."""
    table = pd.read_parquet(path)
    if "ret" in path.stem:
        table = np.expm1(table) if "logret" in path.stem else table
    else:
        table = table.pct_change(fill_method=None)
    rows = table.iloc[-(days + WINDOW) :]
    alive = rows.notna().all() & ((rows == 0).mean() < 0.2)
    kept = rows.loc[:, alive]
    step = max(1, kept.shape[1] // assets)
    return kept.iloc[:, ::step].iloc[:, :assets].to_numpy(np.float64)


def compare(mine: Array, theirs: Array) -> str:
    """Mean difference of daily losses in per cent of a unit, and its t-statistic (Diebold and Mariano 1995)."""
    gap = mine.mean(axis=1) - theirs.mean(axis=1)
    error = np.sqrt(long_run_variance(gap) / len(gap))
    return f"{gap.mean():+.4f} (t {gap.mean() / error:+.1f})"


def judge(
    losses: Array, found: dict[str, Forecast], level: float, say: Callable[[str], None]
) -> tuple[dict[str, dict[str, Array]], dict[str, Array]]:
    """By method: whether each series passes each test, and the Fissler-Ziegel losses ``(days, series)``."""
    passes: dict[str, dict[str, Array]] = {}
    scores = {}
    for name, forecast in found.items():
        var, cvar = forecast.var[level], forecast.cvar[level]
        rows = []
        for j in range(losses.shape[1]):
            try:
                rows.append(
                    validate(losses[:, j], var[:, j], cvar[:, j], level, draws=DRAWS, seed=j).passed()
                )
            except DataError as error:  # a forecast that is no loss at all fails everything
                say(f"{name}, series {j}: {error}")
                rows.append({})
        tests = list(next(row for row in rows if row))
        passes[name] = {test: np.array([row.get(test, False) for row in rows]) for test in tests}
        scores[name] = fissler_ziegel_loss(losses, var, np.maximum(cvar, 1e-6), level)
    return passes, scores


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--assets", type=int, default=40, help="at most, evenly spread over a panel")
    parser.add_argument("--series", type=int, default=80, help="assets and portfolios together")
    parser.add_argument("--days", type=int, default=1000, help="out of sample, the last of each panel")
    parser.add_argument("--panels", nargs="*", default=list(PANELS))
    arguments = parser.parse_args()
    use_cores()
    keep_compiled()
    record = Record("var_race", "VaR and CVaR of one day on real panels")
    origin = (
        f"The last {arguments.days} days of each panel, out of sample; parameters from the {WINDOW} days before, "
        f"every {REFIT} days, variances every day. Up to {arguments.assets} assets evenly spread over the panel, and "
        f"portfolios with random fixed weights, long only, to make {arguments.series} series of each panel; nine "
        f"tests a series with p-values by simulation ({DRAWS} draws), passed at p > 5%: a right forecast passes each "
        f"in 95% of series. Historical simulation looks back {HISTORY} days; RiskMetrics is Gaussian with a decay of "
        f"{DECAY}. The maximum likelihood is that of the package arch, batched. Losses are compared as daily means "
        f'over the series (negative: ours is ahead), with HAC t-statistics; "ours" is "{OURS}", chosen on the last '
        "300 days of the bundled panel."
    )
    everything: dict[float, dict[str, dict[str, list[Array]]]] = {level: {} for level in LEVELS}
    ahead: list[list[str]] = []
    for panel in arguments.panels:
        path = Path(PANELS[panel]) if panel == "bundled 20" else arguments.data / PANELS[panel]
        rows = load(panel, path, arguments.assets, arguments.days)
        weights = np.random.default_rng(1).dirichlet(
            np.full(rows.shape[1], 0.5), arguments.series - rows.shape[1]
        )
        series = np.hstack([rows, rows @ weights.T])
        found = forecasts(series, WINDOW)
        for level in LEVELS:
            passes, scores = judge(
                -series[WINDOW:], found, level, lambda text: print(text, file=sys.stderr, flush=True)
            )
            for name, tests in passes.items():
                for test, ok in tests.items():
                    everything[level].setdefault(name, {}).setdefault(test, []).append(ok)
            ahead.append(
                [f"{panel} ({series.shape[1]} series)", f"{level:.1%}"]
                + [compare(scores[OURS], scores[name]) for name in found if name != OURS]
            )
            print(ahead[-1], file=sys.stderr, flush=True)
        others = [name for name in found if name != OURS]
        record.clear()
        record.say(origin)
        for level in LEVELS:
            tests = list(everything[level][OURS])
            record.table(
                f"passing {level}",
                [f"share passing, {level:.1%}", *tests],
                [
                    [name, *(f"{np.concatenate(row[test]).mean():.0%}" for test in tests)]
                    for name, row in everything[level].items()
                ],
            )
        record.say("Fissler-Ziegel loss of ours less that of each other method:")
        record.table("losses", ["panel", "level", *others], ahead)
        ours = [np.concatenate(ok).mean() for level in LEVELS for ok in everything[level][OURS].values()]
        record.say(
            f"Ours passes in {min(ours):.0%} to {max(ours):.0%} of series, by test and level; "
            f"{sum(share >= 0.93 for share in ours)} of {len(ours)} shares are 93% or more."
        )
        record.write()


if __name__ == "__main__":
    main()
