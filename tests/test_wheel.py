"""The wheel holds riskengine alone, and works where nothing else of the checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import typer

from riskengine.cli import app
from riskengine.desk import lay_out
from riskengine.desk.workspace import COMMANDS
from riskengine.errors import SettingsError

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


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Python of a new environment with this wheel, and the dependencies of this one lent by a path file."""
    place = tmp_path_factory.mktemp("new") / "env"
    venv.create(place, with_pip=False, symlinks=True)
    site = next((place / "lib").glob("python*")) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    here = next(p for p in sys.path if p.endswith("site-packages"))
    lent = place / "lent"
    lent.mkdir()
    for entry in Path(here).iterdir():
        if "riskengine" not in entry.name:
            (lent / entry.name).symlink_to(entry)
    (site / "lent.pth").write_text(f"{lent}\n")
    return place / "bin" / "python"


def call(
    python: Path, folder: Path, *arguments: str, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [python, *arguments], cwd=folder, capture_output=True, check=False, input=given, env=environment
    )


@pytest.mark.slow
def test_wheel_works_in_an_empty_environment(installed, tmp_path):
    code = (
        "import riskengine as rk, numpy as np; assert 'site-packages' in rk.__file__, rk.__file__;"
        "fit = rk.NeuralCalibrator.pretrained()(0.01 * np.random.default_rng(0).standard_normal((300, 2)));"
        "assert np.isfinite(fit.params.omega).all();"
        "assert rk.datasets.us_equities_100().prices.shape == (3200, 100);"
        "assert rk.load_strategy('long_short').constraints.leverage == 1.6"
    )
    done = call(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
def test_every_command_works_in_a_workspace_outside_of_any_checkout(installed, tmp_path):
    """All of its Makefile, every example and schema; exit status 3 says that there is something to look at."""
    main = ("-c", "from riskengine.cli import main; main()")
    done = call(installed, tmp_path, *main, "init", "mine")
    assert done.returncode == 0, done.stderr.decode()
    folder = tmp_path / "mine"
    for line in COMMANDS.values():
        words, _, file = line.partition(" < ")
        given = (folder / file).read_bytes() if file else None
        done = call(installed, folder, *main, *words.split(), given=given)
        assert done.returncode in (0, 3), (line, done.stderr.decode()[-2000:])
        assert done.stdout, line
    for command, file in (
        ("rebalance", "limits"),
        ("stress", "limits"),
        ("sweep", "grid"),
        ("price", "terms"),
    ):
        for option, suffix in (("--example", "toml"), ("--schema", "json")):
            done = call(installed, folder, *main, command, option)
            assert done.returncode == 0, done.stderr.decode()
            (folder / f"{command}-{file}.{suffix}").write_bytes(done.stdout)
    done = call(installed, folder, *main, "price", "price-terms.toml", "--out", "out/example")
    assert done.returncode == 0, done.stderr.decode()
    done = call(installed, folder, *main, "report", "out/backtest")
    assert done.returncode in (0, 3), done.stderr.decode()


def test_a_workspace_writes_over_nothing(tmp_path):
    assert len(lay_out(tmp_path / "new")) > 20
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "Makefile").write_text("mine")
    with pytest.raises(SettingsError, match="Makefile is there already"):
        lay_out(tmp_path / "old")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["Makefile"]


def test_a_workspace_has_a_target_and_a_command_of_every_kind():
    """But for those that need no files, take minutes, or need an extra that the wheel does not bring."""
    without = {"init", "demo", "pretrain", "reduction", "report", "store"}
    assert {line.split()[0] for line in COMMANDS.values()} == set(
        typer.main.get_command(app).commands
    ) - without
