"""Simulated prices against published ones, closed forms and laws."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from riskengine import options
from riskengine.errors import DataError, SettingsError

LEWIS = options.HestonParams(v0=0.04, kappa=4.0, theta=0.25, sigma=1.0, rho=-0.5)
BLACK = options.BlackScholesParams(0.2)


def close(found, known, within=3.0, floor=0.0):
    """Within so many standard errors; a seed that never changes makes three errors fair."""
    assert abs(found.price - known) < within * found.error + floor, (found.price, known, found.error)


@pytest.mark.parametrize("kind", ["call", "put"])
def test_a_vanilla_without_controls_is_black(kind):
    found = options.monte_carlo(
        BLACK, options.Vanilla(105.0, 0.5, kind), 2**15, rate=0.03, dividend=0.01, controls=False
    )
    forward, discount = 100 * np.exp(0.02 * 0.5), np.exp(-0.03 * 0.5)
    close(found, discount * options.black_price(forward, 105.0, 0.5, 0.2, kind))
    vega = discount * options.black_vega(forward, 105.0, 0.5, 0.2)
    assert found.greeks["vega"].value == pytest.approx(vega, rel=2e-3)
    assert found.greeks["gamma"].value == pytest.approx(vega / (100**2 * 0.2 * 0.5), rel=5e-3)


def test_a_vanilla_without_controls_is_heston():
    found = options.monte_carlo(
        LEWIS, options.Vanilla(100.0, 1.0), 2**15, rate=0.01, dividend=0.02, controls=False, greeks=()
    )
    close(found, 16.070154917028834, floor=0.01)  # the scheme's bias at 64 steps a year
    assert found.error < 0.05


def test_published_arithmetic_asian():
    """Ballestra, Pacelli and Zirilli (2007): between 22.48 and 22.52."""
    p = options.HestonParams(v0=0.09, kappa=11.35, theta=0.022, sigma=0.618, rho=-0.5)
    product = options.Asian(100.0, 1.0, fixings=12)
    found = options.monte_carlo(p, product, 2**14, spot=120.0, rate=0.05, greeks=())
    assert found.error < 0.002
    close(found, 22.50, floor=0.02)


def test_published_up_and_out_call():
    """9.1530 by finite differences."""
    p = options.HestonParams(v0=0.04, kappa=2.5, theta=0.04, sigma=0.66, rho=-0.8)
    found = options.monte_carlo(p, options.Barrier(100.0, 135.0, 1.0), 2**14, rate=0.05, greeks=(), steps=100)
    assert found.error < 0.03
    close(found, 9.1530)


@pytest.mark.parametrize(
    ("leaves", "known"),
    [((0.09, 1.15, 0.348, 0.39, -0.64), 3.4478), ((0.09, 2.0, 0.09, 1.0, -0.3), 3.1578)],
)
def test_published_geometric_asian(leaves, known):
    """Kim and Wee (2014), continuous average; the second breaks Feller's condition."""
    product = options.Asian(100.0, 0.2, average="geometric")
    found = options.monte_carlo(options.HestonParams(*leaves), product, 2**15, rate=0.05, greeks=())
    close(found, known)


def test_geometric_asian_closed_form_is_quantlibs():
    ql = pytest.importorskip("QuantLib", reason="the oracle of discrete geometric averages is QuantLib")
    from riskengine.options.dynamics import MarketData
    from riskengine.options.geometric_asian import geometric_asian

    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, ql.Actual365Fixed())) for r in (0.05, 0.01)]
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.HestonProcess(*flat, spot, *LEWIS)
    engine = ql.AnalyticDiscreteGeometricAveragePriceAsianHestonEngine(process)
    days = [73, 146, 219, 365]
    for kind, side in (("call", ql.Option.Call), ("put", ql.Option.Put)):
        option = ql.DiscreteAveragingAsianOption(
            ql.Average.Geometric, 1.0, 0, [today + d for d in days], ql.PlainVanillaPayoff(side, 95.0),
            ql.EuropeanExercise(today + days[-1]),
        )  # fmt: skip
        option.setPricingEngine(engine)
        times = np.append(0.0, np.array(days) / 365)
        weights = np.array([0.0, 0.25, 0.25, 0.25, 0.25])
        found = geometric_asian(LEWIS, MarketData(100.0, 0.05, 0.01), times, weights, 0.0, 95.0, kind)
        assert found == pytest.approx(option.NPV(), abs=1e-4)  # its own quadrature is no better


