"""Products and curves after some time has passed, for theta."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from riskengine.options.market_curves import MarketCurves
from riskengine.options.products import Product

DATED = ("maturity", "begins")
SCHEDULED = ("fixings", "observations", "resets", "watched")
DAY = 1 / 365


def room(product: Product, whole: float | None) -> float:
    """Time that may pass: a calendar day, or ``whole`` where steps are days; NaN where something is fixed before.

    Examples
    --------
    >>> from riskengine.options.products import Vanilla
    >>> room(Vanilla(100.0, 1.0), None) == DAY, room(Vanilla(100.0, DAY / 2), None) == DAY / 4
    (True, True)
    """
    first = float(product.times()[0])
    if whole is not None:
        return whole if first > 1.5 * whole else float("nan")
    return min(DAY, first / 2)


def aged(product: Any, passed: float) -> Any:
    """The product with all its times so much nearer."""
    if not is_dataclass(product) or isinstance(product, type):
        return product
    names = {one.name for one in fields(product)}
    moved: dict[str, Any] = {}
    for name in DATED:
        if name in names:
            moved[name] = getattr(product, name) - passed
    for name in SCHEDULED:
        value = getattr(product, name, None) if name in names else None
        if isinstance(value, tuple):
            moved[name] = tuple(t - passed for t in value)
    window = getattr(product, "window", None) if "window" in names else None
    if window is not None:
        moved["window"] = tuple(max(t - passed, 0.0) for t in window)
    return replace(product, **moved)


def aged_curves(curves: MarketCurves | None, passed: float) -> MarketCurves | None:
    """Dividends and payments so much nearer; rates keep their maturities."""
    if curves is None:
        return None
    cash = tuple((t - passed, amount) for t, amount in curves.cash if t > passed)
    payments = tuple((a - passed, b - passed) for a, b in curves.payments)
    return replace(curves, cash=cash, payments=payments)


def paired(later: tuple[float, ...], now: tuple[float, ...], scale: float) -> tuple[float, float]:
    """Mean and standard error of the differences of randomisations."""
    each = (np.array(later) - np.array(now)) * scale
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))
