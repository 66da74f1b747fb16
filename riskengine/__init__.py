"""Portfolio risk and rebalancing: a neural GARCH calibrator, covariance forecasts, cvxpy portfolios, a walk-forward.

Conventions: simple daily returns as decimals; variance per day, annualised with 252; weights are
fractions of wealth with cash explicit; VaR and CVaR are positive losses at a stated confidence and
horizon; time is the first axis; NaN means no observation and never becomes zero; a decision at the close
of day t sees data up to and including t and trades at the close of t+1.
"""

from riskengine.backtest import (
    BacktestResult,
    RiskMonitor,
    WalkForward,
    load_strategy,
    run_backtest,
    standard_benchmarks,
)
from riskengine.calibration import ArchReference, Calibration, MaximumLikelihood, NeuralCalibrator, Status
from riskengine.covariance import (
    AnalyticalShrinkage,
    CombinedIteratedEwma,
    ConstantCorrelation,
    Covariance,
    Dcc,
    Ensemble,
    Ewma,
    FactorGarch,
    IteratedEwma,
    LedoitWolf,
    QuadraticInverseShrinkage,
    SampleCovariance,
)
from riskengine.garch import GarchParams
from riskengine.market import MarketView, Panel, load_panel
from riskengine.portfolio import (
    BlackLittermanStrategy,
    Constraints,
    Decision,
    EqualWeight,
    Group,
    MeanVariance,
    MinimumVariance,
    OptimizedStrategy,
    ProportionalCosts,
    Strategy,
    View,
)

__all__ = [
    "AnalyticalShrinkage",
    "ArchReference",
    "BacktestResult",
    "BlackLittermanStrategy",
    "Calibration",
    "CombinedIteratedEwma",
    "ConstantCorrelation",
    "Constraints",
    "Covariance",
    "Dcc",
    "Decision",
    "Ensemble",
    "EqualWeight",
    "Ewma",
    "FactorGarch",
    "GarchParams",
    "Group",
    "IteratedEwma",
    "LedoitWolf",
    "MarketView",
    "MaximumLikelihood",
    "MeanVariance",
    "MinimumVariance",
    "NeuralCalibrator",
    "OptimizedStrategy",
    "Panel",
    "ProportionalCosts",
    "QuadraticInverseShrinkage",
    "RiskMonitor",
    "SampleCovariance",
    "Status",
    "Strategy",
    "View",
    "WalkForward",
    "load_panel",
    "load_strategy",
    "run_backtest",
    "standard_benchmarks",
]
