"""The universe's forecasts from closes on nine panels and three windows, beside arch and the robust, pooled network.

    python -m backtests.calibration.universe_panels [--data DIR] [--only PANEL ...] [--jobs 2] [--keep DIR]

Dates, assets and scores are those of :mod:`backtests.calibration.race`. The parameters of the universe were fitted to
306 US stocks with open, high and low before 2013; weights were chosen there too. Nothing was chosen on these panels.
About an hour of one core, nearly all of it arch, whose scores are kept.
"""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from backtests.arguments import study_parser
from backtests.calibration.race import AHEAD, MEASURES, WINDOWS, compare, jobs, lead, scores
from backtests.panels import PANELS, load_returns
from backtests.record import Record
from riskengine import ArchReference
from riskengine.calibration import Calibration, UniverseCalibrator
from riskengine.covariance import conditional_variance
from riskengine.files import write_atomically
from riskengine.garch import holding_period_variance, log_density
from riskengine.runtime import keep_compiled

Array = np.ndarray
Scores = dict[str, Array]


def universe_scores(
    calibrator: UniverseCalibrator, fit: Calibration, past: Array, future: Array, chosen: Array
) -> Scores:
    """Scores of the joined forecast; ``fit`` is the network's of the same assets."""
    whole = np.vstack([past, future])
    _, common = calibrator.filter(fit, past)
    path, _ = calibrator.filter(fit, whole)
    own = conditional_variance(fit, whole)[:-1]
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, fit.params)
        own_month = np.asarray(
            holding_period_variance(params, jnp.asarray(own[len(past)]), horizon=len(future))
        )
    month = common.term_structure(len(future)).mean(axis=0)
    days = slice(len(past), len(whole))
    path = common.joined(path[days], own[days])[:, chosen]
    total = len(future) * common.joined(month, own_month)[chosen]
    dof, future = common.dof()[chosen], future[:, chosen]
    with jax.enable_x64(True):
        z = jnp.asarray((future - fit.mean[chosen]) / np.sqrt(path))
        density = np.asarray(log_density(z, jnp.asarray(1 / dof))) - np.log(path) / 2
    realized = np.sum(future**2, axis=0)
    return {
        "log score": density,
        "QLIKE, 1 day": -(np.log(path) + future**2 / path),
        "QLIKE, 21 days": -(np.log(total) + realized / total)[None],
        "forecast": total[None],
        "realized": realized[None],
    }


def task(job: tuple[Array, Array, Array, bool], arch: Scores | None) -> dict[str, Scores]:
    """Scores of the three at one date; those of arch may be known."""
    past, future, chosen, _ = job
    calibrator = UniverseCalibrator.pretrained()
    fit = calibrator.network(past)
    return {
        "arch": arch or scores(ArchReference()(past[:, chosen]), past[:, chosen], future[:, chosen]),
        "network": scores(fit.take(chosen), past[:, chosen], future[:, chosen]),
        "universe": universe_scores(calibrator, fit, past, future, chosen),
    }


def kept(file: Path, dates: int) -> list[Scores | None]:
    """Scores of arch that an earlier run kept, one a date."""
    if not file.is_file():
        return [None] * dates
    with np.load(file) as arrays:
        names = {name.partition(":")[2] for name in arrays.files}
        return [{name: arrays[f"{date}:{name}"] for name in names} for date in range(dates)]


def keep(file: Path, found: list[dict[str, Scores]]) -> None:
    """Scores of arch, for a later run."""
    content = io.BytesIO()
    np.savez(
        content, **{f"{date}:{name}": x for date, one in enumerate(found) for name, x in one["arch"].items()}
    )
    write_atomically(file, content.getvalue())


def row(panel: str, window: int, found: list[dict[str, Scores]]) -> list[object]:
    """Leads of the universe over the two others."""
    cells: list[object] = [panel, window, sum(one["arch"]["wild"].size for one in found)]
    for rival in ("arch", "network"):
        for measure in MEASURES:
            mine, theirs = ([one[name][measure] for one in found] for name in ("universe", rival))
            won = f", {compare(mine, theirs)[2]:.0%}" if measure == "log score" else ""
            cells.append(lead(mine, theirs) + won)
    forecast, realized = (
        np.concatenate([one["universe"][key].ravel() for one in found]) for key in ("forecast", "realized")
    )
    cells += [
        f"{forecast.mean() / realized.mean():.2f}",
        f"{np.median(forecast / np.maximum(realized, 1e-12)):.2f}",
    ]
    print(cells, flush=True)
    return cells


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", nargs="*", default=list(PANELS), help="panels; rows of the others are kept")
    parser.add_argument("--keep", type=Path, default=Path("out/universe_panels"), help="scores of arch")
    arguments = parser.parse_args()
    record = Record("calibration_universe", "The universe's forecasts from closes on nine panels", seed=5)
    rows = [list(r.values()) for r in record.earlier().get("panels", []) if r["panel"] not in arguments.only]
    if rows:
        record.origin["panels of an earlier run"] = ", ".join(dict.fromkeys(r[0] for r in rows))
    headings = ["panel", "window", "fits"]
    headings += [f"{measure}, over {rival}" for rival in ("arch", "the network") for measure in MEASURES]
    headings += [f"{AHEAD} days, mean forecast / realized", "median"]
    with ProcessPoolExecutor(
        arguments.jobs, mp_context=get_context("spawn"), initializer=keep_compiled
    ) as pool:
        for panel in arguments.only:
            file, sample, dates, kind = PANELS[panel]
            returns = load_returns(arguments.data, file, kind)
            for window in WINDOWS if returns is not None else ():
                scored = arguments.keep / f"{panel}-{window}.npz"
                given = list(jobs(returns, window, sample, dates))
                found = list(pool.map(task, given, kept(scored, len(given))))
                if found:
                    keep(scored, found)
                    rows.append(row(panel, window, found))
            record.clear()
            record.say(
                "Leads are means over days and assets, higher is better: log score in nats a stock-day, with the "
                "share of 21-day asset-windows won; QLIKE with its sign turned. t: HAC over daily means of the "
                "cross-section. The network is the robust, pooled one."
            )
            rows.sort(key=lambda r: list(PANELS).index(r[0]))
            record.table("panels", headings, rows)
            record.write()


if __name__ == "__main__":
    main()
