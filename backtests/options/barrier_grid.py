"""Whose bias it is: barriers watched at all times under Heston, by finer steps here and finer grids in QuantLib.

    python -m backtests.options.barrier_grid

QuantLib's finite differences on four grids, each twice as fine in time, spot and variance, and what they extrapolate
to; this engine's Brownian bridge with a variance that is constant within a step, at 126, 252 and 504 steps a year.
About three minutes on a core.
"""

from __future__ import annotations

import numpy as np
import QuantLib as ql  # noqa: N813

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import options

GRIDS = ((50, 100, 25), (100, 200, 50), (200, 400, 100), (400, 800, 200))
STEPS = (126, 252, 504)
SEEDS, PATHS = 4, 2**18
TODAY = ql.Date(1, 1, 2024)
CASES = {
    "up-and-out call, barrier 135, Feller .46": (
        options.HestonParams(0.04, 2.5, 0.04, 0.66, -0.8), options.Barrier(100.0, 135.0, 1.0), 0.05, 0.0,
    ),
    "down-and-out put, barrier 80, Feller .2": (
        options.HestonParams(0.04, 2.0, 0.05, 1.0, -0.7),
        options.Barrier(100.0, 80.0, 1.0, "down", "out", "put"), 0.03, 0.01,
    ),
    "down-and-out put, barrier 80, Feller 2": (
        options.HestonParams(0.04, 2.0, 0.05, 0.1**0.5, -0.7),
        options.Barrier(100.0, 80.0, 1.0, "down", "out", "put"), 0.03, 0.01,
    ),
}  # fmt: skip


def on_grid(
    p: options.HestonParams, product: options.Barrier, rate: float, dividend: float, grid: tuple[int, ...]
) -> float:
    """QuantLib's price: steps of time, of spot and of variance."""
    ql.Settings.instance().evaluationDate = TODAY
    count = ql.Actual365Fixed()
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(TODAY, r, count)) for r in (rate, dividend)]
    process = ql.HestonProcess(*curves, ql.QuoteHandle(ql.SimpleQuote(100.0)), *p)
    up, call = product.direction == "up", product.kind == "call"
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, product.strike)
    side = ql.Barrier.UpOut if up else ql.Barrier.DownOut
    option = ql.BarrierOption(side, product.barrier, 0.0, payoff, ql.EuropeanExercise(TODAY + 365))
    option.setPricingEngine(ql.FdHestonBarrierEngine(ql.HestonModel(process), *grid))
    return float(option.NPV())


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    record = Record("barrier_grid", "Barriers watched at all times under Heston: whose bias it is")
    rows, own = [], []
    for name, (p, product, rate, dividend) in CASES.items():
        grid = [on_grid(p, product, rate, dividend, one) for one in GRIDS]
        last, before = grid[-1] - grid[-2], grid[-2] - grid[-3]
        shrink = before / last  # 2 where the error is of first order, 4 where of second
        end = grid[-1] + last / (min(max(shrink, 2.0), 4.0) - 1)
        rows.append([name, *(f"{value:.4f}" for value in grid), f"{shrink:.1f}", f"{end:.4f}"])
        for steps in STEPS:
            found = [
                options.monte_carlo(
                    p, product, PATHS, seed, rate=rate, dividend=dividend, steps=steps, greeks=()
                )
                for seed in range(SEEDS)
            ]
            price = float(np.mean([one.price for one in found]))
            error = float(np.sqrt(np.mean([one.error**2 for one in found]) / SEEDS))
            own.append(
                [
                    name,
                    steps,
                    f"{price:.4f}",
                    f"{error:.4f}",
                    f"{price - end:+.4f}",
                    f"{(price - end) / error:+.1f}",
                ]
            )
            print(own[-1], flush=True)
    record.say(
        "QuantLib's finite differences; steps of time, spot and variance. The last column goes on from the last two "
        "grids by the order that three show, between first and second."
    )
    headings = ["product", *("x".join(map(str, grid)) for grid in GRIDS), "shrinks by", "extrapolated"]
    record.table("grid", headings, rows)
    record.say(
        f"This engine, {SEEDS} times {PATHS:,} paths, and its distance from the extrapolated grid, whose own error "
        "is in no standard error."
    )
    record.table("steps", ["product", "steps a year", "price", "s.e.", "less grid", "in s.e."], own)
    record.write()


if __name__ == "__main__":
    main()
