"""Panels of real prices that several studies run on; those that are not there are left out with a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

# file, assets sampled a date, dates; kind of numbers in the file
PANELS = {
    "20 US stocks": ("data/us_equities_20/prices.parquet", 20, 40, "prices"),
    "1,500 US stocks": ("equities/us_equities_2005_2017.parquet", 60, 40, "prices"),
    "S&P 500 members": ("equities/sp500_pit_2013_2018.parquet", 60, 12, "prices"),
    "Dow 30": ("equities/dji30_logret_1987_2009.parquet", 30, 24, "log returns"),
    "25 large US stocks": ("equities/cov_pred_25_returns.parquet", 25, 30, "returns"),
    "18 ETFs": ("multiasset/etf18_2006_2022.parquet", 18, 30, "prices"),
    "92 ETFs": ("multiasset/etf_2007_2017.parquet", 40, 20, "prices"),
    "54 global": ("multiasset/global_2013_2023.parquet", 20, 12, "prices"),
    "44 coins": ("crypto/crypto_2017_2023.parquet", 40, 16, "prices"),
}


def load_returns(root: Path, file: str, kind: str) -> pd.DataFrame | None:
    """Simple returns of a panel, NaN where missing; None if the file is not there."""
    path = Path(file) if file.startswith("data/") else root / file
    if not path.is_file():
        return None
    frame = pd.read_parquet(path)
    frame.columns = frame.columns.astype(str)
    if kind == "prices":
        return frame.pct_change(fill_method=None).iloc[1:]
    return pd.DataFrame(np.expm1(frame)) if kind == "log returns" else frame
