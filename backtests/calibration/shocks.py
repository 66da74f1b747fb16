"""What bad prints and changes of regime do to tomorrow's variance, where the true one is known.

    python -m backtests.calibration.shocks

Outliers: the same series clean, with 1% additive outliers of ten long-run standard deviations, and with one on
the last day but five. Regimes: the long-run variance jumps by a factor of four, or falls to a quarter, and every
calibrator is run anew on each of the 60 days after it. About twenty minutes on two cores.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import jax
import numpy as np

from backtests.arguments import study_parser
from backtests.ratios import rmse, shown
from backtests.record import Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.calibration.training import DAILY, LENGTHS, Training, fresh_series
from riskengine.garch import GarchParams, from_unconstrained, simulate
from riskengine.runtime import use_cores

SEED, SERIES, FEW = 66_007, 2048, 500
SIZE, SHARE, LATE = 10.0, 0.01, 6
WINDOWS, AFTER, SHIFTED, FACTOR = (500, 1000), 60, 32, 4.0
Array = np.ndarray


def contaminated(returns: Array, params: GarchParams, kind: str, seed: int) -> Array:
    """Returns with outliers added."""
    rng = np.random.default_rng(seed)
    size = SIZE * np.sqrt(params.long_run_variance) * rng.choice([-1, 1], returns.shape)
    hit = rng.random(returns.shape) < SHARE
    if kind == "late":
        hit = np.arange(len(returns))[:, None] == len(returns) - LATE
    return returns + (0 if kind == "clean" else hit * size)


def outliers(record: Record) -> None:
    """RMSE of the next day's log variance, clean and contaminated."""
    plain, robust = NeuralCalibrator.pretrained(), NeuralCalibrator.pretrained(robust=True)
    maximum, reference = MaximumLikelihood(tolerance=1e-5), ArchReference()
    rows = []
    for days in LENGTHS:
        params, returns, tomorrow = fresh_series(Training(), days, SERIES, SEED)
        missed: dict[str, dict[str, Array]] = {}
        for kind in ("clean", "1%", "late"):
            data = contaminated(returns, params, kind, SEED + days)
            fits = {"network": plain(data), "robust": robust(data), "maximum likelihood": maximum(data)}
            if days <= 500:
                fits["arch"] = reference(data[:, :FEW])
            for name, fit in fits.items():
                error = np.log(fit.next_variance) - np.log(tomorrow[: len(fit.assets)])
                missed.setdefault(name, {})[kind] = error
        for name, found in missed.items():
            clean = found["clean"]
            base = missed["network"]["clean"][: len(clean)]
            growth = [shown(found[kind] ** 2, clean**2) for kind in ("1%", "late")]
            levels = [f"{rmse(found[kind]):.3f}" for kind in found]
            median = [f"{np.median(np.abs(found[kind])):.3f}" for kind in found]
            rows.append([days, name, *levels, *growth, shown(clean**2, base**2), " / ".join(median)])
            print(rows[-1], flush=True)
    record.say(
        f"RMSE of the log of the next day's variance against the true one, {SERIES:,} series a length ({FEW} for "
        "arch); growth is the RMSE over that on the clean series, price is the RMSE on clean series over the plain "
        "network's. Bootstrap standard errors in brackets."
    )
    record.table(
        "outliers",
        ["days", "estimator", "clean", "1%", "late", "growth, 1%", "growth, late", "price", "median |error|"],
        rows,
    )


def shifted(window: int, factor: float, at_once: bool) -> tuple[Array, Array]:
    """Returns and true variances ``(window + AFTER + 1, series)`` around a change on day ``window``.

    Either the innovations' scale changes at once, or the long-run variance does and the variance follows it.
    """
    keys = jax.random.split(jax.random.fold_in(jax.random.key(SEED), window), 2)
    params = from_unconstrained(Training().prior.sample(keys[0], SHIFTED))
    before = simulate(keys[1], params, days=window)
    if at_once:
        path = simulate(keys[1], params, days=window + AFTER + 1)
        jump = np.where(np.arange(window + AFTER + 1) < window, 1.0, factor)[:, None]
        returns = np.asarray(path.returns, np.float64)
        return DAILY * returns * np.sqrt(jump), DAILY**2 * np.asarray(path.variance, np.float64) * jump
    returns, variance = list(np.asarray(before.returns, np.float64)), [np.full(SHIFTED, np.nan)] * window
    rng = np.random.default_rng(SEED + window)
    p = GarchParams(*(np.asarray(leaf, np.float64) for leaf in params))
    dof = np.minimum(p.dof, 1e6)
    v = np.asarray(before.next_variance, np.float64) + (factor - 1) * p.omega
    for _ in range(AFTER + 1):
        variance.append(v)
        returns.append(np.sqrt(v * (dof - 2) / dof) * rng.standard_t(dof))
        news = (p.alpha + np.where(returns[-1] < 0, p.gamma, 0)) * returns[-1] ** 2
        v = factor * p.omega + news + p.beta * v
    return DAILY * np.array(returns), DAILY**2 * np.array(variance)


def after_shift(job: tuple[Array, Array, int]) -> dict[str, Array]:
    """Mean absolute error of each series' log variance over the days after, by calibrator."""
    returns, variance, window = job
    found: dict[str, list[Array]] = {}
    calibrators = {
        "network": NeuralCalibrator.pretrained(),
        "robust": NeuralCalibrator.pretrained(robust=True),
        "arch": ArchReference(),
    }
    for day in range(window + 1, window + AFTER + 1):
        for name, calibrate in calibrators.items():
            ahead = calibrate(returns[day - window : day]).next_variance
            found.setdefault(name, []).append(np.abs(np.log(ahead) - np.log(variance[day])))
    return {name: np.mean(days, axis=0) for name, days in found.items()}


def regimes(record: Record) -> None:
    """The 60 days after a change."""
    cases = [(w, f, once) for w in WINDOWS for f in (FACTOR, 1 / FACTOR) for once in (False, True)]
    data = [(*shifted(*case), case[0]) for case in cases]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(after_shift, data))
    rows = []
    for (window, factor, once), mae in zip(cases, found, strict=True):
        what = f"{'variance' if once else 'long-run variance'} x {factor:g}"
        levels = [f"{mae[name].mean():.3f}" for name in mae]
        over = [shown(mae[name], mae["arch"], root=False) for name in ("network", "robust")]
        rows.append([window, what, *levels, *over])
        print(rows[-1], flush=True)
    for name in ("network", "robust"):
        mine, theirs = (np.mean([mae[who] for mae in found], axis=0) for who in (name, "arch"))
        record.say(f"All cases together, {name} over arch: {shown(mine, theirs, root=False)}.")
    record.say(
        f"Mean absolute error of the log variance over the {AFTER} days after the change, each calibrator run anew "
        f"every day on the last 500 or 1,000 days, {SHIFTED} series."
    )
    record.table(
        "regimes",
        ["window", "change", "network", "robust", "arch", "network over arch", "robust over arch"],
        rows,
    )


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    use_cores()
    record = Record("calibration_shocks", "Outliers and changes of regime on simulated truth", seed=SEED)
    outliers(record)
    regimes(record)
    record.write()


if __name__ == "__main__":
    main()
