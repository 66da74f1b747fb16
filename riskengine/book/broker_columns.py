"""What brokers and custodians call the columns of their files. One with other words needs a line here and no more."""

from __future__ import annotations

import re
from collections.abc import Sequence

from riskengine.book.positions import Kind
from riskengine.errors import DataError
from riskengine.market.fields import in_camel, plain_name

COLUMNS: dict[str, tuple[tuple[str, ...], ...]] = {
    # of the tuples of a kind the first that is met goes before the later ones
    "asset": (
        ("asset", "symbol", "ticker", "instrument", "security", "local symbol", "ticker symbol", "security symbol",
         "symbol cusip", "financial instrument", "instrument symbol", "bbg ticker", "bloomberg ticker", "contract"),
        ("ric",),
        ("security id", "asset id", "instrument id", "security identifier"),
        ("isin", "cusip", "sedol", "wkn"),
    ),
    "quantity": (
        ("quantity", "qty", "qty quantity", "shares", "units", "position", "holding", "quantity held",
         "number of shares", "no of shares", "shares par", "par shares", "units held", "current quantity", "par value",
         "net quantity", "closing quantity", "position quantity", "net position", "nominal", "open quantity",
         "trade date quantity", "stück", "stück nominal", "stück nom", "stueck", "bestand", "anzahl", "nominale",
         "menge", "quantité", "quantite", "cantidad", "quantità"),
    ),
    "price": (
        ("price", "mark price", "market price", "last price", "close price", "closing price", "current price",
         "unit price", "share price", "mkt price", "price local", "local price", "last", "valuation price", "kurs",
         "aktueller kurs", "akt kurs", "cours", "precio", "market price local", "recent price", "price close"),
    ),
    "value": (
        ("market value", "mkt val market value", "mkt value", "current value", "position value", "market value local",
         "local market value", "local mv", "mv local", "value local", "value", "total value", "kurswert", "wert",
         "valeur", "most recent value", "recent market value", "market value position currency"),
        ("amount", "balance"),
    ),
    "base value": (
        ("market value base", "base market value", "base mv", "mv base", "value base", "market value in base",
         "market value base currency", "market value in base currency", "market value portfolio currency"),
    ),
    "currency": (
        ("currency", "currency primary", "ccy", "curr", "local currency", "local ccy", "trading currency",
         "price currency", "security currency", "position currency", "asset currency", "issue currency", "währung",
         "waehrung", "devise", "moneda", "cur"),
    ),
    "base": (("base currency", "base ccy", "portfolio currency", "reporting currency"),),
    "rate": (("fxrate to base", "fx rate to base", "rate to base"),),
    "account": (
        ("account", "account id", "account number", "account no", "client account id", "acct", "account nbr",
         "portfolio id", "acct no", "acct id", "depot", "depotnummer", "custody account"),
        ("portfolio", "account name", "portfolio name", "fund", "fund id", "account alias"),
    ),
    "multiplier": (("multiplier", "mult", "contract size", "contract multiplier", "point value", "price multiplier"),),
    "kind": (
        ("asset class", "asset category", "asset type", "security type", "instrument type", "sec type", "product type",
         "investment type"),
        ("type", "class"),
    ),
    "side": (("side", "long short", "l s", "position type", "long short indicator", "direction", "buy sell"),),
    "unit cost": (
        ("cost basis price", "cost price", "average cost", "avg cost", "average price", "avg price", "unit cost",
         "cost share", "cost per share", "purchase price", "price paid", "average cost basis", "avg unit cost",
         "einstandskurs", "einstandspreis", "average open price"),
        ("open price",),
    ),
    "total cost": (("cost basis", "cost basis total", "total cost", "cost basis money", "book cost", "cost basis local",
                    "book value", "total cost basis", "cost local", "einstandswert"), ("cost",)),
    "opened": (
        ("open date time", "open date", "opened", "acquired", "date acquired", "acquisition date", "purchase date",
         "lot open date", "acquired opened date", "lot date", "lot acquisition date", "kaufdatum"),
        ("holding period date time",),
    ),
    "accrued": (
        ("accrued dividends", "accrued dividend", "dividend accrual", "accrued income", "accruals", "accrued",
         "accrued interest", "dividends accrued", "accrued income local"),
    ),
    "level": (("level of detail", "data discriminator"),),
    "trade": (("transaction type", "action", "trade id"),),
    "cash": (("ending cash", "ending settled cash"),),
}  # fmt: skip
"""Kind of a column to the names that vendors give it, as :func:`column_name` writes them, the best first."""

