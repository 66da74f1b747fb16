"""What a long computation calls to say how far it is."""

from __future__ import annotations

from collections.abc import Callable

ProgressReport = Callable[[str, int, int], None]
"""Called with a stage, steps done and steps in all."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Says nothing."""
