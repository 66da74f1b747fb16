"""Black, Heston and SABR against published numbers and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

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
    s = 10 ** rng.uniform(-6, 0.8, 5000)
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


def quantlib_call(p, days, strike, engine="lobatto"):
    """A call on a spot of one without rates."""
    ql = pytest.importorskip("QuantLib", reason="the oracle of Heston prices is QuantLib")
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    model = ql.HestonModel(ql.HestonProcess(flat, flat, spot, *map(float, p)))
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call, float(strike)), ql.EuropeanExercise(today + int(days))
    )
    lobatto = engine == "lobatto"
    option.setPricingEngine(
        ql.AnalyticHestonEngine(model, 1e-12, 100_000)
        if lobatto
        else ql.ExponentialFittingHestonEngine(model)
    )
    return option.NPV()


def test_heston_agrees_with_quantlib_on_random_sets():
    """Feller's condition is broken by most of them; backtests/options/vanilla_accuracy.py has ten thousand."""
    rng = np.random.default_rng(1)
    n = 60
    low, high = np.log([0.005, 0.2, 0.005, 0.05]), np.log([0.3, 6, 0.3, 1.2])
    p = options.HestonParams(*np.exp(rng.uniform(low, high, (n, 4))).T, rng.uniform(-0.95, 0.5, n))
    days, strike = rng.integers(20, 1000, n), np.exp(rng.normal(0, 0.15, n))
    found = options.heston_price(p, 1.0, strike, days / 365)
    known = [quantlib_call([leaf[k] for leaf in p], days[k], strike[k]) for k in range(n)]
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-8)


HARD = [
    # v0, kappa, theta, sigma, rho, days, log strike, QuantLib's engine
    ((0.0009079, 0.08469, 0.04202, 2.214, -0.9873), 3336, -1.163, "lobatto"),  # nothing left of the variance
    ((0.02045, 0.1704, 0.006049, 4.122, -0.8081), 758, 0.749, "lobatto"),
    ((0.006846, 0.02465, 0.0004969, 2.748, -0.4272), 1730, -0.698, "lobatto"),
    ((0.5, 0.01, 1.0, 5.0, 0.999), 3650, 1.0, "lobatto"),
    ((0.04, 2.0, 0.04, 1e-3, -0.5), 1, 0.005, "lobatto"),  # a day
    ((0.324, 5.906, 0.000681, 0.00185, -0.5631), 2397, 0.791, "fitting"),  # nearly no volatility of variance,
    (
        (0.0947, 19.3, 0.002162, 0.0199, 0.3226),
        2304,
        -0.123,
        "fitting",
    ),  # where the adaptive engine loses digits
]


def test_hard_sets_agree_with_quantlib():
    """Ends of the ranges; the default number of nodes must find out by itself that it needs many."""
    sets = options.HestonParams(*np.array([case[0] for case in HARD]).T)
    days, x = (np.array([case[k] for case in HARD]) for k in (1, 2))
    found = options.heston_price(sets, 1.0, np.exp(x), days / 365)
    known = [quantlib_call(p, t, np.exp(k), engine) for p, t, k, engine in HARD]
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-8)


PUBLISHED = [
    # v0, kappa, theta, sigma, rho; maturity, rate; strikes, calls
    ((0.04, 0.5, 0.04, 1.0, -0.9), 10.0, 0.0, [70.0, 100.0, 140.0], [35.8497697, 13.08467014, 0.29577444]),
    ((0.0175, 1.5768, 0.0398, 0.5751, -0.5711), 1.0, 0.0, [100.0], [5.785155450]),
]
"""Andersen (2008), case I, and Fang and Oosterlee (2008), table 4."""


@pytest.mark.parametrize(("p", "maturity", "rate", "strike", "known"), PUBLISHED)
def test_published_heston_sets(p, maturity, rate, strike, known):
    found = options.heston_price(options.HestonParams(*p), 100.0, strike, maturity, rate)
    np.testing.assert_allclose(found, known, rtol=0, atol=2e-8)


def test_sabr_as_printed():
    """Antonov and Spector (2012), table 1, to the four printed digits."""
    p = options.SabrParams(0.25, 0.3, 0.3, -0.8)
    strike = np.arange(0.1, 1.15, 0.1)
    printed = [0.7176, 0.5725, 0.4886, 0.4293, 0.3835, 0.3462, 0.3148, 0.2876, 0.2638, 0.2427, 0.2238]
    hagan = options.sabr_volatility(p, 1.0, strike, 10.0)
    np.testing.assert_allclose(hagan, printed, atol=6e-5)


@given(
    beta=st.floats(0, 1), alpha=st.floats(0.05, 0.5), nu=st.floats(0.01, 1), rho=st.floats(-0.9, 0.9),
    x=st.floats(-0.4, 0.4),
)  # fmt: skip
def test_black_and_bachelier_forms_of_sabr_price_alike_in_the_short_run(beta, alpha, nu, rho, x):
    """Both are exact as the maturity goes to zero, so their option prices meet."""
    p, t, strike = options.SabrParams(alpha, beta, nu, rho), 1e-4, np.exp(x * alpha * 0.03)
    lognormal = options.sabr_volatility(p, 1.0, strike, t, form="obloj")
    normal = options.sabr_normal_volatility(p, 1.0, strike, t)
    d = (1 - strike) / (normal * np.sqrt(t))
    bachelier = (1 - strike) * norm.cdf(d) + normal * np.sqrt(t) * norm.pdf(d)
    black = options.black_price(1.0, strike, t, lognormal)
    assert bachelier == pytest.approx(black, rel=1e-5)


def test_negative_rates_have_a_normal_volatility_and_a_shift():
    p = options.SabrParams(0.008, 0.0, 0.4, -0.2)
    found = options.sabr_normal_volatility(p, -0.002, [-0.01, -0.002, 0.01], 1.0)
    assert np.all((found > 0.007) & (found < 0.01))
    with pytest.raises(DataError, match="shift"):
        options.sabr_volatility(p, -0.002, 0.001, 1.0)
    shifted = options.sabr_volatility(p._replace(beta=0.5), -0.002, [-0.01, 0.001], 1.0, shift=0.03)
    plain = options.sabr_volatility(p._replace(beta=0.5), 0.028, [0.02, 0.031], 1.0)
    np.testing.assert_allclose(shifted, plain, rtol=1e-12)
    with pytest.raises(SettingsError, match="obloj"):
        options.sabr_volatility(p, 1.0, 1.0, 1.0, form="exact")
