"""Puts the files that ship with the package into a wheel, beside the code: see ``riskengine/bundled.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = (
    "strategies/*.py",
    "data/*/prices.parquet",
    "data/*/quotes.csv",
    "data/*/README.md",
    "docs/terms.toml",
)


class Shipped(BuildHookInterface):
    """A wheel has copies under ``riskengine/share``; an editable installation finds them in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the copies."""
        if version != "standard":
            return
        root = Path(self.root)
        for pattern in SHIPPED:
            for file in sorted(root.glob(pattern)):
                name = file.relative_to(root).as_posix()
                build_data["force_include"][str(file)] = f"riskengine/share/{name}"
