"""Loops over days: of any width."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from riskengine.garch import GarchParams, filter_variance


@pytest.mark.parametrize("contaminated", [False, True])
def test_a_wide_universe_is_filtered_as_each_of_its_assets(contaminated):
    """XLA refuses to compile a day of 1,024 assets as part of one loop; narrow ones are compiled so."""
    rows = 0.01 * np.random.default_rng(0).standard_normal((16, 1100))
    p = GarchParams(*(np.full(1100, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    odds = np.full(1100, 0.01) if contaminated else None
    wide = jax.jit(filter_variance)(p, rows, np.full(1100, 1e-4), odds)
    few = [0, 1, 1099]
    part = jax.jit(filter_variance)(
        GarchParams(*(leaf[few] for leaf in p)),
        rows[:, few],
        np.full(3, 1e-4),
        None if odds is None else odds[few],
    )
    np.testing.assert_allclose(wide.variance[:, few], part.variance, rtol=1e-12)
    np.testing.assert_allclose(wide.next_variance[np.array(few)], part.next_variance, rtol=1e-12)
