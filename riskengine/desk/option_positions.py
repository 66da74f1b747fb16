"""Options that are held: read from a file, valued anew in every scenario by Black's formula on today's smile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from riskengine.desk.smile_file import SmileFile, read_smile
from riskengine.errors import DataError, SettingsError
from riskengine.market import load_rows
from riskengine.options import Curve, black_price, ssvi_volatility

Array = np.ndarray

_YEAR = 365.0
_BUMP = 1e-4


class Exchange(NamedTuple):
    """Exchange of an asset's currency into that of the prices.

    Attributes
    ----------
    rate : today
    money : name of the asset that moves as the rate does; empty where it does not
    hedged : share of its return that is not in that of the asset
    unit : of the currency that prices are in, 0.01 of pence
    """

    rate: float
    money: str = ""
    hedged: float = 0.0
    unit: float = 1.0


HOME = Exchange(1.0)
"""Of what is in the currency of the prices."""


@dataclass(frozen=True, eq=False)
class OptionPositions:
    """European options on assets of the prices, one a line.

    The smile is sticky by strike: where the spot moves, a strike keeps its volatility, times the scenario's factor.
    Each value is computed anew, with no Greek in between. An option is in the currency of its underlying: where prices
    are in another one, the base, its local spot moves by the return in base less that of the currency.

    Attributes
    ----------
    names : of the lines, for people
    underlying : (lines,) names of assets
    kind : (lines,) "call" or "put"
    strike, maturity : (lines,) in the currency of the underlying, and in years
    quantity : (lines,) contracts times multiplier; negative is written
    spot : (lines,) of the underlying today
    volatility : (lines,) per year, of the strike
    rate, dividend : (lines,) per year, continuously compounded
    notes : what was assumed, one line each
    exchange : (lines,) rate into the currency of values, today
    money : (lines,) names of the assets that move as the exchange rates do; empty where nothing does
    unhedged : (lines,) share of the exchange rate's return that is in the underlying's
    """

    names: tuple[str, ...]
    underlying: tuple[str, ...]
    kind: Array
    strike: Array
    maturity: Array
    quantity: Array
    spot: Array
    volatility: Array
    rate: Array
    dividend: Array
    notes: tuple[str, ...] = ()
    exchange: Array | float = 1.0
    money: tuple[str, ...] = ()
    unhedged: Array | float = 1.0

    def value(
        self,
        moves: Array | float = 0.0,
        volatility: float = 1.0,
        years: Array | float = 0.0,
        money: Array | float = 0.0,
    ) -> Array:
        """Values of all lines after the underlyings' returns.

        Parameters
        ----------
        moves : (..., lines) returns of the underlyings
        volatility : factor on implied volatilities
        years : that pass, of shape ``(..., lines)`` if not one for all; an option that expires in them is worth what it
            pays at the spot then
        money : returns of the exchange rates, of the shape of ``moves``

        Returns
        -------
        array of the shape of ``moves``
        """
        exchanged = 1 + self.unhedged * np.asarray(money, np.float64)
        spot = self.spot * np.maximum((1 + np.asarray(moves, np.float64)) / exchanged, 1e-9)
        left = np.maximum(self.maturity - years, 0.0)
        forward = spot * np.exp((self.rate - self.dividend) * left)
        price = black_price(forward, self.strike, left, self.volatility * volatility, self.kind)
        found: Array = self.exchange * exchanged * self.quantity * np.exp(-self.rate * left) * price
        return found

    def gains(
        self,
        moves: Array,
        volatility: float = 1.0,
        years: Array | float = 0.0,
        money: Array | float = 0.0,
    ) -> Array:
        """Values after the moves less those of today, as :meth:`value`."""
        return self.value(moves, volatility, years, money) - self.value(np.zeros(len(self.names)))

    def places(self, assets: tuple[str, ...]) -> tuple[Array, Array]:
        """Of the underlyings and of their exchange rates among assets ``(lines,)`` each; -1 for what does not move."""
        place = {name: j for j, name in enumerate(assets)}
        money = self.money or ("",) * len(self.names)
        return tuple(  # type: ignore[return-value]
            np.array([place.get(name, -1) for name in names], dtype=int) for names in (self.underlying, money)
        )

    def deltas(self) -> Array:
        """Money that a line moves by for a move of one of its underlying's price relative to itself ``(lines,)``."""
        step = np.full(len(self.names), _BUMP)
        return (self.value(step) - self.value(-step)) / (2 * _BUMP)


