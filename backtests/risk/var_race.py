"""One-day VaR and CVaR on real panels: which forecasts pass which test, and whose Fissler-Ziegel loss is least.

    python -m backtests.risk.var_race [--data DIR] [--assets 2000] [--portfolios 200] [--days 1000]

Assets, and portfolios with random fixed weights, each as one series. An hour of one core, a fifth of it with 24 of
each; the page is written anew after every panel. Forecasts and test results are kept by panel.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import MaximumLikelihood, NeuralCalibrator
from riskengine.backtest import long_run_variance
from riskengine.covariance import conditional_variance
from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.risk import TailForecaster, fissler_ziegel_loss, student_t_tail, validate
from riskengine.runtime import keep_compiled, use_cores

WINDOW, REFIT, HISTORY, DECAY = 1000, 63, 500, 0.94
LEVELS = (0.95, 0.975, 0.99)
DRAWS, SIGNIFICANT = 99, 1.96
OURS, PLAIN = "adaptive tails", "adaptive tails, plain network"
RIVALS = ("GJR-t, maximum likelihood", "historical simulation", "RiskMetrics")
CHOSEN_ON = ("bundled 20", "18 ETFs")
PANELS = {
    "bundled 20": "data/us_equities_20/prices.parquet",
    "18 ETFs": "multiasset/etf18_2006_2022.parquet",
    "92 ETFs": "multiasset/etf_2007_2017.parquet",
    "global": "multiasset/global_2013_2023.parquet",
    "US": "equities/us_equities_2005_2017.parquet",
    "S&P 500": "equities/sp500_pit_2013_2018.parquet",
    "25 US": "equities/cov_pred_25_returns.parquet",
    "Dow 30": "equities/dji30_logret_1987_2009.parquet",
    "crypto": "crypto/crypto_2017_2023.parquet",
}
Array = np.ndarray
Method = Callable[[Array], "Forecast"]


class Forecast(NamedTuple):
    """VaR and CVaR by level, each ``(days, series)``."""

    var: dict[float, Array]
    cvar: dict[float, Array]


def blank(days: int, series: int) -> Forecast:
    """To be filled."""
    return Forecast(*({level: np.full((days, series), np.nan) for level in LEVELS} for _ in range(2)))


def adaptive(rows: Array, forecaster: TailForecaster) -> Forecast:
    """Ours, day by day."""
    found = blank(len(rows) - WINDOW, rows.shape[1])
    state = forecaster.init(rows[:WINDOW])
    for t, row in enumerate(rows[WINDOW:]):
        for level in LEVELS:
            tail = forecaster.forecast(state, level)
            found.var[level][t], found.cvar[level][t] = tail.value_at_risk, tail.conditional_value_at_risk
        state = forecaster.update(state, row)
    return found


def student(rows: Array) -> Forecast:
    """GJR-GARCH with Student-t surprises by maximum likelihood, started from the last parameters."""
    found = blank(len(rows) - WINDOW, rows.shape[1])
    fit = None
    for start in range(WINDOW, len(rows), REFIT):
        end = min(start + REFIT, len(rows))
        fit = MaximumLikelihood()(rows[start - WINDOW : start], start=fit)
        deviation = np.sqrt(conditional_variance(fit, rows[start - WINDOW : end])[WINDOW:-1])
        now = slice(start - WINDOW, end - WINDOW)
        for level in LEVELS:
            tail = student_t_tail(deviation, np.asarray(fit.params.dof), level)
            found.var[level][now], found.cvar[level][now] = tail.value_at_risk, tail.conditional_value_at_risk
    return found


def historical(rows: Array) -> Forecast:
    """The losses of the last days, as they were (:func:`riskengine.risk.empirical_tail`, where the tail is whole)."""
    found = blank(len(rows) - WINDOW, rows.shape[1])
    losses = -rows
    for level in LEVELS:
        mass = HISTORY * (1 - level)
        whole = int(np.floor(mass + 1e-9))
        for t in range(WINDOW, len(rows)):
            past = np.partition(losses[t - HISTORY : t], HISTORY - whole - 1, axis=0)
            var, beyond = past[HISTORY - whole - 1], past[HISTORY - whole :].sum(axis=0)
            found.var[level][t - WINDOW] = var
            found.cvar[level][t - WINDOW] = (beyond + (mass - whole) * var) / mass
    return found


def risk_metrics(rows: Array) -> Forecast:
    """Gaussian, with exponentially weighted variances."""
    found = blank(len(rows) - WINDOW, rows.shape[1])
    variance = np.mean(rows[:60] ** 2, axis=0)
    for t, row in enumerate(rows):
        if t >= WINDOW:
            for level in LEVELS:
                tail = student_t_tail(np.sqrt(variance), np.inf, level)
                found.var[level][t - WINDOW] = tail.value_at_risk
                found.cvar[level][t - WINDOW] = tail.conditional_value_at_risk
        variance = DECAY * variance + (1 - DECAY) * row**2
    return found


def kept(file: Path, method: Method, series: Array) -> Forecast:
    """Forecasts of a method, from its file if it has run before."""
    if not file.is_file():
        found = method(series)
        content = io.BytesIO()
        arrays = {
            f"{kind}-{level}": getattr(found, kind)[level] for kind in found._fields for level in LEVELS
        }
        np.savez(content, **arrays)
        write_atomically(file, content.getvalue())
    with np.load(file) as arrays:
        return Forecast(
            *({level: arrays[f"{kind}-{level}"] for level in LEVELS} for kind in Forecast._fields)
        )


def methods() -> dict[str, Method]:
    """Ours and its rivals."""
    plain = TailForecaster(NeuralCalibrator.pretrained(), levels=LEVELS)
    ours = (partial(adaptive, forecaster=one) for one in (TailForecaster(levels=LEVELS), plain))
    return dict(zip((OURS, PLAIN, *RIVALS), (*ours, student, historical, risk_metrics), strict=True))


def variants() -> dict[str, Method]:
    """Ours, with one part changed at a time."""
    ours = TailForecaster(levels=LEVELS)
    changed = {
        "without the recent residuals": replace(ours, weight=0.0),
        "without adaptation": replace(ours, adapt=0.0),
        "window of 1,000 days alone": replace(ours, windows=(1000,)),
        "calibrated every 63 days": replace(ours, recalibrate=REFIT),
        "robust, pooled network": replace(
            ours, calibrator=NeuralCalibrator.pretrained(robust=True, pooled=True)
        ),
    }
    return {name: partial(adaptive, forecaster=one) for name, one in changed.items()}


def load(path: Path, assets: int, days: int) -> Array:
    """Returns of the last days, of assets without gaps or flat stretches there."""
    table = pd.read_parquet(path)
    if "ret" in path.stem:
        table = np.expm1(table) if "logret" in path.stem else table
    else:
        table = table.pct_change(fill_method=None).iloc[1:]
    rows = table.iloc[-(days + WINDOW) :]
    alive = rows.notna().all() & ((rows == 0).mean() < 0.2)
    kept = rows.loc[:, alive]
    step = max(1, kept.shape[1] // assets)
    return kept.iloc[:, ::step].iloc[:, :assets].to_numpy(np.float64)


def compare(mine: Array, theirs: Array) -> tuple[float, float]:
    """Mean difference of daily losses, and its t-statistic (Diebold and Mariano 1995)."""
    gap = mine.mean(axis=1) - theirs.mean(axis=1)
    error = np.sqrt(long_run_variance(gap) / len(gap))
    return float(gap.mean()), float(gap.mean() / error)


def passing(losses: Array, forecast: Forecast, level: float) -> dict[str, list[bool]]:
    """Whether each series passes each test at 5%; one whose forecasts are no losses at all passes none."""
    rows = []
    for j in range(losses.shape[1]):
        var, cvar = forecast.var[level][:, j], forecast.cvar[level][:, j]
        try:
            rows.append(validate(losses[:, j], var, cvar, level, draws=DRAWS, seed=j).passed())
        except DataError:
            rows.append({})
    tests = list(next(row for row in rows if row))
    return {test: [row.get(test, False) for row in rows] for test in tests}


def asked(panel: str, arguments: argparse.Namespace) -> str:
    """Panel and settings, as a name of files."""
    size = f"{arguments.assets}-{arguments.portfolios}-{arguments.days}"
    return f"{panel}-{size}-{panel in arguments.variants}"


def measure(panel: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What there is to say of one panel, as plain numbers."""
    path = Path(PANELS[panel]) if panel == "bundled 20" else arguments.data / PANELS[panel]
    rows = load(path, arguments.assets, arguments.days)
    drawn = np.random.default_rng(1).dirichlet(np.full(rows.shape[1], 0.5), arguments.portfolios)
    series = np.hstack([rows, rows @ drawn.T])
    losses = -series[WINDOW:]
    made = methods() | (variants() if panel in arguments.variants else {})
    forecasts = {
        name: kept(arguments.keep / f"{asked(panel, arguments)}-{name}.npz", make, series)
        for name, make in made.items()
    }
    found: dict[str, Any] = {"name": f"{panel} ({rows.shape[1]} assets, {len(losses)} days)"}
    for level in LEVELS:
        score = {
            name: fissler_ziegel_loss(losses, one.var[level], np.maximum(one.cvar[level], 1e-6), level)
            for name, one in forecasts.items()
        }
        found[str(level)] = {
            "passed": {
                name: passing(losses, one, level)
                for name, one in forecasts.items()
                if name not in RIVALS or name in arguments.tested
            },
            "gaps": {name: compare(score[OURS], score[name]) for name in forecasts if name != OURS},
        }
    return found


