"""What is done each morning and during the day: orders, risk and stress of what is held, streams, smiles and exotics.

Everything here ends in content, tables and dictionaries; `riskengine.report` makes pages of it.
"""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.desk.forecast_file import read_forecasts, validate_file
    from riskengine.desk.holdings import Holdings, read_holdings
    from riskengine.desk.live import LiveEngine, LiveSettings
    from riskengine.desk.orders import TradeList, trade_list
    from riskengine.desk.portfolio_stress import StressSettings, StressTest, stress_content, stress_test
    from riskengine.desk.portfolio_var import held_risk
    from riskengine.desk.price import price
    from riskengine.desk.price_inputs import Terms, TermsFile, read_terms
    from riskengine.desk.rebalance import Rebalance, read_history, rebalance
    from riskengine.desk.rebalance_files import write_rebalance
    from riskengine.desk.rules import Desk, LimitsFile, read_desk
    from riskengine.desk.smile import Smile, fit_smile, smile_content
    from riskengine.desk.smile_curves import smile_curves
    from riskengine.desk.strategy_state import Shown, close_name, decide, keep
    from riskengine.desk.stream import Watch
    from riskengine.desk.stream_settings import StreamSettings, open_stream, weights_of
    from riskengine.desk.workspace import lay_out, workspace_files

__all__ = [
    "Desk",
    "Holdings",
    "LimitsFile",
    "LiveEngine",
    "LiveSettings",
    "Rebalance",
    "Shown",
    "Smile",
    "StreamSettings",
    "StressSettings",
    "StressTest",
    "Terms",
    "TermsFile",
    "TradeList",
    "Watch",
    "close_name",
    "decide",
    "fit_smile",
    "held_risk",
    "keep",
    "lay_out",
    "open_stream",
    "price",
    "read_desk",
    "read_forecasts",
    "read_history",
    "read_holdings",
    "read_terms",
    "rebalance",
    "smile_content",
    "smile_curves",
    "stress_content",
    "stress_test",
    "trade_list",
    "validate_file",
    "weights_of",
    "workspace_files",
    "write_rebalance",
]

lazy_face(__name__)
