"""Two chains laid out after vendors: S&P 500 quotes like CBOE's table, and simulated bitcoin quotes like Deribit's."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine import options
from riskengine.options import Quotes

ASOF = datetime.date(2022, 4, 1)
SPOT, COIN = 4545.86, 40000.0
EXPIRIES = (19, 28, 49, 90, 182, 259)
"""Days of the index's expiries that are laid out."""
COIN_EXPIRIES = (7, 14, 28, 56, 91, 182, 273)
CBOE = (
    "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
    "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
)


def cboe_chain(data: Path, folder: Path) -> Quotes:
    """Six expiries of the S&P 500 on 2022-04-01 as CBOE's delayed quotes have them, read again."""
    found = pd.read_csv(data / "options" / "spx_2022-04-01.csv.gz")
    rows = ['"S&P 500 INDEX",Last: 4545.86,Change: 15.45', '"Date: April 1, 2022 at 4:00 PM EDT"', CBOE]
    for row in found.itertuples():
        days = round(row.T * 365)
        if days not in EXPIRIES:
            continue
        expiry = ASOF + datetime.timedelta(days)
        call, put = (
            f"SPXW{expiry:%y%m%d}{kind}{round(row.strike * 1000):08d},{mid:.2f},0,{bid},{ask},12,0.2,0.5,0.001,30"
            for kind, mid, bid, ask in (
                ("C", row.call_mid, row.call_bid, row.call_ask), ("P", row.put_mid, row.put_bid, row.put_ask),
            )
        )  # fmt: skip
        rows.append(f"{expiry:%a %b %d %Y},{call},{row.strike:.2f},{put}")
    path = folder / "cboe.csv"
    path.write_text("\n".join(rows) + "\n")
    return options.read_quotes(path)


def deribit_chain(folder: Path) -> Quotes:
    """Bitcoin as Deribit has it: prices in coins to a tick of .0005, of a smile with both wings and noise."""
    rng = np.random.default_rng(0)
    rows = ["instrument_name,underlying_price,bid_price,ask_price,mark_iv"]
    for days in COIN_EXPIRIES:
        t, forward = days / 365, COIN * np.exp(0.04 * days / 365)
        level = 0.68 + 0.06 * np.exp(-t / 0.1)
        for x in np.linspace(-2.2, 2.2, 21):
            strike = 500 * round(forward * np.exp(x * level * np.sqrt(t)) / 500)
            k = np.log(strike / forward) / (level * np.sqrt(t))
            volatility = level * (1 - 0.035 * k + 0.03 * k * k) * np.exp(0.01 * rng.standard_normal())
            kind = "call" if strike > forward else "put"
            mid = float(options.black_price(1.0, strike / forward, t, volatility, kind))
            half = max(0.0005, round(0.02 * mid / 0.0005) * 0.0005)
            bid, ask = (max(round((mid + side * half) / 0.0005) * 0.0005, 0.0) for side in (-1, 1))
            expiry = f"{ASOF + datetime.timedelta(days):%-d%b%y}".upper()
            rows.append(
                f"BTC-{expiry}-{strike}-{kind[0].upper()},{forward:.2f},{bid:.4f},{ask:.4f},{100 * volatility:.2f}"
            )
    path = folder / "deribit.csv"
    path.write_text("\n".join(rows) + "\n")
    return options.read_quotes(path, asof="2022-04-01 08:00")
