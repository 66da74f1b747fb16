from __future__ import annotations

import json

import numpy as np
import pytest

from riskengine import NeuralCalibrator
from riskengine.calibration.joined_variance import FURTHEST, evident_weight, joined
from riskengine.calibration.universe_calibrator import (
    UniverseCalibrator,
    params_from_json,
    params_to_json,
    share,
    young_level,
)
from riskengine.covariance.garch_margins import GarchMargins
from riskengine.errors import DataError

CALIBRATOR = UniverseCalibrator.pretrained()


def universe(days=300, assets=5, seed=0):
    """With calm and wild weeks that all assets share."""
    rng = np.random.default_rng(seed)
    wild = np.exp(0.7 * np.sin(np.arange(days) / 8))[:, None]
    rows = 0.01 * wild * rng.standard_t(6, (days, assets))
    ranges = np.abs(rows) + 0.008 * wild * rng.random(rows.shape)
    return rows, ranges


def test_one_asset_without_ranges_is_forecast_by_the_network():
    rows, ranges = universe(assets=1)
    network = NeuralCalibrator.pretrained(robust=True, pooled=True)(rows)
    np.testing.assert_allclose(CALIBRATOR(rows).next_variance, network.next_variance, rtol=1e-5)
    assert share(1) == 0
    assert abs(np.log(CALIBRATOR(rows, ranges).next_variance / network.next_variance)[0]) > 1e-3


def test_a_call_and_margins_forecast_the_same_and_days_can_be_fed_one_by_one():
    rows, ranges = universe()
    rows[40:45, 1] = np.nan
    ranges[100:110, 2] = np.nan
    for given in (None, ranges):
        margins = GarchMargins(CALIBRATOR, window=200)
        whole = margins.init(rows, ranges=given)
        np.testing.assert_allclose(
            whole.variance, CALIBRATOR(rows, None if given is None else given).next_variance, rtol=1e-4
        )
        head = margins.init(rows[:-5], whole.fit, ranges=None if given is None else given[:-5])
        weighed = head.margin.common._replace(weight=whole.margin.common.weight)  # of other days
        head = head._replace(margin=head.margin._replace(common=weighed))
        for day in range(-5, 0):
            head = margins.update(head, rows[day], None if given is None else given[day])
        # The robust filter of a window is in float32, a day that is fed in float64.
        np.testing.assert_allclose(head.variance, whole.variance, rtol=1e-6)
        np.testing.assert_allclose(head.residuals[-5:], whole.residuals[-5:], rtol=1e-6)
        ahead = whole.margin.term_structure(21)
        np.testing.assert_allclose(ahead[0], whole.variance, rtol=1e-8)
        np.testing.assert_allclose(margins.holding_variance(whole, 21), ahead.mean(axis=0))


def independent(days, assets, seed):
    """GJR-GARCH series with parameters and news of their own."""
    rng = np.random.default_rng(seed)
    alpha, gamma = rng.uniform(0.04, 0.12, assets), rng.uniform(0.05, 0.15, assets)
    beta = 0.975 - alpha - gamma / 2
    variance, rows = np.full(assets, 1e-4), np.empty((days, assets))
    for day in range(days):
        rows[day] = np.sqrt(variance * 5 / 7) * rng.standard_t(7, assets)
        variance = 2.5e-6 + (alpha + gamma * (rows[day] < 0)) * rows[day] ** 2 + beta * variance
    return rows


def test_series_that_have_nothing_in_common_are_forecast_by_the_network():
    """The error of the log variance was 1.2 to 1.5 times the network's where the universe was believed in unasked."""
    rows = independent(900, 6, seed=2)
    fit = CALIBRATOR.network(rows)
    _, common = CALIBRATOR.filter(fit, rows)
    assert common.weight < 0.1 * CALIBRATOR.weight(6, False)
    together = rows * np.exp(np.sin(np.arange(900) / 15))[:, None]
    _, common = CALIBRATOR.filter(CALIBRATOR.network(together), together)
    assert common.weight > 0.5 * CALIBRATOR.weight(6, False)


def test_the_weight_of_the_past_is_bounded_and_knows_no_order():
    rng = np.random.default_rng(5)
    rows = 0.01 * rng.standard_t(5, (300, 7))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    dof = rng.uniform(3, 20, 7)
    for _ in range(30):
        mine, theirs = 1e-4 * np.exp(rng.uniform(0.01, 1) * rng.standard_normal((2, 300, 7)))
        weight = evident_weight(rows, mine, theirs, dof, 0.7)
        assert 0 <= weight <= 0.7
        order = rng.permutation(7)
        turned = (one[:, order] for one in (rows, mine, theirs))
        assert evident_weight(*turned, dof[order], 0.7) == pytest.approx(weight, abs=1e-9)
    scaled = evident_weight(100 * rows, 1e4 * mine, 1e4 * theirs, dof, 0.7)
    assert scaled == pytest.approx(weight, abs=1e-9)
    assert evident_weight(np.full_like(rows, np.nan), mine, theirs, dof, 0.7) == 0.7


