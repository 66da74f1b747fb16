"""One battery for everything that calibrates."""

from __future__ import annotations

import jax
import numpy as np
import pandas as pd
import pytest

from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator, Status
from riskengine.errors import DataError

CALIBRATORS = {
    "network": NeuralCalibrator.pretrained(),
    "robust network": NeuralCalibrator.pretrained(robust=True),
    "pooled network": NeuralCalibrator.pretrained(pooled=True),
    "network, refined to the likelihood": NeuralCalibrator.pretrained(refine="likelihood"),
    "network, refined to the posterior": NeuralCalibrator.pretrained(refine="posterior"),
    "maximum likelihood": MaximumLikelihood(),
    "arch": ArchReference(),
}


@pytest.fixture(params=CALIBRATORS, scope="module")
def calibrate(request):
    return CALIBRATORS[request.param]


@pytest.fixture(scope="module")
def fit(calibrate, returns):
    return calibrate(returns)


def assert_sound(fit):
    p = fit.params
    for leaf in (*p, fit.next_variance, fit.log_likelihood, fit.presample, fit.mean):
        assert np.isfinite(np.where(np.isinf(leaf) & (leaf is p.dof), 1.0, leaf)).all()
    assert (p.omega > 0).all()
    assert (p.alpha >= 0).all()
    assert (p.alpha + p.gamma >= 0).all()
    assert (p.beta >= 0).all()
    assert (np.asarray(p.persistence) < 1).all()
    assert (p.dof > 2).all()
    assert (fit.next_variance > 0).all()
    assert np.isfinite(fit.posterior.cholesky).all()


def test_answers_are_sound(fit):
    assert_sound(fit)
    assert fit.params.omega.dtype == np.float64
    assert set(fit.status) <= {Status.OK, Status.AT_BOUND, Status.OUTLIER, Status.NOT_CONVERGED}


def test_permuting_assets_permutes_the_answer(calibrate, fit, returns):
    order = np.array([3, 0, 5, 1, 4, 2])
    again = calibrate(returns[:, order])
    for mine, other in zip(again.params, fit.params, strict=True):
        np.testing.assert_allclose(mine, other[order], rtol=1e-4, atol=1e-9)


def test_an_asset_minds_its_neighbours_only_if_they_are_pooled(calibrate, fit, returns):
    if getattr(calibrate, "pooled", False):
        assert calibrate(returns[:, 2:3]).params.beta != fit.params.beta[2]
        return
    alone = calibrate(returns[:, 2:3])
    np.testing.assert_allclose(alone.params.beta, fit.params.beta[2:3], rtol=1e-4)


def test_scaling_the_returns_scales_omega_alone(calibrate, fit, returns):
    again = calibrate(3 * returns)
    rough = {"rtol": 2e-3, "atol": 1e-6}  # arch stops where its optimiser does
    np.testing.assert_allclose(again.params.omega, 9 * fit.params.omega, rtol=2e-3)
    np.testing.assert_allclose(again.next_variance, 9 * fit.next_variance, rtol=1e-3)
    for mine, other in zip(again.params[1:4], fit.params[1:4], strict=True):
        np.testing.assert_allclose(mine, other, **rough)


def test_missing_days_in_front_change_nothing(calibrate, fit, returns):
    late = np.vstack([np.full((37, 6), np.nan), returns])
    again = calibrate(late)
    for mine, other in zip(again.params, fit.params, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-9)
    assert (again.observations == fit.observations).all()


