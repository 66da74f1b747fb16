"""Are risk forecasts of random portfolios of the right size?

    python -m backtests.covariance.bias_statistic [--data DIR] [--assets 100] [--days 756] [--only NAME] [--panels NAME]

Bias statistics of 500 long-only and 500 long-short portfolios, one day and 21 days ahead, for the ensemble and for what
a user would pick instead; parameters are calibrated anew every 63 days. About a quarter of an hour on two idle cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import (
    ConstantCorrelation,
    Dcc,
    Ensemble,
    Ewma,
    LedoitWolf,
    MaximumLikelihood,
    NeuralCalibrator,
    QuadraticInverseShrinkage,
    SampleCovariance,
)
from riskengine.covariance import (
    BiasCorrected,
    Covariance,
    CovarianceForecaster,
    RiskMetrics2006,
    Window,
    bias_band,
    bias_statistic,
    states,
)
from riskengine.runtime import keep_compiled, use_cores

WINDOW, REFIT, MONTH, YEAR, PORTFOLIOS = 1250, 63, 21, 252, 500
META = "meta/us_equities_meta.csv"
Array = np.ndarray


@dataclass(frozen=True)
class Foreign:
    """A covariance estimator of another library, fitted anew at every forecast.

    Attributes
    ----------
    estimator : with ``fit`` and ``covariance_``, as those of skfolio
    """

    estimator: Any

    def init(self, returns: Array) -> Window:
        """The window."""
        return Window.of(returns, WINDOW)

    def update(self, state: Window, row: Array) -> Window:
        """The window moved on by a day."""
        return state.moved(row)

    def forecast(self, state: Window, horizon: int = 1) -> Covariance:
        """The same for every horizon."""
        return Covariance.dense(self.estimator.fit(state.rows).covariance_, horizon)


def forecasters() -> dict[str, CovarianceForecaster]:
    """Everything that runs."""
    from skfolio.moments import DenoiseCovariance, EWCovariance, RegimeAdjustedEWCovariance

    network = NeuralCalibrator.pretrained(robust=True, pooled=True)
    legacy = MaximumLikelihood(tolerance=1e-4)
    return {
        "ensemble": Ensemble(),
        "ensemble, recalibrated": BiasCorrected(Ensemble()),
        "sample": SampleCovariance(WINDOW),
        "Ledoit-Wolf linear": LedoitWolf(WINDOW),
        "quadratic-inverse": QuadraticInverseShrinkage(WINDOW),
        "EWMA 63": Ewma(63.0),
        "RiskMetrics 2006": RiskMetrics2006(),
        "skfolio EWCovariance": Foreign(EWCovariance()),
        "skfolio DenoiseCovariance": Foreign(DenoiseCovariance()),
        "DCC": Dcc(network),
        "corrected DCC": Dcc(network, corrected=True),
        "legacy: ML GARCH, sample correlation": ConstantCorrelation(
            legacy, shrinkage="none", residuals=False
        ),
        "skfolio RegimeAdjustedEWCovariance": Foreign(RegimeAdjustedEWCovariance()),
    }


def panels(folder: Path, assets: int, days: int) -> dict[str, Array]:
    """Returns ``(WINDOW + days, about assets)`` of each panel that is there."""
    found = {}
    stocks, funds = (
        folder / "equities/us_equities_2005_2017.parquet",
        folder / "multiasset/etf_2007_2017.parquet",
    )
    if stocks.exists():
        ranked = pd.read_csv(folder / META).sort_values("median_dollar_volume", ascending=False).ticker
        prices = pd.read_parquet(stocks)
        found[f"{assets} most traded US stocks"] = prices[ranked[:assets]]
        found[f"US stocks ranked {assets + 1} to {2 * assets}"] = prices[ranked[assets : 2 * assets]]
    if funds.exists():
        found["92 ETFs"] = pd.read_parquet(funds)
    if not found:
        print(f"no panel under {folder}: {stocks.name} and {funds.name} are looked for")
    return {
        name: prices.pct_change(fill_method=None).iloc[1:].to_numpy(np.float64)[-WINDOW - days :]
        for name, prices in found.items()
    }


def portfolios(assets: int) -> dict[str, Array]:
    """Random weights ``(PORTFOLIOS, assets)``, gross exposure one; the long-short ones add up to zero."""
    rng = np.random.default_rng(0)
    long, mixed = rng.exponential(size=(PORTFOLIOS, assets)), rng.standard_normal((PORTFOLIOS, assets))
    mixed -= mixed.mean(axis=1, keepdims=True)
    return {"long only": long / long.sum(axis=1, keepdims=True),
            "long-short": mixed / np.abs(mixed).sum(axis=1, keepdims=True)}  # fmt: skip


def standardised(forecaster: CovarianceForecaster, returns: Array, weights: Array) -> dict[int, Array]:
    """For one and for 21 days: returns ``(periods, portfolios)`` over their forecast volatility."""
    found: dict[int, list[Array]] = {1: [], MONTH: []}
    for day, state in states(forecaster, returns, WINDOW, REFIT):
        for horizon, rows in found.items():
            if (day - WINDOW) % horizon or day + horizon > len(returns):
                continue
            covariance = forecaster.forecast(state, horizon)
            variance = np.sum((weights @ covariance.loadings) ** 2, axis=1) + weights**2 @ covariance.specific
            growth = np.prod(1 + returns[day : day + horizon], axis=0) - 1
            rows.append(growth @ weights.T / np.sqrt(horizon * variance))
    return {horizon: np.array(rows) for horizon, rows in found.items()}


def within(scores: Array, periods: int, fat: bool = False) -> float:
    """Share of bias statistics within their band, over stretches of so many periods.

    The band is that of normal scores, or of scores with the kurtosis that these have.
    """
    kurtosis = float(np.mean(scores**4) / np.mean(scores**2) ** 2) if fat else 3.0
    low, high = bias_band(periods, kurtosis)
    stretches = [scores[k : k + periods] for k in range(0, len(scores) - periods + 1, periods)]
    found = np.array([bias_statistic(part, np.ones_like(part)) for part in stretches])
    return float(np.mean((found >= low) & (found <= high)))


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--assets", type=int, default=100)
    parser.add_argument("--days", type=int, default=756, help="out of sample")
    parser.add_argument("--only", nargs="*", help="names of forecasters")
    parser.add_argument("--panels", nargs="*", help="names of panels")
    arguments = parser.parse_args()
    use_cores()
    keep_compiled()
    record = Record("bias_statistic", "Bias statistics of random portfolios", days=arguments.days)
    record.say(
        f"{PORTFOLIOS} long-only portfolios with exponential weights and {PORTFOLIOS} long-short ones with normal "
        f"weights that add up to zero; the last {arguments.days} days of each panel, {WINDOW} days of history, "
        f"parameters anew every {REFIT} days. The bias statistic is the root mean square of returns over their "
        "forecast volatility: above one, risk was forecast too low. Share of portfolios whose statistic lies within "
        "its 95% band under normality, `1 +- sqrt(2 / periods)`, over all days and over stretches of a year, and "
        "within the band of scores with the kurtosis that they have; one day and 21 days ahead; mean and standard "
        "deviation of the statistics over all days. The portfolios share their assets, so that they tend to be in or "
        "out together. The recalibration's half-life was chosen on 25 Dow stocks, 1998 to 2008, and on the US stocks "
        "ranked 101 to 125, among 21, 42, 63, 126 and 250 days; with single outcomes limited to 20 the sizes of long-"
        "short portfolios came out 5% too low."
    )
    headings = [
        "forecast",
        "1 day: all",
        "years",
        "years, fat tails",
        "mean",
        "deviation",
        "21 days: all",
        "years ",
        "years, fat tails ",
        "mean ",
        "deviation ",
    ]
    told = list(record.lines)
    tables: dict[str, list[list[Any]]] = {}
    for panel, returns in panels(arguments.data, arguments.assets, arguments.days).items():
        if arguments.panels and panel not in arguments.panels:
            continue
        kinds = portfolios(returns.shape[1])
        weights = np.vstack(list(kinds.values()))
        for name, forecaster in forecasters().items():
            if arguments.only and name not in arguments.only:
                continue
            scores = standardised(forecaster, returns, weights)
            for k, kind in enumerate(kinds):
                cells: list[Any] = [name]
                for horizon, found in scores.items():
                    part = found[:, k * PORTFOLIOS : (k + 1) * PORTFOLIOS]
                    bias = bias_statistic(part, np.ones_like(part))
                    cells += [f"{within(part, len(part)):.0%}", f"{within(part, YEAR // horizon):.0%}"]
                    cells += [f"{within(part, YEAR // horizon, fat=True):.0%}"]
                    cells += [f"{bias.mean():.2f}", f"{bias.std():.2f}"]
                tables.setdefault(f"{panel}, {kind}", []).append(cells)
            record.clear()  # written after every forecaster: slow ones come last
            record.lines = list(told)
            for key, rows in tables.items():
                record.say(f"## {key}")
                record.table(key, headings, rows)
            record.write()


if __name__ == "__main__":
    main()