def test_forecasts_scale_with_the_returns():
    rows, ranges = universe()
    margins = GarchMargins(CALIBRATOR, window=200)
    once, twice = margins.init(rows, ranges=ranges), margins.init(2 * rows, ranges=2 * ranges)
    np.testing.assert_allclose(twice.variance, 4 * once.variance, rtol=1e-3)


def test_assets_without_returns_and_days_without_any_are_taken():
    rows, ranges = universe()
    rows[:, 3] = np.nan
    rows[200] = np.nan
    ranges[:, 3] = np.nan
    state = GarchMargins(CALIBRATOR, window=200).init(rows, ranges=ranges)
    assert np.isfinite(state.variance).all()
    assert (state.variance > 0).all()
    level, range_level = young_level(rows, ranges)
    assert level[3] == np.median(np.delete(level, 3))
    assert (range_level > 0).all()


def test_a_bad_print_of_last_week_is_hardly_seen():
    rows, _ = universe(days=500, assets=12)
    usual = CALIBRATOR(rows).next_variance
    rows[-6, 4] = 0.12
    changed = CALIBRATOR(rows).next_variance
    assert abs(np.log(changed / usual)[4]) < 0.35
    np.testing.assert_allclose(np.delete(changed, 4), np.delete(usual, 4), rtol=0.1)


def test_ranges_that_cannot_be_meant_are_refused():
    rows, ranges = universe()
    with pytest.raises(DataError, match="give one a return"):
        CALIBRATOR(rows, ranges[1:])
    with pytest.raises(DataError, match="logarithms of high over low"):
        CALIBRATOR(rows, -ranges)


def test_parameters_come_back_from_json_and_damage_is_named(tmp_path):
    content = params_to_json(CALIBRATOR.ranges)
    assert params_to_json(params_from_json(json.loads(json.dumps(content)))) == content
    (tmp_path / "universe.json").write_text("{}")
    with pytest.raises(DataError, match="universe_fit"):
        UniverseCalibrator.pretrained(tmp_path / "universe.json")
    with pytest.raises(DataError, match="universe_fit"):
        UniverseCalibrator.pretrained(tmp_path / "absent.json")


def test_weights_of_the_shipped_parameters_are_convex():
    for params in (CALIBRATOR.closes, CALIBRATOR.ranges):
        total = params.own.weight.sum() + params.own.leverage.sum() + params.own.level_weight
        assert abs(total - 1) < 1e-5
        assert 0 < params.loading < 1


def test_ranges_of_zero_are_closes_alone():
    """Files that know the close alone repeat it as high and low: no day of calm is seen in that."""
    returns = 0.01 * np.random.default_rng(4).standard_normal((400, 3))
    calibrate = UniverseCalibrator.pretrained()
    closes = calibrate(returns).next_variance
    for nothing in (np.zeros_like(returns), np.full_like(returns, np.nan)):
        np.testing.assert_array_equal(calibrate(returns, ranges=nothing).next_variance, closes)
    ranges = np.abs(returns) + 0.005
    gaps, zeros = ranges.copy(), ranges.copy()
    gaps[100:, 1], zeros[100:, 1] = np.nan, 0.0
    np.testing.assert_array_equal(
        calibrate(returns, zeros).next_variance, calibrate(returns, gaps).next_variance
    )


HARD_ROWS = {
    "a price that stands still for two years, then moves": np.r_[np.zeros(500), 0.02, -0.03, np.zeros(98)],
    "losses and gains without any day between": np.tile([-0.4, 0.5], 300),
    "one enormous day": np.r_[np.full(300, 1e-4), 8.0, np.full(299, -1e-4)],
    "no more prices": np.r_[np.full(300, 0.01) * (-1) ** np.arange(300), np.full(300, np.nan)],
    "hardly any movement": 1e-9 * (-1.0) ** np.arange(600),
}


@pytest.mark.parametrize("case", HARD_ROWS)
@pytest.mark.parametrize("ranged", [False, True])
def test_forecasts_are_finite_and_positive_whatever_one_asset_does(case, ranged):
    """An asset whose returns were zero for a year was once given dof of two, and with it everything NaN."""
    rng = np.random.default_rng(4)
    returns = 0.01 * rng.standard_t(5, (600, 4))
    returns[:, 1] = HARD_ROWS[case]
    ranges = np.abs(returns) + 0.01 * rng.random((600, 4)) if ranged else None
    fit = CALIBRATOR.calibrate(returns, tuple("abcd"))
    path, common = CALIBRATOR.filter(fit, returns, ranges)
    assert np.isfinite(path).all()
    assert (path > 0).all()
    assert np.isfinite(common.term_structure(21)).all()
    assert (common.dof() > 2).all()
    assert path[:, [0, 2, 3]].max() < 0.01  # and the others never hear of it


def test_the_component_model_has_a_bounded_say():
    garch = np.array([1e-4, 1e-4, 1e-4])
    found = joined(garch * np.array([1.0, 1e3, 1e-3]), garch, 0.7)
    assert found[0] == pytest.approx(1e-4)
    assert found[1] == pytest.approx(1e-4 * np.exp(0.7 * FURTHEST), rel=1e-3)
    assert found[1] * found[2] == pytest.approx(1e-8)
