"""The walk-forward: schedule, books, engine, checkpoints, risk monitor, inference, results, sweeps."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.backtest.accounting import Breach
    from riskengine.backtest.bands import NoTradeBand
    from riskengine.backtest.benchmarks import legacy_forecaster, rivals_of, standard_benchmarks
    from riskengine.backtest.checkpoint import files_read, is_begun
    from riskengine.backtest.cost_sensitivity import at_cost, break_even_cost, cost_sensitivity
    from riskengine.backtest.engine import run_backtest
    from riskengine.backtest.flags import ResultFlag, gathered
    from riskengine.backtest.grid import Grid, load_grid, named_markets, parse_settings
    from riskengine.backtest.grid_file import GridFile
    from riskengine.backtest.inference import long_run_variance, reduction_interval, variance_test
    from riskengine.backtest.market_files import Market
    from riskengine.backtest.monitor import RiskMonitor
    from riskengine.backtest.performance import (
        Drawdown,
        Turn,
        drawdowns,
        exposures,
        largest_turns,
        monthly_returns,
        reduction_over_time,
    )
    from riskengine.backtest.provenance import commit, software, weights_hash
    from riskengine.backtest.reads import recorded_reads
    from riskengine.backtest.result import BacktestResult, Comparison, finite
    from riskengine.backtest.schedule import Fold, WalkForward, usual_train
    from riskengine.backtest.selection import (
        confidence_set,
        deflated_sharpe_ratio,
        deflated_sharpe_ratios,
        probabilistic_sharpe_ratio,
        superior_ability,
        variance_losses,
    )
    from riskengine.backtest.storage import load_result, save_result
    from riskengine.backtest.strategy_files import load_strategy, strategy_file
    from riskengine.backtest.sweep import Sweep, plan, run_sweep

__all__ = [
    "BacktestResult",
    "Breach",
    "Comparison",
    "Drawdown",
    "Fold",
    "Grid",
    "GridFile",
    "Market",
    "NoTradeBand",
    "ResultFlag",
    "RiskMonitor",
    "Sweep",
    "Turn",
    "WalkForward",
    "at_cost",
    "break_even_cost",
    "commit",
    "confidence_set",
    "cost_sensitivity",
    "deflated_sharpe_ratio",
    "deflated_sharpe_ratios",
    "drawdowns",
    "exposures",
    "files_read",
    "finite",
    "gathered",
    "is_begun",
    "largest_turns",
    "legacy_forecaster",
    "load_grid",
    "load_result",
    "load_strategy",
    "long_run_variance",
    "monthly_returns",
    "named_markets",
    "parse_settings",
    "plan",
    "probabilistic_sharpe_ratio",
    "recorded_reads",
    "reduction_interval",
    "reduction_over_time",
    "rivals_of",
    "run_backtest",
    "run_sweep",
    "save_result",
    "software",
    "standard_benchmarks",
    "strategy_file",
    "superior_ability",
    "usual_train",
    "variance_losses",
    "variance_test",
    "weights_hash",
]

lazy_face(__name__)
