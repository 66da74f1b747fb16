"""Heston on a whole chain against the best of QuantLib from twelve starts, both judged by converged quadrature.

    python -m backtests.options.chain_quantlib [--data ../shared/data]

Every out-of-the-money quote with a bid of the S&P 500 chain of 2022-04-01, maturities in whole days. QuantLib minimises
the same errors in implied volatility by its Levenberg-Marquardt, with 192 nodes. About ten minutes on a core.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import QuantLib as ql  # noqa: N813

from backtests.record import Record
from riskengine import options
from riskengine.options import HestonParams, Quotes

SPOT = 4545.86
STARTS = (
    (0.04, 2, 0.04, 0.5, -0.5), (0.02, 1, 0.06, 0.3, -0.7), (0.05, 5, 0.05, 1.5, -0.7), (0.1, 0.5, 0.1, 0.8, -0.3),
    (0.03, 10, 0.05, 3, -0.6), (0.02, 3, 0.09, 1, -0.8), (0.06, 1.5, 0.03, 0.6, -0.9), (0.01, 8, 0.06, 2, -0.4),
    (0.08, 4, 0.08, 0.4, -0.2), (0.03, 0.8, 0.12, 1.2, -0.7), (0.05, 15, 0.05, 4, -0.5), (0.02, 2.5, 0.07, 0.9, 0.0),
)  # fmt: skip


def quantlib_fit(quotes: Quotes, start: tuple[float, ...]) -> HestonParams:
    """QuantLib's optimum from a start; maturities are rounded to days."""
    today = ql.Date(1, 4, 2022)
    ql.Settings.instance().evaluationDate = today
    zero = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    process = ql.HestonProcess(zero, zero, ql.QuoteHandle(ql.SimpleQuote(1.0)), *start)
    model = ql.HestonModel(process)
    engine = ql.AnalyticHestonEngine(model, 192)
    helpers = []
    for k in np.flatnonzero(quotes.usable):
        helper = ql.HestonModelHelper(
            ql.Period(round(quotes.maturity[k] * 365), ql.Days),
            ql.NullCalendar(),
            1.0,
            float(quotes.strike[k] / quotes.forward[k]),
            ql.QuoteHandle(ql.SimpleQuote(float(quotes.volatility[k]))),
            zero,
            zero,
            ql.BlackCalibrationHelper.ImpliedVolError,
        )
        helper.setPricingEngine(engine)
        helpers.append(helper)
    model.calibrate(
        helpers, ql.LevenbergMarquardt(1e-8, 1e-8, 1e-8), ql.EndCriteria(200, 50, 1e-8, 1e-8, 1e-8)
    )
    theta, kappa, sigma, rho, v0 = model.params()
    return HestonParams(v0, kappa, theta, sigma, rho)


def true_error(params: HestonParams, quotes: Quotes) -> float:
    """Root mean squared, in volatility points, by converged quadrature."""
    used = quotes.take(quotes.usable)
    kind = np.where(used.strike > used.forward, "call", "put")
    price = options.heston_price(params, used.forward, used.strike, used.maturity, kind=kind)
    model = options.implied_volatility(price, used.forward, used.strike, used.maturity, kind)
    return float(np.sqrt(np.nanmean((100 * (model - used.volatility)) ** 2)))


def best_of_quantlib(quotes: Quotes) -> float:
    """Least error from all starts that end."""
    errors = []
    for start in STARTS:
        try:
            errors.append(true_error(quantlib_fit(quotes, start), quotes))
        except RuntimeError:  # QuantLib gives up
            continue
    return min(errors)


def whole_chain(path: Path) -> Quotes:
    """The chain with maturities in whole days."""
    quotes = options.read_quotes(path, spot=SPOT)
    days = np.round(quotes.maturity * 365) / 365
    return Quotes.of_volatilities(
        quotes.strike, days, quotes.volatility, bid=quotes.bid, ask=quotes.ask, forward=quotes.forward
    )


def main(data: Path) -> None:
    """Fit, time and record."""
    record = Record("chain_quantlib", "Heston on a whole chain, against QuantLib from twelve starts")
    quotes = whole_chain(data / "options" / "spx_2022-04-01.csv.gz")
    options.calibrate_heston(quotes)  # compiles
    begun = time.perf_counter()
    fit = options.calibrate_heston(quotes)
    rows = [_row("riskengine", fit.params, quotes, time.perf_counter() - begun, fit.rmse)]
    for start in STARTS:
        begun = time.perf_counter()
        params = quantlib_fit(quotes, start)
        rows.append(_row(f"QuantLib from {start}", params, quotes, time.perf_counter() - begun))
    headings = ["who", "error, points", "reported", "seconds", *HestonParams._fields]
    record.say(
        f"{int(quotes.usable.sum())} quotes of {len(np.unique(quotes.maturity))} expiries. The error is that of the "
        "parameters by converged quadrature. Compiling is left out of the first row's seconds."
    )
    record.table("fits", headings, rows)
    record.write()


def _row(
    who: str, params: HestonParams, quotes: Quotes, seconds: float, reported: float = float("nan")
) -> list[object]:
    told = "" if np.isnan(reported) else f"{reported:.6f}"
    return [
        who,
        f"{true_error(params, quotes):.6f}",
        told,
        f"{seconds:.1f}",
        *(f"{leaf:.5f}" for leaf in params),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the shared data")
    main(parser.parse_args().data)
