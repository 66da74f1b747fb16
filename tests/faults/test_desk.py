"""The desk decides as a backtest does, morning by morning, keeps its limits, and says what it could not do."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskengine import NeuralCalibrator, Panel, WalkForward, run_backtest
from riskengine.backtest.loading import load_builder
from riskengine.report.desk_state import decide, keep

ROOT = Path(__file__).parents[2]
STRATEGIES = sorted(path for path in (ROOT / "strategies").glob("*.py") if path.stem != "__init__")
NAMES = ("JNJ", "PEP", "KO", "XOM", "RRC")  # those that Black-Litterman has views on, and two more


def simulated(days: int, names: tuple[str, ...] = NAMES, seed: int = 3) -> pd.DataFrame:
    """Prices of correlated returns whose volatility doubles late, business days."""
    rng = np.random.default_rng(seed)
    own = rng.standard_t(5, (days, len(names))) * 0.008
    moves = own + rng.standard_t(5, (days, 1)) * 0.006
    moves[-40:] *= 2
    return pd.DataFrame(
        100 * np.exp(np.cumsum(moves, axis=0)), pd.bdate_range("2020-01-01", periods=days), names
    )


# ------------------------------------------------------------------ one way to ask, one state


@pytest.fixture(scope="module")
def loaded_once():
    """The pretrained network, loaded once: it is the same for every strategy and costs seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NeuralCalibrator, "pretrained", functools.lru_cache(NeuralCalibrator.pretrained))
        yield


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_rebalancing_day_by_day_equals_the_backtest_to_the_bit(path, tmp_path, loaded_once):
    train, decisions = 260, 60
    panel = Panel(simulated(train + decisions + 1))
    build = load_builder(path)
    wanted = {"window": train, "upper": 0.4}
    settings = {name: value for name, value in wanted.items() if name in inspect.signature(build).parameters}
    result = run_backtest(build(**settings), panel, WalkForward(train=train, step=1, delay=1))
    assert len(result.targets) == decisions
    strategy = build(**settings)  # another object, which has seen nothing
    held = np.vstack([np.zeros(len(NAMES)), result.weights.to_numpy()])
    for k, (date, target) in enumerate(result.targets.iterrows()):
        today = Panel(panel.prices.loc[:date])
        morning = decide(strategy, today, held[k], tmp_path)
        keep(morning, tmp_path, f"{date:%Y-%m-%d}")
        assert np.array_equal(morning.decision.weights, target.to_numpy()), date
    assert morning.since is None or morning.since == f"{result.targets.index[-2]:%Y-%m-%d}"
