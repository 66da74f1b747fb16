"""The one table of how vendors lay out chains of options: names of columns, units, and what only the vendor says.

A new vendor is a name in :data:`COLUMNS` where its columns are called in a way of its own, and a line in
:data:`LAYOUTS` where a number means something else than its name says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from riskengine.errors import DataError

COLUMNS: dict[str, tuple[str, ...]] = {
    "strike": ("strike", "k", "strike_price", "strikeprice", "exercise_price"),
    "maturity": ("maturity", "t", "t_act365", "texp", "years", "tte", "time_to_expiry", "yte"),
    "days": ("days", "dte", "days_to_expiration", "days_to_expiry", "daystoexpiration"),
    "expiry": (
        "expiry", "expiration", "exp_date", "expiration_date", "exdate", "expire_date", "expir_date", "expiry_date",
        "exdt", "maturity_date", "last_trade_date_or_contract_month", "exp",
    ),
    "date": ("quote_date", "quotedate", "date", "trade_date", "data_date", "timestamp", "asof", "quote_readtime"),
    "spot": (
        "spot", "underlying", "underlying_price", "underlying_last", "stock_price", "stkpx", "underlyingprice",
        "active_underlying_price_1545", "underlying_close", "spot_price", "underlying_bid_1545",
    ),
    "forward": ("forward", "forward_price", "forwardprice", "fwd"),
    "rate": ("rate", "zero_rate_cc", "zero_rate", "risk_free_rate", "interest_rate", "r"),
    "dividend": ("dividend", "dividend_rate", "dividend_yield", "q"),
    "discount": ("discount", "discount_factor", "df"),
    "volatility": (
        "volatility", "implied_vol", "implied_volatility", "iv", "impl_volatility", "impliedvol", "mark_iv", "vol",
        "ivm", "impvol", "implied_volatility_1545",
    ),
    "kind": (
        "kind", "type", "cp", "option_type", "optiontype", "cp_flag", "put_call", "call_put", "contract_type", "right",
    ),
    "price": ("price", "mid", "mark", "mid_price", "midpoint", "mark_price", "premium"),
    "last": ("last", "last_price", "lastprice", "last_sale", "ltp", "px_last", "settle", "settlement_price", "close"),
    "bid": ("bid", "bid_price", "best_bid", "best_bid_price", "bid_1545", "bid_eod", "closing_bid"),
    "ask": (
        "ask", "ask_price", "best_offer", "best_ask", "best_ask_price", "offer", "ask_1545", "ask_eod", "closing_ask",
    ),
    "bid_volatility": ("bid_volatility", "bid_iv", "bid_implied_volatility"),
    "ask_volatility": ("ask_volatility", "ask_iv", "ask_implied_volatility"),
    "call_bid": ("call_bid", "c_bid", "call_bid_price"),
    "call_ask": ("call_ask", "c_ask", "call_ask_price"),
    "put_bid": ("put_bid", "p_bid", "put_bid_price"),
    "put_ask": ("put_ask", "p_ask", "put_ask_price"),
    "symbol": (
        "contract_symbol", "option_symbol", "instrument_name", "contract_id", "optionroot", "occ_symbol", "call_symbol",
        "option", "contract",
    ),
    "root": ("root", "underlying_symbol", "symbol", "ticker", "underlying_ticker", "act_symbol"),
    "settlement": ("am_settlement", "settlement", "settlement_type", "am_pm", "settle_time"),
    "style": ("exercise_style", "style", "exercise", "ex_style"),
}  # fmt: skip
"""Columns that are understood, and how else they may be called; case, spaces and brackets do not matter."""


@dataclass(frozen=True)
class Layout:
    """What a vendor's numbers mean beyond their names.

    Attributes
    ----------
    name
        Of the vendor.
    marks
        Columns that tell its files from others, all of them there.
    dates
        Formats of its dates beside ISO; a date that two orders allow is refused where none is given.
    percent
        Whether volatilities are percentages; told from the numbers if None.
    strike_scale
        What strikes are divided by.
    coins
        Whether prices are in units of the underlying, whose price of each row is the expiry's forward.
    expiry_time
        Time of day of an expiry.
    columns
        Names that mean something else in its files.
    """

    name: str
    marks: tuple[str, ...]
    dates: tuple[str, ...] = ()
    percent: bool | None = None
    strike_scale: float = 1.0
    coins: bool = False
    expiry_time: str = "16:00"
    columns: tuple[tuple[str, str], ...] = ()


OF_THE_ROW = (("underlying_price", "forward"),)
US, LONG_US = "%m/%d/%y", "%m/%d/%Y"
LAYOUTS = (
    Layout("Yahoo", ("contract_symbol", "last_trade_date")),
    Layout("CBOE", ("expiration_date", "call_symbol", "put_bid"), ("%a %b %d %Y", LONG_US, US)),
    Layout("CBOE DataShop", ("underlying_symbol", "bid_1545", "ask_1545")),
    Layout("Barchart", ("strike", "dte", "exp_date"), (US, LONG_US)),
    Layout("OptionMetrics", ("secid", "strike_price", "cp_flag"), strike_scale=1000.0),
    Layout("OptionMetrics", ("strike_price", "best_bid", "best_offer", "cp_flag"), strike_scale=1000.0),
    Layout("Deribit", ("instrument_name", "mark_iv"), ("%d%b%y",), True, 1.0, True, "08:00", OF_THE_ROW),
    Layout("Tardis", ("local_timestamp", "mark_iv"), (), True, 1.0, True, "08:00", OF_THE_ROW),
    Layout("OptionsDX", ("c_bid", "p_bid", "underlying_last")),
    Layout("ORATS", ("trade_date", "expir_date", "call_bid_price"), (LONG_US,)),
    Layout("Schwab", ("put_call", "strike_price", "days_to_expiration"), percent=True),
    Layout("Bloomberg", ("ivm",), (LONG_US, US), percent=True),
    Layout("Bloomberg", ("call_ivm", "put_ivm"), (LONG_US, US), percent=True),
    Layout("NSE", ("call_oi", "call_ltp", "strike"), percent=True, expiry_time="15:30"),
    Layout("plain", ()),
)  # fmt: skip
"""The first whose marks are all there is taken."""

EUROPEAN = frozenset(
    {"SPX", "SPXW", "XSP", "NDX", "NDXP", "XND", "RUT", "RUTW", "MRUT", "VIX", "VIXW", "DJX", "XEO", "MXEA", "MXEF",
     "NANOS", "BTC", "ETH", "SOL", "DAX", "ODAX", "OESX", "ESTX50", "NIFTY", "BANKNIFTY"}
)  # fmt: skip
"""Roots of options that are exercised at expiry alone; others of exchanges in the United States are American."""
MORNING = frozenset({"SPX", "NDX", "RUT", "VIX", "DJX", "XEO"})
"""Roots that settle at the open of their third Friday."""


def tidy(name: str) -> str:
    """A column's name without case, spaces, brackets and signs.

    Examples
    --------
    >>> [tidy(name) for name in ("impliedVolatility", "Exp Date", "[C_BID]", "Open Int.", "T", "%Chg")]
    ['implied_volatility', 'exp_date', 'c_bid', 'open_int', 't', 'chg']
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def sided(names: Sequence[str]) -> list[str]:
    """Names of a table with calls on the left of the strike and puts on the right: ``call_`` and ``put_`` before them.

    Examples
    --------
    >>> sided(["expiration_date", "calls", "bid", "ask", "strike", "puts", "bid", "ask"])
    ['expiration_date', 'call_symbol', 'call_bid', 'call_ask', 'strike', 'put_symbol', 'put_bid', 'put_ask']
    >>> sided(["strike", "bid", "ask"])
    ['strike', 'bid', 'ask']
    >>> sided(["strike", "bid", "ask", "strike", "bid", "ask"])
    ['strike', 'call_bid', 'call_ask', 'put_strike', 'put_bid', 'put_ask']
    """
    strikes = [k for k, name in enumerate(names) if name in COLUMNS["strike"]]
    if len(strikes) == 2 and names[: strikes[1]].count("bid") == names[strikes[1] :].count("bid") == 1:
        first, second = names[: strikes[1]], names[strikes[1] + 1 :]
        left = [
            name if name in COLUMNS["strike"] else f"call_{name}" if name in second else name
            for name in first
        ]
        return [*left, "put_strike", *(f"put_{name}" if name in first else name for name in second)]
    if len(strikes) != 1 or not any(names.count(name) == 2 for name in ("bid", "ask", "last", "iv")):
        return list(names)
    found = []
    for k, name in enumerate(names):
        twice = names.count(name) == 2
        side = "call" if k < strikes[0] else "put"
        if name in ("calls", "puts"):
            found.append(f"{side}_symbol")
        else:
            found.append(f"{side}_{name}" if twice else name)
    return found


def layout_of(names: Sequence[str]) -> Layout:
    """The layout of a table with these tidied names."""
    known = set(names)
    return next(layout for layout in LAYOUTS if known.issuperset(layout.marks))


def meanings(names: Sequence[str], layout: Layout, what: str) -> dict[str, int]:
    """By field of :data:`COLUMNS`, the position of the column that holds it: the first alias that is there.

    Raises
    ------
    DataError
        If a name of use stands twice.
    """
    own = dict(layout.columns)
    found: dict[str, int] = {}
    for field, aliases in COLUMNS.items():
        mine = [theirs for theirs, meant in own.items() if meant == field]
        here = [name for name in (*mine, *aliases) if name in names and own.get(name, field) == field]
        if not here:
            continue
        if list(names).count(here[0]) > 1:
            raise DataError(f"{what} has two columns named {here[0]!r}: rename one")
        found[field] = list(names).index(here[0])
    return found
