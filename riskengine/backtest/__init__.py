"""The walk-forward: schedule, books, engine, checkpoints, risk monitor, inference, results, sweeps."""

from riskengine.backtest.accounting import Breach
from riskengine.backtest.bands import NoTradeBand
from riskengine.backtest.benchmarks import legacy_forecaster, standard_benchmarks
from riskengine.backtest.cost_sensitivity import at_cost, break_even_cost, cost_sensitivity
from riskengine.backtest.engine import run_backtest
from riskengine.backtest.grid import Grid, load_grid, parse_settings
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
from riskengine.backtest.provenance import commit, weights_hash
from riskengine.backtest.result import BacktestResult, Comparison
from riskengine.backtest.schedule import Fold, WalkForward
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
    "Market",
    "NoTradeBand",
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
    "largest_turns",
    "legacy_forecaster",
    "load_grid",
    "load_result",
    "load_strategy",
    "long_run_variance",
    "monthly_returns",
    "parse_settings",
    "plan",
    "probabilistic_sharpe_ratio",
    "reduction_interval",
    "reduction_over_time",
    "run_backtest",
    "run_sweep",
    "save_result",
    "standard_benchmarks",
    "strategy_file",
    "superior_ability",
    "variance_losses",
    "variance_test",
    "weights_hash",
]
