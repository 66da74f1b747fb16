"""Quotes from CSV files: one option a row, or a chain with calls and puts side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from riskengine.errors import DataError
from riskengine.market.dates import parse_date
from riskengine.options.quotes import Quotes, Underlying

Array = np.ndarray
NAMES = {
    "strike": ("strike", "k"),
    "maturity": ("maturity", "t", "t_act365", "texp", "years"),
    "days": ("days",),
    "expiry": ("expiry", "expiration"),
    "spot": ("spot", "underlying"),
    "forward": ("forward",),
    "rate": ("rate", "zero_rate_cc", "zero_rate"),
    "dividend": ("dividend", "dividend_rate"),
    "discount": ("discount", "discount_factor"),
    "volatility": ("volatility", "implied_vol", "implied_volatility", "iv"),
    "kind": ("kind", "type", "cp"),
    "price": ("price", "mid"),
    "bid": ("bid",),
    "ask": ("ask",),
    "bid_volatility": ("bid_volatility", "bid_iv"),
    "ask_volatility": ("ask_volatility", "ask_iv"),
    "call_bid": ("call_bid",),
    "call_ask": ("call_ask",),
    "put_bid": ("put_bid",),
    "put_ask": ("put_ask",),
}
"""Columns that are understood, and how else they may be called; upper or lower case."""


def read_quotes(
    path: Path | str, spot: float | None = None, asof: str | None = None, name: str = ""
) -> Quotes:
    """Quotes of a CSV file, ``.gz`` or not.

    Each row has a ``strike``; a ``maturity`` in years, ``days`` or an ``expiry`` date; and either a ``volatility``
    (or ``bid_volatility`` and ``ask_volatility``), or a ``price`` (or ``bid`` and ``ask``) with the ``kind``, or
    ``call_bid``, ``call_ask``, ``put_bid`` and ``put_ask``. Of such a chain the option out of the money is taken,
    and the forward, where there is none, from the calls and puts nearest the money. :data:`NAMES` has all columns.

    Parameters
    ----------
    path : the file
    spot : where the file has no column for it, and no forward
    asof : date of the quotes, where maturities are expiry dates
    name : of the underlying; the file's own if left out

    Raises
    ------
    DataError
        If the file is missing, is no table, or lacks a column.
    """
    path = Path(path)
    columns = _columns(path)
    maturity = _maturity(columns, path, asof)
    name = name or path.name.split(".")[0]
    if spot is None and "spot" in columns:
        seen = columns["spot"][np.isfinite(columns["spot"])]
        spot = float(seen[0]) if len(seen) else None
    if {"call_bid", "call_ask", "put_bid", "put_ask"} <= columns.keys():
        return _chain(columns, maturity, spot, name)
    if spot is None and "forward" not in columns:
        raise DataError(f"{path} has neither spot nor forward: add a column, or give the spot")
    underlying = Underlying(
        spot=spot,
        rate=columns.get("rate", 0.0),
        dividend=columns.get("dividend", 0.0),
        forward=columns.get("forward"),
        discount=columns.get("discount"),
        name=name,
    )
    strike, given = columns["strike"], columns.get
    if "volatility" in columns or {"bid_volatility", "ask_volatility"} <= columns.keys():
        sides = {"bid": given("bid_volatility"), "ask": given("ask_volatility")}
        return Quotes.of_volatilities(strike, maturity, given("volatility"), **sides, **underlying)
    if not ("price" in columns or {"bid", "ask"} <= columns.keys()):
        raise DataError(f"{path} quotes neither volatilities nor prices: see riskengine.options.read_quotes")
    sides = {"bid": given("bid"), "ask": given("ask")}
    return Quotes.of_prices(strike, maturity, given("price"), _kinds(columns, path), **sides, **underlying)


def _columns(path: Path) -> dict[str, Array]:
    """The columns that are understood, under the names of :data:`NAMES`."""
    import pandas as pd

    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        frame = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not a CSV of quotes: {error}") from error
    frame.columns = frame.columns.str.strip().str.lower()
    columns: dict[str, Array] = {}
    for wanted, others in NAMES.items():
        known = [other for other in others if other in frame.columns]
        if known and wanted in ("kind", "expiry"):
            columns[wanted] = frame[known[0]].to_numpy(str)
        elif known:
            columns[wanted] = pd.to_numeric(frame[known[0]], errors="coerce").to_numpy(np.float64)
    if not len(frame) or "strike" not in columns:
        raise DataError(f"{path} needs a column strike and at least one row")
    return columns


def _kinds(columns: dict[str, Array], path: Path) -> Array:
    """Calls and puts of the column kind."""
    if "kind" not in columns:
        raise DataError(f"{path} needs a column kind (call or put) beside prices")
    letters = np.char.lower(np.char.strip(columns["kind"]))
    kind = np.select(
        [np.isin(letters, ("c", "call", "1")), np.isin(letters, ("p", "put", "-1"))], ["call", "put"], ""
    )
    if (kind == "").any():
        raise DataError(f"{path}: a kind is call or put, not {columns['kind'][kind == ''][0]!r}")
    return kind


def _maturity(columns: dict[str, Array], path: Path, asof: str | None) -> Array:
    import pandas as pd

    if "maturity" in columns:
        return columns["maturity"]
    if "days" in columns:
        return columns["days"] / 365
    if "expiry" not in columns:
        raise DataError(f"{path} needs a column maturity (years), days or expiry")
    if asof is None:
        raise DataError(f"{path} has expiry dates: say of which date the quotes are (asof)")
    today = parse_date(asof, "asof")
    expiry = pd.Series([parse_date(cell, f"{path}: expiry") for cell in columns["expiry"]])
    return (expiry - today).dt.days.to_numpy(np.float64) / 365


def _chain(columns: dict[str, Array], maturity: Array, spot: float | None, name: str) -> Quotes:
    """Of each strike the option out of the money."""
    strike = columns["strike"]
    rate = columns.get("rate", np.zeros(len(strike)))
    discount = columns.get("discount", np.exp(-rate * maturity))
    call = (columns["call_bid"] + columns["call_ask"]) / 2
    put = (columns["put_bid"] + columns["put_ask"]) / 2
    forward = columns.get("forward")
    if forward is None:
        forward = parity_forward(strike, maturity, call, put, discount)
    is_call = strike >= forward
    return Quotes.of_prices(
        strike,
        maturity,
        None,
        np.where(is_call, "call", "put"),
        bid=np.where(is_call, columns["call_bid"], columns["put_bid"]),
        ask=np.where(is_call, columns["call_ask"], columns["put_ask"]),
        forward=forward,
        discount=discount,
        spot=spot,
        name=name,
    )


def parity_forward(
    strike: Array, maturity: Array, call: Array, put: Array, discount: Array, pairs: int = 5
) -> Array:
    """Forward of each quote: the median over the strikes where call and put are closest; NaN where there is no pair."""
    forward = np.full(len(strike), np.nan)
    for t in np.unique(maturity[np.isfinite(maturity)]):
        rows = np.flatnonzero((maturity == t) & np.isfinite(call - put))
        nearest = rows[np.argsort(np.abs(call - put)[rows], kind="stable")[:pairs]]
        if len(nearest):
            forward[maturity == t] = np.median((strike + (call - put) / discount)[nearest])
    return forward
