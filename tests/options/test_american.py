"""American options against QuantLib; Bachelier's formula and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import options
from riskengine.options.american import american_price, european_premium


def market(n=150):
    rng = np.random.default_rng(0)
    strike, days = 100 * np.exp(rng.uniform(-0.3, 0.3, n)), rng.integers(5, 900, n)
    volatility, rate, dividend = rng.uniform(0.1, 0.6, n), rng.uniform(0, 0.08, n), rng.uniform(0, 0.06, n)
    return strike, days, volatility, rate, dividend, rng.choice(["call", "put"], n)


def quantlib(strike, days, volatility, rate, dividend, kind):
    ql = pytest.importorskip("QuantLib", reason="the oracle of American prices is QuantLib")
    today, count = ql.Date(1, 4, 2022), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, float(x), count)) for x in (dividend, rate)]
    flat = ql.BlackVolTermStructureHandle(
        ql.BlackConstantVol(today, ql.NullCalendar(), float(volatility), count)
    )
    process = ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(100.0)), *curves, flat)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if kind == "call" else ql.Option.Put, float(strike))
    option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + int(days)))
    option.setPricingEngine(ql.QdFpAmericanEngine(process))
    return option.NPV()


def test_american_prices_and_the_european_ones_behind_them():
    strike, days, volatility, rate, dividend, kind = market()
    exact = np.array(
        [quantlib(*row) for row in zip(strike, days, volatility, rate, dividend, kind, strict=True)]
    )
    t, sign = days / 365, np.where(kind == "call", 1.0, -1.0)
    np.testing.assert_allclose(
        american_price(100.0, strike, t, volatility, rate, dividend, kind), exact, atol=0.04
    )
    stripped = european_premium(exact, 100.0, strike, t, rate, dividend, sign)
    forward, discount = 100 * np.exp((rate - dividend) * t), np.exp(-rate * t)
    out = (sign * (forward - strike) < 0) & np.isfinite(stripped)
    assert out.sum() > 60
    found = options.implied_volatility(stripped / discount, forward, strike, t, kind)
    assert np.max(np.abs(found - volatility)[out]) < 1e-3  # a tenth of a point


def test_a_quote_worth_its_exercise_has_no_european_price():
    premium = np.array([30.0])
    found = european_premium(
        premium, 100.0, np.array([130.0]), np.array([0.5]), np.array([0.05]), np.zeros(1), -np.ones(1)
    )
    assert np.isnan(found[0])


@given(
    forward=st.floats(-0.05, 0.1), away=st.floats(-6, 6), t=st.floats(0.01, 30), volatility=st.floats(1e-4, 0.05)
)  # fmt: skip
def test_bachelier_goes_back_and_forth(forward, away, t, volatility):
    strike = forward + away * volatility * np.sqrt(t)
    kind = "call" if strike > forward else "put"
    price = options.bachelier_price(forward, strike, t, volatility, kind)
    assert options.bachelier_volatility(price, forward, strike, t, kind) == pytest.approx(
        volatility, rel=1e-9
    )
    other = options.bachelier_price(forward, strike, t, volatility, "put" if kind == "call" else "call")
    parity = (price - other) * (1 if kind == "call" else -1)
    assert parity == pytest.approx(forward - strike, abs=1e-12)
