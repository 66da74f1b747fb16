"""An extension of griffe: the docstrings of this project say what an argument is after the colon, not its type.

Types stand in the signatures. ``name : what it is`` becomes ``name`` with ``what it is`` below it, and the roles of Sphinx
become plain code.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTIONS = ("Parameters", "Attributes", "Returns", "Yields")
_ROLE = re.compile(r":[a-z]+:`~?\.*([\w.]+)`")


class Words(griffe.Extension):
    """Rewrites docstrings before they are parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Of every module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(text: str) -> str:
    """The docstring as numpydoc has it."""
    lines, section, found = text.split("\n"), "", []
    for k, line in enumerate(lines):
        after = lines[k + 1] if k + 1 < len(lines) else ""
        if after and set(after.strip()) == {"-"}:
            section = line.strip()
        entry = re.match(r"(\w[\w, ]*) : (.+)", line)
        if section in _SECTIONS[:2] and entry:
            found += [entry[1], f"    {entry[2]}"]
        else:
            found.append(line)
    return _ROLE.sub(lambda role: f"`{role[1].rpartition('.')[2]}`", "\n".join(found))