def test_in_and_out_make_the_plain_option():
    """Path by path, with the same points."""
    terms = {"strike": 95.0, "barrier": 90.0, "maturity": 0.5, "direction": "down", "kind": "put"}
    settings = {"paths": 2**10, "rate": 0.02, "greeks": (), "controls": False}
    inside, outside = (
        options.monte_carlo(BLACK, options.Barrier(**terms, knock=knock), **settings).price
        for knock in ("in", "out")
    )
    far = options.Barrier(95.0, 1e-3, 0.5, "down", "out", "put")
    assert inside + outside == pytest.approx(options.monte_carlo(BLACK, far, **settings).price, rel=1e-5)


def test_any_payoff_of_the_path():
    def payoff(path):
        return jnp.maximum(path.mean(axis=0) - 100.0, 0)

    settings = {"paths": 2**12, "greeks": (), "controls": False}
    mine = options.monte_carlo(BLACK, options.PathPayoff(payoff, 1.0, fixings=4), **settings)
    theirs = options.monte_carlo(BLACK, options.Asian(100.0, 1.0, fixings=4), **settings)
    assert mine.price == pytest.approx(theirs.price, rel=1e-6)


def test_seasoned_asian_with_all_but_one_fixing_known():
    """Three of four fixings at 100: a vanilla on a quarter of the asset."""
    product = options.Asian(100.0, 1.0, fixings=[1.0], past=[100.0, 100.0, 100.0])
    found = options.monte_carlo(BLACK, product, 2**12, greeks=(), controls=False)
    close(found, options.black_price(100.0, 100.0, 1.0, 0.2) / 4)


def test_likelihood_ratios_agree_with_derivatives_along_the_path():
    def payoff(path):
        return jnp.maximum(path[-1] - 100.0, 0)

    found = [
        options.monte_carlo(
            LEWIS,
            options.PathPayoff(payoff, 0.25, 1, smooth),
            2**14,
            greeks=("delta", "d_v0"),
            controls=False,
        )
        for smooth in (True, False)
    ]
    for name in ("delta", "d_v0"):
        a, b = (x.greeks[name] for x in found)
        assert abs(a.value - b.value) < 3.5 * np.hypot(a.error, b.error)
        assert b.error < 0.1 * abs(a.value)


def test_the_same_seed_gives_the_same_price_and_blocks_do_not_matter():
    product = options.Asian(100.0, 1.0, fixings=4)
    first = options.monte_carlo(BLACK, product, 2**12, greeks=())
    assert options.monte_carlo(BLACK, product, 2**12, greeks=(), workers=1) == first
    again = options.monte_carlo(BLACK, product, 2**12, greeks=(), block_numbers=4 * 16)
    assert again.price == pytest.approx(first.price, rel=1e-12)
    assert again.error == pytest.approx(first.error, rel=1e-6)


@pytest.mark.parametrize(
    ("terms", "cause"),
    [
        (lambda: options.Asian(100.0, 0.0, 4), "maturity"),
        (lambda: options.Asian(100.0, 1.0, [0.5, 0.25]), "order"),
        (lambda: options.Asian(100.0, 1.0, [0.0, 0.5]), "after today"),
        (lambda: options.Asian(100.0, 1.0, [0.5, 1.5]), "maturity"),
        (lambda: options.Asian(np.nan, 1.0, 4), "strike"),
        (lambda: options.Asian(100.0, 1.0, 0), "at least one"),
        (lambda: options.Asian(100.0, 1.0, past=[90.0]), "past"),
        (lambda: options.Barrier(100.0, -5.0, 1.0), "barrier"),
        (lambda: options.Barrier(100.0, 120.0, 1.0, rebate=np.inf), "rebate"),
        (lambda: options.monte_carlo(BLACK, options.Barrier(100.0, 120.0, 1.0), spot=125.0), "already hit"),
        (lambda: options.monte_carlo(BLACK, options.Vanilla(100.0, 1.0), spot=np.nan), "spot"),
        (lambda: options.monte_carlo(BLACK, options.Vanilla(100.0, 1.0), rate=np.nan), "rate"),
        (
            lambda: options.monte_carlo(options.BlackScholesParams(-0.1), options.Vanilla(100.0, 1.0)),
            "volatility",
        ),
        (lambda: options.monte_carlo(LEWIS._replace(v0=np.nan), options.Vanilla(100.0, 1.0)), "v0"),
    ],
)
def test_bad_terms_name_their_cause(terms, cause):
    with pytest.raises(DataError, match=cause):
        terms()


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda p: options.monte_carlo(BLACK, p, paths=-5), "paths"),
        (lambda p: options.monte_carlo(BLACK, p, greeks=("speed",)), "speed"),
        (lambda p: options.monte_carlo(BLACK, p, randomisations=1), "randomisations"),
        (lambda p: options.monte_carlo(BLACK, p, sampling="halton"), "sampling"),
        (lambda p: options.monte_carlo((0.2,), p), "parameters"),
        (lambda p: options.monte_carlo(BLACK, "asian"), "product"),
        (lambda p: options.Barrier(100.0, 120.0, 1.0, direction="left"), "direction"),
        (lambda p: options.monte_carlo(BLACK, options.PathPayoff(lambda s: s[0].sum(), 1.0), 64), "shape"),
        (
            lambda p: options.monte_carlo(BLACK, options.PathPayoff(lambda s: np.array(s[0]), 1.0), 64),
            "numpy",
        ),
    ],
)
def test_bad_settings_name_their_cause(call, cause):
    with pytest.raises(SettingsError, match=cause):
        call(options.Vanilla(100.0, 1.0))


