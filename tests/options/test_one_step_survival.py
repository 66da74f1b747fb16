"""Greeks of barriers that are watched at fixings, along paths that are kept alive; and Greeks of several trades."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

from riskengine import options
from riskengine.desk.trade_totals import trade_totals

BLACK = options.BlackScholesParams(0.2)
GREEKS = ("delta", "gamma", "vega", "rho")


def watched(spot, volatility=0.2, rate=0.05, fixings=12, barrier=125.0, strike=100.0):
    """The up-and-out call by recursion over the fixings with Simpson's rule: nothing is simulated."""
    step = volatility / np.sqrt(fixings)
    drift = (rate - volatility**2 / 2) / fixings
    x = np.linspace(np.log(25.0), np.log(barrier), 1201)
    weight = np.full(len(x), 2.0)
    weight[1::2], weight[[0, -1]] = 4.0, 1.0
    weight *= (x[1] - x[0]) / 3 * np.exp(-rate / fixings)
    kernel = norm.pdf((x[None] - x[:, None] - drift) / step) / step * weight
    value = np.maximum(np.exp(x) - strike, 0)
    for _ in range(fixings - 1):
        value = kernel @ value
    return float(norm.pdf((x - np.log(spot) - drift) / step) / step * weight @ value)


@pytest.fixture(scope="module")
def known():
    low, here, high = (watched(spot) for spot in (99.5, 100.0, 100.5))
    return {
        "price": here,
        "delta": high - low,
        "gamma": 4 * (high - 2 * here + low),
        "vega": (watched(100.0, 0.201) - watched(100.0, 0.199)) / 0.002,
        "rho": (watched(100.0, rate=0.051) - watched(100.0, rate=0.049)) / 0.002,
    }


def priced(product, **settings):
    return options.monte_carlo(BLACK, product, 2**15, rate=0.05, greeks=GREEKS, **settings)


def test_greeks_of_a_watched_barrier_are_those_of_the_recursion(known):
    product = options.Barrier(100.0, 125.0, 1.0, fixings=12)
    found = priced(product)
    assert abs(found.price - known["price"]) < 3 * found.error
    for name in GREEKS:
        greek = found.greeks[name]
        assert abs(greek.value - known[name]) < 3 * greek.error, name
        assert greek.error < 0.03 * abs(known[name]), name
        assert "one-step survival" in found.methods[name]
    # what is knocked in is the plain option less what is knocked out
    other = priced(dataclasses.replace(product, knock="in"))
    plain = priced(options.Vanilla(100.0, 1.0))
    for name in GREEKS:
        total = found.greeks[name].value + other.greeks[name].value
        error = np.hypot(found.greeks[name].error, other.greeks[name].error)
        assert abs(total - plain.greeks[name].value) < 3 * error + 1e-6, name


@pytest.mark.slow
@pytest.mark.parametrize("feller", [0.5, 1.0, 2.0])
def test_under_heston_they_are_those_of_bumped_prices(feller):
    """Central differences on a million paths; a likelihood ratio stands in below Feller's condition."""
    p = options.HestonParams(0.04, 2.0, 0.05, float(np.sqrt(2 * 2.0 * 0.05 / feller)), -0.7)
    product = options.Barrier(100.0, 85.0, 0.5, "down", "out", "put", fixings=63)
    found = options.monte_carlo(p, product, 2**15, rate=0.03, greeks=("delta", "vega"))
    assert ("one-step survival" in found.methods["delta"]) == (feller >= 1)

    def bumped(spot=100.0, v0=0.04):
        moved = options.monte_carlo(p._replace(v0=v0), product, 2**18, rate=0.03, spot=spot, greeks=())
        return np.array(moved.estimates)

    each = {
        "delta": (bumped(101.0) - bumped(99.0)) / 2,
        "vega": (bumped(v0=0.21**2) - bumped(v0=0.19**2)) / 0.02,
    }
    for name, values in each.items():
        greek, error = found.greeks[name], values.std(ddof=1) / np.sqrt(len(values))
        assert abs(greek.value - values.mean()) < max(
            3 * np.hypot(greek.error, error), 0.02 * abs(values.mean())
        ), name


def test_a_trade_and_its_hedge_are_nothing_together_and_without_error():
    product = options.Barrier(100.0, 125.0, 1.0, fixings=12)
    found = priced(product)
    total = trade_totals(["long", "short"], [2.0, -2.0], [found, found])
    assert total["price"] == {"value": 0.0, "error": 0.0}
    assert total["greeks"]["gamma"] == {"value": 0.0, "error": 0.0}
    single = trade_totals(["long"], [3.0], [found])
    assert single["price"]["value"] == pytest.approx(3 * found.price)
    assert single["price"]["error"] == pytest.approx(3 * found.error)
    assert single["greeks"]["vega"]["error"] == pytest.approx(3 * found.greeks["vega"].error)
    lacking = dataclasses.replace(found, greeks={"delta": found.greeks["delta"]})
    total = trade_totals(["long", "other"], [1.0, 1.0], [found, lacking])
    assert total["greeks"]["gamma"]["value"] is None
    assert any("gamma together: none, since other" in note for note in total["notes"])
