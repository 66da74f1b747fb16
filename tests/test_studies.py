"""Command lines of the studies: whoever asks for help, or mistypes an option, does not start an hour's run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from backtests.arguments import study_parser

ROOT = Path(__file__).parents[1]
STUDIES = [path for path in sorted((ROOT / "backtests").glob("*/*.py")) if "__main__" in path.read_text()]


def calls(node: ast.AST, name: str) -> bool:
    """Whether a function or method of the name is called."""
    found = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return name in {getattr(one, "attr", getattr(one, "id", "")) for one in found}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_study_reads_its_command_line_before_it_does_anything(path):
    tree = ast.parse(path.read_text())
    last = tree.body[-1]
    assert ast.unparse(last) == "if __name__ == '__main__':\n    main()"
    begins = [node for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    assert begins == [], "nothing runs on import"
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    steps = main.body[1:] if ast.get_docstring(main) else main.body
    parsed = next(k for k, step in enumerate(steps) if calls(step, "parse_args"))
    assert "study_parser(__doc__)" in ast.unparse(steps[0])
    assert all(ast.unparse(step).startswith("parser.add_argument(") for step in steps[1:parsed])
    assert not calls(tree, "ArgumentParser")
    assert not calls(tree, "parse_known_args")


def test_help_is_the_docstring_and_what_is_unknown_is_refused(capsys):
    with pytest.raises(SystemExit) as left:
        study_parser(__doc__).parse_args(["--help"])
    assert left.value.code == 0
    assert "whoever asks for help" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        study_parser(__doc__).parse_args(["--halp"])
    assert left.value.code == 2
