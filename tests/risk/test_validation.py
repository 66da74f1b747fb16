"""The battery of tests of VaR and CVaR: oracles in plain loops, published values, sizes and power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from riskengine.errors import DataError, SettingsError
from riskengine.risk import fissler_ziegel_loss, validate
from riskengine.risk.validation import null_statistics
from riskengine.risk.validation.es_statistics import (
    acerbi_szekely_1,
    acerbi_szekely_2,
    exceedance_residuals,
    joint_calibration,
    shortfall_regression,
)
from riskengine.risk.validation.monte_carlo_pvalue import holm, rank_p_value
from riskengine.risk.validation.null_losses import draw_losses
from riskengine.risk.validation.var_statistics import duration_ratio, dynamic_quantile

LEVEL = 0.975


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(4)
    sigma = 0.01 * np.exp(0.5 * np.sin(np.arange(600) / 50))
    losses = sigma * rng.standard_t(5, 600) * np.sqrt(3 / 5)
    scale = np.sqrt(3 / 5)
    q = stats.t.ppf(LEVEL, 5)
    var = q * scale * sigma
    cvar = stats.t.pdf(q, 5) * (5 + q**2) / (4 * (1 - LEVEL)) * scale * sigma
    return losses, var, cvar


def test_dynamic_quantile_equals_a_regression(sample):
    losses, var, _ = sample
    hit = (losses > var).astype(float) - 0.025
    rows = [[1.0, *hit[t - 4 : t][::-1], var[t] / var.mean() - 1] for t in range(4, 600)]
    x, y = np.array(rows), hit[4:]
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    expected = beta @ x.T @ x @ beta / (0.025 * 0.975)
    assert dynamic_quantile(losses > var, LEVEL, var) == pytest.approx(expected, rel=1e-6)


def weibull(b, durations, whole):
    """Likelihood of Christoffersen and Pelletier with the rate profiled out, written out day by day."""
    a = (whole.sum() / (durations**b).sum()) ** (1 / b)
    total = 0.0
    for d, seen in zip(durations, whole, strict=True):
        total += -((a * d) ** b) + (np.log(a**b * b * d ** (b - 1)) if seen else 0.0)
    return total


@pytest.mark.parametrize("days", [(30, 100, 104, 300, 301), (0, 5, 9, 250, 498, 499), (17,)])
def test_durations_equal_a_direct_maximum(days):
    hits = np.zeros(500, bool)
    hits[list(days)] = True
    at = np.array(days) + 1
    durations = np.diff(np.concatenate([[0], at, [500]])).astype(float)
    whole = np.ones(len(durations), bool)
    whole[0], whole[-1] = days[0] == 0, False
    keep = durations > 0
    durations, whole = durations[keep], whole[keep]
    if len(days) == 1:
        whole[:] = [False, False]
        assert np.isnan(duration_ratio(hits))
        return
    best = optimize.minimize_scalar(
        lambda b: -weibull(b, durations, whole), bounds=(0.02, 10), method="bounded", options={"xatol": 1e-9}
    )
    expected = 2 * (-best.fun - weibull(1.0, durations, whole))
    assert duration_ratio(hits) == pytest.approx(expected, abs=1e-5)


def test_severity_statistics_equal_plain_loops(sample):
    losses, var, cvar = sample
    hit = [t for t in range(600) if losses[t] > var[t]]
    z1 = 1 - sum(losses[t] / cvar[t] for t in hit) / len(hit)
    z2 = 1 - sum(losses[t] / cvar[t] for t in hit) / (600 * 0.025)
    assert acerbi_szekely_1(losses, var, cvar, LEVEL) == pytest.approx(z1)
    assert acerbi_szekely_2(losses, var, cvar, LEVEL) == pytest.approx(z2)
    residuals = [losses[t] / cvar[t] - 1 for t in hit]
    assert exceedance_residuals(losses, var, cvar, LEVEL) == pytest.approx(
        stats.ttest_1samp(residuals, 0).statistic
    )
    v = np.array(
        [
            [(t in hit) - 0.025, (var[t] + max(losses[t] - var[t], 0) / 0.025) / cvar[t] - 1]
            for t in range(600)
        ]
    )
    mean = v.mean(axis=0)
    expected = 600 * mean @ np.linalg.solve(v.T @ v / 600, mean)
    assert joint_calibration(losses, var, cvar, LEVEL) == pytest.approx(expected, rel=1e-6)


def test_shortfall_regression_is_at_the_minimum_of_the_joint_loss(sample):
    """The closed form against a numerical minimum of a Fissler-Ziegel loss over constants."""
    losses, _, cvar = sample
    excess = losses - cvar
    shift = 1.0  # the loss needs a CVaR above zero; it is translated back

    def loss(x):
        return fissler_ziegel_loss(excess + shift, x[0], x[1], LEVEL).mean() if x[1] > 0 else np.inf

    start = [np.quantile(excess, LEVEL) + shift, np.quantile(excess, 0.99) + shift]
    found = optimize.minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14})
    tail = np.sort(excess)[-15:]
    assert found.x[1] - shift == pytest.approx(tail.mean(), abs=2e-5)
    error = np.sqrt((np.var(tail) / 0.025 + 0.975 / 0.025 * (tail.mean() - tail[0]) ** 2) / 600)
    assert shortfall_regression(losses, 0 * losses, cvar, LEVEL) == pytest.approx((tail.mean() / error) ** 2)


def test_the_published_critical_value_of_z2():
    """-0.70 at 5% for 250 days at 97.5% and Gaussian returns (Acerbi and Szekely 2014), to two digits."""
    var, cvar = (
        np.full(250, stats.norm.ppf(LEVEL)),
        np.full(250, stats.norm.pdf(stats.norm.ppf(LEVEL)) / 0.025),
    )
    z2 = null_statistics(var, cvar, LEVEL, 20_000)[5]
    assert np.quantile(z2, 0.05) == pytest.approx(-0.70, abs=0.02)


@pytest.mark.parametrize("ratio", [1.05, 1.193, 1.4, 3.0])
def test_losses_are_drawn_with_the_var_and_cvar_asked_for(ratio):
    losses = draw_losses(np.array([0.02]), np.array([0.02 * ratio]), LEVEL, 400_000, np.random.default_rng(1))
    beyond = losses[losses > 0.02]
    assert len(beyond) / 400_000 == pytest.approx(0.025, abs=0.001)
    error = beyond.std() / np.sqrt(len(beyond))
    assert beyond.mean() == pytest.approx(0.02 * ratio, abs=5 * error)


@given(st.integers(0, 3), st.lists(st.integers(0, 3), min_size=19, max_size=19), st.booleans())
def test_ties_leave_a_range_whose_middle_is_the_p_value(observed, others, small):
    """The range is that of all orders of the ties, and extremes count as they should."""
    null = np.array(others, dtype=float)
    p = rank_p_value(float(observed), null, small)
    beyond = np.sum(null < observed) if small else np.sum(null > observed)
    alike = np.sum(null == observed)
    assert p.low == (1 + beyond) / 20
    assert p.high == (1 + beyond + alike) / 20
    assert p.low <= p.mid <= p.high


def test_size_under_the_null_is_not_above_the_nominal_one():
    """200 series with few exceptions; the tolerance is four standard errors of the share rejected.

    Ties counted by half make the tests of few exceptions conservative, as they are by nature.
    """
    rng = np.random.default_rng(2)
    var, cvar = np.full(250, 0.0233), np.full(250, 0.0267)
    p = []
    for k in range(200):
        losses = draw_losses(var, cvar, 0.99, 1, rng)[0]
        p.append([test.p_value for test in validate(losses, var, cvar, draws=19, seed=k).tests])
    size = (np.array(p) <= 0.05).mean(axis=0)
    assert (size - 0.05 < 4 * np.sqrt(0.05 * 0.95 / 200)).all(), size


def test_wrong_forecasts_are_rejected(sample):
    losses, var, cvar = sample
    assert validate(losses, var, cvar, LEVEL, draws=199).holds
    low = validate(losses, 0.6 * var, 0.6 * cvar, LEVEL, draws=999)
    assert {"unconditional coverage", "Z2"} <= set(low.rejected)
    thin = validate(losses, var, 1.02 * var, LEVEL, draws=999)
    assert not thin.passed()["Z1"]
    clustered = np.zeros(600)
    clustered[100:115] = 0.03  # as many as expected, all in a row
    found = validate(clustered, np.full(600, 0.02), None, LEVEL, draws=999)
    assert len(found.tests) == 4
    assert found.passed()["unconditional coverage"]
    assert set(found.rejected) == {"conditional coverage", "dynamic quantile", "duration"}


def test_the_same_data_give_the_same_report_and_gaps_are_left_out(sample):
    losses, var, cvar = sample
    gaps = losses.copy()
    gaps[[3, 70]] = np.nan
    first, second = (validate(gaps, var, cvar, LEVEL, draws=99) for _ in range(2))
    assert first == second
    assert (first.left_out, first.observations) == (2, 598)
    kept = ~np.isnan(gaps)
    assert validate(losses[kept], var[kept], cvar[kept], LEVEL, draws=99).tests == first.tests
    assert first.to_dict()["tests"][0]["name"] == "unconditional coverage"
    assert "expected" in str(first)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_steps_down(p):
    p = np.array(p)
    adjusted = holm(p)
    assert (adjusted >= p - 1e-15).all()
    assert (adjusted <= np.minimum(len(p) * p, 1) + 1e-12).all() or len(p) == 1 or adjusted.max() >= p.max()
    assert adjusted.min() == pytest.approx(min(1.0, len(p) * p.min()))
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= -1e-15).all()


def test_bad_forecasts_are_refused(sample):
    losses, var, _ = sample
    for bad, message in (
        ((losses, -var), "positive"),
        ((losses[:40], var[:40]), "too few"),
        ((losses, var[:-1]), "shape"),
        ((losses, var, var * 0.9), "not above its VaR"),
        ((np.where(losses > 0.03, np.inf, losses), var), "infinite"),
    ):
        with pytest.raises(DataError, match=message):
            validate(*bad)
    with pytest.raises(SettingsError, match="draws"):
        validate(losses, var, draws=5)
    with pytest.raises(DataError, match="p-values"):
        holm(np.array([0.1, np.nan]))
