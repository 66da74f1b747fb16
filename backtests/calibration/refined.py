"""Whether refine="likelihood" reaches the maximum: against MaximumLikelihood and arch, simulated and real series.

    python -m backtests.calibration.refined [--data DIR]

The best log-likelihood that any of the three finds is the yardstick. About ten minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from backtests.arguments import study_parser
from backtests.panels import PANELS, load_returns
from backtests.record import Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.calibration import Calibration
from riskengine.calibration.training import LENGTHS, Training, fresh_series
from riskengine.garch import log_likelihood
from riskengine.runtime import use_cores

SEED, SERIES, ARCH_SERIES, ENOUGH = 55_001, 400, 100, 1e-6


def per_day(fit: Calibration, returns: np.ndarray) -> np.ndarray:
    """Log-likelihood a day of each series in float64, about the same presample variance."""
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, fit.params)
        total, _ = log_likelihood(params, jnp.asarray(returns), jnp.asarray(fit.presample))
    return np.asarray(total) / len(returns)


def shortfall(returns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far each of refined, maximum likelihood and arch stays below the best of all, nats a day."""
    refined = per_day(NeuralCalibrator.pretrained(refine="likelihood")(returns), returns)
    maximum = per_day(MaximumLikelihood()(returns), returns)
    reference = per_day(ArchReference()(returns[:, :ARCH_SERIES]), returns[:, :ARCH_SERIES])
    best = np.maximum(refined, maximum)
    best[:ARCH_SERIES] = np.maximum(best[:ARCH_SERIES], reference)
    return best - refined, best - maximum, best[:ARCH_SERIES] - reference


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    arguments = parser.parse_args()
    use_cores()
    record = Record("calibration_refined", 'Does refine="likelihood" reach the maximum?', seed=SEED)
    cases = [(f"simulated, {days} days", fresh_series(Training(), days, SERIES, SEED)[1]) for days in LENGTHS]
    for panel, (file, _, _, kind) in PANELS.items():
        returns = load_returns(arguments.data, file, kind)
        if returns is None:
            record.say(f"{panel}: {file} is not there, left out.")
            continue
        recent = returns.iloc[-1000:].to_numpy(np.float64)
        whole = ~np.isnan(recent).any(axis=0) & (np.mean(recent == 0, axis=0) < 0.5)
        whole &= np.cumsum(whole) <= SERIES
        if whole.any():
            cases.append((f"{panel}, last {len(recent)} days", recent[:, whole]))
    rows, within = [], []
    for name, returns in cases:
        gaps = shortfall(returns)
        within.append(gaps[0] <= ENOUGH)
        shares = [f"{np.mean(gap <= ENOUGH):.2%}" for gap in gaps]
        rows.append([name, returns.shape[1], *shares, f"{gaps[0].max():.1e}"])
        print(rows[-1], flush=True)
    record.say(
        f"Share of series whose log-likelihood is within {ENOUGH:g} a day of the best of all three; arch runs on the "
        f"first {ARCH_SERIES} of each. All together: {np.mean(np.concatenate(within)):.2%} for the refined network."
    )
    record.table(
        "shares", ["series", "number", "refined", "maximum likelihood", "arch", "largest gap, refined"], rows
    )
    record.write()


if __name__ == "__main__":
    main()
