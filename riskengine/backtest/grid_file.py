"""What the file of a sweep may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from riskengine.backtest.market_files import Market
from riskengine.schema import Table, table

MarketTable: Any = table(Market, prices=Annotated[Path, Field(examples=["prices.csv"])], volume=Path | None)


class GridFile(Table):
    """A sweep of strategies x settings x universes: `riskengine sweep --grid`. Paths are relative to this file."""

    strategies: list[Path] = Field([], description="Files with build().", examples=[["min_variance.py"]])
    settings: dict[str, Any] = Field(
        {},
        description="Values of arguments of build(); a strategy's own under its name: min_variance.upper.",
        examples=[{"upper": [0.1, 0.2]}],
    )
    universes: dict[str, MarketTable] = Field(
        {}, description="Prices and members of a universe, by its name."
    )
