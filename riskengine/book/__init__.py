"""The book: positions, cash and lots as they are held, in their currencies and accounts, and what they are worth."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.book.base_currency import in_base as in_base
    from riskengine.book.base_currency import is_money as is_money
    from riskengine.book.base_currency import money_name as money_name
    from riskengine.book.book_settings import BookFile as BookFile
    from riskengine.book.book_settings import BookSettings as BookSettings
    from riskengine.book.book_settings import asset_terms as asset_terms
    from riskengine.book.book_settings import completed as completed
    from riskengine.book.book_settings import open_currencies as open_currencies
    from riskengine.book.book_settings import read_book_settings as read_book_settings
    from riskengine.book.fx import FxRates as FxRates
    from riskengine.book.position_files import PositionFile as PositionFile
    from riskengine.book.position_files import read_positions as read_positions
    from riskengine.book.positions import CashBalance as CashBalance
    from riskengine.book.positions import Kind as Kind
    from riskengine.book.positions import Position as Position
    from riskengine.book.positions import PositionBook as PositionBook
    from riskengine.book.positions import TaxLot as TaxLot
    from riskengine.book.tax_lots import RealisedGain as RealisedGain
    from riskengine.book.tax_lots import realised_gain as realised_gain
    from riskengine.book.valuation import BookValue as BookValue
    from riskengine.book.valuation import Totals as Totals
    from riskengine.book.valuation import ValuedPosition as ValuedPosition
    from riskengine.book.valuation import value_book as value_book

lazy_face(__name__)
