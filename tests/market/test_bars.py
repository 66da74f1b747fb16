from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine import Panel, load_panel
from riskengine.errors import DataError
from riskengine.market.bars import ROUNDING


def days(count):
    return pd.bdate_range("2024-01-01", periods=count)


def barred(count=30, assets=3, seed=0):
    """Closes with open, high and low around them."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(0.01 * rng.standard_normal((count, assets)), axis=0))
    open_ = close * np.exp(0.005 * rng.standard_normal(close.shape))
    high = np.maximum(open_, close) * np.exp(0.004 * rng.random(close.shape))
    low = np.minimum(open_, close) * np.exp(-0.004 * rng.random(close.shape))
    frames = [pd.DataFrame(values, days(count), list("ABC")[:assets]) for values in (close, open_, high, low)]
    return dict(zip(("prices", "open", "high", "low"), frames, strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.9, 1.1), st.integers(0, 29), st.integers(0, 2))
def test_what_a_panel_keeps_is_in_order_and_the_rest_is_missing(seed, factor, row, column):
    given_ = barred(seed=seed)
    given_["high"].iloc[row, column] *= factor
    given_["low"].iloc[(row + 3) % 30, column] = np.nan
    panel = Panel(**given_)
    high, low = panel.high.to_numpy(), panel.low.to_numpy()
    assert (np.isnan(high) == np.isnan(low)).all()
    seen = ~np.isnan(high)
    for values in (panel.prices.to_numpy(), panel.open.to_numpy()):
        assert (low[seen] <= values[seen]).all()
        assert (values[seen] <= high[seen]).all()
    assert (~seen).sum() == 1 + panel.open.isna().to_numpy().any()


def test_a_bar_out_of_order_is_missing_and_the_audit_names_it():
    given_ = barred()
    given_["high"].iloc[5, 1] = 0.5 * given_["low"].iloc[5, 1]
    given_["open"].iloc[7, 1] = -1.0
    panel = Panel(**given_)
    assert panel.open.isna().equals(panel.high.isna())
    assert panel.high["B"].isna().to_numpy().nonzero()[0].tolist() == [5, 7]
    (found,) = [finding for finding in panel.audit() if finding.kind == "disordered_bar"]
    assert (found.asset, found.date) == ("B", days(30)[5])
    assert found.detail.startswith("2 day(s)")
    assert not found.serious


def test_rounding_is_mended():
    given_ = barred()
    given_["high"].iloc[4, 0] = given_["prices"].iloc[4, 0] * (1 - ROUNDING / 2)
    given_["open"].iloc[4, 0] = given_["prices"].iloc[4, 0]
    panel = Panel(**given_)
    assert panel.high.iloc[4, 0] == panel.prices.iloc[4, 0]
    assert panel.audit() == Panel(given_["prices"]).audit()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.pop("low"), "high and low come together"),
        (lambda g: g.update(open=g["open"].iloc[1:]), "open needs the dates"),
        (lambda g: g.update(low=g["low"].rename(columns={"A": "Z"})), "low needs the dates"),
        (lambda g: g.update(open=g["open"].astype(object).replace(g["open"].iloc[0, 0], "x")), "numbers"),
    ],
)
def test_bars_that_cannot_be_meant_are_refused(change, message):
    given_ = barred()
    change(given_)
    with pytest.raises(DataError, match=message):
        Panel(**given_)


def test_a_view_shows_no_bar_of_the_future():
    panel = Panel(**barred())
    view = panel.view(10)
    assert [bar.shape for bar in view.bars] == [(11, 3)] * 3
    assert all(bar.base is None and not bar.flags.writeable for bar in view.bars)
    np.testing.assert_allclose(view.ranges, panel.session_ranges.to_numpy()[:10])
    np.testing.assert_allclose(view.ranges[-1], np.log(panel.high.iloc[10] / panel.low.iloc[10]))
    assert view.ranges.shape == view.returns.shape
    assert panel.view(20, window=5).ranges.shape == (5, 3)
    assert Panel(panel.prices).view(10).ranges is None


def test_parts_of_a_panel_keep_their_bars_and_the_hash_sees_them():
    panel = Panel(**barred())
    part = panel.between("2024-01-10").select(["C", "A"])
    pd.testing.assert_frame_equal(part.high, panel.high.loc["2024-01-10":, ["C", "A"]], check_freq=False)
    assert len({panel.hash, Panel(panel.prices).hash, Panel(**(barred() | {"open": None})).hash}) == 3


def test_the_range_of_a_session_spans_the_days_between():
    """A coin's weekend belongs to the stocks' Monday."""
    dates = pd.date_range("2024-01-01", periods=364, freq="D")
    rng = np.random.default_rng(1)
    close = pd.DataFrame(
        100 * np.exp(np.cumsum(0.01 * rng.standard_normal((364, 3)), axis=0)), dates, list("ABC")
    )
    close.loc[dates.day_of_week >= 5, ["A", "B"]] = np.nan
    panel = Panel(close, open=close * 1.001, high=close * 1.01, low=close * 0.99)
    sessions = panel.at_sessions()
    assert len(sessions.dates) == 260
    monday, weekend = pd.Timestamp("2024-01-15"), slice("2024-01-13", "2024-01-15")
    assert sessions.high.loc[monday, "C"] == panel.high.loc[weekend, "C"].max()
    assert sessions.low.loc[monday, "C"] == panel.low.loc[weekend, "C"].min()
    assert sessions.open.loc[monday, "C"] == panel.open.loc["2024-01-13", "C"]
    assert sessions.open.loc[monday, "A"] == panel.open.loc[monday, "A"]
    np.testing.assert_allclose(
        panel.session_ranges["C"].loc[monday], np.log(sessions.high / sessions.low)["C"].loc[monday]
    )
    np.testing.assert_allclose(panel.view(monday).ranges[-1], panel.session_ranges.loc[monday])


def test_vendor_files_bring_their_bars(tmp_path):
    given_ = barred(count=6, assets=2)
    rows = pd.concat(
        {
            name: pd.DataFrame(
                {
                    "Open": given_["open"][name],
                    "High": given_["high"][name],
                    "Low": given_["low"][name],
                    "Close": given_["prices"][name],
                    "Adj Close": given_["prices"][name] / 2,
                }
            )
            for name in "AB"
        },
        names=["Ticker", "Date"],
    ).reset_index()
    rows.to_csv(tmp_path / "long.csv", index=False)
    panel = load_panel(tmp_path / "long.csv")
    for name in ("open", "high", "low"):
        np.testing.assert_allclose(getattr(panel, name), given_[name] / 2)
    rows.drop(columns="Low").to_csv(tmp_path / "nolow.csv", index=False)
    without = load_panel(tmp_path / "nolow.csv")
    assert without.high is None
    assert without.open is not None
    assert any(note.startswith("high left out") for note in without.notes)
