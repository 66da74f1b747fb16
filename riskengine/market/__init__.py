"""Prices: the panel, its audit, files, and the view of the past that strategies are handed."""

from riskengine.market.audit import Finding, audit_prices
from riskengine.market.loading import load_panel, save_panel
from riskengine.market.panel import Panel
from riskengine.market.view import MarketView

__all__ = ["Finding", "MarketView", "Panel", "audit_prices", "load_panel", "save_panel"]
