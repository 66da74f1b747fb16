"""VaR and CVaR, what they are made of, scenarios, and tests of all forecasts."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.risk.active_risk import ActiveRisk as ActiveRisk
    from riskengine.risk.active_risk import active_risk as active_risk
    from riskengine.risk.euler import cvar_contributions as cvar_contributions
    from riskengine.risk.euler import grouped as grouped
    from riskengine.risk.euler import var_contributions as var_contributions
    from riskengine.risk.euler import volatility_contributions as volatility_contributions
    from riskengine.risk.factor_parts import FactorParts as FactorParts
    from riskengine.risk.factor_parts import FactorRegression as FactorRegression
    from riskengine.risk.factor_parts import exposure_parts as exposure_parts
    from riskengine.risk.factor_parts import factor_regression as factor_regression
    from riskengine.risk.factor_parts import fewest_days as fewest_days
    from riskengine.risk.factor_parts import series_parts as series_parts
    from riskengine.risk.factor_parts import statistical_parts as statistical_parts
    from riskengine.risk.filtered_forecast import FilteredHistoricalForecaster as FilteredHistoricalForecaster
    from riskengine.risk.filtered_historical import FilteredHistory as FilteredHistory
    from riskengine.risk.filtered_historical import fill_residuals as fill_residuals
    from riskengine.risk.measures import TailRisk as TailRisk
    from riskengine.risk.measures import check_level as check_level
    from riskengine.risk.measures import empirical_tail as empirical_tail
    from riskengine.risk.measures import student_t_tail as student_t_tail
    from riskengine.risk.path_blocks import Beside as Beside
    from riskengine.risk.path_blocks import Shock as Shock
    from riskengine.risk.path_blocks import Simulation as Simulation
    from riskengine.risk.sampling_error import tail_error as tail_error
    from riskengine.risk.scenario_model import ScenarioModel as ScenarioModel
    from riskengine.risk.scenarios import Outcome as Outcome
    from riskengine.risk.scenarios import simulate as simulate
    from riskengine.risk.scenarios import simulate_blocks as simulate_blocks
    from riskengine.risk.stress import ReverseStress as ReverseStress
    from riskengine.risk.stress import replay as replay
    from riskengine.risk.stress import replay_returns as replay_returns
    from riskengine.risk.stress import reverse_stress as reverse_stress
    from riskengine.risk.tail_forecast import TailForecaster as TailForecaster
    from riskengine.risk.universe_blocks import fit_universe as fit_universe
    from riskengine.risk.validation import CoverageTest as CoverageTest
    from riskengine.risk.validation import TestResult as TestResult
    from riskengine.risk.validation import TrafficLight as TrafficLight
    from riskengine.risk.validation import Validation as Validation
    from riskengine.risk.validation import christoffersen as christoffersen
    from riskengine.risk.validation import fissler_ziegel_loss as fissler_ziegel_loss
    from riskengine.risk.validation import kupiec as kupiec
    from riskengine.risk.validation import traffic_light as traffic_light
    from riskengine.risk.validation import validate as validate
    from riskengine.risk.var_forecaster import VarForecaster as VarForecaster

lazy_face(__name__)
