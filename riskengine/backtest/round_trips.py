"""From the first purchase of an asset until nothing of it is left."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from riskengine.backtest.result import BacktestResult
from riskengine.errors import DataError
from riskengine.market import Panel

HELD = 1e-6
"""Weight below which nothing is held: solvers leave less."""


def round_trips(result: BacktestResult, prices: Panel | pd.DataFrame | None = None) -> pd.DataFrame:
    """Round trips: a row for each time that an asset was held, long or short, in the order in which they began.

    Parameters
    ----------
    result : of a walk-forward
    prices : those of the walk-forward; without them there is no column ``contribution``

    Returns
    -------
    ``asset``, ``side``; ``opened`` and ``closed``, the closes at which it was bought and sold again, NaT if it is still
    held; ``periods`` between them, or to the end; ``weight``, the mean one; ``contribution``, what it added to the
    portfolio's returns before costs. Over all trips these add up to the sum of the returns of the assets held: of
    ``gross`` without what cash earned or cost

    Raises
    ------
    DataError
        If an asset or a day of the result has no column or row in the prices.

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> len(round_trips(result))
    20
    """
    weights, dates = result.weights, pd.DatetimeIndex(result.weights.index)
    earned = None if prices is None else _earned(weights, prices)
    rows = []
    for j, asset in enumerate(weights.columns):
        held = weights[asset].to_numpy(float)
        side = np.where(np.abs(held) > HELD, np.sign(held), 0.0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0.0], side, [0.0]])))
        for begin, end in pairwise(map(int, edges)):
            if side[begin] == 0:
                continue
            last = min(end, len(dates) - 1)
            row = {
                "asset": str(asset),
                "side": "long" if side[begin] > 0 else "short",
                "opened": dates[begin],
                "closed": dates[end] if end < len(dates) else pd.NaT,
                "periods": int(last - begin),
                "weight": float(held[begin:end].mean()),
            }
            if earned is not None:
                row["contribution"] = float(earned[begin + 1 : last + 1, j].sum())
            rows.append(row)
    columns = ["asset", "side", "opened", "closed", "periods", "weight"]
    columns += [] if earned is None else ["contribution"]
    return pd.DataFrame(rows, columns=columns).sort_values("opened", kind="stable", ignore_index=True)


def _earned(weights: pd.DataFrame, prices: Panel | pd.DataFrame) -> np.ndarray:
    """What each asset added to each day's return: its weight at the close before times its return."""
    frame = prices.prices if isinstance(prices, Panel) else prices
    missing = [name for name in weights.columns if name not in frame.columns]
    if missing or not weights.index.isin(frame.index).all():
        raise DataError(
            f"the prices have no {f'asset {missing[0]!r}' if missing else 'row for some days of the result'}: "
            "hand over those that the walk-forward saw"
        )
    levels = frame[list(weights.columns)].ffill().loc[weights.index]
    returns = levels.pct_change(fill_method=None).fillna(0.0).to_numpy()
    earned = np.zeros_like(returns)
    earned[1:] = weights.to_numpy(float)[:-1] * returns[1:]
    return earned
