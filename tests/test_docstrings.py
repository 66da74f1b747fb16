"""Docstrings of public names: the first line is a sentence of its own, every function has an example, plain terms."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getdoc, isclass, isfunction
from pathlib import Path

from typer.main import get_command

from riskengine.cli.app import app

PACKAGE = Path(__file__).parents[1] / "riskengine"
LONGEST = 118

OWN_WORDS = re.compile(r"\b(surpris\w+|so many|bereft|mended)\b", re.IGNORECASE)
"""Words that stood for terms of the field, or for plain English."""


def public():
    """Folder, name and docstring of the classes and functions of all faces."""
    for init in sorted(PACKAGE.glob("*/__init__.py")):
        face = import_module(f"riskengine.{init.parent.name}")
        for name in getattr(face, "__all__", ()):
            what = getattr(face, name)
            if isclass(what) or isfunction(what) or hasattr(what, "__wrapped__"):
                yield init.parent.name, name, what, getdoc(what) or ""


def test_the_first_line_of_a_docstring_is_a_sentence():
    wrong = []
    for folder, name, _, text in public():
        first, *others = text.splitlines() or [""]
        if not first.endswith((".", "?")) or len(first) > LONGEST or (others and others[0]):
            wrong.append(f"{folder}.{name}: {first}")
    assert wrong == []


def test_every_function_of_a_face_has_an_example():
    """Classes are shown by their own example, or by that of a function which takes or returns them."""
    without = [
        f"{folder}.{name}" for folder, name, what, text in public() if not isclass(what) and ">>>" not in text
    ]
    assert without == []


def test_texts_use_terms_of_the_field():
    texts = {f"{folder}.{name}": text for folder, name, _, text in public()}
    for name, command in get_command(app).commands.items():
        texts[name] = " ".join(
            [command.help or "", *(p.help or "" for p in command.params if hasattr(p, "help"))]
        )
    odd = {name: OWN_WORDS.findall(text) for name, text in texts.items() if OWN_WORDS.search(text)}
    assert odd == {}
