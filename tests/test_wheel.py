"""The wheel holds riskengine alone, and works where nothing else of the checkout is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("dist")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


def test_top_level_is_riskengine_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"riskengine"}
    assert "riskengine/calibration/pretrained/plain/weights.npz" in names
    assert "riskengine/report/templates/backtest.html" in names
    assert "riskengine/py.typed" in names
    for shipped in ("strategies/min_variance.py", "data/us_equities_100/prices.parquet", "docs/terms.toml"):
        assert f"riskengine/share/{shipped}" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_data_that_ship_are_small(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = [
            one.compress_size for one in archive.infolist() if one.filename.startswith("riskengine/share/")
        ]
    assert 1_000_000 < sum(sizes) < 5_000_000


def test_weights_are_small_and_execute_nothing(wheel):
    import numpy as np

    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo("riskengine/calibration/pretrained/plain/weights.npz").file_size < 5_000_000
    with np.load(ROOT / "riskengine/calibration/pretrained/plain/weights.npz", allow_pickle=False) as weights:
        assert all(weights[name].dtype.kind in "fiu" for name in weights.files)


@pytest.mark.slow
def test_wheel_works_in_an_empty_environment(wheel, tmp_path):
    """A new environment with this wheel, and the dependencies of this one lent by a path file."""
    place = tmp_path / "env"
    venv.create(place, with_pip=False, symlinks=True)
    site = next((place / "lib").glob("python*")) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    here = Path(shutil.__file__).parent, next(p for p in sys.path if p.endswith("site-packages"))
    lent = tmp_path / "lent"
    lent.mkdir()
    for entry in Path(here[1]).iterdir():
        if "riskengine" not in entry.name:
            (lent / entry.name).symlink_to(entry)
    (site / "lent.pth").write_text(f"{lent}\n")
    code = (
        "import riskengine as rk, numpy as np; assert 'site-packages' in rk.__file__, rk.__file__;"
        "fit = rk.NeuralCalibrator.pretrained()(0.01 * np.random.default_rng(0).standard_normal((300, 2)));"
        "assert np.isfinite(fit.params.omega).all()"
    )
    done = subprocess.run(
        [place / "bin" / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
