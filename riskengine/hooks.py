"""What folders above hand down, set in ``riskengine/__init__.py``: nothing below imports what stands above."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

write_page: Callable[[Any, Path], Path]
"""Writes the page of a :class:`riskengine.BacktestResult`, for its ``to_html``."""
