"""The four additions that CONTRIBUTING.md shows work as they stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from riskengine import OptimizedStrategy, Panel, RiskMonitor, WalkForward, run_backtest
from riskengine.covariance import CovarianceForecaster
from riskengine.report import rebalance_page

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
IMPORTS = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, NamedTuple
import cvxpy as cp
import numpy as np
from riskengine.covariance import Ewma, RollingForecaster
from riskengine.portfolio import Goal, Objective
from riskengine.report.page import Section
from riskengine.risk import TailRisk, student_t_tail
"""


@pytest.fixture(scope="module")
def added():
    """What the blocks of code define."""
    module = ModuleType("shown_in_contributing")
    sys.modules[module.__name__] = module
    blocks = re.findall(r"```python\n# riskengine/(.*?)```", TEXT, flags=re.DOTALL)
    assert len(blocks) == 4
    exec(IMPORTS + "".join("# " + block for block in blocks), vars(module))
    yield module
    del sys.modules[module.__name__]


def test_the_forecaster(added, returns):
    forecaster = added.Uncorrelated(250)
    assert isinstance(forecaster, CovarianceForecaster)
    matrix = forecaster.forecast(forecaster.init(returns)).matrix()
    np.testing.assert_allclose(matrix, np.diag(np.var(returns[-250:], axis=0, ddof=1)), rtol=1e-9)


def test_the_objective_and_the_var_model_in_a_backtest(added, returns, fixed_shape):
    dates = pd.bdate_range("2020-01-01", periods=420)
    panel = Panel(pd.DataFrame(100 * np.cumprod(1 + returns[:420, :4], axis=0), dates, list("ABCD")))
    strategy = OptimizedStrategy(
        "mad", added.Uncorrelated(250), objective=added.MeanAbsoluteDeviation(), window=250, scenarios=100
    )
    monitor = RiskMonitor(fixed_shape, forecaster=added.ExponentialVar(), beside=())
    result = run_backtest(strategy, panel, WalkForward(300, 60), monitor=monitor)
    assert set(result.status) == {"ok"}
    assert set(result.risk_table()["method"]) == {"exponential"}


def test_the_section(added, monkeypatch):
    section = added.concentration({"before": {}, "weights": {"A": 0.5, "B": 0.5}})
    assert section.rows == [["before", "0", "0.0"], ["after", "2", "2.0"]]
    assert '"concentration:concentration",' in TEXT
    monkeypatch.setitem(sys.modules, "riskengine.report.concentration", added)
    monkeypatch.setattr(rebalance_page, "SECTIONS", ("concentration:concentration",))
    row = {"value": 1.0}
    content = {
        "risk": {"before": {"volatility": 0.1}, "after": {"volatility": 0.1}},
        "trades": [row], "wealth": 1.0, "status": "clean", "strategy": "s", "date": "2024-01-02",
        "before": {}, "weights": {"A": 1.0}, "provenance": {},
    }  # fmt: skip
    assert "squared shares" in rebalance_page.render_rebalance(content)
