"""Simulated exotics against every reference price at hand: published tables, closed forms, QuantLib.

    python -m backtests.options.exotics_accuracy [--paths 1000000] [--black-paths 65536] [--only heston greeks]

Finished parts are kept in a folder, and the page is made of all that are there. One seed, 0, chosen before any
price was seen. A standard error is that of 32 scrambled Sobol sets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.options.exotics_quantlib import asian_price, asian_simulated, barrier_price, difference
from backtests.record import Record
from riskengine import options
from riskengine.files import write_atomically
from riskengine.runtime import keep_compiled

SEED = 0

FELLER = options.HestonParams(0.09, 1.15, 0.348, 0.39, -0.64)
NO_FELLER = options.HestonParams(0.09, 2.0, 0.09, 1.0, -0.3)
KIM_WEE = {
    ("Feller holds", FELLER): {
        0.2: (10.6571, 6.5871, 3.4478, 1.4552, 0.4724),
        1.5: (16.5030, 13.7625, 11.3374, 9.2245, 7.4122),
        3.0: (20.5102, 18.3060, 16.2895, 14.4531, 12.7882),
    },
    ("Feller violated", NO_FELLER): {0.2: (10.6425, 6.4362, 3.1578, 1.1936, 0.3609)},
}
ZENG_KWOK = 0.03
"""What QuantLib's test allows around the table of Zeng and Kwok (2016), which are approximations between bounds."""
LONG_ASIAN = options.HestonParams(0.0175, 1.5768, 0.0398, 0.5751, -0.5711)
UP_AND_OUT = options.HestonParams(0.04, 2.5, 0.04, 0.66, -0.8)


def heston_cases() -> Iterator[tuple[str, Any, Any, dict[str, float], float, float]]:
    """Name, parameters, product, market, reference and its own uncertainty."""
    near = options.HestonParams(0.0625, 1.0, 0.0625, 0.001, 0.0)
    market = {"spot": 100.0, "rate": 0.08, "dividend": 0.04}
    yield "up-and-out call", UP_AND_OUT, options.Barrier(100.0, 135.0, 1.0), {"rate": 0.05}, 9.1530, 0.01
    for knock, known in (("out", 9.0246), ("in", 7.7627)):
        product = options.Barrier(90.0, 95.0, 0.5, "down", knock, rebate=3.0)
        yield f"down-and-{knock} call, nearly Black-Scholes", near, product, market, known, 5e-5
    p = options.HestonParams(0.09, 11.35, 0.022, 0.618, -0.5)
    yield (
        "arithmetic Asian, 12 fixings", p, options.Asian(100.0, 1.0, 12), {"spot": 120.0, "rate": 0.05},
        22.50, 0.02,
    )  # fmt: skip
    p = LONG_ASIAN
    for strike, known in zip(
        (60.0, 80.0, 100.0, 120.0, 140.0), (42.5990, 29.3698, 18.2360, 10.0565, 4.9609), strict=True
    ):
        product = options.Asian(strike, 10.0, 120)
        yield f"arithmetic Asian, 120 fixings, K={strike:g}", p, product, {"rate": 0.03}, known, ZENG_KWOK
    for (word, p), table in KIM_WEE.items():
        for maturity, prices in table.items():
            for strike, known in zip((90.0, 95.0, 100.0, 105.0, 110.0), prices, strict=True):
                product = options.Asian(strike, maturity, average="geometric")
                name = f"geometric Asian, {word}, T={maturity:g}, K={strike:g}"
                yield name, p, product, {"rate": 0.05}, known, 5e-5


def haug_barriers(folder: Path) -> Iterator[tuple[str, Any, Any, dict[str, float], float]]:
    """The 72 European rows; those whose barrier is touched at the start are refused."""
    for row in pd.read_csv(folder / "barrier_bs_haug.csv").to_dict("records"):
        if row["exercise"] != "european":
            continue
        direction = "down" if row["barrier_type"].startswith("Down") else "up"
        knock = row["barrier_type"].lower().removeprefix(direction)
        terms = (
            row["strike"],
            row["barrier"],
            row["T"],
            direction,
            knock,
            row["option"].lower(),
            row["rebate"],
        )
        name = f"{direction}-and-{knock} {terms[5]}, K={terms[0]:g}, B={terms[1]:g}, vol {row['vol']:g}"
        yield (
            name,
            options.BlackScholesParams(row["vol"]),
            options.Barrier(*terms),
            _market(row),
            row["price"],
        )


