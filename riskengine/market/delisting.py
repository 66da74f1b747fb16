"""What is left of a holding when its asset is delisted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError
from riskengine.market.dates import parse_date
from riskengine.market.tables import dates, numbers, read_table, text


@dataclass(frozen=True)
class Delistings:
    """Delisting returns, which a backtest's accounts use and no strategy sees.

    Without them an asset that vanishes is worth its last price, which flatters whoever holds the bankrupt:
    Shumway (1997) found a mean of -30% for stocks that the New York exchanges delisted for bad performance.

    Attributes
    ----------
    returns : asset to the date of its delisting and the return over its last price that a holding then makes.
        The date is the last day with a price, or a day after it.
    default : return of an asset that has had no price for days and for which nothing is stated

    Examples
    --------
    >>> Delistings({"LEH": ("2008-09-18", -0.98)}, default=-0.3).returns["LEH"]
    (Timestamp('2008-09-18 00:00:00'), -0.98)
    """

    returns: Mapping[str, tuple[pd.Timestamp, float]] = field(default_factory=dict)
    default: float = 0.0

    def __post_init__(self) -> None:
        try:
            table = {
                str(k): (parse_date(date, f"delisting of {k}"), float(r))
                for k, (date, r) in self.returns.items()
            }
        except (TypeError, ValueError) as error:
            raise SettingsError(
                f"delistings map an asset to a date and a return, {{'LEH': ('2008-09-18', -0.98)}}: {error}"
            ) from error
        for name, value in [("the default", self.default), *((k, r) for k, (_, r) in table.items())]:
            if not -1 <= value < np.inf:
                raise SettingsError(f"a delisting return is at least -1 (all is lost); {name} has {value}")
        object.__setattr__(self, "returns", table)

    def check(self, prices: pd.DataFrame) -> None:
        """Refuse prices after a delisting.

        Raises
        ------
        DataError
            If an asset is priced after the date on which it was delisted.
        """
        for asset, (date, _) in self.returns.items():
            if asset in prices.columns and prices[asset][prices.index > date].notna().any():
                raise DataError(
                    f"{asset} was delisted on {date:%Y-%m-%d}, and has prices after it: mend the date, or give "
                    "the asset that took over its name another one"
                )

    def proceeds(self, prices: pd.DataFrame) -> dict[int, dict[int, float]]:
        """Position of a close to the columns that are delisted there and their returns.

        That close is the first without a price on or after the date.
        """
        found: dict[int, dict[int, float]] = {}
        dates, values = pd.DatetimeIndex(prices.index), prices.to_numpy()
        place = {name: column for column, name in enumerate(prices.columns)}
        for asset, (date, value) in self.returns.items():
            column, day = place.get(asset), int(dates.searchsorted(date))
            if column is None:
                continue
            if day < len(dates) and not np.isnan(values[day, column]):
                day += 1
            if day < len(dates):
                found.setdefault(day, {})[column] = value
        return found

    def text(self) -> str:
        """All of it as one string, in a fixed order, for hashes."""
        rows = [f"{k} {date:%Y-%m-%dT%H:%M:%S} {r!r}" for k, (date, r) in sorted(self.returns.items())]
        return "\n".join([f"default {self.default!r}", *rows])


def load_delistings(path: str | Path, default: float = 0.0) -> Delistings:
    """Read a table with columns ``asset`` (or ``ticker``), ``date`` and ``return``, ``.csv`` or ``.parquet``.

    Raises
    ------
    DataError
        If a column is missing, a cell is not what it should be, or an asset is named twice.
    """
    path = Path(path)
    frame = read_table(path)
    missing = {"asset", "date", "return"} - set(frame.columns)
    if missing:
        raise DataError(f"{path} has no column {sorted(missing)[0]}: delistings are asset, date, return")
    names = text(frame, "asset", path)
    if names.duplicated().any():
        raise DataError(
            f"{path}: {names[names.duplicated()].iloc[0]} is delisted more than once: keep one row"
        )
    rows = zip(names, dates(frame, "date", path), numbers(frame, "return", path), strict=True)
    return Delistings({name: (date, value) for name, date, value in rows}, default)