def shares(cells: list[dict[str, dict[str, list[bool]]]], names: tuple[str, ...]) -> list[list[str]]:
    """A row a method: the share of series that pass each test, all panels together."""
    return [
        [name, *(f"{np.mean(np.concatenate([c[name][test] for c in cells])):.0%}" for test in cells[0][name])]
        for name in names
    ]


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--assets", type=int, default=2000, help="at most, evenly spread over a panel")
    parser.add_argument("--portfolios", type=int, default=200)
    parser.add_argument("--days", type=int, default=1000, help="out of sample, the last of each panel")
    parser.add_argument("--panels", nargs="*", default=list(PANELS))
    parser.add_argument("--variants", nargs="*", default=list(CHOSEN_ON), help="panels to run variants on")
    parser.add_argument(
        "--tested", nargs="*", default=list(RIVALS), help="rivals whose series are tested: half of the time"
    )
    parser.add_argument(
        "--keep", type=Path, default=Path("out/var_race"), help="panels done; remove to run anew"
    )
    arguments = parser.parse_args()
    use_cores()
    keep_compiled()
    record = Record("var_race", "VaR and CVaR of one day on real panels")
    for panel in arguments.panels:
        file = arguments.keep / f"{asked(panel, arguments)}.json"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(measure(panel, arguments)).encode())
        print(panel, file=sys.stderr, flush=True)
        write(
            record,
            arguments,
            [json.loads(path.read_text()) for path in sorted(arguments.keep.glob("*.json"))],
        )


