"""SSVI surfaces free of arbitrage, their local volatility, and a smile handed over to a price."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine import options
from riskengine.desk import read_terms
from riskengine.desk.price import price
from riskengine.errors import DataError

ROOT = Path(__file__).parents[2]
DAX = ROOT / "data" / "dax_options_2002" / "quotes.csv"
SURFACE = options.SsviParams(-0.6, 1.0, 0.4, np.array([0.25, 0.5, 1.0]), np.array([0.012, 0.022, 0.045]))


@settings(max_examples=25, deadline=None)
@given(
    level=st.lists(st.floats(0.08, 0.6), min_size=3, max_size=3), slope=st.floats(-0.4, 0.3), bend=st.floats(0, 0.6),
    seed=st.integers(0, 100),
)  # fmt: skip
def test_whatever_is_quoted_the_surface_has_no_arbitrage(level, slope, bend, seed):
    """Calls are convex and total variances rise, beyond the quotes too."""
    t = np.repeat([0.1, 0.5, 2.0], 7)
    x = np.tile(np.linspace(-2, 2, 7), 3)
    noise = np.random.default_rng(seed).uniform(-0.02, 0.02, 21)
    volatility = np.maximum(np.repeat(level, 7) + slope * x / 5 + bend * x * x / 20 + noise, 0.03)
    strike = 100 * np.exp(x * 0.2 * np.sqrt(t))
    fit = options.calibrate_ssvi(options.Quotes.of_volatilities(strike, t, volatility, forward=100.0))
    k = 100 * np.exp(np.linspace(-1.5, 1.5, 301))
    variances = []
    for maturity in (0.1, 0.3, 0.5, 1.0, 2.0):
        model = options.ssvi_volatility(fit.params, 100.0, k, maturity)
        call = options.black_price(100.0, k, maturity, model)
        slopes = np.diff(call) / np.diff(k)
        assert np.all(np.diff(slopes) > -1e-9)
        assert np.all((slopes <= 1e-12) & (slopes >= -1 - 1e-12))
        variances.append(model**2 * maturity)
    assert np.all(np.diff(variances, axis=0) > -1e-12)


def test_the_dax_surface_is_fitted_better_than_by_heston():
    fit = options.calibrate_ssvi(options.read_quotes(DAX))
    assert str(fit.status) == "ok"
    assert fit.rmse < 0.8  # Heston's leaves 1.3


def test_local_volatility_prices_the_surface():
    """Vanillas without control variates: within a tenth of a point of the surface's volatility."""
    model = options.LocalVolatilityParams(SURFACE, 100.0)
    for strike in (80.0, 100.0, 120.0):
        found = options.monte_carlo(
            model, options.Vanilla(strike, 1.0), 2**13, rate=0.03, greeks=(), controls=False
        )
        forward = 100 * np.exp(0.03)
        volatility = options.ssvi_volatility(SURFACE, forward, strike, 1.0)
        exact = np.exp(-0.03) * options.black_price(forward, strike, 1.0, volatility)
        point = np.exp(-0.03) * options.black_vega(forward, strike, 1.0, volatility) / 100
        assert abs(found.price - exact) < 3 * found.error + 0.1 * point


def test_a_bumped_spot_leaves_the_surface_with_its_strikes():
    model = options.LocalVolatilityParams(SURFACE, 100.0)
    found = options.monte_carlo(model, options.Vanilla(100.0, 0.5), 2**12, greeks=("delta",))
    sides = [
        options.black_price(s, 100.0, 0.5, options.ssvi_volatility(SURFACE, 100.0, 100.0, 0.5))
        for s in (99.0, 101.0)
    ]
    assert (
        found.greeks["delta"].value < (sides[1] - sides[0]) / 2
    )  # skew: the volatility falls as the spot rises
    with pytest.raises(DataError, match="dividends"):
        options.monte_carlo(
            model, options.Vanilla(100.0, 0.5), 64, greeks=(), curves=options.MarketCurves(cash=((0.2, 1.0),))
        )


@pytest.mark.slow
def test_a_smile_is_handed_over_by_name_and_gives_a_range(command, tmp_path):
    code, *_ = command("smile", DAX, "--out", tmp_path / "smile")
    assert code == 0
    terms = tmp_path / "note.toml"
    terms.write_text(
        '[model]\nname = "smile"\nfile = "smile/smile.json"\n'
        '[product]\nname = "vanilla"\nstrike = 4500\nmaturity = 0.5\n[simulation]\npaths = 4096\ngreeks = ["delta"]\n'
    )
    read = read_terms(terms)
    smile = json.loads((tmp_path / "smile" / "smile.json").read_text())
    assert read.market["spot"] == pytest.approx(smile["spot"])
    assert read.params.kappa == smile["heston"]["kappa"]
    content = price(read, "note.toml")
    prices = [row["price"] for row in content["models"]]
    assert len(prices) == 3
    assert np.ptp(prices) < 0.1 * np.mean(prices)  # a vanilla that all of them were fitted to
    assert command("price", terms, "--out", tmp_path / "price")[0] == 0
    poor = smile | {"heston": smile["heston"] | {"status": "poor fit"}}
    (tmp_path / "smile" / "smile.json").write_text(json.dumps(poor))
    code, text, _ = command("price", terms, "--out", tmp_path / "price")
    assert code == 3
    assert "whose fit is poor fit" in text
    assert "local volatility of SSVI" in text
    terms.write_text(terms.read_text().replace("smile/smile.json", "none.json"))
    with pytest.raises(DataError, match=r"no smile\.json"):
        read_terms(terms)
