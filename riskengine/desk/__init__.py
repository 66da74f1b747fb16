"""What is done each morning and during the day: orders, risk and stress of what is held, streams, smiles and exotics.

Everything here ends in content, tables and dictionaries; `riskengine.report` makes pages of it.
"""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.desk.forecast_file import validate_file as validate_file
    from riskengine.desk.held_book import HeldBook as HeldBook
    from riskengine.desk.held_book import hold_book as hold_book
    from riskengine.desk.held_book import holdings_content as holdings_content
    from riskengine.desk.holdings import Holdings as Holdings
    from riskengine.desk.holdings import read_holdings as read_holdings
    from riskengine.desk.live import LiveEngine as LiveEngine
    from riskengine.desk.live import LiveSettings as LiveSettings
    from riskengine.desk.live_server import LiveServer as LiveServer
    from riskengine.desk.live_server import read_place as read_place
    from riskengine.desk.live_server import read_token as read_token
    from riskengine.desk.orders import TradeList as TradeList
    from riskengine.desk.orders import trade_list as trade_list
    from riskengine.desk.portfolio_stress import StressSettings as StressSettings
    from riskengine.desk.portfolio_stress import StressTest as StressTest
    from riskengine.desk.portfolio_stress import stress_content as stress_content
    from riskengine.desk.portfolio_stress import stress_test as stress_test
    from riskengine.desk.portfolio_var import held_risk as held_risk
    from riskengine.desk.price import price as price
    from riskengine.desk.price_inputs import Terms as Terms
    from riskengine.desk.price_inputs import TermsFile as TermsFile
    from riskengine.desk.price_inputs import read_terms as read_terms
    from riskengine.desk.rebalance import Rebalance as Rebalance
    from riskengine.desk.rebalance import rebalance as rebalance
    from riskengine.desk.rebalance_files import read_history as read_history
    from riskengine.desk.rebalance_files import write_rebalance as write_rebalance
    from riskengine.desk.redis_address import RedisAddress as RedisAddress
    from riskengine.desk.redis_streams import RedisLink as RedisLink
    from riskengine.desk.redis_streams import RedisRows as RedisRows
    from riskengine.desk.redis_streams import RedisSink as RedisSink
    from riskengine.desk.risk_inputs import RiskFiles as RiskFiles
    from riskengine.desk.risk_inputs import risk_report as risk_report
    from riskengine.desk.risk_inputs import stress_of_files as stress_of_files
    from riskengine.desk.rules import Desk as Desk
    from riskengine.desk.rules import LimitsFile as LimitsFile
    from riskengine.desk.rules import read_desk as read_desk
    from riskengine.desk.smile import Smile as Smile
    from riskengine.desk.smile import fit_smile as fit_smile
    from riskengine.desk.smile import smile_content as smile_content
    from riskengine.desk.smile_curves import smile_curves as smile_curves
    from riskengine.desk.strategy_state import Shown as Shown
    from riskengine.desk.strategy_state import close_name as close_name
    from riskengine.desk.strategy_state import decide as decide
    from riskengine.desk.strategy_state import keep as keep
    from riskengine.desk.stream import Watch as Watch
    from riskengine.desk.stream_settings import StreamSettings as StreamSettings
    from riskengine.desk.stream_settings import open_stream as open_stream
    from riskengine.desk.stream_sinks import Sink as Sink
    from riskengine.desk.stress_library import LibraryFile as LibraryFile
    from riskengine.desk.stress_library import Scenario as Scenario
    from riskengine.desk.stress_library import read_library as read_library
    from riskengine.desk.workspace import lay_out as lay_out

lazy_face(__name__)
