"""A broken covariance is refused by name, or mended and noted; never solved with in silence."""

import numpy as np
import pytest

from riskengine.covariance.base import Covariance
from riskengine.errors import DataError, SettingsError
from riskengine.portfolio import (
    Constraints,
    MaximumDiversification,
    MaximumReturn,
    MaximumSharpe,
    MeanVariance,
    MinimumVariance,
    Optimizer,
    RiskBudgeting,
    TrackingError,
)
from riskengine.portfolio.fallback import solve_or_fall_back
from riskengine.portfolio.multi_period import MultiPeriodOptimizer

NAMES = ("A", "B", "C")
MU = np.array([3e-4, 5e-4, 4e-4])
OBJECTIVES = [
    MinimumVariance(),
    MeanVariance(),
    MaximumSharpe(),
    MaximumReturn(0.5),
    RiskBudgeting(),
    MaximumDiversification(),
    TrackingError(),
]
# Two assets that are the same, so that their difference has no variance.
TWINS = np.array([[4.0, 4.0, 1.0], [4.0, 4.0, 1.0], [1.0, 1.0, 9.0]]) * 1e-4
INDEFINITE = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]) * 1e-4


def solve(objective, covariance):
    return Optimizer(NAMES, objective, Constraints()).solve(covariance, MU, benchmark=np.full(3, 1 / 3))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    "covariance",
    [Covariance.dense(TWINS), Covariance(np.ones((3, 1)) * 0.01, np.zeros(3)), Covariance.dense(np.zeros((3, 3)))],
    ids=["twins", "one factor", "nothing"],
)  # fmt: skip
def test_a_singular_covariance_is_mended_and_noted(objective, covariance):
    if not covariance.volatility.any() and isinstance(objective, MaximumDiversification):
        with pytest.raises(DataError, match="nothing to diversify"):
            solve(objective, covariance)
        return
    found = solve(objective, covariance)
    assert any("singular" in note for note in found.notes)
    assert found.weights.sum() == pytest.approx(1)
    assert np.isfinite(found.weights).all()
    assert found.status == "optimal"


def test_the_note_reaches_the_decision():
    optimizer = Optimizer(NAMES, MinimumVariance(), Constraints())
    decision = solve_or_fall_back(optimizer, Covariance.dense(TWINS))
    assert any("singular" in note for note in decision.notes)


def test_a_matrix_that_is_not_positive_semi_definite_is_mended_and_noted():
    covariance = Covariance.dense(INDEFINITE)
    assert any("not positive semi-definite" in note for note in covariance.notes)
    decision = solve_or_fall_back(
        Optimizer(NAMES, MinimumVariance(), Constraints()), covariance, notes=covariance.notes
    )
    assert any("not positive semi-definite" in note for note in decision.notes)


def test_a_sound_covariance_has_nothing_to_note():
    assert solve(MinimumVariance(), Covariance.dense(np.diag([1.0, 2, 3]))).notes == ()
    rotated = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0] * 0.01
    assert solve(MinimumVariance(), Covariance(rotated, np.zeros(3))).notes == ()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_what_is_no_covariance_is_refused(objective):
    hole = np.array([[0.01, np.nan, 0.01]]).T
    with pytest.raises(DataError, match="not finite for B"):
        solve(objective, Covariance(hole, np.full(3, 1e-4)))
    with pytest.raises(DataError, match="negative for C"):
        solve(objective, Covariance(np.full((3, 1), 0.01), np.array([1e-4, 1e-4, -1e-5])))
    with pytest.raises(SettingsError, match=r"Covariance\.dense"):
        solve(objective, TWINS)
    with pytest.raises(SettingsError, match="2 assets"):
        solve(objective, Covariance.dense(np.eye(2)))


def test_several_periods_check_theirs_too():
    planner = MultiPeriodOptimizer(NAMES, MeanVariance(), Constraints(), periods=2)
    assert any(
        "singular" in note for note in planner.solve(Covariance.dense(TWINS), np.array([MU, MU])).notes
    )
    with pytest.raises(DataError, match="not finite"):
        planner.solve(Covariance(np.full((3, 1), np.nan), np.ones(3)), np.array([MU, MU]))
