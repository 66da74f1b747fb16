"""Gains that sales realise, by tax lot: an estimate before orders are sent, and no tax return."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from riskengine.book.book_settings import LotOrder
from riskengine.book.positions import Position, TaxLot


@dataclass(frozen=True)
class RealisedGain:
    """What closing some units of a position realises, in its currency.

    Attributes
    ----------
    units : closed; positive
    proceeds, cost : of them, of the units with a known cost
    short_term, long_term : gains by days of holding; a lot of unknown day is short-term
    unknown : units whose cost is not known; they are in no gain
    """

    units: float
    proceeds: float = 0.0
    cost: float = 0.0
    short_term: float = 0.0
    long_term: float = 0.0
    unknown: float = 0.0

    @property
    def gain(self) -> float:
        return self.short_term + self.long_term


def realised_gain(
    position: Position,
    traded: float,
    price: float,
    today: datetime.date,
    order: LotOrder = "first in first out",
    long_term_days: int = 366,
) -> RealisedGain:
    """Gain of the units of a position that a trade closes.

    A sale closes a long position, a purchase a short one; what goes beyond it opens a new one and realises nothing.
    First in first out closes lots by the day of opening, those of unknown day first; highest cost closes those that
    gain least, of a short the ones sold lowest. A lot that was held ``long_term_days`` or more gains long-term; of a
    short every gain is short-term.

    Parameters
    ----------
    position : with lots
    traded : units; negative is a sale
    price : of a unit, in the currency of the position
    today : of the trade

    Examples
    --------
    >>> day = datetime.date
    >>> lots = (TaxLot(60, 10.0, day(2022, 1, 3)), TaxLot(40, 14.0, day(2024, 5, 1)))
    >>> held = Position("KO", 100, lots=lots)
    >>> found = realised_gain(held, -80, 15.0, day(2024, 6, 28))
    >>> found.long_term, found.short_term
    (300.0, 20.0)
    >>> found = realised_gain(held, -80, 15.0, day(2024, 6, 28), "highest cost")
    >>> found.long_term, found.short_term
    (200.0, 40.0)
    """
    held = position.quantity
    closes = min(abs(traded), abs(held)) if traded * held < 0 else 0.0
    left, side, m = closes, 1.0 if held > 0 else -1.0, position.multiplier
    proceeds = cost = 0.0
    gains = {False: 0.0, True: 0.0}
    for lot in _ordered(position.lots, side, order):
        units = min(left, abs(lot.quantity))
        if units <= 0 or lot.quantity * side <= 0:
            continue
        left -= units
        proceeds, cost = proceeds + units * price * m, cost + units * lot.cost * m
        age = None if lot.opened is None else (today - lot.opened).days
        long_term = side > 0 and age is not None and age >= long_term_days
        gains[long_term] += side * units * (price - lot.cost) * m
    return RealisedGain(closes, proceeds, cost, gains[False], gains[True], max(left, 0.0))


def _ordered(lots: tuple[TaxLot, ...], side: float, order: LotOrder) -> list[TaxLot]:
    """In the order in which they are closed; those alike in the order of the file."""
    if order == "highest cost":
        return sorted(lots, key=lambda lot: -side * lot.cost)
    return sorted(lots, key=lambda lot: lot.opened or datetime.date.min)