def test_a_payoff_that_is_not_finite_is_an_error():
    product = options.PathPayoff(lambda path: jnp.log(path[0] - 100.0), 1.0)
    with pytest.raises(DataError, match="not finite"):
        options.monte_carlo(BLACK, product, 64, greeks=())


def test_lookback_agrees_with_haug():
    """Continuous, floating (25.3533) and fixed (13.2687); Haug's book by way of QuantLib's tests."""
    floating = options.Lookback(None, 0.5, extreme=100.0)
    found = options.monte_carlo(
        options.BlackScholesParams(0.3), floating, 2**14, spot=120.0, rate=0.1, dividend=0.06, greeks=()
    )
    close(found, 25.3533)
    fixed = options.Lookback(95.0, 0.5)
    found = options.monte_carlo(options.BlackScholesParams(0.1), fixed, 2**14, rate=0.1, greeks=())
    close(found, 13.2687)


def test_an_autocallable_is_its_plain_loop():
    """The same fixings through a payoff of the path."""
    terms = {"level": 1.0, "coupon": 0.04, "protection": 0.7}

    def payoff(path):
        ratio, paid, alive = path / 100.0, 0.0, 1.0
        for k in range(4):
            called = alive * jnp.where(ratio[k] >= terms["level"], 1.0, 0.0)
            paid = paid + called * 100 * (1 + terms["coupon"] * (k + 1)) * float(
                np.exp(0.03 * (2 - 0.5 * (k + 1)))
            )
            alive = alive - called
        return paid + alive * 100 * jnp.where(ratio[-1] >= terms["protection"], 1.0, ratio[-1])

    settings = {"paths": 2**12, "rate": 0.03, "greeks": (), "controls": False}
    mine = options.monte_carlo(BLACK, options.Autocallable(2.0, 4, **terms), **settings)
    theirs = options.monte_carlo(BLACK, options.PathPayoff(payoff, 2.0, 4), **settings)
    assert mine.price == pytest.approx(theirs.price, rel=1e-6)


def test_heston_nandi_simulated_is_its_closed_form():
    p = options.HestonNandiParams(5.02e-6, 1.32e-6, 0.589, 421.39, -0.5, 3e-5)
    found = options.monte_carlo(p, options.Vanilla(100.0, 0.25), 2**14, rate=0.05, greeks=(), controls=False)
    close(found, options.heston_nandi_price(p, 100.0, 100.0, 0.25, 0.05))


@pytest.mark.parametrize(("strike", "known"), [(45.0, 5.9351), (50.0, 2.3521), (55.0, 0.5597)])
def test_duan_agrees_with_published_simulations(strike, known):
    """QuantLib's tests of the GJR-GARCH engine: 90 days, their tolerance is .15, their error about .005."""
    p = options.DuanParams(2e-6, 0.024, 0.059, 0.93, 0.0, 2e-6 / (1 - 0.9835))
    maturity = 90 / 252
    found = options.monte_carlo(
        p, options.Vanilla(strike, maturity), 2**13, spot=50.0, rate=0.05 * 90 / 365 / maturity, greeks=()
    )
    close(found, known, floor=0.02)