_PLACE = {
    name: (kind, rank)
    for kind, ranks in COLUMNS.items()
    for rank, names in enumerate(ranks)
    for name in names
}

CASH = (
    "cash", "cash cash investments", "cash and cash investments", "cash balance", "cash cash equivalents",
    "cash equivalents", "cash and money market", "fcash", "cash position", "settled cash", "total cash", "kasse",
    "konto", "verrechnungskonto",
)  # fmt: skip
"""Names of money among assets, as :func:`column_name` writes them without the sign &."""

TOTALS = (
    "total", "totals", "account total", "grand total", "subtotal", "sub total", "sum", "pending activity",
    "positions total", "total portfolio", "summe", "gesamt", "trailer", "trl",
)  # fmt: skip

_KINDS: dict[Kind, tuple[str, ...]] = {
    Kind.EQUITY: ("stk", "stock", "stocks", "equity", "equities", "common stock", "cs", "adr", "reit", "preferred",
                  "preferred stock", "aktie", "aktien", "eqty", "eqt", "action"),
    Kind.FUND: ("etf", "etfs", "fund", "funds", "mutual fund", "mutual funds", "mf", "etfs closed end funds",
                "closed end fund", "unit trust", "fonds"),
    Kind.BOND: ("bond", "bonds", "bnd", "fixed income", "corporate bond", "government bond", "treasury", "anleihe"),
    Kind.FUTURE: ("future", "futures", "fut"),
    Kind.OPTION: ("option", "options", "opt", "call", "put", "warrant", "warrants", "equity and index options", "fop",
                  "futures options", "iopt"),
}  # fmt: skip
_KIND = {word: kind for kind, words in _KINDS.items() for word in words}
MONEY_KINDS = (
    "cash", "forex", "currency", "currencies", "cash and money market", "money market", "fx", "cash equivalents",
)  # fmt: skip
"""Asset classes of money, as :func:`column_name` writes them."""


def column_name(text: str) -> str:
    """A name without what only decorates it.

    Examples
    --------
    >>> [column_name(text) for text in ("Qty (Quantity)", "FXRateToBase", "Last Price $", "SHARES_PAR", "Stück/Nom.")]
    ['qty quantity', 'fxrate to base', 'last price', 'shares par', 'stück nom']
    """
    words = plain_name(in_camel(text.strip()))
    return " ".join(re.sub(r"[$€£&,;?]", " ", words).split())


def kind_named(text: str) -> Kind | None:
    """What a broker calls an asset class; None where the word is not known.

    Examples
    --------
    >>> kind_named("STK"), kind_named("Equity and Index Options"), kind_named("Margin")
    (<Kind.EQUITY: 'equity'>, <Kind.OPTION: 'option'>, None)
    """
    return _KIND.get(column_name(text))


def one_of(row: Sequence[str]) -> set[str]:
    """Which of asset and quantity a row of headings names."""
    return {
        kind for cell in row if (kind := _PLACE.get(column_name(cell), ("", 0))[0]) in ("asset", "quantity")
    }


def columns_of(row: Sequence[str], where: str) -> dict[str, int]:
    """Kind to its column in a row of headings; empty where it names no asset and quantity and no cash.

    Raises
    ------
    DataError
        If two columns could be that of the asset, or of the quantity.
    """
    best: dict[str, tuple[int, int]] = {}
    for place, cell in enumerate(row):
        kind, rank = _PLACE.get(column_name(cell), ("", 0))
        if not kind:
            continue
        if kind in best and best[kind][0] == rank and kind in ("asset", "quantity"):
            first = row[best[kind][1]].strip()
            raise DataError(
                f"{where}: both {first!r} and {cell.strip()!r} could be the column of the {kind}: keep one"
            )
        if kind not in best or rank < best[kind][0]:
            best[kind] = (rank, place)
    found = {kind: place for kind, (_, place) in best.items()}
    table = {"asset", "quantity"} <= found.keys() or {"currency", "cash"} <= found.keys()
    return found if table else {}
