"""Heston on whole chains against the best of QuantLib from twelve starts, both judged by converged quadrature.

    python -m backtests.options.chain_quantlib [--data ../shared/data] [--only SPX]

Every out-of-the-money quote with a bid, maturities in whole days: DAX 2002, the SVI slices of the S&P 500 of 2005, its
chain of 2022, six expiries of that as CBOE lays them out, and a simulated chain of bitcoin as Deribit lays it out.
QuantLib minimises the same errors in implied volatility by its Levenberg-Marquardt, with 192 nodes. About twelve
minutes on a core.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import QuantLib as ql  # noqa: N813

from backtests.arguments import study_parser
from backtests.options.precalibration import svi
from backtests.options.vendor_chains import cboe_chain, deribit_chain
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


def whole_days(quotes: Quotes) -> Quotes:
    """The same quotes with maturities in whole days, as QuantLib's helpers take them."""
    return Quotes.of_volatilities(
        quotes.strike,
        np.maximum(np.round(quotes.maturity * 365), 1) / 365,
        quotes.volatility,
        bid=quotes.bid,
        ask=quotes.ask,
        forward=quotes.forward,
    )


def whole_chain(path: Path) -> Quotes:
    """The index's chain with maturities in whole days."""
    return whole_days(options.read_quotes(path, spot=SPOT))


def chains(data: Path) -> dict[str, Callable[[], Quotes]]:
    """Every chain, by name; those after vendors are written, and read again."""
    folder = Path(tempfile.mkdtemp())
    return {
        "DAX 2002-07-05": lambda: whole_days(options.read_quotes(data / "options/dax_2002-07-05.csv")),
        "SPX 2005-09-15 (SVI)": lambda: whole_days(svi(data / "options/spx_2005-09-15_svi.csv")),
        "SPX after CBOE": lambda: whole_days(cboe_chain(data, folder)),
        "BTC after Deribit": lambda: whole_days(deribit_chain(folder)),
        "SPX 2022-04-01": lambda: whole_chain(data / "options/spx_2022-04-01.csv.gz"),
    }


def main() -> None:
    """Fit, time and record; with ``--only`` the chains whose names begin so, beside what the last run wrote."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the shared data")
    parser.add_argument("--only", default="", help="beginning of the names of the chains to run again")
    arguments = parser.parse_args()
    data, only = arguments.data, arguments.only
    record = Record("chain_quantlib", "Heston on whole chains, against QuantLib from twelve starts")
    before = {row["chain"]: row for row in record.earlier().get("chains", []) if "chain" in row}
    rows = {}
    for name, read in chains(data).items():
        if name.startswith(only):
            rows[name] = compare(name, read())
            print(rows[name], flush=True)
        elif name in before:
            rows[name] = list(before[name].values())
    record.say(
        "Every quote out of the money with a bid, maturities in whole days. Both minimise the same errors in implied "
        "volatility; the error is that of the parameters by converged quadrature, in volatility points. The ratio is "
        "of this engine's error to the best of twelve starts of QuantLib, whose Levenberg-Marquardt uses 192 nodes. "
        "Seconds are of processor time in one process, compiling left out; QuantLib's are the median of its starts, "
        "the quickest and all of them. Of the starts that gave up there is no time."
    )
    record.table("chains", HEADINGS, list(rows.values()))
    record.write()


HEADINGS = [
    "chain", "quotes", "expiries", "error", "reported", "QuantLib's best", "ratio", "its worst", "gave up", "status",
    "inside bid-ask", "seconds", "QuantLib's median", "quickest", "all twelve",
]  # fmt: skip


def compare(name: str, quotes: Quotes) -> list[object]:
    """One chain: this engine, and QuantLib from every start."""
    options.calibrate_heston(quotes)  # compiles
    begun = time.process_time()
    fit = options.calibrate_heston(quotes)
    mine = time.process_time() - begun
    errors, seconds = [], []
    for start in STARTS:
        begun = time.process_time()
        try:
            params = quantlib_fit(quotes, start)
        except RuntimeError:  # QuantLib gives up
            continue
        seconds.append(time.process_time() - begun)
        errors.append(true_error(params, quotes))
    error = true_error(fit.params, quotes)
    inside = fit.quality.inside
    return [
        name,
        int(quotes.usable.sum()),
        len(np.unique(quotes.maturity[quotes.usable])),
        f"{error:.6f}",
        f"{fit.rmse:.6f}",
        f"{min(errors):.6f}",
        f"{error / min(errors):.6f}",
        f"{max(errors):.4f}",
        len(STARTS) - len(errors),
        str(fit.status),
        "" if np.isnan(inside) else f"{inside:.0%}",
        f"{mine:.2f}",
        *(f"{figure:.2f}" for figure in (np.median(seconds), min(seconds), sum(seconds))),
    ]


if __name__ == "__main__":
    main()