def test_duan_needs_gaussian_innovations_and_whole_days():
    from riskengine.garch.params import GarchParams

    fitted = GarchParams(2e-6, 0.024, 0.059, 0.93, 8.0)
    with pytest.raises(SettingsError, match="degrees of freedom"):
        options.DuanParams.of(fitted, 1e-4)
    p = options.DuanParams.of(fitted._replace(dof=np.inf), 1e-4, premium=0.05)
    with pytest.raises(DataError, match="whole days"):
        options.monte_carlo(p, options.Vanilla(100.0, 0.3333))
    with pytest.raises(SettingsError, match="fixings"):
        options.monte_carlo(p, options.Barrier(100.0, 120.0, 0.25))
    with pytest.raises(DataError, match="persistence"):
        options.monte_carlo(p._replace(premium=2.0), options.Vanilla(100.0, 0.25))


def test_barrier_greeks_agree_with_finite_differences_of_the_closed_form():
    """Up-and-out call under Black and Scholes; QuantLib's analytic engine, differences of 0.1 in spot."""
    ql = pytest.importorskip("QuantLib", reason="the oracle of barrier Greeks is QuantLib")
    today, count = ql.Date(1, 1, 2024), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today

    def price(spot):
        curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, count)) for r in (0.0, 0.05)]
        flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.2, count))
        process = ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(spot)), *curves, flat)
        payoff = ql.PlainVanillaPayoff(ql.Option.Call, 100.0)
        option = ql.BarrierOption(ql.Barrier.UpOut, 135.0, 0.0, payoff, ql.EuropeanExercise(today + 365))
        option.setPricingEngine(ql.AnalyticBarrierEngine(process))
        return option.NPV()

    down, here, up = price(99.9), price(100.0), price(100.1)
    product = options.Barrier(100.0, 135.0, 1.0)
    found = options.monte_carlo(BLACK, product, 2**15, rate=0.05, steps=100, greeks=("delta", "gamma"))
    close(found, here)
    for name, known in (("delta", (up - down) / 0.2), ("gamma", (up - 2 * here + down) / 0.01)):
        greek = found.greeks[name]
        assert abs(greek.value - known) < 3 * greek.error
        assert greek.error < 0.05 * abs(known)


def test_controls_do_not_move_an_asians_greeks():
    """The geometric average under Black and Scholes is the scale: its gamma is .0206, this one's .0205."""
    product, p = options.Asian(100.0, 1.0, 12), options.BlackScholesParams(0.3)
    with_them, without = (
        options.monte_carlo(p, product, 2**14, rate=0.05, greeks=("delta", "gamma"), controls=controls)
        for controls in (True, False)
    )
    for name in ("delta", "gamma"):
        a, b = with_them.greeks[name], without.greeks[name]
        assert abs(a.value - b.value) < 3 * np.hypot(a.error, b.error)
    assert with_them.greeks["gamma"].value == pytest.approx(
        0.02048, rel=0.04
    )  # QuantLib's finite differences


@pytest.mark.slow
@pytest.mark.parametrize("feller", [0.2, 2.0])
def test_barrier_greeks_under_heston_agree_with_bumped_finite_differences(feller):
    """A down-and-in put, QuantLib's grid bumped; three standard errors or two percent."""
    ql = pytest.importorskip("QuantLib", reason="the oracle of Heston barrier Greeks is QuantLib")
    today, count = ql.Date(1, 1, 2024), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    p = options.HestonParams(0.04, 2.0, 0.05, float(np.sqrt(2 * 2.0 * 0.05 / feller)), -0.7)

    def price(spot, v0=0.04):
        curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, count)) for r in (0.03, 0.01)]
        process = ql.HestonProcess(*curves, ql.QuoteHandle(ql.SimpleQuote(spot)), v0, *p[1:])
        option = ql.BarrierOption(
            ql.Barrier.DownIn,
            80.0,
            0.0,
            ql.PlainVanillaPayoff(ql.Option.Put, 100.0),
            ql.EuropeanExercise(today + 365),
        )
        option.setPricingEngine(ql.FdHestonBarrierEngine(ql.HestonModel(process), 100, 300, 60))
        return option.NPV()

    low, here, high = price(99.0), price(100.0), price(101.0)
    known = {
        "delta": (high - low) / 2,
        "gamma": high - 2 * here + low,
        "vega": (price(100.0, 0.201**2) - price(100.0, 0.199**2)) / 0.002,
    }
    product = options.Barrier(100.0, 80.0, 1.0, "down", "in", "put")
    found = options.monte_carlo(p, product, 2**15, rate=0.03, dividend=0.01, greeks=tuple(known))
    assert found.price == pytest.approx(here, rel=0.005)
    for name, value in known.items():
        greek = found.greeks[name]
        assert abs(greek.value - value) < max(3 * greek.error, 0.02 * abs(value)), name
