"""How often each test of VaR and CVaR rejects forecasts that are exactly right.

    python -m backtests.risk.test_sizes [--simulations 10000] [--resume]

GARCH returns, forecast with their own parameters. About half an hour on two cores; it writes after every column.
"""

from __future__ import annotations

import itertools
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from scipy import stats

from backtests.arguments import study_parser
from backtests.record import RESULTS, Record
from riskengine.risk import validate

DAYS = (250, 500, 1000)
DRAWS = 99  # an exact test at 5% already, since 5% of 100 is a whole number
OMEGA, ALPHA, GAMMA, BETA, DOF = 2e-6, 0.04, 0.08, 0.90, 5.0
SKEW = 1.35
Array = np.ndarray


def student(level: float) -> tuple[float, float]:
    """VaR and CVaR of a unit-variance Student-t."""
    q = stats.t.ppf(level, DOF)
    scale = np.sqrt((DOF - 2) / DOF)
    return q * scale, stats.t.pdf(q, DOF) * (DOF + q**2) / ((DOF - 1) * (1 - level)) * scale


def skewed(rng: np.random.Generator, size: int) -> Array:
    """Losses of a skewed Student-t (Fernandez and Steel 1998), losses stretched by SKEW; not standardised."""
    plain = np.abs(rng.standard_t(DOF, size))
    bad = rng.random(size) < SKEW**2 / (1 + SKEW**2)
    return np.where(bad, plain * SKEW, -plain / SKEW)


def law(kind: str, level: float) -> tuple[float, float]:
    """VaR and CVaR of one innovation, in its own units."""
    if kind == "Student-t":
        return student(level)
    # Beyond zero the density is that of the t stretched by SKEW, with mass SKEW^2 / (1 + SKEW^2).
    mass = SKEW**2 / (1 + SKEW**2)
    inner = 1 - (1 - level) / (2 * mass)
    q = stats.t.ppf(inner, DOF)
    return SKEW * q, SKEW * stats.t.pdf(q, DOF) * (DOF + q**2) / ((DOF - 1) * (1 - inner))


def one(number: int, kind: str, days: int, level: float) -> tuple[list[float], list[float]]:
    """p-values by simulation and of the textbook (NaN where there is none), of one simulated series."""
    rng = np.random.default_rng([number, days, round(1e4 * level), kind == "Student-t"])
    burn = 300
    if kind == "Student-t":
        z = rng.standard_t(DOF, burn + days) * np.sqrt((DOF - 2) / DOF)
    else:
        z = skewed(rng, burn + days) * 0.7
    var_z, cvar_z = law(kind, level)
    unit = 1.0 if kind == "Student-t" else 0.7
    variance, losses, sigma = 1e-4, np.empty(burn + days), np.empty(burn + days)
    for t in range(burn + days):
        sigma[t] = np.sqrt(variance)
        losses[t] = sigma[t] * z[t]
        variance = OMEGA + (ALPHA + GAMMA * (losses[t] > 0)) * losses[t] ** 2 + BETA * variance
    losses, sigma = losses[burn:], sigma[burn:]
    found = validate(
        losses, unit * var_z * sigma, unit * cvar_z * sigma, level=level, draws=DRAWS, seed=number
    )
    textbook = [np.nan if test.asymptotic is None else test.asymptotic for test in found.tests]
    return [test.p_value for test in found.tests], textbook


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--simulations", type=int, default=10_000)
    parser.add_argument("--resume", action="store_true", help="keep the columns that the last run wrote")
    parser.add_argument("--laws", nargs="*", default=["Student-t", "skewed"], help="of the innovations")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    record = Record(
        "risk_test_sizes", "Sizes of the tests of VaR and CVaR", simulations=arguments.simulations
    )
    record.say(
        f"Share of {arguments.simulations:,} simulated series whose forecasts are exactly right that each test rejects "
        f"at a nominal 5%. The variance is a GJR-GARCH ({ALPHA}, {GAMMA}, {BETA}); innovations are Student-t with "
        f"{DOF:g} degrees of freedom, or a skewed Student-t (skewness parameter {SKEW}) whose law is not the one that "
        "the tests assume of the sizes of losses. In brackets the rejections by the chi-squared law of the textbook. "
        f"p-values are ranks among {DRAWS} simulated series, so that a right test rejects 5% with a standard error of "
        f"{np.sqrt(0.05 * 0.95 / arguments.simulations):.2%}."
    )
    introduction = record.lines
    columns = earlier(record.name) if arguments.resume else {}
    names = [test.name for test in validate(np.arange(99.0), 90.0, 95.0, 0.95, draws=19).tests]
    with ProcessPoolExecutor(arguments.cores) as pool:
        for kind, level, days in itertools.product(arguments.laws, (0.975, 0.99), DAYS):
            key = f"{kind}, {level:.1%}"
            if (key, days) not in columns and (kind, level) != ("skewed", 0.99):
                job = partial(one, kind=kind, days=days, level=level)
                found = list(pool.map(job, range(arguments.simulations), chunksize=100))
                columns[key, days] = shares(*(np.array(x) for x in zip(*found, strict=True)))
                print(key, days, columns[key, days], file=sys.stderr, flush=True)
                write(record, introduction, names, columns)
    write(record, introduction, names, columns)


def shares(simulated: Array, textbook: Array) -> list[str]:
    """Rejections at 5%, with those of the textbook in brackets."""
    size, old = (simulated <= 0.05).mean(axis=0), (textbook < 0.05).mean(axis=0)
    known = ~np.isnan(textbook).all(axis=0)
    return [f"{s:.1%}" + (f" ({o:.1%})" if k else "") for s, o, k in zip(size, old, known, strict=True)]


def earlier(name: str) -> dict[tuple[str, int], list[str]]:
    """Columns of a study that was stopped."""
    path = RESULTS / f"{name}.json"
    tables = json.loads(path.read_text()) if path.is_file() else {}
    return {
        (key, days): [row[f"T = {days}"] for row in rows]
        for key, rows in tables.items()
        if key != "provenance"
        for days in DAYS
        if f"T = {days}" in rows[0]
    }


def write(
    record: Record, introduction: list[str], names: list[str], columns: dict[tuple[str, int], list[str]]
) -> None:
    """The page with the columns so far."""
    record.lines, record.numbers = list(introduction), {}
    for key in dict.fromkeys(key for key, _ in columns):
        days = [d for d in DAYS if (key, d) in columns]
        rows = [[name, *(columns[key, d][k] for d in days)] for k, name in enumerate(names)]
        record.table(key, [key, *(f"T = {d}" for d in days)], rows)
    sizes = [float(cell.split("%")[0]) for column in columns.values() for cell in column]
    record.say(f"{sum(4 <= s <= 6 for s in sizes)} of {len(sizes)} cells lie between 4% and 6%.")
    record.write()


if __name__ == "__main__":
    main()
