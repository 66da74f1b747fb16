from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskengine.calibration.padding import bucket, lengthened, period


@given(st.integers(1, 100_000))
def test_buckets_hold_their_size_and_waste_at_most_a_quarter_once_they_are_wide(size):
    assert size <= bucket(size) <= (1.25 * size if size > 128 else max(16, 2 * size))
    assert bucket(bucket(size)) == bucket(size)
    assert bucket(size) <= bucket(size + 1)


@given(st.integers(1, 100_000), st.sampled_from([1, 128, 129, 5000]))
def test_periods_hold_their_days_and_waste_at_most_a_quarter_of_a_wide_universe(days, series):
    assert days <= period(days, series)
    if days > 1280 or series > 128:
        assert period(days, series) <= max(16, 1.25 * days + 4)
    assert period(period(days, series), series) == period(days, series)
    assert period(days, series) <= period(days + 1, series)


def test_a_window_that_grows_to_its_length_meets_three_shapes():
    assert {period(days, 20) for days in range(250, 1251)} == {320, 640, 1280}


def test_missing_days_come_in_front():
    longer = lengthened(np.ones((61, 2)))
    assert len(longer) == period(61, 2)
    assert np.isnan(longer[:-61]).all()
    assert (longer[-61:] == 1).all()
