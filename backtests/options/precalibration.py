"""What a start from a GARCH model saves when Heston's model is calibrated to quotes.

    python -m backtests.options.precalibration [--data ../shared/data] [--blocks 8]

Simulated underlyings, whose Heston parameters under P the network sees only through daily returns, and real chains.
Starts: the bridge's, one read from the quotes, a fixed sensible one, that of QuantLib's test suite, cold ones drawn
from wide ranges, and the best of four cold ones. A quarter of an hour on two cores.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine.calibration import NeuralCalibrator
from riskengine.files import write_atomically
from riskengine.market import load_panel
from riskengine.options import (
    HestonParams,
    HestonStart,
    Quotes,
    calibrate_heston,
    heston_guess,
    heston_price,
    heston_start,
    implied_volatility,
    read_quotes,
)
from riskengine.runtime import keep_compiled, use_cores

SEED, DAYS, STEPS, BLOCK, TRIES = 0, 1000, 8, 128, 4
MATURITY = np.array([1, 2, 3, 6, 9, 12, 18, 24]) / 12
REACH = np.linspace(-1.8, 1.2, 13)
NOISE = 0.002
SENSIBLE = HestonParams(0.04, 2.0, 0.04, 0.5, -0.7)
SUITE = HestonParams(0.1, 1.0, 0.1, 0.5, -0.5)
PREMIUM = HestonParams(0.3, 0.5, 0.5, 0.4, 0.15)
"""What a prior's spread is widened by for the step from P to Q: those of v0 and theta from the stocks below."""


def universe(rng: np.random.Generator, n: int) -> tuple[HestonParams, HestonParams, np.ndarray]:
    """Parameters under P and Q, and daily returns (days, n).

    Under P drawn from ranges that equities fill; Q differs by the premium for variance risk, drawn anew for each:
    slower return, and a long run higher by 10% give or take 30%. Euler steps, ``STEPS`` a day, variance cut at zero.
    """

    def log_uniform(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), n))

    kappa, theta = log_uniform(1, 10), log_uniform(0.02, 0.2)
    sigma = np.sqrt(2 * kappa * theta / log_uniform(0.3, 3.0))
    rho = rng.uniform(-0.85, -0.1, n)
    shape = 2 * kappa * theta / sigma**2
    v = rng.gamma(shape) * sigma**2 / (2 * kappa)
    dt = 1 / 252 / STEPS
    returns = np.zeros((DAYS, n))
    for day in range(DAYS):
        for _ in range(STEPS):
            z, w = rng.standard_normal((2, n))
            root = np.sqrt(np.maximum(v, 0) * dt)
            returns[day] += root * z - np.maximum(v, 0) * dt / 2
            v = (
                v
                + kappa * (theta - np.maximum(v, 0)) * dt
                + sigma * root * (rho * z + np.sqrt(1 - rho**2) * w)
            )
    v = np.maximum(v, 1e-3)
    q_kappa = kappa * np.exp(rng.normal(-0.2, 0.3, n))
    q_theta = theta * np.exp(rng.normal(0.1, 0.3, n))
    p, q = HestonParams(v, kappa, theta, sigma, rho), HestonParams(v, q_kappa, q_theta, sigma, rho)
    return p, q, np.expm1(returns)


def surface(q: HestonParams, rng: np.random.Generator) -> Quotes:
    """Quotes on 13 strikes of 8 maturities with a noise of a fifth of a volatility point."""
    mean = q.theta + (q.v0 - q.theta) * -np.expm1(-q.kappa * MATURITY) / (q.kappa * MATURITY)
    strike = np.exp(REACH * np.sqrt(mean * MATURITY)[:, None])
    kind = np.where(strike > 1, "call", "put")
    t = np.broadcast_to(MATURITY[:, None], strike.shape)
    price = heston_price(q, 1.0, strike, t, kind=kind, nodes=256)
    volatility = implied_volatility(price, 1.0, strike, t, kind) + NOISE * rng.standard_normal(strike.shape)
    return Quotes.of_volatilities(strike.ravel(), t.ravel(), volatility.ravel(), spot=1.0)


def cold(rng: np.random.Generator, n: int) -> HestonParams:
    """Starts from wide ranges."""

    def log_uniform(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), n))

    return HestonParams(
        log_uniform(0.0025, 1), log_uniform(0.1, 20), log_uniform(0.0025, 1), log_uniform(0.1, 4),
        rng.uniform(-0.95, 0.5, n),
    )  # fmt: skip


FEW = ("none", "the bridge, widened by the premium", "fixed sensible values, wide")


