"""The universe of the day: who may be held, by what was known then."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError
from riskengine.market.view import MarketView

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Universe:
    """Investable universe: members of a view with enough history, then the most liquid of them.

    Liquidity is the median of the traded value over the last ``lookback`` days, a missing day counting as none
    traded. Without volumes it is the share of days on which the price moved, the other side of the zero-return
    measure of Lesmond, Ogden and Trzcinka (1999); then longer histories come first among equals. Whatever is
    still equal goes by the order of the columns.

    Attributes
    ----------
    top : how many of the most liquid may be held; all if not given
    min_history : observed returns below which an asset may not be held
    lookback : days that liquidity is judged by
    volume : dates x assets, traded value (price times volume) of each day; an asset that it lacks does not qualify

    Examples
    --------
    >>> prices = np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal((50, 3)), axis=0))
    >>> prices[10:, 1] = prices[10, 1]  # it has stopped to trade
    >>> view = MarketView(pd.Timestamp("2024-03-01"), ("A", "B", "C"), prices, np.ones(3, bool))
    >>> Universe(top=2, lookback=30).restrict(view).member.tolist()
    [True, False, True]
    """

    top: int | None = None
    min_history: int = 0
    lookback: int = 252
    volume: pd.DataFrame | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise SettingsError(f"a universe holds at least one asset, not top={self.top}")
        if self.min_history < 0 or self.lookback < 1:
            raise SettingsError(
                f"min_history is not below 0 and lookback not below 1 day; they are {self.min_history} and "
                f"{self.lookback}"
            )
        if self.volume is not None:
            object.__setattr__(self, "volume", _checked(self.volume))

    def restrict(self, view: MarketView) -> MarketView:
        """The view with the members of its date.

        Raises
        ------
        DataError
            If there are volumes, but none up to the date of the view, or none of its assets.
        """
        candidates = view.fresh & (view.history >= self.min_history)
        if self.top is not None and np.sum(candidates) > self.top:
            liquidity = self.liquidity(view)
            order = np.lexsort((-view.history, -liquidity))
            order = order[candidates[order] & (liquidity[order] > 0)]
            candidates = np.zeros(len(candidates), bool)
            candidates[order[: self.top]] = True
        return view.restricted(candidates)

    def liquidity(self, view: MarketView) -> Array:
        """Of each asset ``(assets,)``, from the days up to the view's close; only its order means something."""
        if self.volume is None:
            moves = view.window(self.lookback)
            return np.mean(~np.isnan(moves) & (moves != 0), axis=0)
        columns = self.volume.columns.get_indexer(pd.Index(view.assets))
        last = int(self.volume.index.searchsorted(view.date, side="right"))
        if last == 0 or (columns < 0).all():
            what = f"before {view.date:%Y-%m-%d}" if last == 0 else f"for {', '.join(view.assets[:3])}, ..."
            raise DataError(f"there are no volumes {what}: bring them, or rank by prices alone")
        rows = np.nan_to_num(self.volume.to_numpy()[max(0, last - self.lookback) : last])
        return np.where(columns >= 0, np.median(rows, axis=0)[columns], 0.0)


def _checked(volume: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(volume.index, pd.DatetimeIndex) or not volume.index.is_monotonic_increasing:
        raise DataError("volumes need sorted dates as their index, as prices do")
    volume = volume.set_axis(volume.columns.map(str), axis=1).astype(np.float64)
    if volume.columns.has_duplicates or (volume < 0).any(axis=None):
        raise DataError("volumes need one column an asset, and none may be below zero")
    return volume