def write(record: Record, arguments: argparse.Namespace, panels: list[dict[str, Any]]) -> None:
    """The page as far as it is known."""
    record.clear()
    record.say(
        f"The last {arguments.days} days of each panel, out of sample, or as many as there are after {WINDOW} days of "
        f"history. Up to {arguments.assets} assets evenly spread over the panel and {arguments.portfolios} portfolios "
        "with random fixed weights, long only, each as one series; nine tests a series with p-values by simulation "
        f"({DRAWS} draws), passed at p > 5%: a right forecast passes each in 95% of series. "
        f'"{OURS}" is `TailForecaster()` as it comes: the calibrator of universes on 500 and 1,000 days, of assets and '
        f'portfolios together, calibrated every 21 days; "{PLAIN}" has the plain network, each series by itself. The '
        "maximum likelihood (that of the package arch, batched, on "
        f"{WINDOW} days, zero mean) every {REFIT}; both are filtered every day. Historical simulation looks back "
        f"{HISTORY} days; RiskMetrics is Gaussian with a decay of {DECAY}. The settings of ours were chosen on earlier "
        f"and these days of {' and '.join(CHOSEN_ON)}; the other panels played no part."
    )
    cells = {level: [panel[str(level)]["passed"] for panel in panels] for level in LEVELS}
    tests = list(cells[LEVELS[0]][0][OURS])
    for level in LEVELS:
        tested = tuple(name for name in (OURS, PLAIN, *RIVALS) if all(name in cell for cell in cells[level]))
        rows = shares(cells[level], tested)
        record.table(f"passing {level}", [f"share passing, {level:.1%}", *tests], rows)
    ours = [np.mean(np.concatenate([c[OURS][t] for c in cells[level]])) for level in LEVELS for t in tests]
    record.say(
        f"Ours passes in {min(ours):.0%} to {max(ours):.0%} of series, by test and level; "
        f"{sum(share >= 0.93 for share in ours)} of {len(ours)} shares are 93% or more. Series of a panel share "
        "their shocks, so that these shares are of far fewer independent cases than there are series."
    )
    record.say("Ours, panel by panel:")
    record.table(
        "ours by panel",
        ["panel", "level", *tests],
        [
            [panel["name"], f"{level:.1%}", *shares([panel[str(level)]["passed"]], (OURS,))[0][1:]]
            for panel in panels
            for level in LEVELS
        ],
    )
    record.say(
        "Fissler-Ziegel loss of ours less that of each other, a daily mean over the series (negative: ours is "
        "ahead), with HAC t-statistics:"
    )
    others = (PLAIN, *RIVALS)
    record.table("losses", ["panel", "level", *others], gaps(panels, others))
    record.say(" ".join(ahead(panels, name) for name in others[:2]))
    changed = tuple(variants())
    with_variants = [panel for panel in panels if changed[0] in panel[str(LEVELS[0])]["gaps"]]
    if with_variants:
        record.say("Variants of ours; again the loss of ours less that of each:")
        record.table("variants, losses", ["panel", "level", *changed], gaps(with_variants, changed))
        for level in LEVELS:
            rows = shares([panel[str(level)]["passed"] for panel in with_variants], (OURS, *changed))
            record.table(f"variants, passing {level}", [f"share passing, {level:.1%}", *tests], rows)
    record.write()


def ahead(panels: list[dict[str, Any]], name: str) -> str:
    """On how many panels the loss of ours is below that of another, in words."""
    counts = []
    for level in LEVELS:
        found = [panel[str(level)]["gaps"][name] for panel in panels]
        below, clearly = sum(gap < 0 for gap, _ in found), sum(t < -SIGNIFICANT for _, t in found)
        counts.append(f"{below} of {len(found)} at {level:.1%} ({clearly} with t below -{SIGNIFICANT:g})")
    return f"Ours is below {name} on {', '.join(counts)}."


def gaps(panels: list[dict[str, Any]], names: tuple[str, ...]) -> list[list[str]]:
    """Differences of losses, a row a panel and level."""
    rows = []
    for panel in panels:
        for level in LEVELS:
            found = panel[str(level)]["gaps"]
            shown = (f"{found[name][0]:+.4f} (t {found[name][1]:+.1f})" for name in names)
            rows.append([panel["name"], f"{level:.1%}", *shown])
    return rows


if __name__ == "__main__":
    main()
