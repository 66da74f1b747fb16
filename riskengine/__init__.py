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

from riskengine import hooks
from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine import datasets as datasets
    from riskengine.backtest import BacktestResult as BacktestResult
    from riskengine.backtest import RiskMonitor as RiskMonitor
    from riskengine.backtest import WalkForward as WalkForward
    from riskengine.backtest import load_strategy as load_strategy
    from riskengine.backtest import run_backtest as run_backtest
    from riskengine.backtest import standard_benchmarks as standard_benchmarks
    from riskengine.calibration import ArchReference as ArchReference
    from riskengine.calibration import Calibration as Calibration
    from riskengine.calibration import MaximumLikelihood as MaximumLikelihood
    from riskengine.calibration import NeuralCalibrator as NeuralCalibrator
    from riskengine.calibration import Status as Status
    from riskengine.calibration import UniverseCalibrator as UniverseCalibrator
    from riskengine.calibration import calibrate as calibrate
    from riskengine.covariance import AnalyticalShrinkage as AnalyticalShrinkage
    from riskengine.covariance import CombinedIteratedEwma as CombinedIteratedEwma
    from riskengine.covariance import ConstantCorrelation as ConstantCorrelation
    from riskengine.covariance import Covariance as Covariance
    from riskengine.covariance import Dcc as Dcc
    from riskengine.covariance import Ensemble as Ensemble
    from riskengine.covariance import Ewma as Ewma
    from riskengine.covariance import FactorGarch as FactorGarch
    from riskengine.covariance import IteratedEwma as IteratedEwma
    from riskengine.covariance import LedoitWolf as LedoitWolf
    from riskengine.covariance import QuadraticInverseShrinkage as QuadraticInverseShrinkage
    from riskengine.covariance import RiskMetrics2006 as RiskMetrics2006
    from riskengine.covariance import SampleCovariance as SampleCovariance
    from riskengine.garch import GarchParams as GarchParams
    from riskengine.market import MarketView as MarketView
    from riskengine.market import Panel as Panel
    from riskengine.market import load_panel as load_panel
    from riskengine.portfolio import BlackLitterman as BlackLitterman
    from riskengine.portfolio import BlackLittermanStrategy as BlackLittermanStrategy
    from riskengine.portfolio import Constraints as Constraints
    from riskengine.portfolio import Costs as Costs
    from riskengine.portfolio import Decision as Decision
    from riskengine.portfolio import EfficientFrontier as EfficientFrontier
    from riskengine.portfolio import EqualWeight as EqualWeight
    from riskengine.portfolio import Exposure as Exposure
    from riskengine.portfolio import Group as Group
    from riskengine.portfolio import MaximumDiversification as MaximumDiversification
    from riskengine.portfolio import MaximumReturn as MaximumReturn
    from riskengine.portfolio import MaximumSharpe as MaximumSharpe
    from riskengine.portfolio import MeanVariance as MeanVariance
    from riskengine.portfolio import MinimumCvar as MinimumCvar
    from riskengine.portfolio import MinimumVariance as MinimumVariance
    from riskengine.portfolio import OptimizedStrategy as OptimizedStrategy
    from riskengine.portfolio import ProportionalCosts as ProportionalCosts
    from riskengine.portfolio import RiskBudgeting as RiskBudgeting
    from riskengine.portfolio import Strategy as Strategy
    from riskengine.portfolio import TrackingError as TrackingError
    from riskengine.portfolio import View as View
    from riskengine.portfolio import efficient_frontier as efficient_frontier

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


def _draw_frontier(frontier: EfficientFrontier) -> object:
    from riskengine.report import draw_frontier

    return draw_frontier(frontier)


hooks.write_page = _write_page
hooks.draw_frontier = _draw_frontier
hooks.draw_result = _draw_result
hooks.draw_calibration = _draw_calibration
lazy_face(__name__, {"TargetVolatility": "MaximumReturn"})
