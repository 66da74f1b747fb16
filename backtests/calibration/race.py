"""The calibrators and their rivals on real panels, out of sample.

    python -m backtests.calibration.race [--data DIR] [--jobs N]

On each panel, at dates spread over its history, a sample of assets is calibrated on the last 250, 500 and
1,000 days; the parameters then forecast the variance of each of the next 21 days one day ahead, and of the 21
days together. The network sees up to 256 assets that have a full window, which is what pooling is for. About an
hour on two cores; a panel that is not there is left out with a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from arch.bootstrap import MCS

from backtests.arguments import study_parser
from backtests.panels import PANELS, load_returns
from backtests.peers import Multigarch, RiskMetrics, Scivol
from backtests.record import RESULTS, Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.backtest import long_run_variance
from riskengine.calibration import Calibration, Calibrator
from riskengine.covariance import conditional_variance
from riskengine.garch import holding_period_variance, log_density

WINDOWS, AHEAD = (250, 500, 1000), 21
TABLES = ("scores", "over the plain network", "sets")
MEASURES = ("log score", "QLIKE, 1 day", "QLIKE, 21 days")
UNIVERSE = 256  # assets at a date that the network sees, those that are compared among them
TUNED_ON = ("20 US stocks", "1,500 US stocks")  # panels that settings of pooling were chosen on
FLOOR = 1e-12  # a variance per day no forecast may fall below, and squared returns of zero are lifted to
SEED = 5


def calibrators(exact: bool) -> dict[str, Calibrator]:
    """Everything that runs, by name; the exact posterior takes most of the time, and only where it is wanted."""
    found: dict[str, Calibrator] = {
        "network": NeuralCalibrator.pretrained(),
        "pooled": NeuralCalibrator.pretrained(pooled=True),
        "robust": NeuralCalibrator.pretrained(robust=True),
        "robust, pooled": NeuralCalibrator.pretrained(robust=True, pooled=True),
        "refined to likelihood": NeuralCalibrator.pretrained(refine="likelihood"),
        "arch": ArchReference(),
        "scivol": Scivol(),
        "multigarch": Multigarch(),
        "maximum likelihood": MaximumLikelihood(tolerance=1e-4),
        "RiskMetrics": RiskMetrics(),
    }
    if exact:
        found["exact posterior"] = NeuralCalibrator.pretrained(refine="posterior")
    return found


def scores(fit: Calibration, past: np.ndarray, future: np.ndarray) -> dict[str, np.ndarray]:
    """Log score ``(days, assets)``, QLIKE of each day, QLIKE of all days ``(1, assets)``, and wild forecasts."""
    path = conditional_variance(fit, np.vstack([past, future]))[len(past) : -1]
    with jax.enable_x64(True):
        ahead = np.asarray(holding_period_variance(fit.params, jnp.asarray(path[0]), horizon=len(future)))
        z = jnp.asarray((future - fit.mean) / np.sqrt(path))
        density = np.asarray(log_density(z, jnp.asarray(1 / np.asarray(fit.params.dof)))) - np.log(path) / 2
    total = len(future) * ahead
    usual = np.mean(past**2, axis=0)
    wild = ~np.isfinite(path).all(axis=0) | ~np.isfinite(total) | (total / len(future) > 1e3 * usual)
    return {
        "log score": density,
        "QLIKE, 1 day": -(np.log(path) + future**2 / path),
        "QLIKE, 21 days": -(np.log(total) + np.sum(future**2, axis=0) / total)[None],
        "wild": wild[None].astype(float),
    }


def task(job: tuple[np.ndarray, np.ndarray, np.ndarray, bool]) -> dict[str, dict[str, np.ndarray]]:
    """Scores of every calibrator at one date."""
    past, future, chosen, exact = job
    found = {}
    for name, calibrate in calibrators(exact).items():
        if name in ("network", "pooled", "robust", "robust, pooled"):
            fit = calibrate(past).take(chosen)
        else:
            fit = calibrate(past[:, chosen])
        found[name] = scores(fit, past[:, chosen], future[:, chosen])
    return found


def jobs(
    returns: pd.DataFrame, window: int, sample: int, dates: int, exact: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, bool]]:
    """Past, future and the positions of the assets that are compared, at dates that do not overlap."""
    rng = np.random.default_rng(SEED)
    values = returns.to_numpy(dtype=np.float64)
    first, last = WINDOWS[-1], len(values) - AHEAD
    spots = np.unique(np.linspace(first, last, min(dates, (last - first) // AHEAD + 1)).astype(int))
    for t in spots:
        past, future = values[t - window : t], values[t : t + AHEAD]
        still = np.mean(past == 0, axis=0)  # rivals cannot take gaps, and nobody can model a dead price
        whole = ~np.isnan(past).any(axis=0) & ~np.isnan(future).any(axis=0) & (still < 0.5)
        count = int(whole.sum())
        if count:
            seen = rng.permutation(np.flatnonzero(whole))[:UNIVERSE]
            yield past[:, seen], future[:, seen], np.arange(min(sample, count)), exact


def compare(mine: list[np.ndarray], theirs: list[np.ndarray]) -> tuple[float, float, float]:
    """Mean lead, its t-value with HAC over the days' cross-sectional means, share of asset-windows won."""
    gaps = [a - b for a, b in zip(mine, theirs, strict=True)]
    daily = np.concatenate([gap.mean(axis=1) for gap in gaps])
    won = np.concatenate([gap.mean(axis=0) > 0 for gap in gaps])
    error = np.sqrt(long_run_variance(daily) / len(daily))
    return float(daily.mean()), float(daily.mean() / error), float(won.mean())


