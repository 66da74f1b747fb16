"""Quotes from files of chains as vendors have them, with the forwards and discounts that were used."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from riskengine.errors import DataError
from riskengine.options.chain_cells import ChainTable, numbers, read_table
from riskengine.options.chain_market import Given, MaturityTerms, Sides, market_terms, stripped
from riskengine.options.chain_rows import ChainRows, ChainTerms, chain_rows, is_american
from riskengine.options.curves import Curve, as_curve
from riskengine.options.quotes import Flag, Quotes, Underlying

Array = np.ndarray


def read_quotes(
    path: Path | str,
    spot: float | None = None,
    asof: str | None = None,
    name: str = "",
    *,
    rate: float | Curve | str | None = None,
    dividend: float | Curve | str | None = None,
    forward: float | Curve | str | None = None,
    expiry: str | None = None,
    american: bool | None = None,
    percent: bool | None = None,
    shift: float = 0.0,
    normal: bool = False,
    day_count: str = "act/365",
) -> Quotes:
    """Quotes of a CSV file, ``.gz`` or not, as exchanges, brokers and vendors write chains of options.

    Each row has a strike; a maturity in years, days or a date of expiry; and bid and ask, a middle, or volatilities, of
    a call or put or of both side by side. Names of columns and what vendors mean by them stand in one table,
    ``chain_layouts.py``. Of calls and puts of one strike the one out of the money is taken. Prices come before
    volatilities that a vendor made of them, and these before last trades.

    Forward and discount of a maturity are those given here, else those of the file, else what a regression on put-call
    parity says, pairs far from it left out; ``market`` of the quotes has what was used, ``notes`` what was assumed.

    Parameters
    ----------
    path : the file
    spot : where the file has no column for it; without it or a forward parity has to tell the forward
    asof : date of the quotes, with or without a time of day, where maturities are expiry dates
    name : of the underlying; the file's own if left out. Of a file of several it chooses one
    rate, dividend, forward : a number, a :class:`Curve`, or a file of years and values; rates and dividend yields
        continuously compounded. They take precedence over the file and over parity
    expiry : of all rows, where the file has none
    american : whether the quotes are; told by the file or by the roots of its symbols if None. The value of early
        exercise is then taken off
    percent : whether volatilities are percentages; told from the file if None
    shift, normal : what volatilities are of; see :class:`Underlying`
    day_count : "act/365", "act/360", "act/365.25" or "bus/252"

    Raises
    ------
    DataError
        If the file is missing or no table, if a cell is no number, or if something is missing: all of it is named.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "smile.csv"
    ...     _ = path.write_text("strike,maturity,volatility\\n90,0.5,0.24\\n100,0.5,0.20\\n110,0.5,0.18\\n")
    ...     quotes = read_quotes(path, spot=100.0)
    >>> quotes.volatility, int(quotes.usable.sum())
    (array([0.24, 0.2 , 0.18]), 3)
    """
    path = Path(path)
    table, missing = read_table(path), list[str]()
    asked = ChainTerms(asof, expiry, name, percent, day_count)
    rows = chain_rows(table, asked, missing)
    curves = {"rate": rate, "dividend": dividend, "forward": forward}
    known = {what: as_curve(x, what) for what, x in curves.items() if x is not None}
    given = Given(_spot(table, rows, spot), **known)
    label = name or path.name.split(".")[0]
    form = {"shift": shift, "normal": normal, "name": label}
    sides, notes = _sides(rows)
    early = american if american is not None else is_american(rows)
    if early and sides is not None:
        if given.spot is None:
            missing.append("the spot, since the options are American (--spot)")
        if given.rate is None and not {"rate", "discount"} & rows.numbers.keys():
            missing.append(
                "the rate, since put-call parity does not hold for American options (--rate; or --european)"
            )
    if sides is None and "volatility" not in rows.numbers and "bid_volatility" not in rows.numbers:
        missing.append(
            "bid and ask, a price or a volatility (it quotes neither volatilities nor prices that are understood)"
        )
    if sides is not None and not (rows.kind != "").all():
        missing.append("a column kind (call or put) beside prices")
    if missing:
        raise _refusal(path, missing)
    if early is None and sides is not None:
        notes.append("the file does not say how options are exercised: taken for European")
    exercised = None
    if early and sides is not None:
        rows, sides, exercised = _stripped(rows, sides, given, notes)
    return _quotes(path, rows, sides, given, form, exercised, [*rows.notes, *notes])


def _refusal(path: Path, missing: list[str]) -> DataError:
    return DataError(f"{path} lacks {'; '.join(missing)}")


def _spot(table: ChainTable, rows: ChainRows, spot: float | None) -> float | None:
    """As given, from the file's column, or from the lines above its table."""
    if spot is not None:
        return float(spot)
    if "spot" in rows.numbers:
        seen = rows.numbers["spot"][np.isfinite(rows.numbers["spot"])]
        return float(seen[0]) if len(seen) and seen[0] > 0 else None
    for text in table.above:
        match = re.search(r"\b(?:Last|Price|Spot|Underlying)\w*:?\s*,?\s*\$?([\d,]+\.?\d*)", text)
        if match:
            return float(numbers([match[1].rstrip(",")])[0][0])
    return None


