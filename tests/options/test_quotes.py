"""Quotes: every flaw is named, sound quotes pass, files are read."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import options
from riskengine.errors import DataError
from riskengine.options import Flag, Quotes

SMILE = np.array([0.26, 0.22, 0.2, 0.19, 0.195])
STRIKE = np.array([80.0, 90.0, 100.0, 110.0, 120.0])
ROOT = Path(__file__).parents[2]
DAX = ROOT / "data" / "dax_options_2002" / "quotes.csv"


def smile(**changes):
    given = {"strike": STRIKE, "maturity": 0.5, "volatility": SMILE, "spot": 100.0} | changes
    return Quotes.of_volatilities(
        given.pop("strike"), given.pop("maturity"), given.pop("volatility"), **given
    )


def test_sound_quotes_carry_no_flag():
    quotes = smile()
    assert quotes.flags == {}
    assert quotes.usable.all()
    assert not quotes.arbitrage.any()


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"volatility": np.where(STRIKE == 90, np.nan, SMILE)}, Flag.MISSING),
        ({"maturity": np.where(STRIKE == 90, -0.1, 0.5)}, Flag.EXPIRED),
        ({"strike": np.where(STRIKE == 90, -90, STRIKE)}, Flag.NOT_POSITIVE),
        ({"bid": SMILE + np.where(STRIKE == 90, 0.01, -0.01), "ask": SMILE}, Flag.CROSSED),
        ({"volatility": np.where(STRIKE == 90, 0.0, SMILE)}, Flag.NEGATIVE_TIME_VALUE),
        ({"strike": np.where(STRIKE == 90, 3.0, STRIKE)}, Flag.ZERO_VEGA),
    ],
)
def test_a_flaw_is_named_at_its_quote_and_nowhere_else(changes, flag):
    quotes = smile(**changes)
    assert quotes.flags_of(1) == (flag,)
    np.testing.assert_array_equal(quotes.usable, STRIKE != 90)


@pytest.mark.parametrize(
    ("price", "kind", "flag"),
    [
        (9.0, "call", Flag.NEGATIVE_TIME_VALUE),  # worth 10 at once
        (101.0, "call", Flag.TOO_HIGH),
        (95.0, "put", Flag.TOO_HIGH),
    ],
)
def test_an_impossible_price_is_named(price, kind, flag):
    quotes = Quotes.of_prices(90.0, 0.5, price, kind, spot=100.0)
    assert flag in quotes.flags_of(0)
    assert np.isnan(quotes.volatility[0])


def test_a_call_without_a_bid_is_named():
    quotes = Quotes.of_prices([100.0, 150.0], 0.5, bid=[5.0, 0.0], ask=[6.0, 0.1], spot=100.0)
    assert quotes.flags_of(1) == (Flag.NO_BID,)


def test_a_lonely_strike_is_named_and_kept():
    quotes = smile(maturity=np.where(STRIKE == 90, 1.0, 0.5))
    assert quotes.flags_of(1) == (Flag.ONE_STRIKE,)
    assert quotes.usable.all()


def test_arbitrage_between_strikes():
    price = options.black_price(100.0, STRIKE, 0.5, SMILE)
    dear = price.copy()
    dear[2] += 2.0  # above the chord of its neighbours
    assert Flag.BUTTERFLY in Quotes.of_prices(STRIKE, 0.5, dear, spot=100.0).flags_of(2)
    rising = price.copy()
    rising[3] = price[2] + 0.1  # a higher strike for more money
    flags = Quotes.of_prices(STRIKE, 0.5, rising, spot=100.0).flags
    np.testing.assert_array_equal(np.flatnonzero(flags[Flag.VERTICAL]), [2, 3])


def test_arbitrage_between_maturities():
    low = np.where(np.arange(10) >= 5, 0.13, np.tile(SMILE, 2))
    quotes = smile(strike=np.tile(STRIKE, 2), maturity=np.repeat([0.5, 1.0], 5), volatility=low)
    assert quotes.flags[Flag.CALENDAR][:5].any()
    assert not quotes.flags[Flag.CALENDAR][5:].any()


def test_what_a_spread_hides_is_no_arbitrage():
    """Only bids that can be hit and asks that can be lifted count."""
    price = options.black_price(100.0, STRIKE, 0.5, SMILE)
    price[2] += 2.0
    quotes = Quotes.of_prices(STRIKE, 0.5, bid=price - 1.9, ask=price + 1.9, spot=100.0)
    assert not quotes.arbitrage.any()


@given(
    v0=st.floats(0.01, 0.3), theta=st.floats(0.01, 0.3), kappa=st.floats(0.3, 8), sigma=st.floats(0.05, 1.5),
    rho=st.floats(-0.95, 0.5),
)  # fmt: skip
def test_prices_of_a_model_are_free_of_arbitrage(v0, theta, kappa, sigma, rho):
    t = np.repeat([0.25, 1.0], 5)
    price = options.heston_price(
        options.HestonParams(v0, kappa, theta, sigma, rho), 100.0, np.tile(STRIKE, 2), t, nodes=512
    )
    assert not Quotes.of_prices(np.tile(STRIKE, 2), t, price, spot=100.0).arbitrage.any()


def test_quotes_need_a_level_and_a_number():
    with pytest.raises(DataError, match="forward"):
        Quotes.of_volatilities(STRIKE, 0.5, SMILE)
    with pytest.raises(DataError, match="one length"):
        smile(volatility=SMILE[:3])
    with pytest.raises(DataError, match="bid and ask"):
        Quotes.of_prices(STRIKE, 0.5, spot=100.0)


def test_the_bundled_file_is_read():
    quotes = options.read_quotes(DAX)
    assert (len(quotes), int(quotes.usable.sum()), len(np.unique(quotes.maturity))) == (104, 104, 8)
    assert quotes.forward[0] == pytest.approx(4468.17 * np.exp(0.0357 * 13 / 365))


def test_a_chain_takes_the_option_out_of_the_money_and_parity_gives_the_forward(tmp_path):
    discount, forward = 0.98, 101.0
    kinds = {"call": "call", "put": "put"}
    columns = {
        kind: discount * options.black_price(forward, STRIKE, 0.5, SMILE, kind) for kind in kinds.values()
    }
    lines = ["T,strike,call_bid,call_ask,put_bid,put_ask,discount_factor"]
    for k, call, put in zip(STRIKE, columns["call"], columns["put"], strict=True):
        lines.append(f"0.5,{k},{call - 0.05},{call + 0.05},{put - 0.05},{put + 0.05},{discount}")
    path = tmp_path / "chain.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    quotes = options.read_quotes(path)
    np.testing.assert_allclose(quotes.forward, forward, rtol=1e-9)
    np.testing.assert_allclose(quotes.volatility, SMILE, atol=2e-4)
    assert np.all((quotes.bid < SMILE) & (quotes.ask > SMILE))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("maturity,volatility\n1,0.2\n", "strike"),
        ("strike,volatility\n1,0.2\n", "maturity"),
        ("strike,maturity,volatility\n1,1,0.2\n", "spot"),
        ("strike,maturity,spot\n1,1,1\n", "neither"),
        ("strike,maturity,spot,price\n1,1,1,0.1\n", "kind"),
        ("strike,maturity,spot,price,kind\n1,1,1,0.1,swap\n", "swap"),
        ("strike,expiry,spot,volatility\n1,2024-06-21,1,0.2\n", "asof"),
    ],
)
def test_a_file_that_lacks_something_says_what(tmp_path, text, match):
    path = tmp_path / "quotes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=match):
        options.read_quotes(path)


def test_expiry_dates_are_counted_from_the_day_of_the_quotes(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text("strike,expiry,spot,volatility\n100,2024-06-21,100,0.2\n110,2024-01-01,100,0.2\n")
    quotes = options.read_quotes(path, asof="2024-03-21")
    assert quotes.maturity[0] == pytest.approx(92 / 365)
    assert Flag.EXPIRED in quotes.flags_of(1)
