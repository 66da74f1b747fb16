"""The old name of :mod:`riskengine.desk.live`, for one version."""

from __future__ import annotations

from riskengine.errors import deprecated


def __getattr__(name: str) -> object:
    from riskengine.desk import live

    found: object = getattr(live, name)
    deprecated(f"riskengine.live.{name}", f"riskengine.desk.{name}")
    return found
