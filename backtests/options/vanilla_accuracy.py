"""How exact the vanilla prices are: Heston and SABR against QuantLib, Black's inverse against itself, printed numbers.

    python -m backtests.options.vanilla_accuracy

Ten thousand random Heston sets, Feller-violating and near-degenerate ones included. Where QuantLib and the engine
differ by more than 1e-8 of spot, an integral in 30 digits decides. Published sets are read from the shared reference
data where it is there. A few minutes on two cores.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
import QuantLib as ql  # noqa: N813

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import options
from riskengine.files import write_atomically
from riskengine.options import HestonParams, SabrParams

SETS, SEED, PARTS = 10_000, 0, 5
ENGINES = ("adaptive Lobatto", "exponential fitting")
RANGES = (
    "v0 and theta 1e-4 to 1, kappa .01 to 20, sigma .001 to 5, 1 day to 10 years (all log-uniform), "
    "rho -.999 to .999"
)


def draw(rng: np.random.Generator, n: int) -> tuple[HestonParams, np.ndarray, np.ndarray]:
    """Parameters, days and strikes over spot, up to four standard deviations from the money."""

    def log_uniform(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), n))

    p = HestonParams(
        log_uniform(1e-4, 1),
        log_uniform(0.01, 20),
        log_uniform(1e-4, 1),
        log_uniform(1e-3, 5),
        rng.uniform(-0.999, 0.999, n),
    )
    days = np.round(log_uniform(1, 3650)).astype(int)
    t = days / 365
    mean = (p.v0 - p.theta) * -np.expm1(-p.kappa * t) / p.kappa + p.theta * t
    return p, days, np.exp(np.clip(rng.uniform(-4, 4, n) * np.sqrt(mean), -2, 2))


def quantlib_price(p: HestonParams, days: int, strike: float, engine: str) -> float:
    """A call on a spot of one without rates; NaN where the engine gives up."""
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    model = ql.HestonModel(ql.HestonProcess(flat, flat, spot, *map(float, p)))
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + int(days))
    )
    makers = {
        "adaptive Lobatto": lambda: ql.AnalyticHestonEngine(model, 1e-12, 1_000_000),
        "exponential fitting": lambda: ql.ExponentialFittingHestonEngine(model),
    }
    option.setPricingEngine(makers[engine]())
    try:
        return float(option.NPV())
    except RuntimeError:
        return float("nan")


def arbiter(p: HestonParams, t: float, strike: float) -> float:
    """The same call in 30 digits: Lewis's integral, of the characteristic function as Albrecher et al. write it."""
    with mp.workdps(30):
        v0, kappa, theta, sigma, rho = (mp.mpf(float(leaf)) for leaf in p)
        k, years = mp.log(mp.mpf(strike)), mp.mpf(t)

        def integrand(u: mp.mpf) -> mp.mpf:
            z = u - mp.mpc(0, 0.5)
            beta = kappa - 1j * rho * sigma * z
            d = mp.sqrt(beta**2 + sigma**2 * (z * z + 1j * z))
            g = (beta - d) / (beta + d)
            e = mp.exp(-d * years)
            c = kappa * theta / sigma**2 * ((beta - d) * years - 2 * mp.log((1 - g * e) / (1 - g)))
            phi = mp.exp(c + v0 / sigma**2 * (beta - d) * (1 - e) / (1 - g * e))
            return mp.re(mp.exp(-1j * u * k) * phi) / (u * u + mp.mpf(1) / 4)

        end = mp.mpf(1)
        while max(abs(integrand(end * f)) for f in (1, 1.1, 1.3)) > mp.mpf(10) ** -22 and end < 1e7:
            end *= 2
        width = min(mp.pi / max(abs(k), mp.mpf("0.01")) * 4, end / 16)
        edges = [mp.mpf(0), *(mp.mpf(2) ** j * width / 256 for j in range(8))]
        while edges[-1] < end:
            edges.append(edges[-1] + width)
        return float(
            1 - mp.exp(k / 2) / mp.pi * mp.quad(integrand, edges, method="gauss-legendre", maxdegree=5)
        )


def part(k: int) -> dict[str, np.ndarray]:
    """A part of the sets with the prices of the engine and of QuantLib."""
    n = SETS // PARTS
    p, days, strike = draw(np.random.default_rng([SEED, k]), n)
    found = {**p._asdict(), "days": days, "strike": strike}
    found["engine"] = options.heston_price(p, 1.0, strike, days / 365)
    for engine in ENGINES:
        sets = (HestonParams(*(leaf[i] for leaf in p)) for i in range(n))
        prices = [quantlib_price(one, days[i], strike[i], engine) for i, one in enumerate(sets)]
        found[engine] = np.array(prices)
    return found


