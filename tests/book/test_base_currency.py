"""Prices in a base currency against loops over days: local return and exchange rate, hedged in part or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.book import FxRates, in_base, money_name
from riskengine.errors import DataError
from riskengine.market import Panel

DAYS = pd.bdate_range("2024-01-01", periods=30)


def table(seed=3):
    rng = np.random.default_rng(seed)
    walk = lambda level, size: level * np.cumprod(1 + size * rng.standard_normal(30))  # noqa: E731
    return pd.DataFrame(
        {"SAP": walk(150, 0.01), "XOM": walk(100, 0.02), "ES": walk(5000, 0.01), "VOD": walk(70, 0.02),
         "EURUSD": walk(1.1, 0.005), "GBPUSD": walk(1.27, 0.005)},
        DAYS,
    )  # fmt: skip


CURRENCIES = {"SAP": "EUR", "XOM": "USD", "ES": "USD", "VOD": "GBP"}


@settings(max_examples=15)
@given(st.floats(0, 1), st.integers(0, 5))
def test_a_return_in_base_is_local_and_fx_day_by_day(share, seed):
    prices = table(seed)
    rates = FxRates.of(prices, "EUR", wanted=("USD", "GBP"))
    here = in_base(Panel(prices), CURRENCIES, rates, {"XOM": share, "ES": 1.0})
    assert here.assets == ("SAP", "XOM", "ES", "VOD", money_name("GBP"), money_name("USD"))
    into = {"EUR": np.ones(30), "USD": 1 / prices["EURUSD"], "GBP": prices["GBPUSD"] / prices["EURUSD"]}
    hedge = {"XOM": share, "ES": 1.0}
    for name, code in CURRENCIES.items():
        rate, local = np.asarray(into[code]), prices[name].to_numpy()
        assert here.prices[name].iloc[-1] == pytest.approx(local[-1] * rate[-1], rel=1e-13)
        for day in range(1, 30):
            moved = rate[day] / rate[day - 1] - 1
            wanted = local[day] / local[day - 1] * (1 + (1 - hedge.get(name, 0.0)) * moved) - 1
            assert here.returns[name].iloc[day - 1] == pytest.approx(wanted, abs=1e-13)
    for code in ("USD", "GBP"):
        np.testing.assert_allclose(here.prices[money_name(code)], into[code], rtol=1e-13)
    assert here.view(29).member.tolist() == [True] * 4 + [False] * 2


def test_gaps_stay_gaps_and_bars_move_along():
    prices = table()
    prices.iloc[7, 1] = np.nan
    prices.iloc[9, 4] = np.nan  # a day without a rate: the last one holds
    panel = Panel(prices, high=prices * 1.01, low=prices * 0.99)
    rates = FxRates.of(prices, "EUR", wanted=("USD", "GBP"))
    for share in (0.0, 0.4):
        here = in_base(panel, CURRENCIES, rates, {"XOM": share})
        assert here.prices["XOM"].isna().tolist() == prices["XOM"].isna().tolist()
        ratio = here.high["XOM"] / here.prices["XOM"]
        assert ratio.dropna().to_numpy() == pytest.approx(1.01)
    plain = in_base(panel, dict.fromkeys(CURRENCIES, "EUR"), FxRates.of(prices, "EUR", wanted=()))
    pd.testing.assert_frame_equal(plain.prices, prices[list(CURRENCIES)], check_freq=False)


def test_rates_of_other_days_are_an_error():
    prices = table()
    prices.iloc[:20, 4:] = np.nan
    prices.iloc[20:, 1] = np.nan
    rates = FxRates.of(prices, "EUR", wanted=("USD",))
    with pytest.raises(DataError, match="no day in common"):
        in_base(Panel(prices), {"SAP": "EUR", "ES": "EUR", "VOD": "EUR", "XOM": "USD"}, rates)
