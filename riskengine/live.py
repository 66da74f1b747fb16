"""The old name of :mod:`riskengine.desk.live`, for one version."""

from __future__ import annotations

from riskengine.desk import live as _live
from riskengine.errors import deprecated


def __getattr__(name: str) -> object:
    found: object = getattr(_live, name)
    deprecated(f"riskengine.live.{name}", f"riskengine.desk.{name}")
    return found
