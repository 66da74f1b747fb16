from __future__ import annotations

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from riskengine import MaximumLikelihood, NeuralCalibrator
from riskengine.calibration import forward
from riskengine.calibration.padding import period
from riskengine.calibration.pretrained_weights import CARD, PRETRAINED, WEIGHTS
from riskengine.calibration.status import without_impossible
from riskengine.calibration.training.contaminants import Contaminants
from riskengine.calibration.training.loop import Training, start, train
from riskengine.calibration.training.pretraining import fresh_series, natural, pretrain, qlike
from riskengine.errors import DataError, SettingsError
from riskengine.files import sha256

SMALL = Training(steps=12, series=256, minibatch=64, lengths=(100,))


@pytest.mark.parametrize("network", ["plain", "robust"])
def test_shipped_weights_are_those_of_their_card_and_of_the_default_settings(network):
    card = json.loads((PRETRAINED / network / CARD).read_text())
    assert card["sha256"] == sha256(PRETRAINED / network / WEIGHTS)
    made = Training.from_json(card["training"])
    expected = Training()
    if network == "robust":
        expected = replace(expected, contaminants=Contaminants(), steps=1200)
    assert made == expected


def estimates(calibrate, returns):
    """Parameters by name and the variance of the next day, in universes of 16: a width that other tests compile."""
    fits = [calibrate(part) for part in np.split(returns, returns.shape[1] // 16, axis=1)]
    named = [natural(fit.params) for fit in fits]
    return (
        {name: np.concatenate([one[name] for one in named]) for name in named[0]},
        np.concatenate([fit.next_variance for fit in fits]),
    )


@pytest.mark.slow
def test_the_network_beats_maximum_likelihood_on_fresh_series():
    params, returns, tomorrow = fresh_series(Training(), 500, 160, seed=31_337)
    truth = natural(params)
    (mine, ours), (theirs, other) = (
        estimates(calibrate, returns)
        for calibrate in (NeuralCalibrator.pretrained(), MaximumLikelihood(tolerance=1e-5))
    )
    for name, value in truth.items():
        errors = [np.sqrt(np.mean((found[name] - value) ** 2)) for found in (mine, theirs)]
        assert errors[0] < errors[1], name
    assert qlike(tomorrow, ours).mean() < qlike(tomorrow, other).mean()


def test_intervals_cover():
    params, returns, _ = fresh_series(Training(), 500, 400, seed=4_242)
    low, high = NeuralCalibrator.pretrained()(returns).posterior.interval(0.9)
    for name in ("alpha", "gamma", "beta", "dof"):
        inside = (getattr(low, name) <= getattr(params, name)) & (
            getattr(params, name) <= getattr(high, name)
        )
        assert 0.86 < inside.mean() < 0.97, name


def test_lengths_and_widths_next_to_each_other_compile_once():
    calibrate = NeuralCalibrator.pretrained()
    rng = np.random.default_rng(0)
    calibrate(0.01 * rng.standard_normal((1000, 13)))
    before = forward._split.programs
    for days, assets in ((999, 13), (961, 16), (1001, 15)):
        calibrate(0.01 * rng.standard_normal((days, assets)))
    assert forward._split.programs == before
    assert period(1000, 13) == period(961, 16) == period(1001, 15) == 1280


def test_prices_need_no_demeaning_but_may_have_it(returns):
    plain = NeuralCalibrator.pretrained()(returns + 0.001)
    taken = NeuralCalibrator.pretrained(mean="sample")(returns + 0.001)
    centred = NeuralCalibrator.pretrained()(returns - returns.mean(axis=0))
    np.testing.assert_allclose(taken.params.beta, centred.params.beta, rtol=1e-4)
    assert (plain.mean == 0).all()
    with pytest.raises(SettingsError):
        NeuralCalibrator.pretrained(mean="median")


@pytest.mark.slow
def test_training_lowers_the_loss_and_a_stopped_run_ends_with_the_same_weights(tmp_path):
    losses = []
    whole = train(SMALL, report=lambda step, found: losses.append(found[-1]))
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.3

    class StoppedError(Exception):
        pass

    def stop(step, losses):
        if step == 10:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(SMALL, tmp_path / "state.npz", every=4, report=stop)
    steps = []
    again = train(SMALL, tmp_path / "state.npz", every=4, report=lambda step, losses: steps.append(step))
    assert steps == [9, 10, 11, 12]
    for mine, other in zip(jax.tree.leaves(again), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.slow
def test_pretraining_writes_weights_that_load(tmp_path):
    cards = pretrain(SMALL, tmp_path, series=16, lengths=(250,), width_lengths=(250,))
    calibrate = NeuralCalibrator.pretrained(tmp_path)
    assert calibrate.card["sha256"] == cards["plain"]["sha256"] == sha256(tmp_path / "plain" / WEIGHTS)
    assert np.isfinite(
        calibrate(0.01 * np.random.default_rng(0).standard_normal((250, 16))).params.omega
    ).all()


def test_missing_damaged_and_foreign_weights_are_named(tmp_path):
    folder = tmp_path / "robust"
    folder.mkdir()
    with pytest.raises(DataError, match="riskengine pretrain"):
        NeuralCalibrator.pretrained(tmp_path)
    (folder / CARD).write_text("{")
    with pytest.raises(DataError, match="damaged"):
        NeuralCalibrator.pretrained(tmp_path)
    (folder / CARD).write_text(json.dumps({"robust": True}))
    with pytest.raises(DataError, match="cannot be read"):
        NeuralCalibrator.pretrained(tmp_path)
    np.savez(folder / WEIGHTS, other=np.zeros(3))
    with pytest.raises(DataError, match="another network"):
        NeuralCalibrator.pretrained(tmp_path)
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9])
    with pytest.raises(DataError, match=r"damaged.* make it anew with `riskengine pretrain"):
        NeuralCalibrator.pretrained(tmp_path)
    assert start(SMALL).step == 0


@pytest.mark.parametrize("network", [{"robust": True}, {"pooled": True}, {"robust": True, "pooled": True}])
def test_a_tenfold_price_of_a_day_leaves_the_levels_of_its_own_asset(network, returns):
    """The long-run volatility of such an asset was 867% a year, the variance of its next day six times too high."""
    calibrate = NeuralCalibrator.pretrained(**network)
    wrong = returns.copy()
    wrong[500, 2], wrong[501, 2] = 10 * (1 + wrong[500, 2]) - 1, (1 + wrong[501, 2]) / 10 - 1
    usual, found = calibrate(returns), calibrate(wrong)
    for name in ("next_variance", "long_run_variance"):
        before, after = (
            np.asarray(getattr(fit if name[0] == "n" else fit.params, name)) for fit in (usual, found)
        )
        np.testing.assert_allclose(after, before, rtol=0.25)
        np.testing.assert_allclose(np.delete(after, 2), np.delete(before, 2), rtol=0.02)
    assert str(found.status[2]) == ("outlier" if calibrate.robust else "robust network")
    assert found.observations[2] == usual.observations[2] - 2


def test_returns_count_as_missing_only_where_nothing_like_them_is_usual():
    rng = np.random.default_rng(3)
    tails = 0.01 * rng.standard_t(4, (1000, 40))
    assert without_impossible(tails) is tails
    short = 0.01 * (-1.0) ** np.arange(20)[:, None]
    short[10] = 9.0
    assert without_impossible(short) is short  # too few to say what is usual
    still = np.zeros((300, 1))
    still[5] = 0.1
    assert without_impossible(still) is still
    crisis = np.vstack([tails, 0.08 * rng.standard_normal((50, 40))])  # eight times the volatility
    assert without_impossible(crisis) is crisis
