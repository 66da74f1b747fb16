"""The session's rules: float64 and strict promotion in jax, all cores as devices, no GPU to depend on."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# What one module, process or session has compiled serves the others; the keys are the programs themselves.
os.environ["RISKENGINE_CACHE"] = str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["RISKENGINE_CACHE"]
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from riskengine.runtime import use_cores

use_cores()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")

# The first example of a property compiles; time limits an example would only measure the compiler.
settings.register_profile("session", deadline=None, max_examples=40)
settings.load_profile("session")

ROOT = Path(__file__).parents[1]
BUNDLED = ROOT / "data" / "us_equities_20" / "prices.parquet"


@pytest.fixture(scope="module", autouse=True)
def _forget_compiled():
    """Drop what a module has compiled: all modules together would take gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def bundled():
    """The bundled panel."""
    from riskengine import load_panel

    return load_panel(BUNDLED)


@pytest.fixture(scope="session")
def returns() -> np.ndarray:
    """Simulated GARCH returns of six assets with a common factor, (900, 6)."""
    rng = np.random.default_rng(7)
    market = rng.standard_t(6, 900) * 0.006
    own = rng.standard_t(5, (900, 6)) * 0.008
    calm = np.exp(0.4 * np.sin(np.arange(900) / 60))[:, None]
    return (market[:, None] * np.linspace(0.6, 1.4, 6) + own) * calm


@pytest.fixture(scope="session")
def prices(returns) -> pd.DataFrame:
    """Prices of the simulated returns, 901 business days."""
    levels = 100 * np.vstack([np.ones(6), np.cumprod(1 + returns, axis=0)])
    return pd.DataFrame(levels, pd.bdate_range("2015-01-01", periods=901), list("ABCDEF"))


class FixedShape:
    """A calibrator that estimates nothing but the level: all that tests of the floors above it need."""

    def __call__(self, returns):
        from riskengine.calibration import Calibration, Status
        from riskengine.calibration.posterior import Posterior
        from riskengine.calibration.result import as_matrix
        from riskengine.garch import GarchParams

        matrix, assets = as_matrix(returns)
        n, seen = len(assets), ~np.isnan(matrix)
        total = np.sum(np.where(seen, matrix, 0) ** 2, axis=0)
        variance = np.maximum(total / np.maximum(seen.sum(axis=0), 1), 1e-8)
        one = np.ones(n)
        mean = np.stack([np.log(variance), 3.5 * one, -2.5 * one, 0.8 * one, -0.8 * one], axis=-1)
        return Calibration(
            assets=assets,
            params=GarchParams(0.03 * variance, 0.04 * one, 0.06 * one, 0.90 * one, 6.0 * one),
            posterior=Posterior(mean, np.broadcast_to(0.1 * np.eye(5), (n, 5, 5)).copy()),
            log_likelihood=np.zeros(n),
            status=(Status.OK,) * n,
            mean=np.zeros(n),
            next_variance=variance,
            presample=variance,
            observations=seen.sum(axis=0),
        )


@pytest.fixture(scope="session")
def fixed_shape() -> FixedShape:
    """A calibrator that costs nothing to compile."""
    return FixedShape()
