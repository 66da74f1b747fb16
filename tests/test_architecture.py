"""The floors of the house: imports go down only, heavy libraries stay where they belong."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "riskengine"
FLOORS = {
    "errors": 0,
    "files": 0,
    "runtime": 0,
    "market": 0,
    "garch": 1,
    "calibration": 2,
    "covariance": 3,
    "risk": 3,
    "options": 3,
    "portfolio": 4,
    "backtest": 5,
    "live": 6,
    "ecosystem": 6,
    "report": 7,
    "cli": 7,
}
# Side doors on one floor: risk reads the Covariance contract, never the other way round.
SAME_FLOOR = {
    ("risk", "covariance"),
    ("market", "files"),
    ("market", "errors"),
    ("files", "errors"),
    ("runtime", "errors"),
    ("cli", "report"),
}
UPWARD = {("backtest/result.py", "report")}  # result.to_html: the page is made upstairs
HOMES = {
    "cvxpy": {"portfolio"},
    "flax": {"calibration"},
    "optax": {"calibration"},
    "arch": {"calibration", "backtest"},  # the reference calibrator; the stationary bootstrap
    "plotly": {"report"},
    "typer": {"cli"},
    "jinja2": {"report"},
}
PANDAS = {"market", "backtest", "ecosystem", "report", "cli"}
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imports(path: Path, only_top: bool = False) -> set[str]:
    """Modules that a file imports, wherever in the file, except for type checking."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    nodes = tree.body if only_top else [n for n in ast.walk(tree) if id(n) not in skipped]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
    return found


def home(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    mine, name = home(path), str(path.relative_to(PACKAGE))
    for module in imports(path):
        if not module.startswith("riskengine."):
            continue
        other = module.split(".")[1]
        if other == mine or (mine, other) in SAME_FLOOR or (name, other) in UPWARD:
            continue
        assert FLOORS[other] < FLOORS[mine], f"{name} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_at_home(path):
    tops = {module.split(".")[0] for module in imports(path)}
    for library, homes in HOMES.items():
        assert library not in tops or home(path) in homes, f"{path} imports {library}"
    at_once = {module.split(".")[0] for module in imports(path, only_top=True)}
    assert "pandas" not in at_once or home(path) in PANDAS, f"{path} imports pandas"
    assert "pickle" not in tops


def test_importing_the_package_leaves_jax_as_it_was():
    import subprocess
    import sys

    code = (
        "import jax; before = dict(jax.config.values); import riskengine; "
        "assert dict(jax.config.values) == before"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
