"""Prices of assets in several currencies as prices in one: local return and exchange rate, hedged or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from riskengine.book.currencies import CODES, pair_of
from riskengine.book.fx import FxRates
from riskengine.errors import DataError
from riskengine.market import Panel

Array = np.ndarray

MONEY = "cash in "
"""What the columns of foreign money are called, before the code of the currency."""


def money_name(currency: str) -> str:
    """Name of the column of a foreign currency.

    Examples
    --------
    >>> money_name("USD")
    'cash in USD'
    """
    return MONEY + currency


def is_money(name: str) -> bool:
    """Whether a column is the money of a foreign currency.

    Examples
    --------
    >>> is_money("cash in USD"), is_money("cash in hand"), is_money("USD")
    (True, False, False)
    """
    return name.startswith(MONEY) and name.removeprefix(MONEY) in CODES


def in_base(
    panel: Panel, currencies: Mapping[str, str], rates: FxRates, hedged: Mapping[str, float] | None = None
) -> Panel:
    """A panel in the base currency of the rates, with a column for the money of each foreign currency.

    The return of an asset in base is ``(1 + r) (1 + (1 - h) x) - 1``: ``r`` its local return, ``x`` that of its
    currency, ``h`` the share of the currency risk that is hedged, without the cost of hedging. Of a future ``h`` is
    one: only its gains and losses are in the foreign currency. Prices are scaled to today's, so that quantity times
    the last price is today's value. Columns of exchange rates leave; those of money are in no universe.

    Parameters
    ----------
    panel : prices in local currencies, and exchange rates
    currencies : asset to ISO code; empty for the base
    rates : into the base
    hedged : asset to the share that is hedged

    Raises
    ------
    DataError
        If a currency has no exchange rate.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=3)
    >>> table = pd.DataFrame({"XOM": [100.0, 110.0, 110.0], "EURUSD": [1.0, 1.0, 1.1]}, days)
    >>> here = in_base(Panel(table), {"XOM": "USD"}, FxRates.of(table, "EUR"))
    >>> here.prices.round(4).to_dict("list")
    {'XOM': [100.0, 110.0, 100.0], 'cash in USD': [1.0, 1.0, 0.9091]}
    >>> in_base(Panel(table), {"XOM": "USD"}, FxRates.of(table, "EUR"), {"XOM": 1.0}).returns["XOM"].round(4).tolist()
    [0.1, 0.0]
    """
    hedged = hedged or {}
    names = [name for name in panel.assets if pair_of(name) is None]
    codes: set[str] = {currencies.get(name, "") or rates.base for name in names} | set(rates.known_codes)
    foreign = sorted(codes - {"", rates.base})
    paths = {code: rates.path(code, panel.dates) for code in foreign}
    factors, columns = {}, {}
    for name in names:
        code = currencies.get(name) or rates.base
        local = panel.prices[name].to_numpy()
        if code in ("", rates.base):
            factors[name] = np.ones(len(local))
        else:
            factors[name] = _factor(local, paths[code], hedged.get(name, 0.0))
        columns[name] = local * factors[name]
        if np.isnan(columns[name]).all() and not np.isnan(local).all():
            raise DataError(
                f"{name}: the exchange rate of {code} has no day in common with its prices: bring rates of these days"
            )
    prices = pd.DataFrame(columns, panel.dates)
    money = pd.DataFrame(
        {money_name(code): paths[code] for code in foreign if code not in rates.given}, panel.dates
    )
    changes: dict[str, Any] = {
        name: None if (bar := getattr(panel, name)) is None else _scaled(bar[names], factors, money)
        for name in ("open", "high", "low")
    }
    members = pd.DataFrame(True, panel.dates, names) if panel.membership is None else panel.membership[names]
    if not money.empty:
        members = members.join(pd.DataFrame(False, panel.dates, money.columns))
    changed = panel.membership is not None or not money.empty
    kept = {name: time for name, time in (panel.closes or {}).items() if name in names} or None
    changes |= {"periods_per_year": panel.periods_per_year if panel.frequency.stated else None}
    return replace(
        panel, prices=prices.join(money), membership=members if changed else None, closes=kept, **changes
    )


def _scaled(bar: pd.DataFrame, factors: Mapping[str, Array], money: pd.DataFrame) -> pd.DataFrame:
    scaled = bar * pd.DataFrame(factors, bar.index)
    return scaled.join(pd.DataFrame(np.nan, bar.index, money.columns))


def _factor(local: Array, path: Array, share: float) -> Array:
    """What local prices are multiplied by, day by day; today it is the rate of today."""
    if share == 0:
        return path
    known = np.flatnonzero(~np.isnan(local) & ~np.isnan(path))
    factor = np.full(len(local), np.nan)
    if not len(known):
        return factor
    moves = 1 + (1 - share) * (path[known[1:]] / path[known[:-1]] - 1)
    grown = np.concatenate([[1.0], np.cumprod(moves)])
    factor[known] = path[known[-1]] * grown / grown[-1]
    return factor
