"""VaR and CVaR, what they are made of, scenarios, and tests of all forecasts."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.risk.contributions import (
        scenario_contributions,
        student_t_contributions,
        volatility_contributions,
    )
    from riskengine.risk.filtered_forecast import FilteredHistoricalForecaster
    from riskengine.risk.filtered_historical import FilteredHistory, fill_residuals
    from riskengine.risk.measures import TailRisk, empirical_tail, student_t_tail, tail_weights
    from riskengine.risk.pareto_tail import ParetoTail, pareto_tail
    from riskengine.risk.scenario_model import ScenarioModel
    from riskengine.risk.scenarios import Outcome, Shock, Simulation, simulate, simulate_blocks
    from riskengine.risk.stress import ReverseStress, replay, replay_returns, reverse_stress
    from riskengine.risk.tail_forecast import TailForecaster
    from riskengine.risk.validation import (
        CoverageTest,
        TestResult,
        TrafficLight,
        Validation,
        christoffersen,
        fissler_ziegel_loss,
        holm,
        independence,
        kupiec,
        quantile_loss,
        traffic_light,
        validate,
    )
    from riskengine.risk.var_forecaster import VarForecaster

__all__ = [
    "CoverageTest",
    "FilteredHistoricalForecaster",
    "FilteredHistory",
    "Outcome",
    "ParetoTail",
    "ReverseStress",
    "ScenarioModel",
    "Shock",
    "Simulation",
    "TailForecaster",
    "TailRisk",
    "TestResult",
    "TrafficLight",
    "Validation",
    "VarForecaster",
    "christoffersen",
    "empirical_tail",
    "fill_residuals",
    "fissler_ziegel_loss",
    "holm",
    "independence",
    "kupiec",
    "pareto_tail",
    "quantile_loss",
    "replay",
    "replay_returns",
    "reverse_stress",
    "scenario_contributions",
    "simulate",
    "simulate_blocks",
    "student_t_contributions",
    "student_t_tail",
    "tail_weights",
    "traffic_light",
    "validate",
    "volatility_contributions",
]

lazy_face(__name__)
