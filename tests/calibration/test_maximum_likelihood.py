from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskengine import ArchReference, MaximumLikelihood
from riskengine.errors import SettingsError

REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "fx" / "dem2gbp.csv"


@pytest.mark.skipif(not REFERENCE.exists(), reason="the DEM/GBP reference series is not beside this checkout")
def test_bollerslev_ghysels_benchmark():
    """Fiorentini, Calzolari and Panattoni (1996): GARCH(1,1), normal, constant mean, sample variance start."""
    returns = pd.read_csv(REFERENCE)["ret_pct"].to_numpy()[:, None] / 100
    assert len(returns) == 1974
    fit = MaximumLikelihood(asymmetric=False, innovations="normal", mean="constant", presample="sample")(
        returns
    )
    estimate = [fit.mean[0] * 100, fit.params.omega[0] * 1e4, fit.params.alpha[0], fit.params.beta[0]]
    published = [-0.00619041, 0.0107613, 0.153134, 0.805974]
    digits = -np.log10(np.abs(np.divide(estimate, published) - 1))
    assert digits.min() > 4
    assert fit.params.gamma[0] == 0
    assert np.isinf(fit.params.dof[0])


def test_likelihood_is_that_of_arch_or_better(bundled):
    returns = bundled.returns.to_numpy()[-1000:]
    mine, theirs = MaximumLikelihood()(returns), ArchReference()(returns)
    assert (mine.log_likelihood > theirs.log_likelihood - 0.01).all()
    # and where both found the same maximum, the same parameters
    same = np.abs(mine.log_likelihood - theirs.log_likelihood) < 1e-3
    assert same.mean() > 0.5
    np.testing.assert_allclose(mine.params.beta[same], theirs.params.beta[same], atol=0.02)


def test_a_start_leads_to_the_same_maximum(returns):
    cold = MaximumLikelihood()(returns[20:])
    warm = MaximumLikelihood()(returns[20:], start=MaximumLikelihood()(returns[:-20]))
    np.testing.assert_allclose(warm.log_likelihood, cold.log_likelihood, atol=1e-3)


def test_a_tenfold_price_of_a_day_counts_as_missing(returns):
    """As it does for the networks: it had moved the variance of the next day by half."""
    wrong = returns.copy()
    wrong[500, 2], wrong[501, 2] = 10 * (1 + wrong[500, 2]) - 1, (1 + wrong[501, 2]) / 10 - 1
    missing = returns.copy()
    missing[500:502, 2] = np.nan
    found, wanted = MaximumLikelihood()(wrong), MaximumLikelihood()(missing)
    np.testing.assert_array_equal(found.next_variance, wanted.next_variance)
    np.testing.assert_array_equal(found.params.omega, wanted.params.omega)
    assert str(found.status[2]) in ("outlier", "at bound")
    assert found.observations[2] == len(returns) - 2


def test_restrictions_hold_and_cost_likelihood(returns):
    free = MaximumLikelihood()(returns)
    symmetric = MaximumLikelihood(asymmetric=False)(returns)
    normal = MaximumLikelihood(innovations="normal")(returns)
    assert (symmetric.params.gamma == 0).all()
    assert np.isinf(normal.params.dof).all()
    assert (symmetric.log_likelihood <= free.log_likelihood + 1e-6).all()
    assert (normal.log_likelihood <= free.log_likelihood + 1e-6).all()


def test_the_estimate_is_a_maximum(returns):
    import jax.numpy as jnp

    from riskengine.garch import likelihood

    fit = MaximumLikelihood()(returns)
    inside = [k for k, status in enumerate(fit.status) if status == "ok"]
    assert inside
    found = likelihood(jnp.asarray(fit.posterior.mean), jnp.asarray(returns), jnp.asarray(fit.presample))
    scaled = np.asarray(found.score) / np.sqrt(np.diagonal(found.information, axis1=1, axis2=2))
    assert np.abs(scaled[inside]).max() < 1e-3


@pytest.mark.parametrize("setting", [{"innovations": "cauchy"}, {"mean": "ar"}, {"presample": "zero"}])
def test_unknown_settings_are_refused(setting):
    with pytest.raises(SettingsError, match="is one of"):
        MaximumLikelihood(**setting)
