from __future__ import annotations

import os
import subprocess
import sys

import pytest

from riskengine.errors import SettingsError
from riskengine.runtime import CACHE_VARIABLE, keep_compiled, use_cores

PROGRAM = """
from riskengine.runtime import keep_compiled, use_cores
use_cores(2); print(keep_compiled())
import jax, numpy as np
from riskengine import NeuralCalibrator
x = 0.01 * np.random.default_rng(0).standard_normal((300, 300))
fit = NeuralCalibrator.pretrained()(x)
print(len(jax.devices()), *fit.params.beta[[0, 299]])
"""


def run(cache: str) -> list[str]:
    environment = os.environ | {CACHE_VARIABLE: cache, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_two_devices_say_what_one_says_and_compiled_programs_are_kept(tmp_path):
    import numpy as np

    from riskengine import NeuralCalibrator

    folder, values = run(str(tmp_path / "kept"))
    assert folder == str(tmp_path / "kept")
    assert any((tmp_path / "kept").iterdir())
    devices, *betas = values.split()
    assert devices == "2"
    x = 0.01 * np.random.default_rng(0).standard_normal((300, 300))
    alone = [NeuralCalibrator.pretrained()(x[:, k : k + 1]).params.beta[0] for k in (0, 299)]
    np.testing.assert_allclose([float(b) for b in betas], alone, rtol=1e-4)


def test_choices_wait_for_jax_and_hold_once_it_is_imported(tmp_path):
    code = (
        "import sys; from riskengine.runtime import keep_compiled, use_cores; use_cores(3); keep_compiled()\n"
        "print('jax' in sys.modules)\n"
        "import jax; print(jax.config.jax_num_cpu_devices, jax.config.jax_compilation_cache_dir, len(jax.devices()))"
    )
    environment = os.environ | {CACHE_VARIABLE: str(tmp_path / "kept"), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "3", str(tmp_path / "kept"), "3"]


def test_the_cache_can_be_declined(monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    assert keep_compiled() is None


def test_cores_are_asked_for_first_and_are_one_at_least():
    with pytest.raises(SettingsError, match="at least"):
        use_cores(0)
    import jax

    with pytest.raises(SettingsError, match="first"):
        use_cores(len(jax.devices()) + 1)
