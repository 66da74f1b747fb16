"""A book on the prices of a panel: all of it in the base currency, for risk, stress and orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest import panel_provenance
from riskengine.book import (
    BookSettings,
    BookValue,
    FxRates,
    Position,
    PositionBook,
    asset_terms,
    completed,
    in_base,
    money_name,
    open_currencies,
    read_positions,
    value_book,
)
from riskengine.desk.holdings import Holdings, name_hint
from riskengine.desk.option_positions import Exchange
from riskengine.errors import DataError, SettingsError, listed
from riskengine.files import sha256
from riskengine.market import Panel, ages

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class HeldBook:
    """What is held, on the prices that risk is made of.

    Attributes
    ----------
    book : positions, cash, base
    value : of it at the last close
    panel : prices in the base currency, with a column for the money of each foreign currency; the panel given where
        everything is in one currency
    holdings : quantities and cash on the assets of the panel, by account
    terms : currency, multiplier and kind of each asset, as a position of nothing
    rates : into the base
    settings : of the book
    """

    book: PositionBook
    value: BookValue
    panel: Panel
    holdings: Holdings
    terms: Mapping[str, Position]
    rates: FxRates
    settings: BookSettings

    @property
    def last(self) -> Array:
        """Last known price in the base ``(assets,)``."""
        return self.panel.prices.ffill().to_numpy()[-1]

    @property
    def plain(self) -> bool:
        """Whether all of it is in one account, paid for and with prices, and no currency is named."""
        held = self.holdings
        return not (self.book.base or held.accounts or held.multiplier is not None or held.other)

    def currencies(self) -> dict[str, str]:
        """Currency of each asset, and of the columns of money."""
        money = {money_name(code): code for code in self.rates.known_codes}
        return {name: one.currency or self.book.base for name, one in self.terms.items()} | money

    def exchanges(self) -> dict[str, Exchange]:
        """Of the assets in foreign currencies, or in hundredths, into the base."""
        found = {}
        for name, one in self.terms.items():
            code = one.currency or self.book.base
            if code != self.book.base or one.hundredths:
                hedged = self.settings.hedge(name, code) if one.paid else 1.0
                unit = 0.01 if one.hundredths else 1.0
                found[name] = Exchange(self.rates.rate(code), money_name(code), hedged, unit)
        return found

    def weights(self) -> Array:
        """Exposures and foreign money as fractions of wealth ``(assets,)``.

        Raises
        ------
        DataError
            If nothing is held, or more is owed than there is.
        """
        wealth = self.value.total.wealth
        if wealth < 0:
            raise DataError(
                f"more is owed than held, a wealth of {wealth:,.2f}: losses have no wealth to be a fraction of; the "
                "proceeds of shorts belong into CASH"
            )
        if not wealth > 0:
            raise DataError("there is nothing in these holdings")
        return self.holdings.weights(self.last) + self.holdings.money(self.last)


def hold_book(
    path: Path,
    panel: Panel,
    settings: BookSettings | None = None,
    base: str = "",
    trading: bool = False,
    strict: bool = True,
) -> HeldBook:
    """Read a file of positions and put it on the prices of a panel.

    Parameters
    ----------
    path : as :func:`riskengine.book.read_positions` reads
    panel : prices in local currencies, and exchange rates by their names, ``EURUSD``
    settings : what the file leaves unsaid
    base : currency of all totals; that of the settings, or of the file, if empty
    trading : whether everything in the prices may be bought, and has to be in a known currency; otherwise what is not
        held and of no known currency is left out
    strict : whether a position without any price is an error; it is flagged and in no total otherwise

    Raises
    ------
    DataError
        If the file is no table of positions, a position has no price, a currency no exchange rate, or a symbol in two
        accounts other currencies or multipliers.
    SettingsError
        If the currency of the book, or of what may be bought, is not known.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine import datasets
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "holdings.csv"
    ...     _ = path.write_text("symbol,quantity,currency\\nKO,-20,USD\\nAAPL,10,USD\\nCASH,1000,USD\\n")
    ...     found = hold_book(path, panel)
    >>> round(found.value.total.wealth, 2), found.panel.assets == panel.assets
    (724.52, True)
    """
    settings = settings or BookSettings()
    settings = replace(settings, base=base.upper() or settings.base)
    known = {*panel.assets, *settings.symbols}
    read, rows = read_positions(path, known)
    book = completed(read, settings)
    stated = {**book.rates, **settings.fx}
    value = _valued(book, panel, stated, strict)
    terms, open_ = asset_terms(panel.assets, book, settings)
    if open_ and trading:
        raise SettingsError(open_currencies(open_, book))
    if open_:
        line = f"left out, as not held and of no known currency: {listed(open_)}"
        value = replace(value, notes=(*value.notes, line)) if strict else value
        terms = {name: one for name, one in terms.items() if name not in open_}
        panel = panel.select([name for name in panel.assets if name not in open_])
    wanted = {*book.currencies, *(one.currency for one in terms.values())} - {"", book.base}
    rates = FxRates.of(panel.prices, book.base, stated, wanted) if wanted else FxRates(book.base)
    if strict and value.unpriced:
        back = {new: old for old, new in settings.symbols.items()}
        places = [rows.get((one.account, back.get(one.symbol, one.symbol)), "?") for one in value.unpriced]
        lines = zip(value.unpriced, places, strict=True)
        raise DataError("; ".join(_unpriced(one, f"{path}: row {row}", panel) for one, row in lines))
    _same_terms(book, path)
    if wanted:
        hedged = {
            name: settings.hedge(name, one.currency) if one.paid else 1.0 for name, one in terms.items()
        }
        panel = in_base(panel, {name: one.currency for name, one in terms.items()}, rates, hedged)
    return HeldBook(book, value, panel, _holdings(book, value, panel, rates, terms), terms, rates, settings)


def _valued(book: PositionBook, panel: Panel, stated: Mapping[str, float], strict: bool) -> BookValue:
    """At the last prices; with ``strict`` others look at how old they are."""
    last = panel.prices.ffill().iloc[-1]
    local = {name: float(last[name]) for name in panel.assets}
    rates = FxRates.of(panel.prices, book.base, stated, book.currencies)
    return value_book(book, local, rates, None if strict else _ages(panel))


def _ages(panel: Panel) -> dict[str, int]:
    """Closes since the last price, of what a decision may not rest on any more.

    By the closes of the asset's own market; and by those of the panel where there are twice as many, as a calendar
    that is measured from few prices may take their absence for holidays.
    """
    view = panel.view(len(panel.dates) - 1)
    rows = np.nan_to_num(ages(panel.prices.to_numpy()), posinf=0)
    stale = (rows > 0) & ((view.member & ~view.fresh) | (rows > 2 * panel.staleness * view.spacing))
    return {panel.assets[j]: int(rows[j]) for j in np.flatnonzero(stale)}


def _unpriced(held: Position, where: str, panel: Panel) -> str:
    if held.symbol in panel.assets:
        return f"{held.symbol} is held but has no price: add one, or write it off"
    hint = name_hint(held.symbol, panel.assets)
    return f"{where} holds {held.symbol!r}, which has no prices: {hint}"


def _same_terms(book: PositionBook, path: Path) -> None:
    """A symbol means one thing in all accounts."""
    first: dict[str, Position] = {}
    for held in book.positions:
        other = first.setdefault(held.symbol, held)
        for what in ("currency", "multiplier", "kind"):
            mine, theirs = getattr(held, what), getattr(other, what)
            if mine != theirs:
                raise DataError(
                    f"{path}: {held.symbol!r} has the {what} {theirs!s} in one account and {mine!s} in another: name "
                    "the two listings apart, by symbols in the book's settings"
                )


def _holdings(
    book: PositionBook, value: BookValue, panel: Panel, rates: FxRates, terms: Mapping[str, Position]
) -> Holdings:
    """The book as vectors on the assets of the panel, in all and by account."""
    names = panel.assets
    place = {name: j for j, name in enumerate(names)}
    multiplier, paid = np.ones(len(names)), np.ones(len(names), bool)
    for name, one in terms.items():
        multiplier[place[name]], paid[place[name]] = one.multiplier, one.paid

    columns = np.array(
        [place.get(money_name(terms[name].currency), -1) if name in terms else -1 for name in names]
    )
    several_currencies = any(money_name(code) in place for code in rates.known_codes)

    def part(account: str | None) -> Holdings:
        quantity, foreign, cash = np.zeros(len(names)), np.zeros(len(names)), 0.0
        for one in book.positions:
            if one.symbol in place and account in (None, one.account):
                quantity[place[one.symbol]] += one.quantity
        for balance, rate in value.cash:
            if account not in (None, balance.account):
                continue
            cash += balance.amount * rate
            column = place.get(money_name(book.currency_of(balance)))
            if column is not None:
                foreign[column] += balance.amount
        lines = [line for line in value.lines if account in (None, line.position.account)]
        other = sum(
            line.accrued + (line.value if line.position.symbol not in place else 0.0) for line in lines
        )
        plain = bool((multiplier == 1).all())
        return Holdings(
            names,
            quantity,
            cash,
            value.notes if account is None else (),
            None if plain else multiplier,
            None if paid.all() else paid,
            foreign if several_currencies else None,
            columns if several_currencies else None,
            other,
        )

    several = {name: part(name) for name in book.accounts} if len(book.accounts) > 1 else {}
    return replace(part(None), accounts=several)


def holdings_content(
    path: Path, panel: Panel | None, settings: BookSettings | None = None, base: str = ""
) -> dict[str, Any]:
    """What `riskengine holdings` writes: the value of a book at the last close, or at the prices of its own file.

    ``status`` is flagged if a position has no price or a stale one, or prices of file and history are apart.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "holdings.csv"
    ...     _ = path.write_text("symbol,quantity,price,currency\\nKO,20,60,USD\\nCASH,1000,,USD\\n")
    ...     content = holdings_content(path, None)
    >>> content["total"]["wealth"], content["status"]
    (2200.0, 'clean')
    """
    settings = settings or BookSettings()
    if panel is None:
        settings = replace(settings, base=base.upper() or settings.base)
        book = completed(read_positions(path, settings.symbols).book, settings)
        value = value_book(book, None, FxRates.of(pd.DataFrame(), book.base, {**book.rates, **settings.fx}))
        date, origin = None, {"prices": f"those of {path.name}"}
    else:
        held = hold_book(path, panel, settings, base, strict=False)
        value, book = held.value, held.book
        date, origin = f"{panel.dates[-1]:%Y-%m-%d}", panel_provenance(panel)
    flags = list(value.flags)
    return {
        "date": date,
        "file": path.name,
        "status": "flagged" if flags else "clean",
        "flags": flags,
        "notes": list(value.notes),
        **value_content(book, value),
        "provenance": origin | {"file": sha256(path)},
    }


def book_content(held: HeldBook) -> dict[str, Any]:
    """The book of a report, for JSON and for a page."""
    return value_content(held.book, held.value)


def value_content(book: PositionBook, value: BookValue) -> dict[str, Any]:
    """The book for JSON and for a page: totals, by account and currency, and a row a position."""
    return {
        "base": book.base,
        "total": value.total.to_dict(),
        "accounts": {name: one.to_dict() for name, one in value.accounts.items()},
        "currencies": {name: one.to_dict() for name, one in value.by("currency").items()},
        "positions": [
            {
                "symbol": line.position.symbol,
                "account": line.position.account,
                "kind": str(line.position.kind),
                "quantity": line.position.quantity,
                "price": line.price,
                "price_from": line.source,
                "currency": line.position.quoted or book.base,
                "multiplier": line.position.multiplier,
                "rate": line.rate,
                "value": line.value,
                "exposure": line.exposure,
                "accrued": line.accrued,
            }
            for line in value.lines
        ],
        "cash": [
            {
                "account": one.account,
                "currency": book.currency_of(one),
                "amount": one.amount,
                "value": one.amount * rate,
            }
            for one, rate in value.cash
        ],
        "unpriced": [one.symbol for one in value.unpriced],
    }
