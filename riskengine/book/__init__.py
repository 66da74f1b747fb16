"""The book: positions, cash and lots as they are held, in their currencies and accounts, and what they are worth."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.book.fx import FxRates as FxRates
    from riskengine.book.position_files import PositionFile as PositionFile
    from riskengine.book.position_files import read_positions as read_positions
    from riskengine.book.positions import CashBalance as CashBalance
    from riskengine.book.positions import Kind as Kind
    from riskengine.book.positions import Position as Position
    from riskengine.book.positions import PositionBook as PositionBook
    from riskengine.book.positions import TaxLot as TaxLot
    from riskengine.book.valuation import BookValue as BookValue
    from riskengine.book.valuation import Totals as Totals
    from riskengine.book.valuation import ValuedPosition as ValuedPosition
    from riskengine.book.valuation import value_book as value_book

lazy_face(__name__)
