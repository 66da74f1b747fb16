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
    from riskengine.options.geometric_asian import geometric_asian
    from riskengine.options.paths import Market

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
        found = geometric_asian(LEWIS, Market(100.0, 0.05, 0.01), times, weights, 0.0, 95.0, kind)
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
            LEWIS, options.PathPayoff(payoff, 1.0, 1, smooth), 2**15, greeks=("delta", "d_v0")
        )
        for smooth in (True, False)
    ]
    for name in ("delta", "d_v0"):
        a, b = (x.greeks[name] for x in found)
        assert abs(a.value - b.value) < 3.5 * np.hypot(a.error, b.error)
        assert b.error < 0.1 * abs(a.value)


def test_the_same_seed_gives_the_same_price_and_blocks_do_not_matter(monkeypatch):
    from riskengine.options import engine as module

    product = options.Asian(100.0, 1.0, fixings=4)
    first = options.monte_carlo(BLACK, product, 2**12, greeks=())
    assert options.monte_carlo(BLACK, product, 2**12, greeks=(), workers=1) == first
    monkeypatch.setattr(module, "NUMBERS", 4 * 16)
    again = options.monte_carlo(BLACK, product, 2**12, greeks=())
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
