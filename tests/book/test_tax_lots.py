"""Realised gains of lots against a loop over single units."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.book import Position, TaxLot, realised_gain

TODAY = datetime.date(2024, 6, 28)


@st.composite
def trades(draw):
    side = draw(st.sampled_from([1, -1]))
    lots = tuple(
        TaxLot(
            float(side * draw(st.integers(1, 12))),
            float(draw(st.integers(1, 50))),
            draw(st.one_of(st.none(), st.integers(0, 900).map(lambda age: TODAY - datetime.timedelta(age)))),
        )
        for _ in range(draw(st.integers(0, 5)))
    )
    unknown = draw(st.integers(0, 5))
    held = sum(lot.quantity for lot in lots) + side * unknown
    return Position("A", held, multiplier=draw(st.sampled_from([1.0, 50.0])), lots=lots), draw(
        st.integers(-80, 80)
    )


def unit_by_unit(position, traded, price, order, long_term_days):
    """Every unit is an item with its cost and age; they are closed one after the other."""
    side = 1 if position.quantity > 0 else -1
    units = [(lot.cost, lot.opened) for lot in position.lots for _ in range(int(abs(lot.quantity)))]
    if order == "first in first out":
        units.sort(key=lambda unit: datetime.date.min if unit[1] is None else unit[1])
    else:
        units.sort(key=lambda unit: -side * unit[0])
    closing = 0
    if position.quantity and traded and (traded > 0) != (position.quantity > 0):
        closing = int(min(abs(traded), abs(position.quantity)))
    sums = {"short": 0.0, "long": 0.0, "unknown": 0}
    for k in range(closing):
        if k >= len(units):
            sums["unknown"] += 1
            continue
        cost, opened = units[k]
        gain = (price - cost) * side * position.multiplier
        old = opened is not None and (TODAY - opened).days >= long_term_days and side > 0
        sums["long" if old else "short"] += gain
    return closing, sums


@settings(max_examples=150)
@given(trades(), st.integers(1, 60), st.sampled_from(["first in first out", "highest cost"]))
def test_gains_are_those_of_a_loop_over_single_units(trade, price, order):
    position, traded = trade
    found = realised_gain(position, float(traded), float(price), TODAY, order, 366)
    closing, sums = unit_by_unit(position, traded, price, order, 366)
    assert found.units == closing
    assert found.unknown == sums["unknown"]
    assert found.short_term == pytest.approx(sums["short"])
    assert found.long_term == pytest.approx(sums["long"])
    side = 1 if position.quantity > 0 else -1
    assert found.gain == pytest.approx(side * (found.proceeds - found.cost))


@settings(max_examples=60)
@given(trades(), st.integers(1, 60))
def test_no_order_of_lots_gains_less_than_the_highest_cost(trade, price):
    position, traded = trade
    least = realised_gain(position, float(traded), float(price), TODAY, "highest cost")
    if not least.unknown:
        assert least.gain <= realised_gain(position, float(traded), float(price), TODAY).gain + 1e-9
