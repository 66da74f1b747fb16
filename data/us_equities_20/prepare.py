"""Make prices.parquet from the dataset that the PyPI package skfolio carries (no network needed).

    pip install "riskengine[studies]"
    python data/us_equities_20/prepare.py

Prices are stored in single precision, a relative error of at most 6e-8.
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


def main() -> None:
    """Write the file and print its size and hash."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    from skfolio.datasets import load_sp500_dataset

    prices = load_sp500_dataset()
    table = pa.Table.from_pandas(
        pd.DataFrame(prices.to_numpy(np.float32), prices.index.rename("date"), list(prices.columns))
    )
    buffer = io.BytesIO()
    pq.write_table(
        table, buffer, compression="zstd", compression_level=19, use_dictionary=False,
        use_byte_stream_split=list(prices.columns),
    )  # fmt: skip
    write_atomically(TARGET, buffer.getvalue())
    print(f"{TARGET}: {prices.shape[1]} assets x {prices.shape[0]} days, {TARGET.stat().st_size:,} bytes")
    print("sha256", sha256(TARGET))


if __name__ == "__main__":
    main()