def _sides(rows: ChainRows) -> tuple[Sides | None, list[str]]:
    """Premiums, the best that the file has; None where volatilities are better."""
    have, notes = rows.numbers, list[str]()
    scale = np.ones(len(rows.strike))
    if rows.layout.coins and "forward" in have:
        scale = have["forward"]
        notes.append("prices in coins, times the underlying's price of the row")
    price = have["price"] * scale if "price" in have else None
    if "bid" in have and "ask" in have:
        bid, ask = have["bid"] * scale, have["ask"] * scale
        with np.errstate(invalid="ignore"):
            alive = (bid > 0) & (ask > 0)
        if alive.any() or ("volatility" not in have and price is None):
            if "volatility" in have:
                notes.append("volatilities are those of bid and ask; the file's own were not used")
            return Sides(np.nan_to_num(bid), ask, (bid + ask) / 2), notes
        notes.append("no quote has a bid and an ask")
    if "volatility" in have or {"bid_volatility", "ask_volatility"} <= have.keys():
        return None, notes
    if price is not None:
        return Sides(None, None, price), notes
    if "last" in have:
        notes.append("prices are last trades, of different times: there are no bids and asks")
        return Sides(None, None, have["last"] * scale), notes
    return None, notes


def _stripped(
    rows: ChainRows, sides: Sides, given: Given, notes: list[str]
) -> tuple[ChainRows, Sides, Array]:
    """European premiums, and the rows whose quote is worth its exercise alone."""
    european = stripped(rows, sides, given)
    lost = np.isfinite(sides.mid) & ~np.isfinite(european.mid) & (rows.maturity > 0)
    notes.append(
        "American options: the value of early exercise was taken off by a tree, dividends as a yield"
    )
    return rows, european, lost


def _quotes(
    path: Path,
    rows: ChainRows,
    sides: Sides | None,
    given: Given,
    form: dict[str, object],
    exercised: Array | None,
    notes: list[str],
) -> Quotes:
    """Quotes of the rows, of each strike the option out of the money."""
    terms = market_terms(rows, sides, given)
    if not terms:
        raise _refusal(path, ["a spot or a forward, and has no strike with call and put (spot; --spot)"])
    forward, discount = (
        np.array([getattr(terms[float(t)], name) if float(t) in terms else np.nan for t in rows.maturity])
        for name in ("forward", "discount")
    )
    today = rows.maturity <= 0
    forward = np.where(today & np.isnan(forward), rows.strike, forward)  # expired: flagged as that
    discount = np.where(today, 1.0, discount)
    if today.any():
        notes.append(
            f"{int(today.sum())} option(s) expire by the time of the quotes: for those of the day give the time of day "
            "(--asof '2022-04-01 12:00')"
        )
    if sides is not None:
        kept = _out_of_the_money(rows, forward)
        if len(kept) < len(rows.strike):
            notes.append(
                f"{len(rows.strike) - len(kept)} option(s) in the money left out, whose other side is quoted"
            )
    else:
        kept = _first_of_each(rows)
    part, market = rows.take(kept), {"forward": forward[kept], "discount": discount[kept]}
    underlying = Underlying(spot=given.spot, **market, **form)  # type: ignore[typeddict-item]
    if sides is None:
        have = part.numbers
        bid, ask = have.get("bid_volatility"), have.get("ask_volatility")
        found = Quotes.of_volatilities(
            part.strike, part.maturity, have.get("volatility"), bid=bid, ask=ask, **underlying
        )
    else:
        bid, ask = (None if x is None else x[kept] for x in (sides.bid, sides.ask))
        found = Quotes.of_prices(
            part.strike, part.maturity, sides.mid[kept], part.kind, bid=bid, ask=ask, **underlying
        )
    found = _with_exercise(found, None if exercised is None else exercised[kept])
    used = tuple(terms[t] for t in sorted(terms))
    return found.with_market(used, tuple(dict.fromkeys([*notes, *_assumptions(used)])))


def _assumptions(used: tuple[MaturityTerms, ...]) -> list[str]:
    """What was taken for want of better."""
    found = []
    for words in ("no rate given: zero taken", "no dividend given: zero taken"):
        count = sum(words in terms.source for terms in used)
        if count:
            found.append(f"{words}, for {count} of {len(used)} maturities")
    return found


def _out_of_the_money(rows: ChainRows, forward: Array) -> Array:
    """Of calls and puts of one strike and maturity, the one out of the money; others as they are."""
    sides: dict[tuple[float, float], set[str]] = {}
    for t, k, kind in zip(rows.maturity, rows.strike, rows.kind, strict=True):
        sides.setdefault((t, k), set()).add(kind)
    both = np.array([len(sides[t, k]) > 1 for t, k in zip(rows.maturity, rows.strike, strict=True)])
    out = np.where(rows.strike >= forward, "call", "put") == rows.kind
    return np.flatnonzero(~both | out)


def _first_of_each(rows: ChainRows) -> Array:
    """Volatilities quoted for calls and puts: those out of the money where a strike has both."""
    if not (rows.kind != "").all() or ("forward" not in rows.numbers and "spot" not in rows.numbers):
        return np.arange(len(rows.strike))
    level = rows.numbers.get("forward", rows.numbers.get("spot"))
    assert level is not None
    return _out_of_the_money(rows, level)


def _with_exercise(quotes: Quotes, lost: Array | None) -> Quotes:
    """With the flags of American options."""
    if lost is None:
        return quotes
    flags = dict(quotes.flags)
    if Flag.MISSING in flags:
        flags[Flag.MISSING] = flags[Flag.MISSING] & ~lost
    flags[Flag.EXERCISE] = lost
    flags[Flag.AMERICAN] = ~lost
    return quotes.with_flags(flags)
