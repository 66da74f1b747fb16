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

SURFACES: dict[str, Any] = {"ssvi": options.SsviParams, "svi": options.SviParams}
"""Fits of ``smile.json`` whose local volatility prices exotics."""
FITS = ("heston", "bates", *SURFACES)
"""Fits that a term sheet may name."""


@dataclass(frozen=True)
class SmileFile:
    """What a term sheet takes of a fitted smile.

    Attributes
    ----------
    model : name of the model that prices
    params : its parameters
    others : further models of the same quotes, names and parameters
    spot : None where the file has none
    rate, dividend : by maturity; None where the file has none
    notes : what was taken
    doubtful : whether the fit of the model that prices is anything but ok
    """

    model: str
    params: Any
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


def read_smile(path: Path, fit: str = "heston") -> SmileFile:
    """Read a ``smile.json``.

    Parameters
    ----------
    path : of the file
    fit : of :data:`FITS`, which prices; the others are shown beside

    Raises
    ------
    DataError
        If there is none, or it has no such fit.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        spot = found.get("spot")
        curves = {name: _curve(found.get("market", []), name) for name in ("rate", "dividend")}
        fitted = [name for name in FITS if found.get(name) is not None]
        pairs = {name: _model(name, found[name], spot) for name in fitted}
        statuses = {name: str(found[name].get("status", "unknown")) for name in fitted}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"model.file: {path} is no smile.json of `riskengine smile`") from error
    models = {name: model for name, model in pairs.items() if model is not None}
    if fit not in models:
        raise DataError(
            f"model.file: {path} has no {fit} fit that prices: it has {', '.join(models) or 'none'}"
            + ("; a surface needs the spot" if fit in SURFACES and spot is None else "")
        )
    name, params = models.pop(fit)
    notes = [f"{name[0].upper()}{name[1:]} as {path.name} has it, whose fit is {statuses[fit]}"]
    better = [known for known in models if statuses[known] == "ok"]
    if statuses[fit] != "ok" and better:
        notes.append(f"fits that are ok there: {', '.join(better)}; model.fit chooses one")
    taken = [key for key, curve in curves.items() if curve is not None]
    if taken:
        notes.append(f"{' and '.join(taken)} by maturity as {path.name} has them, where the terms give none")
    return SmileFile(
        name,
        params,
        tuple(models.values()),
        spot,
        curves["rate"],
        curves["dividend"],
        tuple(notes),
        statuses[fit] != "ok",
    )


def _model(name: str, fit: dict[str, Any], spot: float | None) -> tuple[str, Any] | None:
    """Title and parameters; None for a surface without the spot at which it was seen."""
    if name in SURFACES:
        if spot is None:
            return None
        kind = SURFACES[name]
        surface = kind(*(np.asarray(fit[leaf], np.float64)[()] for leaf in kind._fields))
        return f"local volatility of {name.upper()}", options.LocalVolatilityParams(surface, float(spot))
    source: Any = options.HestonParams if name == "heston" else options.BatesParams
    return name, source(*(float(fit[leaf]) for leaf in source._fields))


def _curve(rows: list[dict[str, Any]], name: str) -> options.Curve | None:
    points = [
        (row["maturity"], row[name]) for row in rows if row.get(name) is not None and row["maturity"] > 0
    ]
    if not points:
        return None
    return options.Curve(*(tuple(float(x) for x in column) for column in zip(*points, strict=True)))
