"""Folders' faces import what they name only when it is asked for, and name all that they offer."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "riskengine"
FACES = sorted(
    ".".join(path.parent.relative_to(PACKAGE.parent).parts)
    for path in PACKAGE.rglob("__init__.py")
    if "lazy_face(" in path.read_text()
)
HEAVY = {"jax", "numpy", "pandas", "scipy", "cvxpy", "plotly", "flax", "optax", "arch", "pyarrow"}


def written(face: str) -> dict[str, tuple[str, str]]:
    """Every name that a face imports for type checkers, with its module and its name there."""
    tree = ast.parse((PACKAGE.parent / face.replace(".", "/") / "__init__.py").read_text())
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def python(code: str, *arguments: str) -> str:
    """Standard output of a program in a process of its own."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_folder_has_a_lazy_face():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"cli"}
    assert {f"riskengine.{name}" for name in folders} < set(FACES)
    assert "riskengine" in FACES


@pytest.mark.parametrize("face", FACES)
def test_every_name_of_a_face_is_what_a_plain_import_gives(face):
    module, names = import_module(face), written(face)
    assert sorted(module.__all__) == sorted(names)
    for name, (source, original) in names.items():
        assert getattr(module, name) is getattr(import_module(source), original)
    assert set(dir(module)) >= set(names)


def test_a_module_of_the_name_of_a_function_does_not_hide_it():
    code = (
        "import sys; from importlib import import_module; from types import ModuleType\n"
        "faces = [import_module(name) for name in sys.argv[1:]]\n"
        "for face in faces:\n"
        "    for source, _ in face._sources.values(): import_module(source)\n"
        "assert 'riskengine.garch.step' in sys.modules\n"
        "print([n for face in faces for n in face.__all__ if isinstance(getattr(face, n), ModuleType)])"
    )
    assert python(code, *FACES).strip() == "['datasets']"  # which is meant as a module


def test_an_unknown_name_is_an_attribute_error_and_an_import_error():
    import riskengine

    with pytest.raises(AttributeError, match="no attribute 'Ewmaa'"):
        _ = riskengine.Ewmaa
    with pytest.raises(ImportError, match="Ewmaa"):
        exec("from riskengine import Ewmaa")


def test_folders_and_modules_are_there_after_the_package_is_imported():
    code = (
        "import riskengine; print('covariance' in dir(riskengine), riskengine.covariance.Ewma.__name__, "
        "riskengine.market.panel.Panel is riskengine.Panel, hasattr(riskengine.market, 'nothing'))"
    )
    assert python(code).split() == ["True", "Ewma", "True", "False"]


def test_names_of_the_version_before_warn():
    import riskengine

    with pytest.warns(
        DeprecationWarning, match=r"riskengine\.TargetVolatility is deprecated: use MaximumReturn"
    ):
        assert riskengine.TargetVolatility is riskengine.MaximumReturn


def test_a_face_can_be_patched_and_what_it_gives_pickled(monkeypatch):
    import riskengine

    monkeypatch.setattr(riskengine, "Ewma", 1)
    assert riskengine.Ewma == 1
    monkeypatch.undo()
    assert pickle.loads(pickle.dumps(riskengine.Ewma)) is riskengine.Ewma


LOADED = """
import contextlib, io, json, sys

def loaded(arguments):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        if not arguments:
            import riskengine
        else:
            from riskengine.cli import main
            sys.argv = ["riskengine", *arguments]
            main()
    return [name for name in sys.modules if "." not in name]

print(json.dumps([loaded(arguments) for arguments in json.loads(sys.argv[1])]))
"""
"""One process in turn for all: what one of them loads stays, so the first that loads too much is the one to look at."""


def commands() -> list[str]:
    import typer

    from riskengine.cli import app

    return list(typer.main.get_command(app).commands)


LIGHT = [[], ["--help"], ["--version"], *([name, "--help"] for name in commands())]


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """What is imported after each of the light ways to call."""
    return dict(
        zip(map(" ".join, LIGHT), map(set, json.loads(python(LOADED, json.dumps(LIGHT)))), strict=True)
    )


@pytest.mark.parametrize("arguments", [" ".join(arguments) for arguments in LIGHT])
def test_neither_the_package_nor_a_help_text_loads_a_library_that_computes(arguments, loaded):
    assert HEAVY & loaded[arguments] == set()


DOORS = (
    {
        "riskengine.market:load_panel": {"jax", "scipy", "cvxpy", "flax", "plotly"},
        "riskengine.backtest:load_result": {"jax", "scipy.stats", "cvxpy", "flax", "plotly", "arch"},
        "riskengine.desk:validate_file": {"jax", "cvxpy", "flax", "plotly"},
        "riskengine.report:render_rebalance": {"jax", "cvxpy", "plotly"},
    },
    {
        "riskengine.calibration:NeuralCalibrator": {
            "flax",
            "scipy.stats",
            "cvxpy",
            "plotly",
            "arch",
            "optax",
        },
        "riskengine.desk:stress_test": {"flax", "scipy.stats", "cvxpy", "plotly", "arch", "optax"},
        "riskengine.desk:open_stream": {"flax", "scipy.stats", "cvxpy", "plotly", "arch", "optax"},
        "riskengine.desk:price": {"cvxpy", "flax", "plotly", "arch"},
    },
    {"riskengine.backtest:run_backtest": {"flax", "plotly", "arch", "optax"}},
)
"""What commands go through, and libraries that it leaves alone until they are needed.

A process for each group, in this order: what one door loads stays for the next, so those that load least come first.
"""

OPENED = """
import json, sys
from importlib import import_module

def opened(door):
    module, name = door.split(":")
    getattr(import_module(module), name)
    return list(sys.modules)

print(json.dumps([opened(door) for door in sys.argv[1:]]))
"""


@pytest.mark.parametrize("doors", DOORS, ids=" ".join)
def test_a_command_loads_what_it_uses(doors):
    for door, modules in zip(doors, json.loads(python(OPENED, *doors)), strict=True):
        assert doors[door] & set(modules) == set(), door
