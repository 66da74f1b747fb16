"""RiskMetrics 2006 against ``arch`` and the expectation of its own recursion."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine.covariance import RiskMetrics2006
from riskengine.errors import SettingsError


def test_variances_are_archs():
    """With as long a history that the start is forgotten: both weigh the same past."""
    from arch.univariate import RiskMetrics2006 as Reference

    x = np.random.default_rng(0).standard_t(5, (9000, 1)) * 0.01
    reference = Reference(kmax=15)
    path = np.empty(len(x) + 1)
    padded = np.append(x[:, 0], 0.0)
    bounds = np.tile([-1.0, 1e10], (len(padded), 1))
    reference.compute_variance(np.empty(0), padded, path, reference.backcast(x[:, 0]), bounds)
    model = RiskMetrics2006()
    np.testing.assert_allclose(model.forecast(model.init(x)).matrix(), path[-1:, None], rtol=1e-6)


@pytest.mark.parametrize("horizon", [1, 2, 21])
def test_weights_over_a_holding_period_are_the_expected_recursion(horizon):
    model = RiskMetrics2006()
    first, decay = model.weights(1), np.exp(-1 / model.days)
    components = np.random.default_rng(1).uniform(0.5, 2, model.components)
    now, total = components.copy(), 0.0
    for _ in range(horizon):
        expected = first @ now
        total += expected
        now = decay * now + (1 - decay) * expected
    assert model.weights(horizon) @ components == pytest.approx(total / horizon)
    assert model.weights(horizon).sum() == pytest.approx(1)


def test_longer_horizons_look_further_back():
    model = RiskMetrics2006()
    means = [model.weights(h) @ model.days for h in (1, 5, 21, 63)]
    assert (np.diff(means) > 0).all()


@pytest.mark.parametrize("wrong", [{"tau0": 100.0}, {"tau1": 0.0}, {"rho": 1.0}, {"components": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError):
        RiskMetrics2006(**wrong)
    with pytest.raises(SettingsError):
        RiskMetrics2006().weights(0)
