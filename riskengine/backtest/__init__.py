"""The walk-forward: schedule, books, engine, checkpoints, risk monitor, inference, results, sweeps."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.backtest.accounting import Breach as Breach
    from riskengine.backtest.bands import NoTradeBand as NoTradeBand
    from riskengine.backtest.benchmarks import legacy_forecaster as legacy_forecaster
    from riskengine.backtest.benchmarks import rivals_of as rivals_of
    from riskengine.backtest.benchmarks import standard_benchmarks as standard_benchmarks
    from riskengine.backtest.brinson import BrinsonAttribution as BrinsonAttribution
    from riskengine.backtest.brinson import attribute_result as attribute_result
    from riskengine.backtest.brinson import brinson as brinson
    from riskengine.backtest.checkpoint import files_read as files_read
    from riskengine.backtest.checkpoint import is_begun as is_begun
    from riskengine.backtest.comparison import Comparison as Comparison
    from riskengine.backtest.comparison import Metrics as Metrics
    from riskengine.backtest.cost_sensitivity import at_cost as at_cost
    from riskengine.backtest.drawdown_spells import Drawdown as Drawdown
    from riskengine.backtest.engine import run_backtest as run_backtest
    from riskengine.backtest.flags import ResultFlag as ResultFlag
    from riskengine.backtest.flags import gathered as gathered
    from riskengine.backtest.grid import Grid as Grid
    from riskengine.backtest.grid import load_grid as load_grid
    from riskengine.backtest.grid import named_markets as named_markets
    from riskengine.backtest.grid import parse_settings as parse_settings
    from riskengine.backtest.grid_file import GridFile as GridFile
    from riskengine.backtest.inference import long_run_variance as long_run_variance
    from riskengine.backtest.inference import reduction_interval as reduction_interval
    from riskengine.backtest.inference import variance_test as variance_test
    from riskengine.backtest.market_files import Market as Market
    from riskengine.backtest.monitor import RiskMonitor as RiskMonitor
    from riskengine.backtest.parallel import run_all as run_all
    from riskengine.backtest.parallel import workers as workers
    from riskengine.backtest.performance import Turn as Turn
    from riskengine.backtest.performance import drawdowns as drawdowns
    from riskengine.backtest.performance import exposures as exposures
    from riskengine.backtest.performance import largest_turns as largest_turns
    from riskengine.backtest.performance import reduction_over_time as reduction_over_time
    from riskengine.backtest.performance import trailing_returns as trailing_returns
    from riskengine.backtest.provenance import commit as commit
    from riskengine.backtest.provenance import panel_provenance as panel_provenance
    from riskengine.backtest.provenance import software as software
    from riskengine.backtest.provenance import weights_hash as weights_hash
    from riskengine.backtest.reads import recorded_reads as recorded_reads
    from riskengine.backtest.reduction_parts import ReductionParts as ReductionParts
    from riskengine.backtest.reduction_parts import reduction_parts as reduction_parts
    from riskengine.backtest.reduction_parts import reduction_variants as reduction_variants
    from riskengine.backtest.relative import relative_to as relative_to
    from riskengine.backtest.relative import rolling_beta as rolling_beta
    from riskengine.backtest.relative import rolling_sharpe as rolling_sharpe
    from riskengine.backtest.relative import worst_periods as worst_periods
    from riskengine.backtest.result import BacktestResult as BacktestResult
    from riskengine.backtest.result import finite as finite
    from riskengine.backtest.return_shape import monthly_returns as monthly_returns
    from riskengine.backtest.return_shape import return_shape as return_shape
    from riskengine.backtest.round_trips import round_trips as round_trips
    from riskengine.backtest.schedule import Fold as Fold
    from riskengine.backtest.schedule import WalkForward as WalkForward
    from riskengine.backtest.schedule import usual_train as usual_train
    from riskengine.backtest.selection import confidence_set as confidence_set
    from riskengine.backtest.selection import deflated_sharpe_ratios as deflated_sharpe_ratios
    from riskengine.backtest.selection import superior_ability as superior_ability
    from riskengine.backtest.storage import load_result as load_result
    from riskengine.backtest.storage import save_result as save_result
    from riskengine.backtest.strategy_files import load_strategy as load_strategy
    from riskengine.backtest.strategy_files import strategy_file as strategy_file
    from riskengine.backtest.sweep import Sweep as Sweep
    from riskengine.backtest.sweep import plan as plan
    from riskengine.backtest.sweep import run_sweep as run_sweep

lazy_face(__name__)
