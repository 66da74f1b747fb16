"""The command line: backtests, calibration, the desk, options. One module a group of commands."""

from riskengine.cli import (  # they join the application
    attribution,
    backtests,
    calibration,
    demo,
    desk,
    new_workspace,
    options,
    price_audit,
    price_store,
    results,
    risk,
)
from riskengine.cli.app import app, main
from riskengine.cli.console import FLAGGED, bundled_prices

__all__ = [
    "FLAGGED",
    "app",
    "attribution",
    "backtests",
    "bundled_prices",
    "calibration",
    "demo",
    "desk",
    "main",
    "new_workspace",
    "options",
    "price_audit",
    "price_store",
    "results",
    "risk",
]
