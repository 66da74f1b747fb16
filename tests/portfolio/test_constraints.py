"""Settings that contradict themselves are refused, and say why."""

import numpy as np
import pytest

from riskengine.errors import SettingsError
from riskengine.portfolio import Constraints, Group, MeanVariance, ProportionalCosts

ASSETS = ("A", "B", "C")


def test_a_mapping_names_assets_and_a_star_names_all_others():
    lower, upper = Constraints(lower={"B": 0.1}, upper={"A": 0.5, "*": 0.3}).bounds(ASSETS)
    np.testing.assert_array_equal(lower, [0.0, 0.1, 0.0])
    np.testing.assert_array_equal(upper, [0.5, 0.3, 0.3])


def test_membership_has_a_row_a_group():
    groups = (Group("x", ("A", "C")), Group("y", ("B",)))
    np.testing.assert_array_equal(Constraints(groups=groups).membership(ASSETS), [[1, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Constraints(turnover=-0.1), "turnover"),
        (lambda: Constraints(turnover=np.nan), "turnover"),
        (lambda: Constraints(budget=np.nan), "budget"),
        (lambda: Constraints(groups=(Group("x", ("A",)), Group("x", ("B",)))), "share a name"),
        (lambda: Group("x", ()), "no assets"),
        (lambda: Group("x", ("A",), lower=0.5, upper=0.4), "above upper"),
        (lambda: Group("x", ("A",), lower=np.nan), "above upper"),
        (lambda: Constraints(lower=0.5, upper=0.4).bounds(ASSETS), "above upper"),
        (lambda: Constraints(lower=np.nan).bounds(ASSETS), "above upper"),
        (lambda: Constraints(upper={"Z": 0.4}).bounds(ASSETS), "names Z"),
        (lambda: Constraints(groups=(Group("x", ("Z",)),)).membership(ASSETS), "names Z"),
        (lambda: MeanVariance(risk_aversion=0.0), "risk aversion"),
        (lambda: ProportionalCosts(-0.001), "rate"),
    ],
)
def test_settings_out_of_range_are_refused(make, says):
    with pytest.raises(SettingsError, match=says):
        make()


def test_costs_are_paid_on_both_sides():
    assert ProportionalCosts(0.001).cost(np.array([0.3, -0.1, 0.0])) == pytest.approx(0.0004)
