from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskengine.calibration.padding import bucket, lengthened


@given(st.integers(1, 100_000))
def test_buckets_hold_their_size_and_waste_at_most_a_quarter(size):
    assert size <= bucket(size) <= max(16, 1.25 * size + 4)
    assert bucket(bucket(size)) == bucket(size)
    assert bucket(size) <= bucket(size + 1)


def test_missing_days_come_in_front():
    longer = lengthened(np.ones((61, 2)))
    assert len(longer) == bucket(61)
    assert np.isnan(longer[:-61]).all()
    assert (longer[-61:] == 1).all()
