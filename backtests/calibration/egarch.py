"""Would EGARCH forecast better? Both models by arch, Student-t, on real panels, out of sample.

    python -m backtests.calibration.egarch [--data DIR]

Each window is fitted by maximum likelihood, then the next 21 days are forecast one day ahead. About ten minutes.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from arch import arch_model
from scipy.stats import t as student

from backtests.arguments import study_parser
from backtests.calibration.race import AHEAD, compare, jobs
from backtests.panels import PANELS, load_returns
from backtests.record import Record

CHOSEN = {
    "20 US stocks": (10, 12),
    "Dow 30": (12, 12),
    "18 ETFs": (12, 12),
    "54 global": (20, 8),
    "44 coins": (15, 8),
}
WINDOWS = (500, 1000)


def ahead(series: np.ndarray, window: int, volatility: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Log score and negative QLIKE of each coming day; None if arch gives up or explodes."""
    scale = np.sqrt(np.mean(series[:window] ** 2))
    scaled = 10 * series / scale
    setting = {"mean": "Zero", "vol": volatility, "p": 1, "o": 1, "q": 1, "dist": "t", "rescale": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = arch_model(scaled[:window], **setting).fit(disp="off", show_warning=False)
        whole = arch_model(scaled, **setting).fix(fit.params)
    variance = (np.asarray(whole.conditional_volatility)[window:] * scale / 10) ** 2
    if not np.isfinite(variance).all() or variance.max() > 1e4 * scale**2 or variance.min() <= 0:
        return None
    dof = fit.params["nu"]
    future = series[window:]
    unit = np.sqrt(variance * (dof - 2) / dof)
    return student.logpdf(future / unit, dof) - np.log(unit), -(np.log(variance) + future**2 / variance)


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    arguments = parser.parse_args()
    record = Record("egarch_evidence", "EGARCH against GJR-GARCH, both by arch")
    rows = []
    for panel, (sample, dates) in CHOSEN.items():
        file, _, _, kind = PANELS[panel]
        returns = load_returns(arguments.data, file, kind)
        if returns is None:
            record.say(f"{panel}: {file} is not there, left out.")
            continue
        for window in WINDOWS:
            scores: dict[str, list[list[np.ndarray]]] = {"EGARCH": [[], []], "GARCH": [[], []]}
            lost = dict.fromkeys(scores, 0)
            for past, future, chosen, _ in jobs(returns, window, sample, dates):
                columns: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"EGARCH": [], "GARCH": []}
                for asset in chosen:
                    series = np.concatenate([past[:, asset], future[:, asset]])
                    found = {model: ahead(series, window, model) for model in scores}
                    for model, score in found.items():
                        lost[model] += score is None
                    for model, score in found.items():
                        if score is not None and all(one is not None for one in found.values()):
                            columns[model].append(score)
                if columns["GARCH"]:
                    for model, held in columns.items():
                        for k in range(2):
                            scores[model][k].append(np.array([one[k] for one in held]).T)
            cells: list[object] = [panel, window, sum(x.shape[1] for x in scores["GARCH"][0])]
            for k in range(2):
                lead, t, won = compare(scores["EGARCH"][k], scores["GARCH"][k])
                cells.append(f"{lead:+.5f} ({t:+.1f}), {won:.0%}")
            rows.append([*cells, lost["EGARCH"], lost["GARCH"]])
            print(rows[-1], flush=True)
    record.say(
        f"Lead of EGARCH over GJR-GARCH, mean over the {AHEAD} days after each fit (t: HAC over daily means; share of "
        "asset-windows won). Exploded: forecasts that arch could not make, or above ten thousand times the mean square."
    )
    record.table(
        "leads",
        ["panel", "window", "fits", "log score", "QLIKE, 1 day", "EGARCH exploded", "GJR exploded"],
        rows,
    )
    record.write()


if __name__ == "__main__":
    main()