def block(k: int) -> dict[str, np.ndarray]:
    """Simulate ``BLOCK`` underlyings, calibrate from every start in turns, and with few quotes; arrays by name."""
    rng = np.random.default_rng([SEED, k])
    n = BLOCK
    p, q, returns = universe(rng, n)
    fit = NeuralCalibrator.pretrained()(returns)
    heston_start(fit)
    begin = time.perf_counter()
    start = heston_start(fit)
    found = {"seconds bridge": np.array([(time.perf_counter() - begin) / n])}
    surfaces = [surface(HestonParams(*(float(leaf[j]) for leaf in q)), rng) for j in range(n)]
    guesses = [heston_guess(one) for one in surfaces]
    levels = {name: np.array([getattr(guess, name) for guess in guesses]) for name in ("v0", "theta")}
    starts: dict[str, HestonParams | None] = {
        "GARCH bridge": start.params,
        "read from the quotes": None,
        "fixed, sensible": SENSIBLE,
        "fixed, QuantLib's test suite": SUITE,
        "bridge, v0 and theta from the quotes": start.params._replace(**levels),
        **{f"cold {j + 1}": cold(rng, n) for j in range(TRIES)},
    }
    calibrate_heston(surfaces[:1])  # compiles
    for name, one in starts.items():
        begin = time.perf_counter()
        fits = calibrate_heston(surfaces, one, several=False)
        found[f"seconds {name}"] = np.array([(time.perf_counter() - begin) / n])
        found[f"error {name}"] = np.array([fit.rmse for fit in fits])
        found[f"iterations {name}"] = np.array([fit.iterations for fit in fits])
    for name in p._fields:
        mine, under_p, under_q = (getattr(x, name) for x in (start.params, p, q))
        same = name == "rho"
        found[f"gap P {name}"] = mine - under_p if same else np.log(mine / under_p)
        found[f"gap Q {name}"] = mine - under_q if same else np.log(mine / under_q)
        found[f"spread {name}"] = getattr(start.spread, name)
    for name, (error, ok) in few_quotes(start, surfaces).items():
        found[f"few {name}"], found[f"few ok {name}"] = error, ok
    return found


