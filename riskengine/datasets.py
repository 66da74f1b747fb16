"""Bundled prices, by name. Origin, licence and survivorship of each stand in its README under ``data/``.

>>> panel = us_equities_20()
>>> panel.prices.shape, panel.assets[:3]
((8313, 20), ('AAPL', 'AMD', 'BAC'))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from riskengine.bundled import bundled
from riskengine.errors import SettingsError

if TYPE_CHECKING:
    from riskengine.market import Panel

NAMES = ("us_equities_20", "us_equities_100", "etf18_2006_2022")
"""Of the bundled panels."""


def path(name: str) -> Path:
    """The Parquet file of a bundled panel, for ``--prices`` say.

    Raises
    ------
    SettingsError
        If there is no panel of that name.
    """
    if name not in NAMES:
        raise SettingsError(f"no bundled prices {name!r}: there are {', '.join(NAMES)}")
    return bundled(f"data/{name}/prices.parquet")


def _panel(name: str) -> Panel:
    from riskengine.market import load_panel

    return load_panel(path(name))


def us_equities_20() -> Panel:
    """20 large US stocks, daily adjusted closes 1990 to 2022; survivors."""
    return _panel("us_equities_20")


def us_equities_100() -> Panel:
    """100 heavily traded US stocks, daily adjusted closes 2005 to 2017; survivors.

    >>> us_equities_100().prices.shape
    (3200, 100)
    """
    return _panel("us_equities_100")


def etf18() -> Panel:
    """18 ETFs of stocks, sectors, bonds, gold and commodities, daily total returns 2006 to 2022.

    >>> etf18().prices.shape
    (4194, 18)
    """
    return _panel("etf18_2006_2022")
