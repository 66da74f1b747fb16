"""Black, Heston and SABR against published numbers and laws."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine import options
from riskengine.errors import DataError, SettingsError

LEWIS = options.HestonParams(v0=0.04, kappa=4.0, theta=0.25, sigma=1.0, rho=-0.5)


def test_lewis_prices_to_ten_digits():
    """Alan Lewis's high-precision calls."""
    known = [
        26.774758743998854,
        20.933349000596710,
        16.070154917028834,
        12.132211516709845,
        9.024913483457836,
    ]
    strikes = [80.0, 90.0, 100.0, 110.0, 120.0]
    found = options.heston_price(LEWIS, 100.0, strikes, 1.0, 0.01, 0.02)
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-10)


def test_a_volatility_comes_back():
    rng = np.random.default_rng(0)
    s = 10 ** rng.uniform(-2, 0.8, 5000)
    strike = np.exp(rng.uniform(-1, 1, 5000) * np.minimum(8 * s, 5))
    kind = np.where(strike > 1, "call", "put")
    price = options.black_price(1.0, strike, 1.0, s, kind)
    found = options.implied_volatility(price, 1.0, strike, 1.0, kind)
    np.testing.assert_allclose(found, s, rtol=1e-12)


def test_a_price_without_a_volatility_gives_nan():
    assert np.all(np.isnan(options.implied_volatility([-0.1, 0.0, 1.0], 1.0, 1.0, 1.0)))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_sabr_agrees_with_quantlib(beta):
    quantlib = pytest.importorskip("QuantLib", reason="the oracle of SABR is QuantLib")
    p = options.SabrParams(0.2, beta, 0.5, -0.4)
    for strike in (0.5, 0.9, 1.0, 1.3, 2.0):
        known = quantlib.sabrVolatility(strike, 1.1, 2.0, 0.2, beta, 0.5, -0.4)
        assert float(options.sabr_volatility(p, 1.1, strike, 2.0)) == pytest.approx(known, rel=1e-12)


def test_bad_input_names_its_cause():
    with pytest.raises(DataError, match="maturity"):
        options.heston_price(LEWIS, 100.0, 100.0, 0.0)
    with pytest.raises(DataError, match="rho"):
        options.heston_price(LEWIS._replace(rho=1.2), 100.0, 100.0, 1.0)
    with pytest.raises(SettingsError, match="call"):
        options.black_price(1.0, 1.0, 1.0, 0.2, "cap")


def test_heston_without_volatility_of_variance_is_black():
    flat = options.HestonParams(v0=0.04, kappa=2.0, theta=0.04, sigma=0.0, rho=0.0)
    strikes = np.array([80.0, 100.0, 125.0])
    black = options.black_price(100.0, strikes, 0.5, 0.2)
    np.testing.assert_allclose(options.heston_price(flat, 100.0, strikes, 0.5), black, atol=1e-10)


def test_heston_agrees_with_quantlib_on_random_sets():
    """Feller's condition is broken by most of them."""
    ql = pytest.importorskip("QuantLib", reason="the oracle of Heston prices is QuantLib")
    rng, today = np.random.default_rng(1), ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    for _ in range(40):
        p = options.HestonParams(
            *(rng.uniform(0.005, 0.3), rng.uniform(0.2, 6), rng.uniform(0.005, 0.3), rng.uniform(0.05, 1.2)),
            rng.uniform(-0.95, 0.5),
        )
        days, strike = int(rng.integers(20, 1000)), float(np.exp(rng.normal(0, 0.15)))
        process = ql.HestonProcess(flat, flat, spot, p.v0, p.kappa, p.theta, p.sigma, p.rho)
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days)
        )
        option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-12, 100_000))
        assert float(options.heston_price(p, 1.0, strike, days / 365)) == pytest.approx(
            option.NPV(), abs=1e-8
        )
