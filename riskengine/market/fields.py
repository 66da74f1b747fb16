"""What vendors call their columns. A vendor with other words needs a line here and nothing else."""

from __future__ import annotations

import re

FIELDS: dict[str, tuple[str, ...]] = {
    # the most specific first: of several columns of a kind, the one that stands first here is taken
    "date": (
        "date", "trade date", "price date", "trading day", "trading date", "quote date", "as of date", "asof date",
        "observation date", "business date", "dates", "datum", "data", "fecha", "day", "datetime", "date time",
        "date utc", "timestamp", "time", "open time", "unix", "unix timestamp", "dtyyyymmdd", "time period",
        "start", "datadate", "exchange date", "snapped at",
    ),
    "asset": (
        "asset", "ticker", "tickers", "symbol", "tic", "act symbol", "ric", "instrument", "security", "secid", "isin",
        "cusip", "sedol", "figi", "wkn", "permno", "code", "stock", "asset id", "paper", "name",
    ),
    "adjusted": (
        "adj close", "adjclose", "adjusted close", "close adj", "close adjusted", "adjusted", "adj closing price",
        "adj price", "adjusted price", "adjusted closing price", "total return", "total return index",
        "tot return index",
        "tri", "px last adj",
    ),
    "close": (
        "close", "closing price", "close price", "close last", "price close", "px last", "last", "last price", "price",
        "prices", "settle", "settlement price", "prc", "trdprc 1", "schluss", "schlusskurs", "kurs", "zamkniecie",
        "cierre", "ultimo", "nav", "net asset value", "val close", "mid", "closeprice",
    ),
    "open": ("open", "open price", "opening price", "px open", "price open", "eroeffnung", "otwarcie", "apertura"),
    "high": ("high", "high price", "px high", "price high", "hoch", "najwyzszy", "maximo", "day high"),
    "low": ("low", "low price", "px low", "price low", "tief", "najnizszy", "minimo", "day low"),
    "volume": (
        "volume", "vol", "px volume", "total volume", "share volume", "shares traded", "wolumen", "volumen",
        "volume acvol 1", "no of shares",
    ),
    "currency": ("currency", "curr", "ccy", "crncy", "waehrung", "quote currency"),
    "field": ("field", "variable", "metric", "attribute", "item"),
    # known, and no price: left out, and said to be
    "other": (
        "return", "returns", "ret", "retx", "daily return", "log return", "total return %", "weight",
        "weights", "shares",
        "quantity", "qty", "position", "member", "start date", "end date", "end", "signal", "beta", "rate",
        "adj open", "adj high", "adj low", "adj volume", "adjusted open", "adjusted high", "adjusted low",
        "adjusted volume", "volume adj",
        "change", "change %",
        "chg", "chg %", "change percent", "% change", "net change", "pct chg", "pct change", "per",
        "dividends", "dividend", "dividend amount", "div cash", "ex dividend", "stock splits", "split coefficient",
        "split factor", "split ratio",
        "capital gains", "openint", "open interest", "vwap", "average", "wap", "barcount",
        "trades", "number of trades", "no of trades", "tradecount", "trade count", "turnover", "amount", "market cap",
        "quote asset volume", "close time", "taker buy base asset volume", "taker buy quote asset volume", "ignore",
        "change over time", "changeovertime", "label", "unadjustedvolume", "exchange", "mic", "country", "sector",
        "interval", "prev close", "previous close", "asset class", "preopen",
    ),
}  # fmt: skip
"""Kind of a column to the names that vendors give it, as :func:`plain_name` writes them."""

_KIND = {name: kind for kind, names in FIELDS.items() for name in names}
_RANK = {name: rank for names in FIELDS.values() for rank, name in enumerate(names)}
PRICES = ("adjusted", "close")
BARS = ("open", "high", "low")
FIELDS_OF_PRICES = (*PRICES, *BARS, "volume")
TICKERS_TOO = frozenset(
    {"LOW", "OPEN", "HIGH", "LAST", "NAV", "PRC", "MID", "TRI", "DATA", "PER", "CODE", "VOL"}
)
"""Field names that are also tickers, when written in capitals."""

KLINES = (
    "open time", "open", "high", "low", "close", "volume", "close time", "quote asset volume", "number of trades",
    "taker buy base asset volume", "taker buy quote asset volume", "ignore",
)  # fmt: skip
"""Columns of Binance's files of candles, which have no header."""


def plain_name(name: str) -> str:
    """A column's name without what only decorates it.

    Examples
    --------
    >>> [plain_name(name) for name in ("Adj Close**", "<CLOSE>", "4. close", "PX_LAST", "Close/Last", "Vol.")]
    ['adj close', 'close', 'close', 'px last', 'close last', 'vol']
    """
    text = re.sub(r"^\s*\d+[a-z]?\.\s+", "", name.strip().lower())  # Alpha Vantage numbers its fields
    text = re.sub(r"\((?:usd|eur|gbp|gbx|chf|jpy|utc|local|[$€£])\)", " ", text)
    text = re.sub(r"(?<=[a-z])(?=\()|[<>*\"'\[\]()#]", " ", text)
    return re.sub(r"[\s_./\-:]+", " ", text).strip()


def kind_of(name: str) -> str | None:
    """What a column of this name holds, a key of :data:`FIELDS`; None for the name of an asset.

    Examples
    --------
    >>> kind_of("Adj Close"), kind_of("Ticker"), kind_of("AAPL")
    ('adjusted', 'asset', None)
    """
    plain = plain_name(name)
    if plain in _KIND:
        return _KIND[plain]
    # "Volume BTC" and "Volume USDT" beside the fields of a coin
    return "other" if plain.startswith(("volume ", "taker buy ")) else None


def price_kind(name: str) -> str | None:
    """:func:`kind_of`, also of names that are written in camel case.

    Examples
    --------
    >>> kind_of("openPrice"), price_kind("openPrice")
    (None, 'open')
    """
    return kind_of(name) or kind_of(in_camel(name))


def rank_of(name: str) -> int:
    """Place of a name among those of its kind: the lower, the sooner it is taken."""
    return _RANK.get(plain_name(name), len(_RANK))


def in_camel(name: str) -> str:
    """``adjClose`` as ``adj Close``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
