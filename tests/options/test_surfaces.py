"""SSVI surfaces free of arbitrage, their local volatility, and a smile handed over to a price."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskengine import options
from riskengine.desk import read_terms
from riskengine.desk.price import price
from riskengine.errors import DataError, SettingsError
from riskengine.options.svi import density_factor, raw_of_ssvi, svi_slice

ROOT = Path(__file__).parents[2]
DAX = ROOT / "data" / "dax_options_2002" / "quotes.csv"
SURFACE = options.SsviParams(-0.6, 1.0, 0.4, np.array([0.25, 0.5, 1.0]), np.array([0.012, 0.022, 0.045]))


@settings(max_examples=25, deadline=None)
@given(
    level=st.lists(st.floats(0.08, 0.6), min_size=3, max_size=3), slope=st.floats(-0.4, 0.3), bend=st.floats(0, 0.6),
    seed=st.integers(0, 100),
)  # fmt: skip
@example(level=[0.22980823843981985, 0.08203125, 0.0859375], slope=0.0, bend=0.0, seed=0)
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
    assert code == 3  # Heston's fit is poor, and Bates's is there beside it
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
    assert len(prices) == 5  # Heston, Bates, local volatility of SSVI and of SVI, Black and Scholes
    assert np.ptp(prices) < 0.1 * np.mean(prices)  # a vanilla that all of them were fitted to
    sound = smile | {"heston": smile["heston"] | {"status": "ok"}, "bates": None}
    (tmp_path / "smile" / "smile.json").write_text(json.dumps(sound))
    assert command("price", terms, "--out", tmp_path / "price")[0] == 0
    (tmp_path / "smile" / "smile.json").write_text(json.dumps(smile))
    code, text, _ = command("price", terms, "--out", tmp_path / "price")
    assert code == 3
    assert "whose fit is poor fit" in text
    assert "fits that are ok there: bates, ssvi, svi" in text
    assert "local volatility of SSVI" in text
    terms.write_text(terms.read_text().replace('json"', 'json"\nfit = "svi"'))
    read = read_terms(terms)
    assert (read.model, read.doubtful, len(read.others)) == ("local volatility of SVI", False, 3)
    terms.write_text(terms.read_text().replace("svi", "sabr"))
    with pytest.raises(SettingsError, match="fit"):
        read_terms(terms)
    terms.write_text(terms.read_text().replace("sabr", "svi").replace("smile/smile.json", "none.json"))
    with pytest.raises(DataError, match=r"no smile\.json"):
        read_terms(terms)


VOGT = options.SviParams(*(np.array([x]) for x in (-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)), np.array([1.0]))
"""Axel Vogt's smile, whose butterflies pay for nothing (Gatheral and Jacquier 2014, example 3.1)."""


def test_the_smile_of_the_literature_with_a_negative_density_is_seen_and_mended():
    k = np.linspace(-1.5, 1.5, 61)
    leaves = [leaf[0] for leaf in VOGT[:5]]
    seen = svi_slice(leaves, k)
    negative = k[density_factor(seen, k) < 0]
    assert (round(negative.min(), 2), round(negative.max(), 2)) == (0.65, 1.25)  # as their figure 1 shows it
    at_the_money = svi_slice(leaves, 0.0)  # the parameters of jump-wing form that they give
    assert at_the_money.w == pytest.approx(0.01742625, abs=1e-8)
    assert at_the_money.by_k / 2 / np.sqrt(at_the_money.w) == pytest.approx(-0.1752111, abs=1e-7)
    quotes = options.Quotes.of_volatilities(
        100 * np.exp(k), 1.0, options.svi_volatility(VOGT, 1.0, np.exp(k), 1.0), forward=100.0
    )
    fit = options.calibrate_svi(quotes)
    assert fit.density[0] >= 0
    assert fit.rmse < 1.0


@settings(max_examples=8, deadline=None)
@example(
    level=[0.5, 0.5, 0.5], slope=0.28125, bend=0.0, seed=0
)  # negative between two points of a coarser grid
@given(
    level=st.lists(st.floats(0.08, 0.6), min_size=3, max_size=3), slope=st.floats(-0.4, 0.3), bend=st.floats(0, 0.6),
    seed=st.integers(0, 100),
)  # fmt: skip
def test_slices_have_no_arbitrage_whatever_is_quoted_or_they_say_so(level, slope, bend, seed):
    t = np.repeat([0.1, 0.5, 2.0], 7)
    x = np.tile(np.linspace(-2, 2, 7), 3)
    noise = np.random.default_rng(seed).uniform(-0.02, 0.02, 21)
    volatility = np.maximum(np.repeat(level, 7) + slope * x / 5 + bend * x * x / 20 + noise, 0.03)
    fit = options.calibrate_svi(
        options.Quotes.of_volatilities(100 * np.exp(x * 0.2 * np.sqrt(t)), t, volatility, forward=100.0)
    )
    k = np.linspace(-1.5, 1.5, 301)
    leaves = np.array(fit.params[:5]).T
    free = all(np.min(density_factor(svi_slice(p, k), k)) > -1e-6 for p in leaves)
    variances = [
        options.svi_volatility(fit.params, 1.0, np.exp(k), m) ** 2 * m for m in (0.05, 0.1, 0.3, 0.5, 1, 2, 3)
    ]
    rising = np.all(np.diff(variances, axis=0) > -1e-10)
    assert (free and rising) or any("for nothing" in reason for reason in fit.quality.reasons)


def test_slices_fit_the_dax_closest_and_ssvi_is_svi():
    quotes = options.read_quotes(DAX)
    fit = options.calibrate_svi(quotes)
    assert str(fit.status) == "ok"
    assert fit.rmse < 0.3  # SSVI leaves .77, SABR .42, Heston 1.3
    raw = raw_of_ssvi(SURFACE)
    k = np.array([70.0, 100.0, 140.0])
    for t in (0.25, 1.0):
        np.testing.assert_allclose(
            options.svi_volatility(raw, 100.0, k, t),
            options.ssvi_volatility(SURFACE, 100.0, k, t),
            rtol=1e-12,
        )


def test_local_volatility_of_slices_prices_them():
    """As that of SSVI, of whose surface these are the slices."""
    model = options.LocalVolatilityParams(raw_of_ssvi(SURFACE), 100.0)
    for strike in (80.0, 110.0):
        found = options.monte_carlo(
            model, options.Vanilla(strike, 1.0), 2**13, rate=0.03, greeks=(), controls=False
        )
        forward = 100 * np.exp(0.03)
        volatility = options.ssvi_volatility(SURFACE, forward, strike, 1.0)
        exact = np.exp(-0.03) * options.black_price(forward, strike, 1.0, volatility)
        point = np.exp(-0.03) * options.black_vega(forward, strike, 1.0, volatility) / 100
        assert abs(found.price - exact) < 3 * found.error + 0.1 * point
