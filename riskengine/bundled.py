"""Files that ship with the package: prices, quotes, strategies, examples.

In a checkout they lie where they are kept; a wheel has copies beside the code (``hatch_build.py`` puts them there).
"""

from __future__ import annotations

from pathlib import Path

from riskengine.errors import DataError

_PLACES = (Path(__file__).parent / "share", Path(__file__).parents[1])


def bundled(name: str) -> Path:
    """Path of a file or folder that ships with the package, such as ``"data/us_equities_20/prices.parquet"``.

    Raises
    ------
    DataError
        If it is not there.

    Examples
    --------
    >>> bundled("data/us_equities_20/prices.parquet").name
    'prices.parquet'
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise DataError(f"{name} is not there, which ships with riskengine: install it again")