def read_options(
    path: Path,
    assets: tuple[str, ...],
    prices: Array,
    asof: pd.Timestamp,
    exchange: Mapping[str, Exchange] | None = None,
) -> OptionPositions:
    """Read a table of options: underlying, kind, strike, expiry (or maturity in years) and quantity.

    Further columns that are used: ``multiplier`` (1 if left out), ``spot`` (the last price of the underlying if left
    out), ``volatility``, ``rate`` and ``dividend`` per year (0 if left out), and ``smile``, a smile.json of
    `riskengine smile` whose surface gives volatilities, rates and dividends that the row does not.

    Parameters
    ----------
    path : file
    assets : of the prices
    prices : (assets,) last ones
    asof : date of the last prices, from which expiries are counted
    exchange : of assets whose options are in another currency than the prices

    Raises
    ------
    DataError
        If the file is no such table, an underlying has no price, an option has expired, or has no volatility.
    """
    texts = {"underlying": "text", "kind": "text"}
    given = dict.fromkeys(("maturity", "multiplier", "spot", "volatility", "rate", "dividend"), "number")
    table = load_rows(
        path,
        texts | {"strike": "number", "quantity": "number"},
        {"expiry": "date", "smile": "text", **given},
    )
    place = {name: j for j, name in enumerate(assets)}
    smiles: dict[str, SmileFile] = {}
    rows, notes = [], [f"{path.name}: options are valued by Black's formula, the smile sticky by strike"]
    for number, row in enumerate(table.to_dict("records"), 1):
        where = f"{path}: option {number}"
        if row["underlying"] not in place or not prices[place[row["underlying"]]] > 0:
            raise DataError(
                f"{where}: {row['underlying']!r} has no prices: add them, or leave the option out"
            )
        smile = str(row.get("smile") or "")
        if smile and smile not in smiles:
            smiles[smile] = read_smile(path.parent / smile)
            notes += smiles[smile].notes[1:]
        abroad = (exchange or {}).get(row["underlying"], HOME)
        price = float(prices[place[row["underlying"]]]) / abroad.rate
        rows.append(
            _line(row, where, price, asof, smiles.get(smile))
            | {
                "exchange": abroad.rate * abroad.unit,
                "money": abroad.money,
                "unhedged": 1 - abroad.hedged,
            }
        )
    columns: dict[str, Any] = (
        {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
    )
    if not rows:
        raise DataError(f"{path} holds no option")
    return OptionPositions(
        **columns | {name: tuple(map(str, columns[name])) for name in ("names", "underlying", "money")},
        notes=tuple(notes),
    )


def _line(
    row: dict[Any, Any], where: str, price: float, asof: pd.Timestamp, smile: SmileFile | None
) -> dict[str, Any]:
    """One option, completed from its smile."""
    kind = row["kind"].lower()
    kind = {"c": "call", "p": "put"}.get(kind, kind)
    if kind not in ("call", "put"):
        raise DataError(f"{where}: an option is a call or a put, not {row['kind']!r}")
    maturity = _given(row, "maturity")
    if maturity is None and not pd.isna(row.get("expiry", pd.NaT)):
        maturity = (row["expiry"] - asof).days / _YEAR
    if maturity is None or maturity <= 0:
        raise DataError(
            f"{where} has expired by {asof:%Y-%m-%d}, or has neither expiry nor maturity: mend the row"
        )
    if row["strike"] <= 0:
        raise DataError(f"{where}: a strike is above zero, not {row['strike']:g}")
    spot, multiplier = _given(row, "spot"), _given(row, "multiplier")
    spot = price if spot is None else spot
    rate, dividend = (_rate(row, name, smile, maturity) for name in ("rate", "dividend"))
    volatility = _given(row, "volatility")
    if volatility is None:
        volatility = _smiled(
            smile, where, spot * float(np.exp((rate - dividend) * maturity)), row["strike"], maturity
        )
    if not 0 < volatility < 5:
        raise DataError(f"{where}: a volatility is a fraction like 0.25, not {volatility:g}")
    return {
        "names": f"{row['quantity']:g} {row['underlying']} {row['strike']:g} {kind} {maturity:.2f}y",
        "underlying": row["underlying"],
        "kind": kind,
        "strike": float(row["strike"]),
        "maturity": float(maturity),
        "quantity": float(row["quantity"]) * (1.0 if multiplier is None else multiplier),
        "spot": spot,
        "volatility": volatility,
        "rate": rate,
        "dividend": dividend,
    }


def _given(row: dict[Any, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else float(value)


def _rate(row: dict[Any, Any], name: str, smile: SmileFile | None, maturity: float) -> float:
    value = _given(row, name)
    curve: Curve | None = None if smile is None else getattr(smile, name)
    if value is None:
        return 0.0 if curve is None else float(curve.at(maturity))
    if abs(value) > 1:
        raise SettingsError(f"a {name} is a fraction a year like 0.03, not {value:g}")
    return value


def _smiled(smile: SmileFile | None, where: str, forward: float, strike: float, maturity: float) -> float:
    """Volatility of a strike on the surface of a smile."""
    if smile is None:
        raise DataError(f"{where} has neither a volatility nor a smile: add one of the two")
    surfaces = [params for _, params in smile.others if hasattr(params, "surface")]
    if not surfaces:
        raise DataError(
            f"{where}: the smile has no SSVI surface; fit it with `riskengine smile`, or state volatilities"
        )
    return float(ssvi_volatility(surfaces[0].surface, forward, strike, maturity))
