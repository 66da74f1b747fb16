"""Prices: the panel, its audit, files, who belongs to it when, and the view of the past that strategies are handed."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.market.audit import Finding, audit_prices
    from riskengine.market.dates import close_on, parse_date
    from riskengine.market.delisting import Delistings, load_delistings
    from riskengine.market.frequency import Frequency
    from riskengine.market.loading import (
        load_panel,
        load_prices,
        load_series,
        load_volume,
        save_panel,
        save_prices,
    )
    from riskengine.market.membership import load_membership
    from riskengine.market.panel import Panel, audit_table
    from riskengine.market.period_names import period_name, periods, plural
    from riskengine.market.repair import Repair, repair
    from riskengine.market.shapes import Prices
    from riskengine.market.universe import Universe
    from riskengine.market.view import MarketView

__all__ = [
    "Delistings",
    "Finding",
    "Frequency",
    "MarketView",
    "Panel",
    "Prices",
    "Repair",
    "Universe",
    "audit_prices",
    "audit_table",
    "close_on",
    "load_delistings",
    "load_membership",
    "load_panel",
    "load_prices",
    "load_series",
    "load_volume",
    "parse_date",
    "period_name",
    "periods",
    "plural",
    "repair",
    "save_panel",
    "save_prices",
]

lazy_face(__name__)
