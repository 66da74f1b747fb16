from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskengine import Panel
from riskengine.errors import DataError, SettingsError


def frame(values, **options):
    values = np.asarray(values, dtype=float)
    names = options.get("names", list("ABCDEF")[: values.shape[1]])
    return pd.DataFrame(
        values, options.get("dates", pd.bdate_range("2024-01-01", periods=len(values))), names
    )


def test_the_return_after_a_gap_spans_it():
    panel = Panel(frame([[1.0, 2.0], [1.1, np.nan], [1.21, 2.2], [1.331, 2.42]]))
    assert panel.returns.shape == (3, 2)
    np.testing.assert_allclose(panel.returns["A"], 0.1)
    np.testing.assert_allclose(panel.returns["B"], [np.nan, 0.1, 0.1])
    assert Panel(panel.prices, staleness=1).returns["B"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (frame([[1.0], [-2.0]]), r"-2 of A on 2024-01-02"),
        (frame([[1.0], [0.0]]), r"0 of A on 2024-01-02"),
        (frame([[1.0], [np.inf]]), r"inf of A on 2024-01-02"),
        (frame([[1.0]]), "at least two dates"),
        (frame([[1.0], [2.0]], dates=pd.to_datetime(["2024-01-02", "2024-01-01"])), "row 2, 2024-01-01"),
        (frame([[1.0], [2.0]], dates=pd.to_datetime(["2024-01-02", "2024-01-02"])), "more than once"),
        (frame([[1.0], [2.0]], dates=pd.bdate_range("2024-01-01", periods=2, tz="UTC")), "time zone"),
        (frame([[1.0], [2.0]], dates=[0, 1]), "dates as their index"),
        (frame([[1.0, 2.0], [2.0, 3.0]], names=["A", "A"]), "more than one column"),
    ],
)
def test_bad_panels_are_refused_with_place_and_remedy(prices, message):
    with pytest.raises(DataError, match=message):
        Panel(prices)


def test_the_hash_sees_every_number_and_name_and_no_more():
    base = frame([[1.0, 2.0], [1.1, np.nan], [1.2, 2.2]])
    assert Panel(base).hash == Panel(base.copy()).hash
    other = base.copy()
    other.iloc[2, 1] = np.nextafter(2.2, 3)
    changed = [other, base.rename(columns={"A": "Z"}), base.set_axis(base.index + pd.Timedelta(days=1))]
    member = pd.DataFrame(True, base.index, base.columns)
    hashes = {Panel(p).hash for p in [base, *changed]} | {Panel(base, member).hash}
    assert len(hashes) == 5


def test_a_view_holds_the_past_alone(prices):
    panel = Panel(prices)
    view = panel.view(400)
    assert view.prices.shape == (401, 6)
    assert view.returns.shape == (400, 6)
    np.testing.assert_array_equal(view.returns, panel.returns.to_numpy()[:400])
    assert view.date == prices.index[400]
    assert panel.view(prices.index[400]).date == view.date
    assert panel.view(prices.index[400] + pd.Timedelta(hours=5)).date == view.date


def test_no_array_of_a_view_leads_back_to_the_future_or_can_be_written(prices):
    view = Panel(prices).view(100)
    for array in (view.prices, view.returns, view.window(20), view.member, view.history, view.tradable):
        assert array.base is None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_perturbing_the_future_leaves_the_view_bit_identical(prices):
    other = prices.copy()
    other.iloc[101:] *= 3
    mine, theirs = Panel(prices).view(100), Panel(other).view(100)
    for name in ("prices", "returns", "member", "history", "tradable"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_history_and_tradable_follow_gaps_and_membership(prices):
    late = prices.copy()
    late.iloc[:90, 2] = np.nan
    late.iloc[100, 0] = np.nan
    member = pd.DataFrame(True, prices.index, prices.columns)
    member.iloc[:, 1] = False
    view = Panel(late, member).view(100)
    assert view.history.tolist() == [99, 100, 10, 100, 100, 100]
    assert view.tradable.tolist() == [False, False, True, True, True, True]


def test_windows_and_positions_are_checked(prices):
    panel = Panel(prices)
    assert panel.view(5).window(100).shape == (5, 6)
    with pytest.raises(SettingsError):
        panel.view(5).window(0)
    with pytest.raises(DataError, match="no close"):
        panel.view("1999-01-01")
    with pytest.raises(DataError, match="unknown asset"):
        panel.select(["A", "nope"])
    assert panel.select(["C", "A"]).assets == ("C", "A")
    assert len(panel.between("2016-01-01", "2016-12-31").dates) == 261


def test_membership_must_match(prices):
    with pytest.raises(DataError, match="reindex"):
        Panel(prices, pd.DataFrame(True, prices.index[1:], prices.columns))