def haug_lookbacks(folder: Path) -> Iterator[tuple[str, Any, Any, dict[str, float], float]]:
    """Floating, fixed, and both with a partial window."""
    for row in pd.read_csv(folder / "lookback_bs_haug.csv").to_dict("records"):
        kind, test = row["option"].lower(), row["test"].removeprefix("testAnalyticContinuous")
        if "PartialFloating" in test:
            product = options.Lookback(None, row["T"], kind, window=(0.0, row["t1"]), share=row["l"])
        elif "PartialFixed" in test:
            product = options.Lookback(row["strike"], row["T"], kind, window=(row["t1"], row["T"]))
        else:
            strike = None if "Floating" in test else row["strike"]
            product = options.Lookback(strike, row["T"], kind, extreme=row["minmax"])
        name = f"{test} {row['option']}, K={row['strike']:g}, S={row['spot']:g}, T={row['T']:g}, vol {row['vol']:g}"
        yield name, options.BlackScholesParams(row["vol"]), product, _market(row), row["price"]


def garch_cases(folder: Path) -> Iterator[tuple[str, Any, Any, dict[str, float], float]]:
    """The simulated prices of QuantLib's test of GJR-GARCH; years of 365 days there, so rates are rescaled."""
    table = json.loads((folder / "published_values.json").read_text())["gjr_garch_options"]
    for premium, by_days in zip(table["lambda"], table["monte_carlo[lambda][days][strike]"], strict=True):
        p = options.DuanParams(table["omega"], table["alpha"], table["gamma"], table["beta"], premium, 1e-4)
        p = p._replace(variance=p.omega / (1 - p.persistence))
        for days, prices in zip(table["days"], by_days, strict=True):
            maturity = days / 252
            market = {"spot": table["spot"], "rate": table["r"] * days / 365 / maturity}
            for strike, known in zip(table["strikes"], prices, strict=True):
                name = f"GJR-GARCH call, premium {premium:g}, {days} days, K={strike:g}"
                yield name, p, options.Vanilla(float(strike), maturity), market, known


def _market(row: dict[Any, Any]) -> dict[str, float]:
    return {"spot": row["spot"], "rate": row["r"], "dividend": row["q"]}


def rows_of(cases: Any, paths: int, uncertain: Callable[[Any], float]) -> list[list[Any]]:
    """A row a case: price, error, reference, and the difference in standard errors."""
    rows = []
    for case in cases:
        name, p, product, market, known = case[:5]
        try:
            found = options.monte_carlo(p, product, paths, SEED, greeks=(), **market)
        except ValueError as error:
            rows.append([name, "refused", "", known, "", str(error)])
            continue
        z = (found.price - known) / found.error
        beyond = max(abs(found.price - known) - uncertain(case), 0) / found.error
        rows.append([name, f"{found.price:.5f}", f"{found.error:.5f}", known, f"{z:+.2f}", f"{beyond:.2f}"])
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


HEADINGS = [
    "product",
    "price",
    "s.e.",
    "reference",
    "difference, s.e.",
    "beyond the reference's own digits, s.e.",
]


def summary(rows: list[list[Any]]) -> str:
    """How many lie within two standard errors, and the largest error."""
    priced = [row for row in rows if row[1] != "refused"]
    near = sum(float(row[5]) <= 2 for row in priced)
    worst = max(float(row[2]) for row in priced)
    z = np.array([float(row[4]) for row in priced])
    refused = len(rows) - len(priced)
    return (
        f"{near} of {len(priced)} within two standard errors of the reference as printed, "
        f"{np.sum(np.abs(z) <= 2)} of its digits taken as exact; root mean square of the differences "
        f"{np.sqrt(np.mean(z**2)):.2f} standard errors; largest standard error {worst:.5f}"
        + (f"; {refused} refused: the barrier is touched at the start" if refused else "")
        + "."
    )


