"""The walk-forward: schedule, books, engine, risk monitor, inference, results."""

from riskengine.backtest.benchmarks import legacy_forecaster, standard_benchmarks
from riskengine.backtest.engine import run_backtest
from riskengine.backtest.inference import reduction_interval, variance_test
from riskengine.backtest.loading import load_strategy
from riskengine.backtest.monitor import RiskMonitor
from riskengine.backtest.result import BacktestResult, Comparison
from riskengine.backtest.schedule import Fold, WalkForward

__all__ = [
    "BacktestResult",
    "Comparison",
    "Fold",
    "RiskMonitor",
    "WalkForward",
    "legacy_forecaster",
    "load_strategy",
    "reduction_interval",
    "run_backtest",
    "standard_benchmarks",
    "variance_test",
]
