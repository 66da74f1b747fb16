"""Options where an estimator does not exist: the price stands, and what is shown beside it says how it was found."""

from __future__ import annotations

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from riskengine import options
from riskengine.desk.price import price
from riskengine.desk.price_inputs import read_terms
from riskengine.errors import SettingsError
from riskengine.report.price_page import greek_cells, render_price

ROOT = Path(__file__).parents[2]
BLACK = options.BlackScholesParams(0.2)


def heston(feller: float) -> options.HestonParams:
    """An equity index, far below Feller's condition."""
    return options.HestonParams(0.04, 2.0, 0.05, float(np.sqrt(2 * 2.0 * 0.05 / feller)), -0.7)


@pytest.mark.parametrize(
    ("params", "product"),
    [
        (options.HestonParams(0.04, 2.5, 0.04, 0.66, -0.8), options.Barrier(100.0, 135.0, 1.0, fixings=252)),
        (heston(0.2), options.Autocallable(1.0, 4)),
        (heston(0.3), options.Barrier(100.0, 80.0, 0.25, "down", "in", "put", fixings=63)),
    ],
    ids=["daily up-and-out call", "quarterly autocallable", "daily down-and-in put"],
)
def test_a_greek_never_takes_the_price_with_it(params, product):
    """Delta agrees with prices on other points; the price is that of a run without Greeks."""
    found = options.monte_carlo(params, product, 2**12, rate=0.03, greeks=("delta",))
    low, here, high = (
        options.monte_carlo(params, product, 2**12, seed, spot=spot, rate=0.03, greeks=())
        for spot, seed in ((99.0, 1), (100.0, 0), (101.0, 1))
    )
    assert found.price == pytest.approx(here.price, rel=1e-6)
    delta = found.greeks["delta"]
    assert np.isfinite(delta.value)
    assert abs(delta.value - (high.price - low.price) / 2) < 4 * np.hypot(delta.error, here.error)
    assert not found.notes or "central difference" in found.notes["delta"]


def root(path):
    """A payoff whose derivative is not finite at the money."""
    return jnp.sqrt(jnp.maximum(path[0] - 100.0, 0))


def test_a_derivative_that_is_not_finite_becomes_a_difference():
    product = options.PathPayoff(root, 1.0, smooth=True)
    found = options.monte_carlo(BLACK, product, 2**12, greeks=("delta", "gamma", "vega", "rho"))
    assert set(found.notes) == set(found.greeks)

    def exact(spot, volatility=0.2):
        z = np.linspace(-8, 8, 400_001)
        paid = np.sqrt(np.maximum(spot * np.exp(volatility * z - volatility**2 / 2) - 100, 0))
        return np.trapezoid(paid * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), z)

    known = {
        "delta": (exact(101) - exact(99)) / 2,
        "gamma": exact(101) - 2 * exact(100) + exact(99),
        "vega": (exact(100, 0.21) - exact(100, 0.19)) / 0.02,
    }
    for name, value in known.items():
        greek = found.greeks[name]
        assert abs(greek.value - value) < 4 * greek.error + 0.01 * abs(value)


def test_a_greek_that_nothing_gives_is_nan_with_its_reason():
    """Far from the money the payoff does not exist, and a difference by the volatility gets there."""

    def payoff(path):
        return jnp.where(path[0] < 99.7, jnp.nan, root(path))

    product = options.PathPayoff(payoff, 1.0, smooth=True)
    found = options.monte_carlo(options.BlackScholesParams(1e-4), product, 64, greeks=("vega",))
    assert np.isfinite(found.price)
    assert np.isnan(found.greeks["vega"].value)
    assert "nor has a central difference" in found.notes["vega"]
    assert greek_cells({"value": None, "error": None}) == ("none", "none")


def test_terms_name_their_greeks_and_the_page_its_estimators(tmp_path):
    text = (ROOT / "docs" / "terms.toml").read_text()
    path = tmp_path / "terms.toml"
    path.write_text(
        text.replace('knock = "out"', 'knock = "out"\nfixings = 252')
        .replace("131072", "4096")
        .replace('["delta", "gamma", "vega", "rho"]', '["delta"]')
    )
    content = price(read_terms(path), "terms.toml")
    assert list(content["greeks"]) == ["delta"]
    assert "central difference" in content["notes"][0]
    assert content["notes"][0] in render_price(content)
    assert json.loads(json.dumps(content, allow_nan=False)) == json.loads(json.dumps(content))
    path.write_text(text.replace('"delta", ', "1, "))
    with pytest.raises(SettingsError, match=r"greeks\[0\]: 1 is not a text"):
        read_terms(path)


def test_each_greek_says_how_it_was_found():
    """Theta and dividend rho against Black's formula; a note where there is no price a day later."""
    found = options.monte_carlo(
        BLACK,
        options.Vanilla(100.0, 0.5),
        2**12,
        rate=0.03,
        greeks=("delta", "gamma", "theta", "dividend_rho"),
    )
    assert set(found.methods) == set(found.greeks)

    def exact(t, dividend=0.0):
        return np.exp(-0.03 * t) * options.black_price(100 * np.exp((0.03 - dividend) * t), 100.0, t, 0.2)

    theta = found.greeks["theta"]
    assert theta.value == pytest.approx(exact(0.5 - 1 / 365) - exact(0.5), rel=0.01)
    slope = (exact(0.5, 1e-4) - exact(0.5, -1e-4)) / 2e-4
    assert found.greeks["dividend_rho"].value == pytest.approx(slope, rel=0.01)
    garch = options.HestonNandiParams(5e-6, 1e-6, 0.59, 420.0, 0.2, 1e-4)
    last = options.monte_carlo(garch, options.Vanilla(100.0, 1 / 252), 64, greeks=("theta",))
    assert "within the day" in last.notes["theta"]
