from __future__ import annotations

import numpy as np
import pytest

from riskengine.desk.portfolio_var import held_risk
from riskengine.risk import TailForecaster

WEIGHTS = np.array([[0.3, 0.3, 0.2, 0.1, 0.0, 0.0], [0.0, 0.1, 0.2, 0.3, 0.2, 0.2], np.zeros(6)])


def test_figures_are_those_of_the_forecaster_and_the_last_year_is_tested(returns, fixed_shape):
    figures, tested = held_risk(returns, WEIGHTS, fixed_shape)
    forecaster = TailForecaster(fixed_shape)
    portfolios = returns @ WEIGHTS.T
    portfolios[:, 2] = np.nan  # what holds nothing has no losses that a tail could be pooled with
    series = np.hstack([portfolios, returns[:, [1, 0, 3, 2, 4, 5]]])
    state = forecaster.init(series[:-250])
    exceptions = 0
    for row in series[-250:]:
        exceptions += -row[0] > forecaster.forecast(state, 0.99).value_at_risk[0]
        state = forecaster.update(state, row)
    for k in (0, 1):
        assert figures[k]["var_99"] == pytest.approx(
            forecaster.forecast(state, 0.99).value_at_risk[k], rel=1e-6
        )
        beyond = forecaster.forecast(state, 0.975).conditional_value_at_risk[k]
        assert figures[k]["cvar_97.5"] == pytest.approx(beyond, rel=1e-6)
        assert 0 < figures[k]["var_95"] < figures[k]["var_99"]
    assert set(figures[2].values()) == {0.0}
    assert tested["exceptions"] == exceptions


def test_without_holdings_or_history_there_is_nothing_to_test(returns, fixed_shape):
    figures, tested = held_risk(returns, np.zeros((2, 6)), fixed_shape)
    assert tested is None
    assert figures == [{"var_95": 0.0, "var_99": 0.0, "cvar_97.5": 0.0}] * 2
    figures, tested = held_risk(returns[-300:], WEIGHTS, fixed_shape)
    assert tested is None
    assert figures[0]["var_99"] > 0


def test_a_late_listing_lends_its_volatility_to_the_days_before(returns, fixed_shape):
    late = returns.copy()
    late[:-100, 1] = np.nan
    late[400] = np.nan
    whole, part = (held_risk(rows, WEIGHTS, fixed_shape)[0][1] for rows in (returns, late))
    for name, value in whole.items():
        assert part[name] == pytest.approx(value, rel=0.2)
