"""Prices: the panel, its audit, files, who belongs to it when, and the view of the past that strategies are handed."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.market.addresses import Address as Address
    from riskengine.market.addresses import Source as Source
    from riskengine.market.addresses import as_source as as_source
    from riskengine.market.asset_tables import load_asset_numbers as load_asset_numbers
    from riskengine.market.asset_tables import load_benchmark as load_benchmark
    from riskengine.market.asset_tables import load_labels as load_labels
    from riskengine.market.asset_tables import load_rows as load_rows
    from riskengine.market.audit import Finding as Finding
    from riskengine.market.audit import audit_prices as audit_prices
    from riskengine.market.checks import as_returns as as_returns
    from riskengine.market.checks import as_row as as_row
    from riskengine.market.checks import as_weights as as_weights
    from riskengine.market.dates import close_on as close_on
    from riskengine.market.dates import parse_date as parse_date
    from riskengine.market.delisting import Delistings as Delistings
    from riskengine.market.factor_files import FactorReturns as FactorReturns
    from riskengine.market.factor_files import load_factors as load_factors
    from riskengine.market.frequency import Frequency as Frequency
    from riskengine.market.frequency import frequency_of as frequency_of
    from riskengine.market.frequency import periods_in as periods_in
    from riskengine.market.loading import load_panel as load_panel
    from riskengine.market.loading import load_prices as load_prices
    from riskengine.market.loading import load_series as load_series
    from riskengine.market.loading import load_volume as load_volume
    from riskengine.market.loading import save_prices as save_prices
    from riskengine.market.panel import Panel as Panel
    from riskengine.market.panel import audit_table as audit_table
    from riskengine.market.period_names import period_name as period_name
    from riskengine.market.period_names import periods as periods
    from riskengine.market.period_names import plural as plural
    from riskengine.market.repair import Repair as Repair
    from riskengine.market.repair import repair as repair
    from riskengine.market.shapes import Prices as Prices
    from riskengine.market.spans import ages as ages
    from riskengine.market.store import Added as Added
    from riskengine.market.store import add_prices as add_prices
    from riskengine.market.store import batches as batches
    from riskengine.market.store import history as history
    from riskengine.market.store import withdraw as withdraw
    from riskengine.market.universe import Universe as Universe
    from riskengine.market.view import STALE_AFTER as STALE_AFTER
    from riskengine.market.view import MarketView as MarketView

lazy_face(__name__)
