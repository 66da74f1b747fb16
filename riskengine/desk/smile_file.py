"""``smile.json`` of `riskengine smile`, handed over to `riskengine price`: models, spot, rates and dividends."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riskengine import options
from riskengine.errors import DataError


@dataclass(frozen=True)
class SmileFile:
    """What a term sheet takes of a fitted smile.

    Attributes
    ----------
    heston : parameters
    others : further models of the same quotes, names and parameters
    spot : None where the file has none
    rate, dividend : by maturity; None where the file has none
    notes : what was taken
    doubtful : whether the Heston fit is anything but ok
    """

    heston: options.HestonParams
    others: tuple[tuple[str, Any], ...]
    spot: float | None
    rate: options.Curve | None
    dividend: options.Curve | None
    notes: tuple[str, ...]
    doubtful: bool

    def completed(
        self, market: dict[str, Any], curves: options.MarketCurves | None, given: Iterable[str]
    ) -> tuple[dict[str, Any], options.MarketCurves | None]:
        """Spot, rates and dividends of the smile where the term sheet gives none."""
        known = curves or options.MarketCurves()
        if self.spot is not None and "spot" not in given:
            market = market | {"spot": self.spot}
        rate = self.rate if "rate" not in given else known.rate
        dividend = self.dividend if "dividend" not in given else known.dividend
        if rate is None and dividend is None and not known.cash:
            return market, curves
        return market, options.MarketCurves(rate, dividend, known.cash)


def read_smile(path: Path) -> SmileFile:
    """Read a ``smile.json``.

    Raises
    ------
    DataError
        If there is none, or it has no Heston fit.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        heston = options.HestonParams(
            *(float(found["heston"][leaf]) for leaf in options.HestonParams._fields)
        )
        spot = found.get("spot")
        curves = {name: _curve(found.get("market", []), name) for name in ("rate", "dividend")}
        ssvi = found.get("ssvi")
        others: list[tuple[str, Any]] = []
        if ssvi is not None and spot is not None:
            surface = options.SsviParams(
                ssvi["rho"], ssvi["eta"], ssvi["gamma"], np.array(ssvi["maturity"]), np.array(ssvi["theta"])
            )
            others.append(("local volatility of SSVI", options.LocalVolatilityParams(surface, float(spot))))
        status = found["heston"].get("status", "unknown")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"model.file: {path} is no smile.json of `riskengine smile` with a Heston fit"
        ) from error
    notes = [f"Heston's parameters of {path.name}, whose fit is {status}"]
    taken = [name for name, curve in curves.items() if curve is not None]
    notes += (
        [f"{' and '.join(taken)} by maturity as {path.name} has them, where the terms give none"]
        if taken
        else []
    )
    return SmileFile(
        heston, tuple(others), spot, curves["rate"], curves["dividend"], tuple(notes), status != "ok"
    )


def _curve(rows: list[dict[str, Any]], name: str) -> options.Curve | None:
    points = [
        (row["maturity"], row[name]) for row in rows if row.get(name) is not None and row["maturity"] > 0
    ]
    if not points:
        return None
    return options.Curve(*(tuple(float(x) for x in column) for column in zip(*points, strict=True)))
