"""Tests of VaR exceptions: likelihoods recomputed another way, published figures, and their size."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from riskengine.errors import DataError, SettingsError
from riskengine.risk import christoffersen, kupiec, traffic_light
from riskengine.risk.validation.coverage import independence


def days(n, *hits):
    exceptions = np.zeros(n, dtype=bool)
    exceptions[list(hits)] = True
    return exceptions


@pytest.mark.parametrize("x", [0, 1, 7, 255])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_kupiec_is_a_ratio_of_binomial_likelihoods(x, level):
    test = kupiec(days(255, *range(x)), level)
    ratio = stats.binom.logpmf(x, 255, x / 255) - stats.binom.logpmf(x, 255, 1 - level)
    assert test.statistic == pytest.approx(2 * ratio, rel=1e-9)
    assert test.p_value == pytest.approx(stats.chi2.sf(2 * ratio, 1), rel=1e-7)
    assert (test.exceptions, test.observations) == (x, 255)
    assert test.expected == pytest.approx(255 * (1 - level))


def test_kupiec_rejects_outside_the_published_range():
    """Kupiec (1995), 99%, 5% test: not rejected below 7 of 255, from 2 to 10 of 510, from 5 to 16 of 1000."""
    for n, accepted in ((255, range(7)), (510, range(2, 11)), (1000, range(5, 17))):
        passed = [x for x in range(30) if kupiec(days(n, *range(x)), 0.99).p_value > 0.05]
        # With 255 days no exception at all is rejected too; the table leaves the lower end open there.
        assert passed == [x for x in accepted if n > 255 or x > 0]


def test_no_exception_at_all():
    """``-2 n log(level)``: the likelihood of what happened is one."""
    test = kupiec(days(250), 0.99)
    assert test.statistic == pytest.approx(-500 * np.log(0.99))
    assert independence(days(250), 0.99).statistic == 0
    assert christoffersen(days(250), 0.99).statistic == pytest.approx(test.statistic)


def test_exceptions_in_proportion_give_nothing_to_reject():
    test = kupiec(days(200, *range(10)), 0.95)
    assert test.statistic == pytest.approx(0, abs=1e-9)
    assert test.p_value == pytest.approx(1, abs=1e-4)


def markov_log_likelihood(hits, after_calm, after_hit):
    """Probability of each day given the day before, multiplied up day by day."""
    value = 0.0
    for before, now in pairwise(hits):
        p = after_hit if before else after_calm
        value += np.log(p if now else 1 - p)
    return value


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_independence_equals_a_plain_loop(hits):
    hits = np.array(hits)
    pairs = list(pairwise(hits))

    def share(group):
        return np.mean([now for _, now in group]) if group else 0.0

    pooled = share(pairs)
    after_calm, after_hit = share([p for p in pairs if not p[0]]), share([p for p in pairs if p[0]])
    expected = 2 * (
        markov_log_likelihood(hits, after_calm, after_hit) - markov_log_likelihood(hits, pooled, pooled)
    )
    test = independence(hits, 0.95)
    assert test.statistic == pytest.approx(expected, abs=1e-9)
    assert test.p_value == pytest.approx(stats.chi2.sf(max(expected, 0), 1), abs=1e-4)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.sampled_from([0.9, 0.99]))
def test_conditional_coverage_is_the_sum_with_two_degrees_of_freedom(hits, level):
    hits = np.array(hits)
    test = christoffersen(hits, level)
    expected = kupiec(hits, level).statistic + independence(hits, level).statistic
    assert test.statistic == pytest.approx(expected, abs=1e-12)
    assert test.p_value == pytest.approx(np.exp(-expected / 2), rel=1e-9)  # chi-squared with 2 degrees


def test_clusters_are_found_and_only_their_order_matters():
    spread, clustered = days(500, *range(10, 500, 20)), days(500, *range(100, 125))
    assert kupiec(spread, 0.95).statistic == kupiec(clustered, 0.95).statistic
    assert independence(clustered, 0.95).p_value < 1e-10
    assert christoffersen(clustered, 0.95).p_value < 1e-10
    assert christoffersen(spread, 0.95).p_value > 0.1


def test_all_days_exceptions():
    hits = np.ones(20, dtype=bool)
    assert independence(hits, 0.95).statistic == 0
    assert kupiec(hits, 0.95).statistic == pytest.approx(-40 * np.log(0.05))


@pytest.mark.parametrize("n", [250, 500, 1000])
def test_size_of_kupiec(n):
    """A right VaR is rejected at 5% in close to 5% of samples.

    The statistic takes few values, so that the exact size is not 5%: at 95% and these lengths it lies
    between 4.5% and 7.5%. 4,000 samples have a standard error of .4%, and three of them are the tolerance
    about the exact size, which is the binomial probability of the rejected counts.
    """
    p_values = np.array([kupiec(days(n, *range(x)), 0.95).p_value for x in range(n + 1)])
    exact = stats.binom.pmf(np.arange(n + 1), n, 0.05)[p_values < 0.05].sum()
    assert 0.045 < exact < 0.075
    samples = np.random.default_rng(n).random((4000, n)) < 0.05
    rejected = np.mean([kupiec(hits, 0.95).p_value < 0.05 for hits in samples])
    assert rejected == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize(
    ("exceptions", "zone", "probability", "multiplier"),
    [
        (0, "green", 0.0811, 1.50),
        (1, "green", 0.2858, 1.50),
        (2, "green", 0.5432, 1.50),
        (3, "green", 0.7581, 1.50),
        (4, "green", 0.8922, 1.50),
        (5, "yellow", 0.9588, 1.70),
        (6, "yellow", 0.9863, 1.76),
        (7, "yellow", 0.9960, 1.83),
        (8, "yellow", 0.9989, 1.88),
        (9, "yellow", 0.9997, 1.92),
        (10, "red", 0.9999, 2.00),
        (25, "red", 1.0, 2.00),
    ],
)
def test_traffic_light_of_the_basel_committee(exceptions, zone, probability, multiplier):
    """Cumulative probabilities of the committee's table (1996), to its second decimal in per cent."""
    light = traffic_light(exceptions)
    assert light.zone == zone
    assert light.probability == pytest.approx(probability, abs=6e-5)
    assert light.multiplier == multiplier


def test_other_lengths_have_a_zone_but_no_multiplier():
    light = traffic_light(9, observations=500)
    assert (light.zone, light.multiplier) == ("yellow", None)
    assert light.probability == pytest.approx(stats.binom.cdf(9, 500, 0.01))
    assert traffic_light(8, observations=500).zone == "green"
    assert traffic_light(5, observations=250, level=0.975).multiplier is None


def test_inputs_that_are_no_exceptions_are_refused():
    for bad in (np.array([0.0, 1.0, np.nan]), np.array([0, 1]), np.zeros((5, 2), bool), np.array([], bool)):
        for test in (kupiec, independence, christoffersen):
            with pytest.raises(DataError, match="exceptions are"):
                test(bad, 0.99)
    for test in (independence, christoffersen):
        with pytest.raises(DataError, match="at least two days"):
            test(np.array([True]), 0.99)
    for test in (kupiec, independence, christoffersen):
        with pytest.raises(SettingsError, match="confidence level"):
            test(days(10, 1), 0.01)


@pytest.mark.parametrize(("exceptions", "observations"), [(-1, 250), (251, 250), (0, 0)])
def test_counts_that_cannot_be_are_refused(exceptions, observations):
    with pytest.raises(SettingsError):
        traffic_light(exceptions, observations)
