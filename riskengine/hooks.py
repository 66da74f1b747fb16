"""What folders above hand down, set in ``riskengine/__init__.py``: nothing below imports what stands above."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

draw_result: Callable[[Any, str], Any]
"""Draws a :class:`riskengine.BacktestResult`, for its ``plot``."""

draw_calibration: Callable[[Any], Any]
"""Draws a :class:`riskengine.Calibration`, for its ``plot``."""

draw_frontier: Callable[[Any], Any]
"""Draws a :class:`riskengine.portfolio.EfficientFrontier`, for its ``plot``."""

write_page: Callable[[Any, Path], Path]
"""Writes the page of a :class:`riskengine.BacktestResult`, for its ``to_html``."""
