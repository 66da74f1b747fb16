"""Term sheets of docs/term_sheets, each against a price that shares nothing with the engine but the terms.

Closed forms, QuantLib, or a plain loop over simulated paths: exact steps under Black and Scholes, fine Euler steps with
truncated variances under Heston.
"""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

import numpy as np
import pytest

from riskengine import options
from riskengine.desk import read_terms

SHEETS = Path(__file__).parents[2] / "docs" / "term_sheets"
PATHS = 200_000


def engine(name: str) -> options.MonteCarloResult:
    terms = read_terms(SHEETS / f"{name}.toml")
    product = terms.product
    return options.monte_carlo(
        terms.params, product, 2**16, greeks=(), curves=terms.curves_for(product), **terms.market
    )


def agree(found: options.MonteCarloResult, values: np.ndarray | float, error: float = 0.0) -> None:
    """Within three standard errors of both together."""
    mean = float(np.mean(values))
    if np.ndim(values):
        error = float(np.std(values) / np.sqrt(len(values)))  # type: ignore[arg-type]
    assert abs(found.price - mean) < 3 * np.hypot(found.error, error), (found.price, found.error, mean, error)


def lognormal(times, volatility, forward, seed=1, paths=PATHS):
    """Exact paths (times, paths) with mirrored normals; ``forward`` of each time."""
    rng = np.random.default_rng(seed)
    w, before, rows = np.zeros(paths), 0.0, []
    for t in times:
        z = rng.standard_normal(paths // 2)
        w = w + np.sqrt(t - before) * np.concatenate([z, -z])
        rows.append(forward(t) * np.exp(volatility * w - volatility**2 * t / 2))
        before = t
    return np.array(rows)


def heston(times, p, spot, carry, seed=1, paths=60_000, steps=1000):
    """Full-truncation Euler, paths (times, paths); so many steps a year."""
    rng = np.random.default_rng(seed)
    x, v, before, rows = np.full(paths, np.log(spot)), np.full(paths, p["v0"]), 0.0, []
    for t in times:
        count = max(1, round((t - before) * steps))
        dt = (t - before) / count
        for _ in range(count):
            a, b = (np.concatenate([z, -z]) for z in rng.standard_normal((2, paths // 2)))
            plus = np.maximum(v, 0)
            x = x + (carry - plus / 2) * dt + np.sqrt(plus * dt) * a
            wv = p["rho"] * a + np.sqrt(1 - p["rho"] ** 2) * b
            v = v + p["kappa"] * (p["theta"] - plus) * dt + p["sigma"] * np.sqrt(plus * dt) * wv
        rows.append(np.exp(x))
        before = t
    return np.array(rows)


def note(ratio, seen, discount, level, coupon, coupon_level, last, missed=0, notional=100.0):
    """Present value of an autocallable with memory, path by path in plain words; ``last`` is paid at maturity."""
    value, alive, due = (
        np.zeros(ratio.shape[1]),
        np.ones(ratio.shape[1]),
        np.full(ratio.shape[1], float(missed)),
    )
    for k, row in enumerate(seen):
        now = ratio[row]
        due = due + 1
        earned = now >= coupon_level[k]
        value += alive * earned * due * coupon * notional * discount[k]
        due = np.where(earned, 0, due)
        called = alive * (now >= level[k])
        value += called * notional * discount[k]
        alive = alive - called
    return value + alive * last * notional * discount[-1]


def business_days(start, end):
    import holidays

    closed = holidays.financial_holidays("NYSE", years=range(2020, 2028))
    day, found = start, []
    while day < end:
        day += datetime.timedelta(1)
        if day.weekday() < 5 and day not in closed:
            found.append(day)
    return found


@pytest.mark.slow
def test_autocallable_with_memory_dates_dividends_and_a_payment_lag():
    today, end = datetime.date(2024, 3, 18), datetime.date(2026, 3, 16)
    open_days = business_days(today, end + datetime.timedelta(30))
    months = [(2024, 6), (2024, 9), (2024, 12), (2025, 3), (2025, 6), (2025, 9), (2025, 12), (2026, 3)]
    seen = [next(day for day in open_days if day >= datetime.date(y, m, 16)) for y, m in months]
    paid = [open_days[open_days.index(day) + 5] for day in seen]
    assert seen[3] == datetime.date(2025, 3, 17)  # the 16th is a Sunday
    t, pay = (np.array([(day - today).days / 365 for day in days]) for days in (seen, paid))
    rate = 0.045
    cash = [
        (datetime.date(2024, 6, 7), 1.1),
        (datetime.date(2024, 12, 6), 1.2),
        (datetime.date(2025, 6, 6), 1.2),
    ]
    due = [((day - today).days / 365, amount) for day, amount in cash]
    spot = 98.0 - sum(amount * np.exp(-rate * s) for s, amount in due)
    bare = lognormal(t, 0.22, lambda s: spot * np.exp(rate * s))
    whole = np.array(
        [
            row + sum(a * np.exp(-rate * (s - now)) for s, a in due if s > now)
            for row, now in zip(bare, t, strict=True)
        ]
    )
    ratio = whole / 100
    last = np.where(ratio[-1] >= 0.6, 1.0, ratio[-1])
    values = note(ratio, range(8), np.exp(-rate * pay), [1.0] * 8, 0.021, [0.7] * 8, last, 1, 1000.0)
    agree(engine("autocallable_memory"), values)


@pytest.mark.slow
def test_autocallable_whose_levels_step_down_under_heston():
    p = {"v0": 0.05, "kappa": 2.0, "theta": 0.05, "sigma": 0.7, "rho": -0.65}
    t = np.array([0.25, 0.5, 0.75, 1.0])
    ratio = heston(t, p, 1.0, 0.02)
    last = np.where(ratio[-1] >= 0.75, 1.0, ratio[-1])
    values = note(ratio, range(4), np.exp(-0.03 * t), [1.0, 0.97, 0.94, 0.9], 0.02, [0.75] * 4, last)
    agree(engine("autocallable_stepdown"), values)


@pytest.mark.slow
def test_autocallable_watched_daily_with_a_geared_put_and_a_curve():
    knots, rates = [0.25, 0.5, 1.0, 1.5, 3.0], [0.05, 0.047, 0.042, 0.04, 0.038]
    count = 378
    t = 1.5 * np.arange(1, count + 1) / count

    def total(s):
        return np.interp(s, knots, rates) * s

    ratio = lognormal(t, 0.25, lambda s: np.exp(total(s) - 0.02 * s), paths=60_000)
    breached = (ratio < 0.7).any(axis=0)
    last = 1 - 1.1111111 * breached * np.maximum(0.9 - ratio[-1], 0)
    seen = [125, 251, 377]
    values = note(ratio, seen, np.exp(-total(t[seen])), [1.0] * 3, 0.03, [0.85, 0.8, 0.8], last)
    agree(engine("autocallable_daily"), values)


@pytest.mark.slow
def test_daily_up_and_out_call_of_business_days():
    today, end = datetime.date(2024, 3, 15), datetime.date(2024, 9, 20)
    days = business_days(today, end)
    t = np.array([(day - today).days / 365 for day in days])
    path = lognormal(t, 0.2, lambda s: 100 * np.exp(0.03 * s), paths=100_000)
    hit = path >= 125
    first = np.where(hit.any(axis=0), np.argmax(hit, axis=0), -1)
    paid = np.where(
        first >= 0, np.exp(-0.04 * t[first]), np.exp(-0.04 * t[-1]) * np.maximum(path[-1] - 100, 0)
    )
    agree(engine("barrier_daily"), paid)


@pytest.mark.slow
def test_daily_down_and_in_put_under_heston():
    p = {"v0": 0.04, "kappa": 3.0, "theta": 0.05, "sigma": 0.6, "rho": -0.7}
    t = 0.5 * np.arange(1, 127) / 126
    path = heston(t, p, 100.0, 0.02, steps=1008)
    hit = (path <= 80).any(axis=0)
    agree(engine("barrier_daily_put"), np.exp(-0.015) * hit * np.maximum(100 - path[-1], 0))


@pytest.mark.slow
def test_double_barrier_of_quantlib():
    ql = pytest.importorskip("QuantLib", reason="the oracle of double barriers is QuantLib")
    today, count = ql.Date(1, 1, 2024), ql.Actual360()
    ql.Settings.instance().evaluationDate = today
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, count)) for r in (0.01, 0.03)]
    flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.2, count))
    process = ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(100.0)), *curves, flat)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, 100.0)
    option = ql.DoubleBarrierOption(
        ql.DoubleBarrier.KnockOut, 80.0, 130.0, 0.0, payoff, ql.EuropeanExercise(today + 180)
    )
    option.setPricingEngine(ql.AnalyticDoubleBarrierEngine(process))
    agree(engine("double_barrier"), option.NPV())


