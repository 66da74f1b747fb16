"""The network against arch and maximum likelihood on the bundled prices, out of sample.

    python -m backtests.calibration.bundled

Every 63 days each of the 20 stocks is calibrated on the last 1,000 days; the parameters then forecast the
next 63 days one day ahead. About five minutes on two cores.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator, load_panel
from riskengine.backtest import long_run_variance
from riskengine.calibration import Calibration
from riskengine.cli import bundled_prices
from riskengine.covariance import conditional_variance
from riskengine.garch import log_density

WINDOW, AHEAD = 1000, 63


def log_scores(fit: Calibration, past: np.ndarray, future: np.ndarray) -> np.ndarray:
    """Log density of each coming day one day ahead, ``(days, assets)``, with the parameters held."""
    variance = conditional_variance(fit, np.vstack([past, future]))[len(past) : -1]
    with jax.enable_x64(True):
        z = (future - fit.mean) / np.sqrt(variance)
        density = log_density(jnp.asarray(z), jnp.asarray(1 / np.asarray(fit.params.dof)))
        return np.asarray(density) - np.log(variance) / 2


def paired(better: np.ndarray, worse: np.ndarray) -> tuple[float, float, float]:
    """Mean difference of the cross-section's mean score a day, its t-value (HAC over days), share of windows won."""
    gap = (better - worse).mean(axis=1)
    error = np.sqrt(long_run_variance(gap) / len(gap))
    windows = (better - worse).reshape(-1, AHEAD, better.shape[1]).mean(axis=1)
    return float(gap.mean()), float(gap.mean() / error), float((windows > 0).mean())


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    panel = load_panel(bundled_prices())
    returns = panel.returns.to_numpy()
    record = Record(
        "calibration_real", "Network, maximum likelihood and arch on 20 US stocks", data=panel.hash
    )
    calibrators = {
        "network": NeuralCalibrator.pretrained(),
        "network, sample mean": NeuralCalibrator.pretrained(mean="sample"),
        "maximum likelihood": MaximumLikelihood(),
        "arch, zero mean": ArchReference(),
        "arch, constant mean": ArchReference(mean="constant"),
    }
    scores: dict[str, list[np.ndarray]] = {name: [] for name in calibrators}
    statuses: dict[str, list[str]] = {name: [] for name in calibrators}
    behind = []
    starts = range(WINDOW, len(returns) - AHEAD + 1, AHEAD)
    for t in starts:
        past, future = returns[t - WINDOW : t], returns[t : t + AHEAD]
        fits = {name: calibrate(past) for name, calibrate in calibrators.items()}
        for name, fit in fits.items():
            scores[name].append(log_scores(fit, past, future))
            statuses[name] += [str(s) for s in fit.status]
        behind.append(fits["maximum likelihood"].log_likelihood - fits["arch, zero mean"].log_likelihood)
    tables = {name: np.vstack(parts) for name, parts in scores.items()}
    gap = np.concatenate(behind)
    record.say(
        f"{len(starts)} windows of {WINDOW} days, each followed by {AHEAD} days scored one day ahead, parameters "
        f"held; {tables['network'].size:,} stock-days, {panel.dates[WINDOW + 1]:%F} to {panel.dates[-1]:%F}. "
        "Log score in nats a stock-day, higher is better. t: of the network's lead over the row, on daily means over "
        "the cross-section with a HAC error; won: share of stock-windows in which the network scored higher."
    )
    rows = []
    for name, table in tables.items():
        finite = int(np.sum(~np.isfinite(table)))
        cells: list[object] = [name, f"{table.mean():.5f}", f"{np.median(table):.5f}"]
        if name != "network":
            lead, t, won = paired(tables["network"], table)
            cells += [f"{lead:+.5f}", f"{t:+.2f}", f"{won:.1%}"]
        else:
            cells += ["", "", ""]
        unsettled = sum(s in ("not converged", "fallback: failed") for s in statuses[name])
        rows.append([*cells, finite, unsettled])
    record.table(
        "scores",
        ["calibrator", "mean", "median", "network's lead", "t", "won", "not finite", "not converged"],
        rows,
    )
    record.say("Log-likelihood in sample of `MaximumLikelihood` less that of `arch`, same starting variance:")
    quantiles = np.quantile(gap, [0, 0.005, 0.01, 0.5, 0.99, 1])
    record.table(
        "likelihood",
        ["fits", "at least arch's - 0.01", "minimum", "0.5%", "1%", "median", "99%", "maximum"],
        [[len(gap), f"{np.mean(gap >= -0.01):.4%}", *(f"{q:+.5f}" for q in quantiles)]],
    )
    record.write()


if __name__ == "__main__":
    main()
