"""Brinson-Fachler with Carino linking, and the parts of a reduction: they add up, and are what loops give."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import Panel, WalkForward, run_backtest
from riskengine.backtest import attribute_result, brinson, reduction_parts, reduction_variants, save_result
from riskengine.covariance import Ewma, FrozenParts, SampleCovariance
from riskengine.errors import DataError, SettingsError
from riskengine.portfolio import Constraints, EqualWeight, OptimizedStrategy

GROUPS = ["a", "a", "b", "b", "c"]


@given(st.integers(0, 10_000), st.booleans())
def test_linked_effects_add_up_exactly(seed, shorts):
    rng = np.random.default_rng(seed)
    periods = int(rng.integers(1, 60))
    weights = rng.dirichlet(np.ones(5), periods)
    if shorts:
        weights = weights - 0.3 * rng.random((periods, 5)) * (rng.random((periods, 5)) < 0.3)
    benchmark = rng.dirichlet(np.ones(5), periods)
    benchmark[:, 4] = 0.0  # a group that the benchmark does not hold
    returns = 0.05 * rng.standard_normal((periods, 5))
    costs = 0.001 * rng.random(periods)
    own = (weights * returns).sum(axis=1) - costs
    found = brinson(weights, benchmark, returns, GROUPS, own)
    total = found.total.sum() + found.other
    wanted = np.prod(1 + own) - np.prod(1 + (benchmark * returns).sum(axis=1))
    assert total == pytest.approx(wanted, abs=1e-12)
    assert found.active == pytest.approx(wanted, abs=1e-12)


def test_one_period_is_the_loop_over_groups():
    rng = np.random.default_rng(3)
    w, b, r = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5)), 0.1 * rng.standard_normal(5)
    found = brinson(w[None], b[None], r[None], GROUPS)
    market = float(b @ r)
    for k, name in enumerate(found.names):
        inside = [j for j, group in enumerate(GROUPS) if group == name]
        wp, wb = sum(w[j] for j in inside), sum(b[j] for j in inside)
        rp = sum(w[j] * r[j] for j in inside) / wp
        rb = sum(b[j] * r[j] for j in inside) / wb
        assert found.allocation[k] == pytest.approx((wp - wb) * (rb - market), abs=1e-15)
        assert found.selection[k] == pytest.approx(wb * (rp - rb), abs=1e-15)
        assert found.interaction[k] == pytest.approx((wp - wb) * (rp - rb), abs=1e-15)


def test_the_benchmark_against_itself_is_nothing_and_cash_is_a_group():
    weights = np.array([[0.5, 0.3, 0.0, 0.0, 0.0]] * 3)
    returns = 0.02 * np.random.default_rng(0).standard_normal((3, 5))
    same = brinson(weights, weights, returns, GROUPS)
    assert same.names[-1] == "cash"
    assert np.abs(same.total).max() < 1e-15
    with pytest.raises(DataError, match="-100%"):
        brinson(weights, weights, returns - 3, GROUPS)


@pytest.fixture(scope="module")
def walked(returns):
    dates = pd.bdate_range("2020-01-01", periods=700)
    panel = Panel(pd.DataFrame(100 * np.cumprod(1 + returns[:700], axis=0), dates, list("ABCDEF")))
    strategy = OptimizedStrategy("mine", Ewma(60), constraints=Constraints(upper=0.4), window=300)
    rivals = (EqualWeight(), *reduction_variants(strategy, 300))
    return panel, run_backtest(strategy, panel, WalkForward(300, 42), benchmarks=rivals, cash=0.02)


def test_a_backtest_is_attributed_to_the_last_digit(walked):
    panel, result = walked
    labels = dict(zip("ABCDEF", ["x", "x", "y", "y", "z", "z"], strict=True))
    found = attribute_result(result, result.benchmarks[0], panel.prices, labels)
    own, other = (np.prod(1 + one.returns) - 1 for one in (result, result.benchmarks[0]))
    assert found.total.sum() + found.other == pytest.approx(own - other, abs=1e-12)
    assert abs(found.other) < 0.02
    fixed = attribute_result(result, {"A": 0.5, "F": 0.5}, panel.prices, labels)
    moves = panel.prices.pct_change(fill_method=None).reindex(result.gross.index)
    half = np.prod(1 + (moves["A"] + moves["F"]).to_numpy() / 2) - 1
    assert fixed.benchmark == pytest.approx(half, abs=1e-12)
    with pytest.raises(DataError, match="do not give the returns"):
        attribute_result(result, result.benchmarks[0], panel.prices.iloc[::-1].set_axis(panel.dates), labels)


def test_parts_of_a_reduction_add_up(walked):
    _, result = walked
    found = reduction_parts(result, "equal weight", draws=50)
    assert sum(part.points for part in found.parts) == pytest.approx(found.points, abs=1e-12)
    assert found.points == pytest.approx(result.benchmarks[0].volatility - result.volatility, abs=1e-12)
    assert all(part.low < part.high for part in found.parts)
    runs = found.volatility
    moving = (runs["sample, without limits"] - runs["variances move, without limits"]) / 2
    moving += (runs["correlations move, without limits"] - runs["both move, without limits"]) / 2
    assert found.parts[1].points == pytest.approx(moving, abs=1e-14)
    with pytest.raises(SettingsError, match="forecasts no covariance"):
        reduction_variants(EqualWeight())
    with pytest.raises(DataError, match="no run"):
        reduction_parts(result.benchmarks[0], "equal weight")


def test_frozen_parts_of_a_covariance(returns):
    """Streamed equals batched; each part is that of the sample or of the forecaster, entry by entry."""
    rows = returns[:400]
    moving, sample = (f.forecast(f.init(rows)).matrix() for f in (Ewma(30), SampleCovariance(300)))
    for variances in (False, True):
        for correlations in (False, True):
            model = FrozenParts(Ewma(30), variances, correlations, window=300)
            state = model.init(rows[:-1])
            found = model.forecast(model.update(state, rows[-1])).matrix()
            for i in range(6):
                for j in range(6):
                    d = sample if variances else moving
                    c = sample if correlations else moving
                    wanted = c[i, j] / np.sqrt(c[i, i] * c[j, j]) * np.sqrt(d[i, i] * d[j, j])
                    assert found[i, j] == pytest.approx(wanted, rel=1e-8)


@pytest.mark.slow
def test_the_commands(command, walked, tmp_path):
    panel, result = walked
    save_result(result, tmp_path / "run")
    panel.prices.to_csv(tmp_path / "prices.csv", index_label="date")
    (tmp_path / "labels.csv").write_text("asset,sector\nA,x\nB,x\nC,y\nD,y\nE,<b>z</b>\nF,<b>z</b>\n")
    common = ("--prices", tmp_path / "prices.csv", "--labels", tmp_path / "labels.csv")
    status, text, said = command("brinson", tmp_path / "run", *common, "--json")
    assert status == 0, said
    content = json.loads(text)
    total = sum(row["total"] for row in content["groups"]) + content["other"]
    assert total == pytest.approx(content["active"], abs=1e-12)
    assert "<b>z</b>" not in (tmp_path / "run" / "brinson.html").read_text()
    (tmp_path / "labels.csv").write_text("asset,sector\nA,x\nB,x\n")
    assert command("brinson", tmp_path / "run", *common)[0] == 3  # most of it has no label
    status, _, said = command("brinson", tmp_path / "run", *common, "--by", "country")
    assert (status, "no column 'country'" in said) == (1, True)
    (tmp_path / "mine.py").write_text(
        "from riskengine import Constraints, OptimizedStrategy\nfrom riskengine.covariance import Ewma\n"
        "def build():\n    return OptimizedStrategy('mine', Ewma(60), constraints=Constraints(upper=0.4), window=300)\n"
    )
    arguments = (tmp_path / "mine.py", "--prices", tmp_path / "prices.csv", "--train", 300, "--step", 63)
    status, text, said = command("reduction", *arguments, "--out", tmp_path / "reduction", "--json")
    assert status == 0, said
    content = json.loads(text)
    assert sum(part["points"] for part in content["parts"]) == pytest.approx(content["points"], abs=1e-12)
    assert "timing of variances" in (tmp_path / "reduction" / "reduction.html").read_text()
