"""What import-linter cannot say of the house; its contracts are in ``pyproject.toml`` and run by ``make lint``."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "riskengine"
SOURCES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
PANDAS = {"market", "backtest", "ecosystem", "desk", "report", "cli", "serialization.py"}
TWICE = {
    "live.py",  # the old name of desk/live.py, for one version
    "result.py",  # what a calibration and what a backtest returns: each is the one result of its folder
}


def repeated(named):
    places = defaultdict(list)
    for name, place in named:
        places[name].append(place)
    return {name: where for name, where in places.items() if len(where) > 1}


def test_no_file_name_occurs_twice():
    names = [(Path(file).name, file) for file in SOURCES]
    assert set(repeated(names)) - {"__init__.py"} == TWICE


def test_no_public_class_name_occurs_twice():
    classes = [
        (node.name, file)
        for file, tree in SOURCES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert repeated(classes) == {}


def test_imports_are_absolute_and_those_of_pandas_at_import_stay_at_home():
    """import-linter does not tell an import of a module from one inside a function."""
    for file, tree in SOURCES.items():
        for node in tree.body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: relative import"
                names = [node.module]
            if "pandas" in {name.split(".")[0] for name in names}:
                assert file.split("/")[0] in PANDAS, f"{file} imports pandas"


def test_importing_the_package_leaves_jax_as_it_was():
    code = (
        "import jax; before = dict(jax.config.values); import riskengine; "
        "assert dict(jax.config.values) == before"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


INTERNALS = {
    "backtests/speed/optimiser.py",  # it measures the parts of a solve
    "backtests/calibration/universe_fit.py",  # it fits what the calibrator of universes ships
    "backtests/calibration/frontier.py",  # it runs the parts of that calibrator by themselves
}


def code_of(path):
    """Source of a study, a strategy or a tutorial."""
    if path.suffix == ".py":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    lines = [
        line for cell in cells if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines()
    ]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("!", "%")))


def test_studies_strategies_and_tutorials_import_faces_only():
    """What a folder's ``__all__`` lists is its interface; the modules behind it may move."""
    root, deep, seen = PACKAGE.parent, [], 0
    for path in [p for top in ("backtests", "strategies", "docs") for p in (root / top).rglob("*.[pi][yp]*")]:
        if path.suffix not in (".py", ".ipynb") or str(path.relative_to(root)) in INTERNALS:
            continue
        for node in ast.walk(ast.parse(code_of(path))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("riskengine."):
                seen += 1
                folder = (root / node.module.replace(".", "/") / "__init__.py").is_file()
                if node.module.count(".") > 1 and not folder:
                    deep.append(f"{path.relative_to(root)}: {node.module}")
    assert seen > 50
    assert deep == []