@pytest.mark.slow
def test_worst_of_three():
    matrix = np.linalg.cholesky([[1.0, 0.6, 0.4], [0.6, 1.0, 0.5], [0.4, 0.5, 1.0]])
    volatility, dividend = np.array([0.2, 0.28, 0.24]), np.array([0.01, 0.02, 0.0])
    start = np.array([102.0 / 100, 47.0 / 50, 210.0 / 200])
    rng, x, rows = np.random.default_rng(3), np.zeros((3, PATHS)), []
    for k in range(4):
        z = rng.standard_normal((3, PATHS // 2))
        x = x + 0.5 * matrix @ np.concatenate([z, -z], axis=1)
        t = 0.25 * (k + 1)
        growth = (0.03 - dividend - volatility**2 / 2) * t
        rows.append(np.min(start[:, None] * np.exp(growth[:, None] + volatility[:, None] * x), axis=0))
    ratio = np.array(rows)
    t = np.array([0.25, 0.5, 0.75, 1.0])
    last = np.where(ratio[-1] >= 0.65, 1.0, ratio[-1])
    agree(
        engine("worst_of_three"), note(ratio, range(4), np.exp(-0.03 * t), [1.0] * 4, 0.03, [0.7] * 4, last)
    )


@pytest.mark.slow
def test_cliquet():
    t = np.arange(1, 13) / 12
    path = np.vstack([np.full(PATHS, 100.0), lognormal(t, 0.18, lambda s: 100 * np.exp(0.02 * s))])
    total = np.sum(np.clip(path[1:] / path[:-1] - 1, -0.02, 0.02), axis=0)
    agree(engine("cliquet"), np.exp(-0.03) * 100 * np.maximum(total, 0))


@pytest.mark.slow
def test_seasoned_asian_with_a_dividend_in_cash():
    t, past = 0.5 * np.arange(1, 7) / 6, [97.0, 99.5, 101.2, 103.0, 98.4, 99.9]
    spot = 100 - 2.5 * np.exp(-0.03 * 0.3)
    bare = lognormal(t, 0.3, lambda s: spot * np.exp(0.03 * s))
    whole = bare + np.where(t < 0.3, 2.5 * np.exp(-0.03 * (0.3 - t)), 0.0)[:, None]
    average = (sum(past) + whole.sum(axis=0)) / 12
    agree(engine("asian_seasoned"), np.exp(-0.015) * np.maximum(average - 100, 0))


@pytest.mark.slow
def test_one_touch_has_its_closed_form():
    """Reiner and Rubinstein (1991)."""
    from scipy.stats import norm

    s, b, t, r, q, v = 100.0, 120.0, 0.5, 0.03, 0.01, 0.2
    mu = (r - q) / v**2 - 0.5
    lam, root = np.sqrt(mu**2 + 2 * r / v**2), v * np.sqrt(t)
    z = np.log(b / s) / root + lam * root
    value = 10 * (b / s) ** (mu + lam) * norm.cdf(-z) + 10 * (b / s) ** (mu - lam) * norm.cdf(
        -z + 2 * lam * root
    )
    agree(engine("one_touch"), value)


@pytest.mark.slow
def test_several_trades():
    terms = read_terms(SHEETS / "several.toml")
    found = {
        trade.label: options.monte_carlo(terms.params, trade.product, 2**15, greeks=(), **terms.market)
        for trade in terms.trades
    }
    half = 0.5
    forward = (
        np.exp(-0.01 * half)
        * np.exp(-0.03 * half)
        * options.black_price(100 * np.exp(0.02 * half), 102.0, half, 0.2)
    )
    agree(found["Forward start"], float(forward))
    hedge = np.exp(-0.03 * half) * options.black_price(100 * np.exp(0.02 * half), 105.0, half, 0.2)
    agree(found["Hedge"], float(hedge), 1e-6)
    # the window from a fine loop with a bridge
    rng, paths, steps = np.random.default_rng(5), 40_000, 100
    z = rng.standard_normal((2, paths // 2))
    x = np.log(100.0) + 0.0 * np.concatenate([z[0], -z[0]])
    x = x + (0.02 - 0.02) * 0.25 + 0.1 * np.concatenate([z[0], -z[0]])
    alive = np.where(x < np.log(115.0), 1.0, 0.0)
    for _ in range(steps):
        e = rng.standard_normal(paths // 2)
        new = x + 0.2 * np.sqrt(0.25 / steps) * np.concatenate([e, -e])
        room = np.maximum(np.log(115.0) - x, 0) * np.maximum(np.log(115.0) - new, 0)
        alive *= 1 - np.exp(-2 * room / (0.04 * 0.25 / steps))
        x = new
    agree(found["Window barrier"], np.exp(-0.015) * alive * np.maximum(np.exp(x) - 100, 0))


def test_every_sheet_is_read():
    sheets = sorted(SHEETS.glob("*.toml"))
    assert len(sheets) >= 11
    for sheet in sheets:
        terms = read_terms(sheet)
        assert all(trade.product.maturity > 0 for trade in terms.trades)
        times = terms.product.times()
        assert all(a < b for a, b in itertools.pairwise(times))


@pytest.mark.slow
def test_the_amazon_note_of_march_2020():
    """Watched daily, not called at the first review date, no memory, paid two business days later."""
    today, end = datetime.date(2020, 3, 13), datetime.date(2021, 6, 14)
    open_days = business_days(today, end + datetime.timedelta(10))
    seen = [datetime.date(2020, m, d) for m, d in ((6, 15), (9, 14), (12, 14))] + [
        datetime.date(2021, 3, 15),
        end,
    ]
    pay = np.array([(open_days[open_days.index(day) + 2] - today).days / 365 for day in seen])
    t = np.array([(day - today).days / 365 for day in seen])
    count = round(252 * t[-1])
    daily = t[-1] * np.arange(1, count + 1) / count
    times = np.union1d(t, daily[:-1])
    ratio = lognormal(times, 0.35, lambda s: np.exp(0.006 * s), paths=40_000)
    breached = (ratio[np.isin(times, daily) | (times == t[-1])] < 0.7).any(axis=0)
    value, alive = np.zeros(ratio.shape[1]), np.ones(ratio.shape[1])
    for k, when in enumerate(t):
        now, discount = ratio[np.searchsorted(times, when)], np.exp(-0.006 * pay[k])
        value += alive * discount * 19.125 * (now >= 0.7)
        if 0 < k < 4:
            called = now >= 1
            value += alive * discount * 1000 * called
            alive = alive * ~called
    value += alive * np.exp(-0.006 * pay[-1]) * 1000 * np.where(breached & (ratio[-1] < 1), ratio[-1], 1.0)
    agree(engine("amazon_2020"), value)