def greeks(paths: int) -> dict[str, Any]:
    """Delta, gamma and vega against differences of QuantLib's prices."""
    asian = options.HestonParams(0.09, 11.35, 0.022, 0.618, -0.5)
    cases = [
        (
            "arithmetic Asian, 12 fixings, Black-Scholes",
            options.BlackScholesParams(0.3), options.Asian(100.0, 1.0, 12), 100.0, asian_price, (100.0, 12),
        ),
        (
            "up-and-out call, Black-Scholes",
            options.BlackScholesParams(0.2), options.Barrier(100.0, 135.0, 1.0), 100.0, barrier_price, (100.0, 135.0),
        ),
        (
            "up-and-out call, Heston",
            UP_AND_OUT, options.Barrier(100.0, 135.0, 1.0), 100.0, barrier_price, (100.0, 135.0),
        ),
        ("arithmetic Asian, 12 fixings, Heston", asian, options.Asian(100.0, 1.0, 12), 100.0, asian_price, (100.0, 12)),
    ]  # fmt: skip
    rows = []
    for name, p, product, spot, oracle, terms in cases:
        found = options.monte_carlo(p, product, paths, SEED, spot=spot, rate=0.05)
        for greek, known in difference(oracle, p, spot, 0.05, terms).items():
            g = found.greeks[greek]
            rows.append([
                name, greek, f"{g.value:.5f}", f"{g.error:.5f}", f"{known:.5f}",
                f"{g.value / known - 1:+.2%}", f"{abs(g.error / known):.2%}",
            ])  # fmt: skip
            print(rows[-1], file=sys.stderr, flush=True)
    text = (
        f"Greeks at {paths:,} paths against central differences of QuantLib's prices: its analytic barrier engine, "
        "its finite differences in Heston's model, its finite-difference Asian engine; for the Asian under Heston, "
        "which QuantLib prices by simulation alone, differences of its Monte Carlo on one seed, with its control."
    )
    headings = ["product", "Greek", "here", "s.e.", "QuantLib", "difference", "s.e., relative"]
    return {"text": text, "headings": headings, "rows": rows}


def second_opinion(samples: int = 400_000) -> dict[str, Any]:
    """QuantLib's simulation of the Asian with 120 fixings."""
    price, error = asian_simulated(LONG_ASIAN, 100.0, 0.03, 60.0, 120, 10, samples)
    rows = [[60, f"{price:.4f}", f"{error:.4f}", 42.5990]]
    text = (
        f"The long Asian again, in QuantLib's Monte Carlo with {samples:,} samples, antithetic paths and its control "
        "variate: where this engine and the table differ, it sides with this engine."
    )
    return {"text": text, "headings": ["strike", "QuantLib", "s.e.", "Zeng and Kwok"], "rows": rows}


PARTS = ("heston", "second_opinion", "greeks", "barriers", "lookbacks", "garch")


def part(name: str, paths: int, black_paths: int, folder: Path) -> dict[str, Any]:
    """One part of the study: a sentence and a table."""
    if name == "greeks":
        return greeks(paths)
    if name == "second_opinion":
        return second_opinion()
    if name == "heston":
        rows = rows_of(heston_cases(), paths, lambda case: case[5])
        return {
            "text": f"Heston, {paths:,} paths asked for. {summary(rows)}",
            "headings": HEADINGS,
            "rows": rows,
        }
    title, cases = {
        "barriers": (
            "Haug's European barriers, Black-Scholes, watched at all times (24 further rows are American)",
            haug_barriers,
        ),
        "lookbacks": ("Haug's lookbacks, Black-Scholes, watched at all times", haug_lookbacks),
        "garch": ("GJR-GARCH under Duan's measure; the references are simulations themselves", garch_cases),
    }[name]
    digits = 0.005 if name == "garch" else 5e-5
    rows = rows_of(cases(folder), black_paths, lambda _: digits)
    return {"text": f"{title}, {black_paths:,} paths. {summary(rows)}", "headings": HEADINGS, "rows": rows}


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--black-paths", type=int, default=2**16)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the references")
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS, help="parts to run")
    parser.add_argument(
        "--parts", type=Path, default=Path("out/exotics_accuracy"), help="folder of finished parts"
    )
    arguments = parser.parse_args()
    keep_compiled()
    for name in arguments.only:
        found = part(name, arguments.paths, arguments.black_paths, arguments.data / "reference")
        write_atomically(arguments.parts / f"{name}.json", json.dumps(found).encode())
    record = Record("exotics_accuracy", "Exotics against reference prices", seed=SEED)
    record.say(
        "Prices by `options.monte_carlo` at its defaults. A reference has its own error: the last printed digit, or "
        "what its source states: .01 for the up-and-out call, .02 for the Asian with 12 fixings, .03 for the one with "
        "120, whose table holds approximations. The last column is the distance beyond that."
    )
    for name in PARTS:
        path = arguments.parts / f"{name}.json"
        if path.is_file():
            found = json.loads(path.read_text())
            record.say(found["text"])
            record.table(name, found["headings"], found["rows"])
    record.write()


if __name__ == "__main__":
    main()
