"""The command line: backtests, calibration, the desk, options. One module a group of commands."""

from riskengine.cli import audit, backtests, calibration, desk, options, results  # they join the application
from riskengine.cli.app import app, main
from riskengine.cli.console import FLAGGED, bundled_prices

__all__ = [
    "FLAGGED",
    "app",
    "audit",
    "backtests",
    "bundled_prices",
    "calibration",
    "desk",
    "main",
    "options",
    "results",
]