def few_quotes(start: HestonStart, surfaces: list[Quotes]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Five quotes of one maturity: errors over the whole surface by prior, and whether the fit looks sound."""
    n, first = len(surfaces), surfaces[0]
    here = np.flatnonzero(np.abs(first.maturity - 0.25) < 1e-9)[::3]
    thin = [one.take(here) for one in surfaces]
    everywhere, wide = (
        HestonParams(*(np.full(n, leaf) for leaf in p))
        for p in (SENSIBLE, HestonParams(1.0, 1.0, 1.0, 1.0, 0.4))
    )
    fits = (
        calibrate_heston(thin),
        calibrate_heston(thin, start, prior=start.widened(PREMIUM)),
        calibrate_heston(thin, prior=HestonStart(start.assets, everywhere, wide)),
    )
    found = {}
    for name, some in zip(FEW, fits, strict=True):
        error = np.array([initial_error(one, fit.params) for fit, one in zip(some, surfaces, strict=True)])
        found[name] = error, np.array([str(fit.status) == "ok" for fit in some])
    return found


HEADINGS = [
    "start", "iterations", "median", "95%", "over the bridge's", "time over the bridge's", "ms a surface",
    "reached the optimum",
]  # fmt: skip


def simulated(record: Record, parts: list[dict[str, np.ndarray]]) -> None:
    """Tables of the simulated underlyings."""
    every = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    names = [name.removeprefix("error ") for name in every if name.startswith("error ")]
    error, steps, clock = (
        {name: every[f"{what} {name}"] for name in names} for what in ("error", "iterations", "seconds")
    )
    best = np.nanmin(np.stack(list(error.values())), axis=0)
    tries = [name for name in names if name.startswith("cold")]
    one, several = "cold", f"best of {TRIES} cold"
    for table, join in (
        (error, np.concatenate),
        (steps, np.concatenate),
        (clock, lambda x: np.mean(x, axis=0)),
    ):
        table[one] = join([table[name] for name in tries])
    error[several] = np.nanmin(np.stack([error[name] for name in tries]), axis=0)
    steps[several] = np.sum([steps[name] for name in tries], axis=0)
    clock[several] = np.sum([clock[name] for name in tries], axis=0)
    base, n = names[0], len(best)
    rows = []
    for name in [*(name for name in names if name not in tries), one, several]:
        target = np.tile(best, len(error[name]) // n)
        rows.append(
            [
                name,
                f"{np.mean(steps[name]):.1f}",
                f"{np.median(steps[name]):.0f}",
                f"{np.quantile(steps[name], 0.95):.0f}",
                f"{np.mean(steps[name]) / np.mean(steps[base]):.2f}",
                f"{np.median(clock[name] / clock[base]):.2f}",
                f"{1000 * np.median(clock[name]):.1f}",
                f"{np.mean(error[name] <= target * 1.001 + 1e-4):.1%}",
            ]
        )
    record.say(
        f"## Simulated underlyings: {n:,}\n\n{DAYS} daily returns of a Heston model each, its parameters under P drawn "
        "from wide ranges (kappa 1 to 10, theta .02 to .2, Feller ratio .3 to 3, rho -.85 to -.1); under Q kappa and "
        f"theta differ by a random premium. Surfaces of 8 maturities and 13 strikes, noise {100 * NOISE:.1f} "
        "volatility points. The network calibrates GARCH to the returns; the bridge then takes "
        f"{1000 * np.median(every['seconds bridge']):.2f} ms an asset. Cold starts are drawn from wide ranges "
        "(v0 and theta .0025 to 1, kappa .1 to 20, sigma .1 to 4, rho -.95 to .5). Iterations are "
        "evaluations of all quotes with derivatives. The optimum is the best error that any start found, to a "
        "thousandth. Times are ratios of runs in turns; absolute ones are of a machine that others used meanwhile."
    )
    record.table("simulated", HEADINGS, rows)
    rows = []
    for name in HestonParams._fields:
        gap, under_p, spread = (every[f"{what} {name}"] for what in ("gap Q", "gap P", "spread"))
        inside = np.mean(np.abs(under_p) <= 1.645 * spread)
        rows.append([name, f"{np.median(gap):+.2f}", f"{np.std(gap):.2f}", f"{np.median(under_p):+.2f}",
                     f"{np.std(under_p):.2f}", f"{np.median(spread):.2f}", f"{inside:.0%}"])  # fmt: skip
    record.say(
        "How far the bridge's parameters are from the true ones, in logarithms (rho as it is), and how often 1.645 "
        "spreads cover those under P: nominally 90%. The spread is that of the GARCH posterior alone; that a GARCH "
        "model is not the truth here, and that the diffusion limit matches moments only, is not in it."
    )
    headings = ["parameter", "median, Q", "sd, Q", "median, P", "sd, P", "median spread", "covered, P"]
    record.table("bridge", headings, rows)
    rows = [
        [
            name,
            f"{np.median(every[f'few {name}']):.2f}",
            f"{np.quantile(every[f'few {name}'], 0.9):.2f}",
            f"{np.mean(every[f'few ok {name}']):.0%}",
        ]
        for name in FEW
    ]
    record.say(
        "## Few quotes\n\nFive quotes of the three-month maturity alone; root mean squared errors over all 104 quotes "
        "of the surface, in volatility points, by what the calibration is regularised towards."
    )
    record.table("few", ["prior", "median error", "90%", "status ok"], rows)


def real(record: Record, data: Path) -> None:
    """Three chains, with the US market's returns up to the day as the underlying's."""
    market = pd.read_parquet(data / "factors/ff_daily_1963_2022.parquet")
    column = next(name for name in market.columns if "mkt" in name.lower())
    daily = (market[column] + market["RF"]).dropna()
    chains = {
        "DAX 2002-07-05": (read_quotes(data / "options/dax_2002-07-05.csv"), "2002-07-05"),
        "SPX 2005-09-15 (SVI)": (svi(data / "options/spx_2005-09-15_svi.csv"), "2005-09-15"),
        "SPX 2022-04-01": (read_quotes(data / "options/spx_2022-04-01.csv.gz"), "2022-04-01"),
    }
    calibrator = NeuralCalibrator.pretrained()
    rng = np.random.default_rng(SEED)
    tries = cold(rng, 20)
    rows = []
    for name, (quotes, day) in chains.items():
        window = daily[:day].to_frame("market").iloc[-DAYS:]
        start = heston_start(calibrator(window))
        few = len(quotes) < 500
        runs = {
            "GARCH bridge": start,
            "read from the quotes": None,
            "fixed, sensible": SENSIBLE,
            "fixed, QuantLib's test suite": SUITE,
        }
        found = {label: calibrate_heston(quotes, s, several=False) for label, s in runs.items()}
        colds = [
            calibrate_heston(quotes, HestonParams(*(leaf[k] for leaf in tries)), several=False)
            for k in range(20 if few else 4)
        ]
        best = min(fit.rmse for fit in (*found.values(), *colds))
        begun = {label: initial_error(quotes, fit.start) for label, fit in found.items()}
        for label, fit in found.items():
            rows.append([name, label, fit.iterations, f"{begun[label]:.2f}", f"{fit.rmse:.3f}",
                         "yes" if fit.rmse <= best * 1.001 else "no"])  # fmt: skip
        rows.append([name, f"cold, {len(colds)} draws", f"{np.mean([fit.iterations for fit in colds]):.1f}", "",
                     f"{np.median([fit.rmse for fit in colds]):.3f}",
                     f"{np.mean([fit.rmse <= best * 1.001 for fit in colds]):.0%}"])  # fmt: skip
        print(name, flush=True)
    record.say(
        "## Real chains\n\nThe bridge sees the last 1,000 daily returns of the US market up to the day (Fama-French); "
        "for the DAX, of which no history is at hand, that is a stand-in. Errors in volatility points."
    )
    record.table("real", ["chain", "start", "iterations", "error at the start", "error", "optimum"], rows)


def initial_error(quotes: Quotes, params: HestonParams) -> float:
    """Root mean squared error of parameters that were not fitted, in volatility points."""
    use = quotes.take(quotes.usable)
    kind = np.where(use.strike > use.forward, "call", "put")
    price = heston_price(params, 1.0, use.strike / use.forward, use.maturity, kind=kind, nodes=256)
    model = implied_volatility(price, 1.0, use.strike / use.forward, use.maturity, kind)
    return float(100 * np.sqrt(np.nanmean((model - use.volatility) ** 2)))


def svi(path: Path) -> Quotes:
    """Quotes read off Gatheral's SVI slices, 13 strikes each."""
    slices = pd.read_csv(path)
    x = REACH * 0.17 * np.sqrt(slices["texp"].to_numpy())[:, None]
    a, b, sig, rho, m, t = (slices[c].to_numpy()[:, None] for c in ("a", "b", "sig", "rho", "m", "texp"))
    variance = a + b * (rho * (x - m) + np.sqrt((x - m) ** 2 + sig**2))
    volatility = np.sqrt(variance / t)
    t = np.broadcast_to(t, x.shape)
    return Quotes.of_volatilities(np.exp(x).ravel(), t.ravel(), volatility.ravel(), forward=1.0, name="SPX")


def levels(record: Record, data: Path) -> None:
    """Variances of the bridge against implied ones of the bundled stocks, once a year."""
    implied = pd.read_parquet(data / "options/stock_implied_vol_2010_2022.parquet")
    returns = load_panel("data/us_equities_20/prices.parquet").returns
    dates = implied.index[::250]
    rows = []
    for label, calibrator in (
        ("network", NeuralCalibrator.pretrained()),
        ("network, pooled", NeuralCalibrator.pretrained(pooled=True)),
    ):
        gaps: dict[str, list[np.ndarray]] = {"v0": [], "mean of the next 30 days": [], "theta": []}
        for day in dates:
            fit = calibrator(returns.loc[:day].iloc[-DAYS:])
            p = heston_start(fit).params
            t = 30 / 365
            ahead = p.theta + (p.v0 - p.theta) * -np.expm1(-p.kappa * t) / (p.kappa * t)
            seen = implied.loc[day, list(fit.assets)].to_numpy() ** 2
            for name, value in zip(gaps, (p.v0, ahead, p.theta), strict=True):
                gaps[name].append(np.log(seen / value))
        for name, parts in gaps.items():
            gap = np.concatenate(parts)
            rows.append(
                [
                    label,
                    name,
                    f"{np.median(gap):+.2f}",
                    f"{gap.std():.2f}",
                    f"{np.exp(np.median(gap) / 2):.2f}",
                ]
            )
    record.say(
        f"## Levels\n\nImplied variance of the 20 bundled stocks on {len(dates)} days a year apart, over the variance "
        "of the bridge; logarithms. The implied volatilities' tenor is not documented; short ones are assumed."
    )
    record.table("levels", ["calibrator", "variance", "median", "sd", "implied volatility over it"], rows)


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the shared data")
    parser.add_argument("--blocks", type=int, default=8, help=f"of {BLOCK} simulated underlyings")
    parser.add_argument("--new", type=int, default=1000, help="blocks to make now; the rest in a later call")
    parser.add_argument(
        "--parts", type=Path, default=Path("out/precalibration"), help="folder of finished blocks"
    )
    settings = parser.parse_args()
    use_cores()
    keep_compiled()
    made = 0
    for k in range(settings.blocks):
        path = settings.parts / f"{k}.npz"
        if path.is_file():
            continue
        if made == settings.new:
            return
        buffer = io.BytesIO()
        np.savez(buffer, **block(k))
        write_atomically(path, buffer.getvalue())
        made += 1
        print(f"block {k + 1} of {settings.blocks}", file=sys.stderr, flush=True)
    parts = [dict(np.load(settings.parts / f"{k}.npz")) for k in range(settings.blocks)]
    record = Record(
        "precalibration", "What a start from a GARCH model saves", jax=jax.__version__, seed=SEED,
        surfaces=BLOCK * settings.blocks,
    )  # fmt: skip
    simulated(record, parts)
    record.write()
    if settings.data.is_dir():
        levels(record, settings.data)
        real(record, settings.data)
        record.write()


if __name__ == "__main__":
    main()