def test_every_odd_column_is_flagged_and_nothing_is_nan(calibrate, returns):
    odd = np.repeat(returns[:, :1], 8, axis=1)
    odd[:, 1] = np.nan  # no data
    odd[:, 2] = 0.0  # constant price
    odd[:-30, 3] = np.nan  # listed 30 days ago
    odd[500, 4] = 20 * odd[:, 4].std()  # a 20-sigma outlier
    odd[:-100, 5] = np.nan  # short
    odd[::3, 6] = np.nan  # full of gaps
    fit = calibrate(odd)
    assert_sound(fit)
    assert fit.status[1] is Status.NO_DATA
    assert fit.status[2] is Status.CONSTANT
    assert fit.status[3] is Status.TOO_SHORT
    if not isinstance(calibrate, MaximumLikelihood | ArchReference):
        assert fit.status[4] is Status.OUTLIER
        assert fit.status[5] in (Status.SHORT_HISTORY, Status.AT_BOUND)
        assert fit.status[6] is Status.OK
    assert [s.fell_back for s in fit.status[:4]] == [False, True, True, True]
    # The level is the asset's own where 20 days allow it, the universe's where they do not.
    own, level = np.nanmean(odd[:, 3] ** 2), np.exp(fit.posterior.mean[3, 0])
    if getattr(calibrate, "pooled", False):
        assert min(own, np.mean(odd[:, 0] ** 2)) < level < 1.5 * max(own, np.mean(odd[:, 0] ** 2))
    else:
        np.testing.assert_allclose(level, own, rtol=1e-6)


def test_a_universe_without_a_usable_asset_gets_the_default(calibrate, returns):
    fit = calibrate(np.full((len(returns), 3), np.nan))
    assert_sound(fit)
    assert set(fit.status) == {Status.NO_DATA}


def test_sixty_days_are_enough_and_fifty_nine_are_not(calibrate, returns):
    """Missing days in front are what a shorter matrix is filled up with; so all lengths here compile once."""
    listed = returns.copy()
    listed[:-60, 0] = listed[:-59, 1] = np.nan
    status = calibrate(listed[:, :2]).status
    assert not status[0].fell_back
    assert status[1] is Status.TOO_SHORT


def test_a_short_matrix_is_calibrated_as_a_long_one_with_missing_days_in_front(returns):
    """Another length of the data is another compiled program."""
    calibrate, short = CALIBRATORS["network"], returns[-250:]
    fit, again = calibrate(short), calibrate(np.vstack([np.full((650, 6), np.nan), short]))
    for mine, other in zip(fit.params, again.params, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-9)
    assert fit.status == again.status
    assert (fit.observations == again.observations).all()


def test_frames_lend_their_names(calibrate, returns):
    fit = calibrate(pd.DataFrame(returns[:, :3], columns=["X", "Y", "Z"]))
    frame = fit.to_frame()
    assert frame.index.tolist() == ["X", "Y", "Z"]
    assert {"omega", "alpha", "gamma", "beta", "dof", "persistence", "status"} <= set(frame.columns)
    assert frame.drop(columns="status").notna().all(axis=None)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros(5), "reshape"),
        (np.zeros((0, 3)), "empty"),
        (np.array([["a", "b"]]), "numbers"),
        (np.array([[0.1, np.inf], [0.1, 0.2]]), "row 0, asset 1"),
    ],
)
def test_bad_input_is_refused_with_a_reason(calibrate, bad, message):
    with pytest.raises(DataError, match=message):
        calibrate(bad)


def test_intervals_and_samples_surround_the_estimate(fit):
    low, high = fit.posterior.interval(0.9)
    draws = fit.posterior.sample(jax.random.key(0), 400)
    assert draws.beta.shape == (400, 6)
    inside = (draws.beta > low.beta) & (draws.beta < high.beta)
    assert 0.8 < inside.mean() < 0.97
    narrow = fit.posterior.interval(0.5)
    assert (narrow[0].beta >= low.beta).all()
    assert (narrow[1].beta <= high.beta).all()


def test_parameters_that_arch_leaves_outside_are_moved_inside():
    """Its optimiser may end with more news than one."""
    from riskengine.calibration.training import Training
    from riskengine.calibration.training.pretraining import fresh_series

    returns = fresh_series(Training(), 250, 2048, 66_007)[1][:, [284, 495]]
    assert_sound(ArchReference()(0.03 * returns))
