"""What import-linter cannot say of the house; its contracts are in ``pyproject.toml`` and run by ``make lint``."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "riskengine"
PANDAS = {"market", "book", "backtest", "ecosystem", "desk", "report", "cli", "serialization.py"}
TWICE = {
    "live.py",  # the old name of desk/live.py, for one version
    "result.py",  # what a calibration and what a backtest returns: each is the one result of its folder
}


@cache
def sources() -> dict[str, ast.Module]:
    """Modules of the package, parsed once a process that asks."""
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def repeated(named):
    places = defaultdict(list)
    for name, place in named:
        places[name].append(place)
    return {name: where for name, where in places.items() if len(where) > 1}


def test_no_file_name_occurs_twice():
    names = [(Path(file).name, file) for file in sources()]
    assert set(repeated(names)) - {"__init__.py"} == TWICE


def test_no_public_class_name_occurs_twice():
    classes = [
        (node.name, file)
        for file, tree in sources().items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert repeated(classes) == {}


def test_imports_are_absolute_and_those_of_pandas_at_import_stay_at_home():
    """import-linter does not tell an import of a module from one inside a function."""
    for file, tree in sources().items():
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


LONGEST = 60
"""Lines of code of a function, without its docstring, comments and blank lines."""

STILL_LONG: set[str] = set()
LONGEST_FILE = 450
STILL_LONG_FILES: set[str] = set()


def lines_of_code(node, lines):
    first = node.body[0]
    docstring = range(0)
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        docstring = range(first.lineno, first.end_lineno + 1)
    texts = [lines[k - 1].strip() for k in range(node.lineno, node.end_lineno + 1) if k not in docstring]
    return sum(bool(text) and not text.startswith("#") for text in texts)


def test_functions_read_as_the_list_of_their_steps():
    long = set()
    for file, tree in sources().items():
        lines = (PACKAGE / file).read_text().splitlines()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and lines_of_code(node, lines) > LONGEST:
                long.add(f"{file}: {node.name}")
    assert long == STILL_LONG


def test_files_have_one_subject():
    long = {file for file in sources() if len((PACKAGE / file).read_text().splitlines()) > LONGEST_FILE}
    assert long == STILL_LONG_FILES


SHARED = {
    # numbers and thresholds that two folders have to agree on
    "calibration.dated": {"PER_ROW"},
    "calibration.pretrained_weights": {"PRETRAINED", "WEIGHTS"},
    "market.checks": {"LARGEST", "as_scores"},
    # how cells of files are read, of prices and of positions alike
    "market.date_cells": {"dates_of"},
    "market.fields": {"in_camel", "plain_name"},
    "market.number_cells": {"convention", "looks_like_number"},
    "market.raw_rows": {"RawRows", "read_rows"},
    "portfolio.ask": {"STRATEGY_FAULTS"},
    "portfolio.broken_limits": {"TOLERANCE"},
    "portfolio.fallback": {"BEYOND_TURNOVER"},
    # recursions that calibrators and forecasters stand on
    "calibration.joined_variance": {"joined"},
    "calibration.neural": {"takeover"},
    "calibration.universe_calibrator": {"CommonMargin", "as_ranges"},
    "calibration.window_filter": {"filter_window"},
    "garch.common_variance": {
        "TINY", "UniverseParams", "UniverseState", "filter_universe", "start_universe", "universe_eta",
        "universe_step", "universe_term_structure", "universe_variance", "with_variance",
    },
    "garch.components": {"PARKINSON", "ComponentParams", "ComponentState"},
    "garch.recursion": {"WIDEST"},
    "garch.robust": {"VariancePair", "next_pair"},
    # what the desk does with an optimiser and a simulation
    "portfolio.imposed": {"nearest", "with_limits"},
    "risk.paths": {"Block"},
    "risk.scenario_model": {"principal_correlation"},
}  # fmt: skip
"""Names that folders share and no user needs; all others are imported from faces."""


def test_folders_import_the_faces_of_folders():
    deep, used = [], set()
    for file, tree in sources().items():
        folder = file.split("/")[0]
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("riskengine."):
                continue
            module = node.module.removeprefix("riskengine.")
            within = "/" not in file or module.split(".")[0] == folder
            face = (PACKAGE / module.replace(".", "/") / "__init__.py").is_file()
            if "." not in module or face or within:
                continue
            for alias in node.names:
                if alias.name in SHARED.get(module, ()):
                    used.add((module, alias.name))
                else:
                    deep.append(f"{file}: {module}.{alias.name}")
    assert deep == []
    assert used == {(module, name) for module, names in SHARED.items() for name in names}


SHOWING = ("README.md", "CONTRIBUTING.md", "docs", "strategies", "backtests", "riskengine")
UNSHOWN = {"BlackLittermanStrategy", "SteadyVolatility"}
"""Names of the version before, which warn."""


def types_by_name(folder):
    """Names in annotations and bases of each function or class of a folder."""
    trees = [tree for file, tree in sources().items() if file.startswith(f"{folder}/")]
    found = defaultdict(set)
    for top in [
        node for tree in trees for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    ]:
        for node in ast.walk(top):
            kinds = [
                getattr(node, "annotation", None),
                getattr(node, "returns", None),
                *getattr(node, "bases", ()),
            ]
            found[top.name] |= {
                word for kind in kinds if kind for word in re.findall(r"\w+", ast.unparse(kind))
            }
    return found


def test_a_name_of_a_face_is_shown_or_used():
    """By a tutorial, a strategy, a study, a command, or another folder: others are no interface.

    A class may instead be what another name of its face takes, returns, holds or is derived from.
    """
    texts = {}
    for name in SHOWING:
        top = PACKAGE.parent / name
        for path in [top] if top.is_file() else top.rglob("*.*"):
            if path.suffix in (".py", ".md", ".ipynb") and path.name != "__init__.py":
                texts[path] = set(re.findall(r"\w+", path.read_text()))
    unshown = set()
    for init in PACKAGE.glob("*/__init__.py"):
        face = import_module(f"riskengine.{init.parent.name}")
        words = set().union(*(found for path, found in texts.items() if init.parent not in path.parents))
        types = types_by_name(init.parent.name)
        for name in set(face.__all__) - words:
            thing = getattr(face, name)
            reached = any(name in types[other] for other in face.__all__ if other != name)
            if isfunction(thing) or (isclass(thing) and not reached):
                unshown.add(name)
    assert unshown == UNSHOWN


INTERNALS = {
    "backtests/speed/optimiser.py",  # it measures the parts of a solve
    "backtests/speed/cluster_risk.py",  # it measures single tasks of a simulation and of a wide calibration
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