def heston(record: Record, parts: list[dict[str, np.ndarray]]) -> None:
    """Ours, QuantLib's engines, and the arbiter."""
    every = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    p, days, strike = (
        HestonParams(*(every[name] for name in HestonParams._fields)),
        every["days"],
        every["strike"],
    )
    ours, found = every["engine"], {name: every[name] for name in ENGINES}
    record.say(
        f"## Heston: {SETS:,} random sets\n\n{RANGES}; strikes up to four standard deviations from the money, one "
        f"option a set, spot 1, no rates. Feller's condition is broken in "
        f"{np.mean(np.asarray(p.feller) < 1):.0%}; sigma is below .01 in "
        f"{np.mean(p.sigma < 0.01):.0%}, above 1 in {np.mean(p.sigma > 1):.0%}, the maturity below a week in "
        f"{np.mean(days < 7):.0%}. Differences from the engine's price, in units of spot."
    )
    rows = []
    for engine, price in found.items():
        gap = np.abs(price - ours)
        rows.append(
            [engine, f"{np.nanmedian(gap):.1e}", f"{np.nanquantile(gap, 0.99):.1e}", f"{np.nanmax(gap):.1e}",
             int((~(gap <= 1e-8)).sum()), int(np.isnan(price).sum())]
        )  # fmt: skip
    record.table(
        "heston", ["QuantLib's engine", "median", "99%", "largest", "above 1e-8 or none", "gave up"], rows
    )
    gap = np.abs(found["adaptive Lobatto"] - ours)
    open_ = np.flatnonzero(~(gap <= 1e-8))
    rng = np.random.default_rng(1)
    checked = np.unique(np.concatenate([open_, rng.choice(SETS, 10, replace=False)]))
    truth = np.array(
        [arbiter(HestonParams(*(leaf[i] for leaf in p)), days[i] / 365, float(strike[i])) for i in checked]
    )
    rows = []
    for name, part in (
        ("differ by more than 1e-8", gap[checked] > 1e-8),
        ("all that were checked", gap[checked] >= 0),
    ):
        part = part | (np.isnan(gap[checked]))
        rows.append(
            [name, int(part.sum()), f"{np.max(np.abs(ours[checked] - truth)[part], initial=0):.1e}",
             *(f"{np.nanmax(np.abs(found[e][checked] - truth)[part], initial=0):.1e}" for e in found)]
        )  # fmt: skip
    record.say(
        "Sets where the engine and the adaptive Lobatto integral differ by more than 1e-8, and 10 others, against an "
        "integral in 30 digits: largest errors. QuantLib's adaptive engine loses digits where sigma is nearly zero."
    )
    record.table("arbiter", ["sets", "number", "engine", *found], rows)


def black_and_sabr(record: Record) -> None:
    """Round trips and QuantLib's SABR."""
    rng = np.random.default_rng(SEED)
    n = 100_000
    s = 10 ** rng.uniform(-6, 0.9, n)
    x = rng.uniform(-1, 1, n) * np.minimum(20 * s, 30)
    kind = np.where(x > 0, "call", "put")
    price = options.black_price(1.0, np.exp(x), 1.0, s, kind)
    possible = (price > 1e-290) & (price < np.where(kind == "call", 1, np.exp(x)) * (1 - 1e-12))
    back = options.implied_volatility(price[possible], 1.0, np.exp(x[possible]), 1.0, kind[possible])
    error = np.abs(back / s[possible] - 1)
    record.say(
        f"## Black's inverse\n\n{possible.sum():,} random out-of-the-money options, standard deviations of 1e-6 to 8, "
        f"up to 20 of them from the money. Largest relative error of the volatility that comes back "
        f"{error.max():.1e}, 99.9% below {np.quantile(error, 0.999):.1e}; {int(np.isnan(back).sum())} failures."
    )
    record.numbers["black"] = {"largest": error.max(), "failures": int(np.isnan(back).sum())}
    gaps, far, ours, theirs = [], 0, 0.0, 0.0
    for _ in range(SETS):
        beta = float(rng.choice([0.0, 0.3, 0.5, 0.7, 1.0]))
        a, nu, rho = rng.uniform(0.05, 0.5), rng.uniform(0.01, 1.5), rng.uniform(-0.95, 0.95)
        k, t = float(np.exp(rng.normal(0, 0.4))), rng.uniform(0.01, 10)
        known = ql.sabrVolatility(k, 1.1, t, a, beta, nu, rho)
        mine = float(options.sabr_volatility(SabrParams(a, beta, nu, rho), 1.1, k, t))
        gaps.append(abs(mine / known - 1))
        if gaps[-1] > 1e-12:
            exact = sabr_exact(a, beta, nu, rho, 1.1, k, t)
            far, ours = far + 1, max(ours, float(abs(mine / exact - 1)))
            theirs = max(theirs, float(abs(known / exact - 1)))
    record.say(
        f"## SABR\n\n{SETS:,} random sets against QuantLib's `sabrVolatility`: relative differences have a median of "
        f"{np.median(gaps):.1e}, and {far} are above 1e-12, up to {max(gaps):.1e}. In these, the same formula in 30 "
        f"digits is off the engine's value by {ours:.1e} at most and off QuantLib's by {theirs:.1e}: near the money a "
        "logarithm of nearly one loses digits there."
    )
    record.numbers["sabr"] = {"largest": max(gaps), "above 1e-12": far, "engine": ours, "QuantLib": theirs}


