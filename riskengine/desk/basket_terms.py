"""Several assets in a terms file: their spots, dividends, weights, and correlations given or forecast from prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from riskengine import options
from riskengine.covariance import IteratedEwma
from riskengine.errors import DataError, SettingsError
from riskengine.market import load_panel
from riskengine.schema import Table


class BasketTable(Table):
    """Assets whose worst, best or weighted performance a product observes, 100 at the initial values."""

    kind: Literal["worst", "best", "basket"] = Field("worst", description="what is observed")
    names: tuple[str, ...] = Field(description="of the assets", examples=[["AAPL", "MSFT"]])
    spot: tuple[float, ...] = Field(description="one an asset", examples=[[170.0, 310.0]])
    initial: tuple[float, ...] | None = Field(
        None, description="where each performance is 100; the spots if left out"
    )
    dividend: tuple[float, ...] | None = Field(None, description="yields, one an asset; zero if left out")
    weights: tuple[float, ...] | None = Field(None, description="of a basket; equal if left out")
    correlation: tuple[tuple[float, ...], ...] | float | None = Field(
        None, description="a matrix, or one number for all pairs", examples=[0.5]
    )
    prices: str | None = Field(None, description="file of prices to forecast the correlation from instead")


def basket_of(
    given: BasketTable, params: Any, market: dict[str, Any], folder: Path, notes: list[str]
) -> tuple[options.BasketParams, dict[str, Any], tuple[str, ...]]:
    """Parameters and market of a basket.

    Raises
    ------
    SettingsError
        If lengths differ, or there are both correlations and prices, or neither.
    """
    n = len(given.names)
    for name in ("spot", "initial", "dividend", "weights"):
        value = getattr(given, name)
        if value is not None and len(value) != n:
            raise SettingsError(f"basket.{name} has {len(value)} numbers for {n} names: give one an asset")
    if (given.correlation is None) == (given.prices is None):
        raise SettingsError("a basket has a correlation, or prices to forecast it from: give one of them")
    matrix = _forecast(given, folder, notes) if given.prices is not None else _matrix(given.correlation, n)
    leaves = [np.broadcast_to(np.asarray(leaf, np.float64), (n,)) for leaf in params]
    models = [type(params)(*(float(leaf[k]) for leaf in leaves)) for k in range(n)]
    found = options.basket_params(models, matrix, given.initial or given.spot, given.kind, given.weights)
    yields = given.dividend if given.dividend is not None else (0.0,) * n
    return found, market | {"spot": given.spot, "dividend": yields}, given.names


def _matrix(given: Any, n: int) -> np.ndarray:
    if isinstance(given, float):
        return np.full((n, n), given) + (1 - given) * np.eye(n)
    rows = [np.asarray(row, np.float64) for row in given]
    if [len(row) for row in rows] != [n] * n:
        raise SettingsError(f"basket.correlation is {n} lists of {n} numbers, or one number")
    return np.array(rows)


def _forecast(given: BasketTable, folder: Path, notes: list[str]) -> np.ndarray:
    """Correlation of the next quarter by the iterated EWMA forecast of the engine."""
    panel = load_panel(folder / str(given.prices))
    missing = [name for name in given.names if name not in panel.assets]
    if missing:
        raise DataError(f"{given.prices} has no prices of {', '.join(missing)}")
    returns = panel.select(list(given.names)).returns.dropna().to_numpy()
    model = IteratedEwma()
    covariance = np.asarray(model.forecast(model.init(returns), 63).matrix(), np.float64)
    deviation = np.sqrt(np.diag(covariance))
    notes.append(f"correlation forecast from the returns of {given.prices} to {panel.dates[-1]:%Y-%m-%d}")
    return covariance / np.outer(deviation, deviation)
