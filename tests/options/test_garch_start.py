"""From GARCH to Heston and SABR: the diffusion limit against simulation, and the shape of the answers."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine import options
from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams
from riskengine.options.garch_start import YEAR, diffusion_limit, innovation_moments
from riskengine.options.heston import check_heston


@pytest.fixture(scope="module")
def fit(returns, fixed_shape):
    return fixed_shape(returns)


def test_the_limit_has_the_moments_of_one_garch_step():
    """Mean, variance and leverage of a day's change of variance, by simulation."""
    p = GarchParams(omega=2e-6, alpha=0.03, gamma=0.1, beta=0.9, dof=9.0)
    rng = np.random.default_rng(0)
    z = rng.standard_t(p.dof, 4_000_000) * np.sqrt((p.dof - 2) / p.dof)
    now = 2e-4
    after = p.omega + (p.alpha + p.gamma * (z < 0)) * now * z**2 + p.beta * now
    limit = diffusion_limit(p, observations=1e9)
    drift = limit.kappa / YEAR * (limit.theta / YEAR - now)
    assert np.mean(after - now) == pytest.approx(
        drift, rel=0.02
    )  # a step decays by exp(-kappa dt), not by kappa dt
    assert np.std(after) == pytest.approx(limit.xi / np.sqrt(YEAR) * now, rel=0.02)
    assert np.corrcoef(z, after)[0, 1] == pytest.approx(limit.rho, abs=0.01)


@pytest.mark.parametrize("dof", [4.5, 8.0, np.inf])
def test_moments_of_innovations(dof):
    third, fourth = innovation_moments(np.asarray(dof), np.asarray(1e12))
    known = 3 * (dof - 2) / (dof - 4) if np.isfinite(dof) else 3.0
    assert float(fourth) == pytest.approx(known, rel=0.01 if dof > 5 else 0.15)
    if dof == np.inf:
        assert float(third) == pytest.approx(np.sqrt(8 / np.pi), rel=1e-3)


def test_fat_tails_without_a_fourth_moment_stay_finite():
    limit = diffusion_limit(GarchParams(2e-6, 0.05, 0.08, 0.9, np.array([2.1, 3.0, 4.0])))
    assert np.all(np.isfinite(limit.xi))
    assert np.all(np.abs(limit.rho) < 1)


def test_a_start_is_valid_for_every_asset_with_spreads(fit):
    start = options.heston_start(fit)
    assert start.assets == fit.assets
    for leaf, spread in zip(start.params, start.spread, strict=True):
        assert leaf.shape == spread.shape == (len(fit.assets),)
        assert np.all(spread > 0)
    check_heston(start.params)
    assert np.all(start.params.rho < 0)
    np.testing.assert_allclose(start.params.v0, YEAR * fit.next_variance, rtol=0.1)
    again = options.heston_start(fit)
    np.testing.assert_array_equal(start.params.kappa, again.params.kappa)
    one = start[fit.assets[2]]
    assert one.params.kappa == start.params.kappa[2]
    with pytest.raises(DataError, match="no asset"):
        start["nobody"]


def test_scaling_returns_scales_variances_alone(returns, fixed_shape):
    one, double = (options.heston_start(fixed_shape(scale * returns)) for scale in (1.0, 2.0))
    for name, power in (("v0", 4), ("theta", 4), ("sigma", 2), ("kappa", 1), ("rho", 1)):
        np.testing.assert_allclose(getattr(double.params, name), power * getattr(one.params, name), rtol=1e-9)


def test_wider_spreads(fit):
    start = options.heston_start(fit)
    wide = start.widened(options.HestonParams(*(0.5,) * 5))
    np.testing.assert_allclose(wide.spread.rho, np.hypot(start.spread.rho, 0.5))


def test_sabr_by_maturity(fit):
    """Mean reversion wears the volatility of volatility away; in the short run it is half of the diffusion's."""
    short, middle, long = (options.sabr_start(fit, maturity=t) for t in (1e-4, 0.5, 2.0))
    assert np.all(short.params.nu > middle.params.nu)
    assert np.all(middle.params.nu > long.params.nu)
    np.testing.assert_allclose(short.params.alpha, np.sqrt(YEAR * fit.next_variance), rtol=0.1)
    heston = options.heston_start(fit)
    np.testing.assert_allclose(short.params.rho, heston.params.rho, atol=0.02)
    normal = options.sabr_start(fit, maturity=0.5, beta=0.0, forward=50.0)
    np.testing.assert_allclose(normal.params.alpha, 50 * middle.params.alpha, rtol=1e-12)
    smile = options.sabr_volatility(middle.params, 1.0, 1.0, 0.5)
    assert np.all((smile > 0.05) & (smile < 1))
    with pytest.raises(SettingsError, match="maturity"):
        options.sabr_start(fit, maturity=0.0)


def test_a_start_starts_a_calibration(fit):
    """Of the asset that it is for; many starts need as many surfaces."""
    quotes = options.Quotes.of_volatilities(
        np.tile([90.0, 100.0, 110.0], 3),
        np.repeat([0.25, 0.5, 1.0], 3),
        np.tile([0.24, 0.2, 0.18], 3),
        spot=100.0,
    )
    start = options.heston_start(fit)
    found = options.calibrate_heston(quotes, start[fit.assets[0]])
    assert found.start.kappa == pytest.approx(float(start.params.kappa[0]))
    with pytest.raises(DataError, match="6 starts"):
        options.calibrate_heston(quotes, start)
    sabr = options.calibrate_sabr(quotes, options.sabr_start(fit, maturity=0.5)[fit.assets[0]])
    assert np.all(sabr.errors[quotes.usable] < 0.1)
