"""Portfolio risk and rebalancing: a neural GARCH calibrator, covariance forecasts, cvxpy portfolios, a walk-forward.

Conventions: simple daily returns as decimals; variance per day, annualised with 252; weights are
fractions of wealth with cash explicit; VaR and CVaR are positive losses at a stated confidence and
horizon; time is the first axis; NaN means no observation and never becomes zero; a decision at the close
of day t sees data up to and including t and trades at the close of t+1.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from riskengine import datasets as datasets
from riskengine import hooks
from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.backtest import (
        BacktestResult,
        RiskMonitor,
        WalkForward,
        load_strategy,
        run_backtest,
        standard_benchmarks,
    )
    from riskengine.calibration import (
        ArchReference,
        Calibration,
        MaximumLikelihood,
        NeuralCalibrator,
        Status,
        UniverseCalibrator,
        calibrate,
    )
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
        RiskMetrics2006,
        SampleCovariance,
    )
    from riskengine.garch import GarchParams
    from riskengine.market import MarketView, Panel, load_panel
    from riskengine.portfolio import (
        BlackLitterman,
        BlackLittermanStrategy,
        Constraints,
        Costs,
        Decision,
        EqualWeight,
        Exposure,
        Group,
        MaximumDiversification,
        MaximumReturn,
        MaximumSharpe,
        MeanVariance,
        MinimumCvar,
        MinimumVariance,
        OptimizedStrategy,
        ProportionalCosts,
        RiskBudgeting,
        Strategy,
        TrackingError,
        View,
    )

__all__ = [
    "AnalyticalShrinkage",
    "ArchReference",
    "BacktestResult",
    "BlackLitterman",
    "BlackLittermanStrategy",
    "Calibration",
    "CombinedIteratedEwma",
    "ConstantCorrelation",
    "Constraints",
    "Costs",
    "Covariance",
    "Dcc",
    "Decision",
    "Ensemble",
    "EqualWeight",
    "Ewma",
    "Exposure",
    "FactorGarch",
    "GarchParams",
    "Group",
    "IteratedEwma",
    "LedoitWolf",
    "MarketView",
    "MaximumDiversification",
    "MaximumLikelihood",
    "MaximumReturn",
    "MaximumSharpe",
    "MeanVariance",
    "MinimumCvar",
    "MinimumVariance",
    "NeuralCalibrator",
    "OptimizedStrategy",
    "Panel",
    "ProportionalCosts",
    "QuadraticInverseShrinkage",
    "RiskBudgeting",
    "RiskMetrics2006",
    "RiskMonitor",
    "SampleCovariance",
    "Status",
    "Strategy",
    "TrackingError",
    "UniverseCalibrator",
    "View",
    "WalkForward",
    "calibrate",
    "load_panel",
    "load_strategy",
    "run_backtest",
    "standard_benchmarks",
]

__version__ = version("riskengine")


def _write_page(result: BacktestResult, path: Path) -> Path:
    """What :meth:`BacktestResult.to_html` calls; charts are loaded once a page is asked for."""
    from riskengine.report import write_report

    return write_report(result, path)


def _draw_result(result: BacktestResult, kind: str) -> object:
    from riskengine.report import draw_result

    return draw_result(result, kind)


def _draw_calibration(fit: Calibration) -> object:
    from riskengine.report import draw_calibration

    return draw_calibration(fit)


hooks.write_page = _write_page
hooks.draw_result = _draw_result
hooks.draw_calibration = _draw_calibration
lazy_face(__name__, {"TargetVolatility": "MaximumReturn"})
