"""The page of a book, of what `riskengine holdings` writes; its sections also stand in the reports of the desk."""

from __future__ import annotations

from typing import Any

from riskengine.report.page import Section, page

_TOTALS = (
    ("wealth", "wealth (net asset value)"),
    ("value", "value of positions"),
    ("cash", "cash"),
    ("accrued", "due and not paid"),
    ("long", "long exposure"),
    ("short", "short exposure"),
    ("gross", "gross exposure"),
    ("net", "net exposure"),
)


def render_holdings(content: dict[str, Any]) -> str:
    """The page as text.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from riskengine.desk import holdings_content
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "holdings.csv"
    ...     _ = path.write_text("symbol,quantity,price,currency\\nKO,20,60,USD\\nCASH,1000,,USD\\n")
    ...     "Wealth 2,200.00 USD" in render_holdings(holdings_content(path, None))
    True
    """
    total, base = content["total"], content["base"]
    flagged = content["status"] != "clean"
    headline = (
        f"Wealth {money(total['wealth'], base)}, gross exposure {money(total['gross'], base)}, leverage "
        f"{leverage(total)}; " + (f"{len(content['flags'])} flags." if flagged else "nothing flagged.")
    )
    parts = [Section("Flags", items=content["flags"]), *book_sections(content), _positions(content)]
    parts.append(Section("Notes", items=content["notes"]))
    return page("Holdings", content["date"] or "", headline, parts, content["provenance"], flagged)


def held(content: dict[str, Any]) -> list[Section]:
    """The book of a report; nothing where all is in one account and one currency."""
    return book_sections(content["book"]) if "book" in content else []


def book_sections(book: dict[str, Any]) -> list[Section]:
    """Totals of a book, in all, by account and by currency."""
    columns = {"all": book["total"]} | (book["accounts"] if len(book["accounts"]) > 1 else {})
    rows = [[shown, *(f"{one[name]:,.2f}" for one in columns.values())] for name, shown in _TOTALS]
    rows.append(["leverage (gross over wealth)", *(leverage(one) for one in columns.values())])
    text = "Futures count by exposure and not by value."
    if book["base"]:
        text = f"All in {book['base']}. {text}"
    found = [Section("The book", text, ["", *columns], rows)]
    if len(book["currencies"]) > 1:
        found.append(
            Section(
                "By currency",
                f"What is in each currency, in {book['base']}.",
                ["currency", "value", "cash", "gross", "net"],
                [
                    [name, *(f"{one[part]:,.2f}" for part in ("value", "cash", "gross", "net"))]
                    for name, one in book["currencies"].items()
                ],
            )
        )
    return found


def money(amount: float, currency: str) -> str:
    """An amount with its currency, where one is named.

    Examples
    --------
    >>> money(1234.5, "EUR"), money(-3, "")
    ('1,234.50 EUR', '-3.00')
    """
    return f"{amount:,.2f} {currency}".rstrip()


def leverage(totals: dict[str, Any]) -> str:
    """Gross exposure over wealth, in words where nothing is left.

    Examples
    --------
    >>> leverage({"leverage": 1.6}), leverage({"leverage": None})
    ('1.60', 'no wealth left')
    """
    return "no wealth left" if totals["leverage"] is None else f"{totals['leverage']:.2f}"


def _positions(content: dict[str, Any]) -> Section:
    rows = [
        [
            row["symbol"],
            row["account"],
            row["kind"],
            f"{row['quantity']:,.10g}",
            f"{row['price']:,.4f}",
            row["currency"],
            "" if row["multiplier"] == 1 else f"{row['multiplier']:g}",
            f"{row['value']:,.2f}",
            f"{row['exposure']:,.2f}",
        ]
        for row in sorted(content["positions"], key=lambda row: -abs(row["exposure"]))
    ]
    headings = [
        "symbol",
        "account",
        "kind",
        "quantity",
        "price",
        "currency",
        "multiplier",
        "value",
        "exposure",
    ]
    cash = [
        [
            "cash",
            row["account"],
            "cash",
            f"{row['amount']:,.2f}",
            "",
            row["currency"],
            "",
            f"{row['value']:,.2f}",
            "",
        ]
        for row in content["cash"]
    ]
    return Section("Positions", "The largest exposure first, then cash.", headings, [*rows, *cash])


def order_sections(content: dict[str, Any]) -> list[Section]:
    """Blocks of several accounts, money by currency, and gains realised, where a report has them."""
    found = []
    if "blocks" in content:
        rows = [
            [row["asset"], row["side"], f"{row['units']:,.10g}", f"{row['value']:,.0f}"]
            for row in content["blocks"]
        ]
        text = "The orders of all accounts, net."
        found.append(Section("Blocks", text, ["asset", "side", "units", "value"], rows))
    if "money" in content:
        names = ("before", "traded", "exchanged", "after")
        found.append(
            Section(
                "Money by currency",
                "In each currency's own units. Exchanged: bought of it against the others, so that trading leaves no "
                "new debit.",
                ["account", "currency", *names],
                [
                    [row["account"], row["currency"], *(f"{row[name]:,.2f}" for name in names)]
                    for row in content["money"]
                ],
            )
        )
    if "gains" in content:
        found.append(_gains(content["gains"], content["book"]["base"]))
    return found


def gains_line(gains: dict[str, Any], base: str) -> str:
    """What the orders realise, in one sentence.

    Examples
    --------
    >>> gains = {"rows": [{"unknown": 0.0}], "lots": "first in first out", "short_term": 120.0, "long_term": -30.0}
    >>> gains_line(gains, "USD")
    'realised gains, an estimate, first in first out: 120.00 USD short-term, -30.00 USD long-term'
    """
    unknown = sum(row["unknown"] > 0 for row in gains["rows"])
    return (
        f"realised gains, an estimate, {gains['lots']}: {money(gains['short_term'], base)} short-term, "
        f"{money(gains['long_term'], base)} long-term"
        + (f"; of {unknown} order(s) the cost is not known in full" if unknown else "")
    )


def _gains(gains: dict[str, Any], base: str) -> Section:
    names = ("proceeds", "cost", "short_term", "long_term")
    rows = [
        [
            row["account"],
            row["asset"],
            f"{row['units']:,.10g}",
            *(f"{row[name]:,.2f}" for name in names),
            f"{row['unknown']:,.10g}" if row["unknown"] else "",
        ]
        for row in gains["rows"]
    ]
    text = (
        f"At today's prices and rates, and no tax return: {gains_line(gains, base)}. Long-term from "
        f"{gains['long_term_days']} days on."
    )
    headings = [
        "account",
        "asset",
        "units",
        "proceeds",
        "cost",
        "short-term",
        "long-term",
        "units of unknown cost",
    ]
    return Section("Realised gains", text, headings, rows)
