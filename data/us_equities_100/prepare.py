"""Make prices.parquet from the shared panel of 1,500 US stocks.

    python data/us_equities_100/prepare.py [--data DIR]

The 100 most traded of the columns whose prices are Yahoo's, in the order of what was traded. Prices are stored in
single precision; the shared panel rounds them to a relative error of 8e-6.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.files import sha256, write_atomically

TARGET = Path(__file__).parent / "prices.parquet"
PRICES, META, COUNT = "equities/us_equities_2005_2017.parquet", "meta/us_equities_meta.csv", 100


def main() -> None:
    """Write the file and print its size and hash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    folder = parser.parse_args().data
    meta = pd.read_csv(folder / META).sort_values("median_dollar_volume", ascending=False)
    names = list(meta.ticker[meta.price_source == "yahoo"].iloc[:COUNT])
    prices = pd.read_parquet(folder / PRICES)[names]
    table = pa.Table.from_pandas(
        pd.DataFrame(prices.to_numpy(np.float32), prices.index.rename("date"), names)
    )
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        use_byte_stream_split=names,
    )
    write_atomically(TARGET, buffer.getvalue())
    print(f"{TARGET}: {prices.shape[1]} assets x {prices.shape[0]} days, {TARGET.stat().st_size:,} bytes")
    print("sha256", sha256(TARGET))


if __name__ == "__main__":
    main()
