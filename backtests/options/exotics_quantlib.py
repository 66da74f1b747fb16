"""QuantLib's prices of the exotics in the studies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import QuantLib as ql  # noqa: N813

from riskengine import options

TODAY, COUNT = ql.Date(1, 1, 2024), ql.Actual360()
YEAR = 360
"""Days of a year in these studies, so that twelve months are equally long."""


def heston_process(p: options.HestonParams, spot: float, rate: float, count: Any = COUNT) -> Any:
    """Heston's model without dividends."""
    ql.Settings.instance().evaluationDate = TODAY
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(TODAY, r, count)) for r in (rate, 0.0)]
    return ql.HestonProcess(*curves, ql.QuoteHandle(ql.SimpleQuote(spot)), *p)


def black_process(p: options.BlackScholesParams, spot: float, rate: float) -> Any:
    """Black and Scholes without dividends."""
    ql.Settings.instance().evaluationDate = TODAY
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(TODAY, r, COUNT)) for r in (0.0, rate)]
    surface = ql.BlackConstantVol(TODAY, ql.NullCalendar(), p.volatility, COUNT)
    volatility = ql.BlackVolTermStructureHandle(surface)
    return ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(spot)), *curves, volatility)


def barrier_price(p: Any, spot: float, rate: float, strike: float, barrier: float) -> float:
    """Up-and-out call of a year: closed form, or finite differences under Heston."""
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, strike)
    option = ql.BarrierOption(ql.Barrier.UpOut, barrier, 0.0, payoff, ql.EuropeanExercise(TODAY + YEAR))
    if isinstance(p, options.HestonParams):
        model = ql.HestonModel(heston_process(p, spot, rate))
        option.setPricingEngine(ql.FdHestonBarrierEngine(model, 200, 400, 100))
    else:
        option.setPricingEngine(ql.AnalyticBarrierEngine(black_process(p, spot, rate)))
    return float(option.NPV())


def asian_price(p: Any, spot: float, rate: float, strike: float, fixings: int, samples: int = 2**15) -> float:
    """Arithmetic call of a year: finite differences, or simulation with the geometric control under Heston."""
    if isinstance(p, options.HestonParams):
        return asian_simulated(p, spot, rate, strike, fixings, 1, samples)[0]
    dates = [TODAY + round(YEAR * (k + 1) / fixings) for k in range(fixings)]
    option = ql.DiscreteAveragingAsianOption(
        ql.Average.Arithmetic, 0.0, 0, dates, ql.PlainVanillaPayoff(ql.Option.Call, strike),
        ql.EuropeanExercise(dates[-1]),
    )  # fmt: skip
    option.setPricingEngine(ql.FdBlackScholesAsianEngine(black_process(p, spot, rate), 200, 400, 200))
    return float(option.NPV())


def asian_simulated(
    p: options.HestonParams, spot: float, rate: float, strike: float, fixings: int, years: int, samples: int
) -> tuple[float, float]:
    """Arithmetic call under Heston by simulation with its control variate and antithetic paths, and its error."""
    dates = [TODAY + round(years * YEAR * (k + 1) / fixings) for k in range(fixings)]
    option = ql.DiscreteAveragingAsianOption(
        ql.Average.Arithmetic, 0.0, 0, dates, ql.PlainVanillaPayoff(ql.Option.Call, strike),
        ql.EuropeanExercise(dates[-1]),
    )  # fmt: skip
    process = heston_process(p, spot, rate)
    option.setPricingEngine(
        ql.MCPRDiscreteArithmeticAPHestonEngine(
            process, antitheticVariate=True, controlVariate=True, requiredSamples=samples, seed=1
        )
    )
    return float(option.NPV()), float(option.errorEstimate())


def difference(
    price: Callable[..., float], p: Any, spot: float, rate: float, terms: tuple[float, ...]
) -> dict[str, float]:
    """Delta, gamma and vega by central differences."""
    h = 0.01 * spot if isinstance(p, options.HestonParams) and price is asian_price else 0.002 * spot
    down, here, up = (price(p, spot + side * h, rate, *terms) for side in (-1, 0, 1))
    volatility = p.v0**0.5 if isinstance(p, options.HestonParams) else p.volatility
    w = 0.005

    def at(level: float) -> float:
        moved = (
            p._replace(v0=level**2) if isinstance(p, options.HestonParams) else p._replace(volatility=level)
        )
        return price(moved, spot, rate, *terms)

    return {
        "delta": (up - down) / (2 * h),
        "gamma": (up - 2 * here + down) / h**2,
        "vega": (at(volatility + w) - at(volatility - w)) / (2 * w),
    }
