"""Bates's model: against QuantLib and against the sum over counts of jumps, calibrated, and simulated."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine import options
from riskengine.errors import DataError

P = options.BatesParams(0.04, 2.0, 0.05, 0.5, -0.6, 0.8, -0.12, 0.15)


def test_prices_agree_with_quantlib():
    ql = pytest.importorskip("QuantLib", reason="the oracle of Bates's model is QuantLib")
    today, count = ql.Date(1, 1, 2024), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, count)) for r in (0.03, 0.01)]
    rng = np.random.default_rng(0)
    for _ in range(4):
        p = options.BatesParams(
            *rng.uniform((0.01, 0.5, 0.02, 0.2, -0.9, 0, -0.3, 0.02), (0.2, 6, 0.2, 1.2, 0.2, 4, 0.1, 0.3))
        )
        process = ql.BatesProcess(*curves, ql.QuoteHandle(ql.SimpleQuote(100.0)), *p)
        engine = ql.BatesEngine(ql.BatesModel(process), 1e-9, 100_000)
        for days, strike in ((30, 70.0), (365, 100.0), (1095, 130.0)):
            payoff = ql.PlainVanillaPayoff(ql.Option.Call, strike)
            option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
            option.setPricingEngine(engine)
            price = float(options.bates_price(p, 100.0, strike, days / 365, 0.03, 0.01))
            assert price == pytest.approx(option.NPV(), abs=5e-8)


def test_without_volatility_of_variance_it_is_mertons_sum():
    """Merton (1976): Black's prices weighted by the chances of so many jumps."""
    from math import factorial

    p = P._replace(v0=0.04, theta=0.04, sigma=0.0)
    t, grown = 0.5, P.intensity * 0.5
    factor = np.exp(P.jump_mean + P.jump_deviation**2 / 2)
    total = 0.0
    for n in range(20):
        forward = 100 * factor**n * np.exp(-grown * (factor - 1))
        volatility = np.sqrt(0.04 + n * P.jump_deviation**2 / t)
        total += (
            np.exp(-grown)
            * grown**n
            / factorial(n)
            * options.black_price(forward, 90.0, t, volatility, "put")
        )
    assert float(options.bates_price(p, 100.0, 90.0, t, kind="put")) == pytest.approx(float(total), abs=1e-9)


def test_jumps_improve_the_fit_of_the_dax():
    from pathlib import Path

    quotes = options.read_quotes(Path(__file__).parents[2] / "data" / "dax_options_2002" / "quotes.csv")
    heston = options.calibrate_heston(quotes)
    fit = options.calibrate_bates(quotes, heston)
    assert (str(heston.status), str(fit.status)) == ("poor fit", "ok")
    assert fit.rmse < 0.7 < 1.3 < heston.rmse
    with pytest.raises(DataError, match="8 parameters"):
        options.calibrate_bates(quotes.take(np.arange(7)))


def test_paths_price_vanillas_and_the_greek_of_a_count_is_a_difference():
    product = options.Vanilla(95.0, 0.5, "put")
    found = options.monte_carlo(
        P, product, 2**14, rate=0.03, dividend=0.01, controls=False, greeks=("delta", "vega", "d_intensity")
    )

    def exact(p=P, spot=100.0):
        return float(options.bates_price(p, spot, 95.0, 0.5, 0.03, 0.01, "put"))

    assert abs(found.price - exact()) < 3 * found.error
    known = {
        "delta": (exact(spot=100.1) - exact(spot=99.9)) / 0.2,
        "vega": (exact(P._replace(v0=0.201**2)) - exact(P._replace(v0=0.199**2))) / 0.002,
        "d_intensity": (exact(P._replace(intensity=0.85)) - exact(P._replace(intensity=0.75))) / 0.1,
    }
    for name, value in known.items():
        assert abs(found.greeks[name].value - value) < max(3 * found.greeks[name].error, 0.02 * abs(value)), (
            name
        )
    assert "difference" in found.methods["d_intensity"]
    assert found.methods["delta"] == "pathwise"
    with pytest.raises(DataError, match="jumps a year"):
        options.monte_carlo(P._replace(intensity=50.0), product, 64)