def sabr_exact(a: float, beta: float, nu: float, rho: float, f: float, k: float, t: float) -> mp.mpf:
    """Hagan's formula in 30 digits."""
    with mp.workdps(30):
        a, beta, nu, rho, f, k, t = map(mp.mpf, (a, beta, nu, rho, f, k, t))
        one, log = 1 - beta, mp.log(f / k)
        middle = (f * k) ** (one / 2)
        z = nu / a * middle * log
        ratio = z / mp.log((mp.sqrt(1 - 2 * rho * z + z * z) + z - rho) / (1 - rho))
        time = (
            one**2 / 24 * a**2 / middle**2
            + rho * beta * nu * a / (4 * middle)
            + (2 - 3 * rho**2) / 24 * nu**2
        )
        return a / (middle * (1 + one**2 / 24 * log**2 + one**4 / 1920 * log**4)) * ratio * (1 + time * t)


def published(record: Record, reference: Path) -> None:
    """Tables of papers, where the reference data is there."""
    if not reference.is_dir():
        record.say("Published sets: reference data absent, left out.")
        return
    params = pd.read_csv(reference / "heston_benchmark_params.csv").set_index("Sheet")
    prices = pd.read_csv(reference / "heston_benchmark_prices.csv")
    rows = []
    for number, part in prices.groupby("set"):
        one = params.loc[number]
        p = HestonParams(one["sigma"], one["mr"], one["theta"], one["vov"], one["rho"])
        kind = np.where(part["cp"] > 0, "call", "put")
        mine = options.heston_price(
            p, one["spot"], part["strike"], one["texp"], one["intr"], one["divr"], kind
        )
        gap = np.abs(mine - part["price"]).max()
        rows.append([number, len(part), f"{gap:.1e}", str(one["Reference"]).split(";")[0][:60]])
    record.say(
        "## Published Heston sets\n\nLargest difference; most are printed with three to eight decimals."
    )
    record.table("heston_published", ["set", "prices", "largest difference", "source"], rows)
    params = pd.read_csv(reference / "sabr_benchmark_params.csv").set_index("Sheet")
    values = pd.read_csv(reference / "sabr_benchmark_values.csv")
    rows = []
    for beta, group in params.groupby("beta"):
        gaps: dict[str, list[float]] = {"printed": [], "hagan": [], "obloj": []}
        for number in group.index:
            one = params.loc[number]
            part = values[(values["set"] == number) & (values["kind"] == "iv")]
            if part.empty:
                continue
            p = SabrParams(one["sigma"], one["beta"], one["vov"], one["rho"])
            for form in ("hagan", "obloj"):
                mine = options.sabr_volatility(p, one["spot"], part["strike"], one["texp"], form=form)
                gaps[form] += list(np.abs(mine - part["reference"]) * 100)
                if form == "hagan":
                    gaps["printed"] += list(np.abs(mine - part["iv_hagan"]).dropna())
        if gaps["hagan"]:
            rows.append([beta, len(gaps["hagan"]), f"{max(gaps['printed'], default=np.nan):.1e}",
                         f"{np.mean(gaps['hagan']):.2f}", f"{np.mean(gaps['obloj']):.2f}"])  # fmt: skip
    record.say(
        "## Published SABR sets\n\nThe printed values of Hagan's formula are reproduced to the printed digits; "
        "against the exact volatilities (finite differences, Monte Carlo), mean absolute errors in volatility points. "
        "These are 10 and 20 years, where no expansion in the maturity is good."
    )
    record.table(
        "sabr_published",
        ["beta", "values", "largest difference from the printed formula", "Hagan's error", "Obłój's error"],
        rows,
    )


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the reference data"
    )
    parser.add_argument("--new", type=int, default=PARTS, help="parts to make now; the rest in a later call")
    parser.add_argument(
        "--parts", type=Path, default=Path("out/vanilla_accuracy"), help="folder of finished parts"
    )
    settings = parser.parse_args()
    paths = [settings.parts / f"{k}.npz" for k in range(PARTS)]
    missing = [k for k, path in enumerate(paths) if not path.is_file()]
    for k in missing[: settings.new]:
        buffer = io.BytesIO()
        np.savez(buffer, **part(k))
        write_atomically(paths[k], buffer.getvalue())
        print(f"part {k + 1} of {PARTS}", file=sys.stderr, flush=True)
    if len(missing) > settings.new:
        return
    record = Record(
        "vanilla_accuracy", "Accuracy of vanilla option prices", QuantLib=ql.__version__, sets=SETS, seed=SEED
    )
    heston(record, [dict(np.load(path)) for path in paths])
    record.write()
    black_and_sabr(record)
    published(record, settings.data / "reference")
    record.write()


if __name__ == "__main__":
    main()