def confidence_set(tables: dict[str, list[np.ndarray]]) -> list[str]:
    """Names in the 90% model confidence set (Hansen, Lunde and Nason 2011) of the daily means."""
    losses = pd.DataFrame(
        {name: -np.concatenate([x.mean(axis=1) for x in parts]) for name, parts in tables.items()}
    )
    block = max(2, round(len(losses) ** (1 / 3)))
    mcs = MCS(losses, size=0.1, reps=500, block_size=block, seed=SEED)
    mcs.compute()
    return [str(name) for name in mcs.included]


def committed(anew: list[str]) -> tuple[dict[str, list[list[object]]], dict[str, object]]:
    """Rows of the last results by table, without the panels that run anew, and where they come from."""
    path = RESULTS / "calibration_race.json"
    content = json.loads(path.read_text()) if path.is_file() else {}
    kept = {
        key: [list(row.values()) for row in content.get(key, []) if row["panel"] not in anew]
        for key in TABLES
    }
    return kept, content.get("provenance", {}) if kept["scores"] else {}


class Results:
    """Rows of the tables: those of panels that do not run now are kept from the last results."""

    def __init__(self, anew: list[str]) -> None:
        self.absent: list[str] = []
        self.record = Record("calibration_race", "Calibrators and their rivals on real panels", seed=SEED)
        kept, origin = committed(anew)
        self.scores, self.pairs, self.sets = (kept[key] for key in TABLES)
        if origin:
            self.record.origin["rows_kept_from"] = origin

    def add(
        self, panel: str, window: int, found: list[dict[str, dict[str, np.ndarray]]], exact: bool
    ) -> None:
        """The dates of one panel and window."""
        names = list(calibrators(exact))
        kept = {
            measure: {name: [one[name][measure] for one in found] for name in names}
            for measure in (*MEASURES, "wild")
        }
        fits = sum(x.shape[1] for x in kept["wild"]["arch"])
        for name in names:
            row: list[object] = [panel, window, name, fits]
            for measure in MEASURES:
                row.append(f"{np.concatenate([x.mean(axis=1) for x in kept[measure][name]]).mean():.5f}")
                row.append("" if name == "arch" else lead(kept[measure][name], kept[measure]["arch"]))
            won = compare(kept["log score"][name], kept["log score"]["arch"])[2]
            row += ["" if name == "arch" else f"{won:.1%}", int(sum(x.sum() for x in kept["wild"][name]))]
            self.scores.append(row)
            print(row, flush=True)
        others = ("pooled", "robust", "robust, pooled", *["exact posterior"] * exact)
        for name in others:
            cells = [lead(kept[measure][name], kept[measure]["network"]) for measure in MEASURES]
            won = compare(kept["log score"][name], kept["log score"]["network"])[2]
            self.pairs.append([panel, window, name, *cells, f"{won:.1%}"])
        for measure in MEASURES[:2]:
            self.sets.append([panel, window, measure, "; ".join(confidence_set(kept[measure]))])

    def write(self) -> None:
        """All that is known; called after every panel, so that a run that is cut off leaves what it had."""
        record = self.record
        record.clear()
        record.say(
            "Leads are means over days and assets, higher is better; log score in nats a stock-day, QLIKE likewise "
            "(log variance plus squared return over variance, with its sign turned). t: HAC over daily means of the "
            "cross-section. won: share of asset-windows with a better mean log score than arch. Wild: forecasts that "
            "are not finite or above a thousand times the window's mean square."
        )
        record.say(
            "The networks were trained on simulations alone. Two settings of pooling were chosen on "
            f"{' and '.join(TUNED_ON)}; the other panels were kept for this comparison."
        )
        for name in self.absent:
            record.say(f"{name} is not there, left out.")
        headings = ["panel", "window", "calibrator", "fits", "log score", "lead over arch (t)"]
        headings += ["QLIKE, 1 day", "lead (t)", "QLIKE, 21 days", "lead (t) ", "won", "wild"]
        record.table("scores", headings, self.scores)
        record.say("Over the plain network: mean lead (t), and share of asset-windows won by log score.")
        record.table(
            "over the plain network", ["panel", "window", "calibrator", *MEASURES, "won"], self.pairs
        )
        record.say("Model confidence sets, 90%, block bootstrap of daily means (500 draws).")
        record.table("sets", ["panel", "window", "measure", "in the set"], self.sets)
        record.write()


def lead(mine: list[np.ndarray], theirs: list[np.ndarray]) -> str:
    """Mean lead with its t-value."""
    mean, t, _ = compare(mine, theirs)
    return f"{mean:+.5f} ({t:+.1f})"


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--exact", nargs="*", default=[], help="panels on which the exact posterior runs too")
    parser.add_argument(
        "--only", nargs="*", default=list(PANELS), help="names of panels; rows of the others are kept"
    )
    arguments = parser.parse_args()
    results = Results(arguments.only)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        for panel in arguments.only:
            file, sample, dates, kind = PANELS[panel]
            returns = load_returns(arguments.data, file, kind)
            if returns is None:
                results.absent.append(f"{panel}: {file}")
                continue
            exact = panel in arguments.exact
            for window in WINDOWS:
                found = list(pool.map(task, jobs(returns, window, sample, dates, exact)))
                if found:
                    results.add(panel, window, found, exact)
            results.write()


if __name__ == "__main__":
    main()
