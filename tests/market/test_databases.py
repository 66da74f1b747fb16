"""Prices from databases: the same rows are the same panel as from a file, and nothing of a password is ever shown."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import load_panel
from riskengine.errors import DataError
from riskengine.market import as_source, load_prices, load_volume
from riskengine.market.databases import quoted

HOSTILE = 'prices"; DROP TABLE wide; -- <script>alert(1)</script>'


def fields_of(prices: pd.DataFrame) -> pd.DataFrame:
    """Rows of date, asset, open to close and volume, shuffled."""
    rows = prices.rename_axis("date").reset_index().melt("date", var_name="asset", value_name="price")
    rows = rows.assign(
        open=rows.price * 0.99, high=rows.price * 1.02, low=rows.price * 0.98, volume=np.arange(len(rows)) + 10.0
    )  # fmt: skip
    return rows.sample(frac=1, random_state=3).reset_index(drop=True)


@pytest.fixture(scope="module")
def gappy(prices) -> pd.DataFrame:
    """Prices with gaps, 640 rows as files have them."""
    found = prices.iloc[:640].copy()
    found.iloc[3:9, 2] = np.nan
    return found


@pytest.fixture(scope="module")
def places(gappy, tmp_path_factory) -> dict[str, str]:
    """The same rows in files and databases: ``wide``, and shuffled rows of date, asset and fields, ``long``."""
    folder = tmp_path_factory.mktemp("places")
    wide, rows = gappy.rename_axis("date").reset_index(), fields_of(gappy)
    found = {}
    for name, frame in (("wide", wide), ("long", rows)):
        frame.to_csv(folder / f"{name}.csv", index=False)
        frame.to_parquet(folder / f"{name}.parquet")
        found |= {f"{name} {kind}": str(folder / f"{name}.{kind}") for kind in ("csv", "parquet")}
        # A database keeps rows in any order: here the wide ones are shuffled too.
        mixed = frame.sample(frac=1, random_state=5)
        text = mixed.assign(date=mixed["date"].dt.strftime("%Y-%m-%d"))
        with closing(sqlite3.connect(folder / "all.db")) as connection:
            text.to_sql(name, connection, index=False)
        with duckdb.connect(str(folder / "all.duckdb")) as connection:
            connection.from_df(mixed).create(name)
        found[f"{name} sqlite"] = f"sqlite:///{folder}/all.db?table={name}"
        found[f"{name} duckdb"] = f"duckdb:///{folder}/all.duckdb?table={name}"
        parts = folder / f"{name}_parts"
        parts.mkdir()
        for year, part in frame.groupby(frame["date"].dt.year):
            part.to_parquet(parts / f"{year}.parquet")
        found[f"{name} parts"] = f"duckdb:///{parts}"
    return found


@pytest.mark.parametrize("shape", ["wide", "long"])
@pytest.mark.parametrize("kind", ["csv", "sqlite", "duckdb", "parts"])
def test_the_same_rows_are_the_same_panel(shape, kind, places):
    read, wanted = load_panel(places[f"{shape} {kind}"]), load_panel(places[f"{shape} parquet"])
    assert read.hash == wanted.hash
    assert read.notes == wanted.notes
    assert (read.high is None) == (shape == "wide")


def test_volumes_come_along(places):
    pd.testing.assert_frame_equal(
        load_volume(places["long sqlite"]), load_volume(places["long parquet"]), check_freq=False
    )


def test_a_query_chooses_rows(places, gappy):
    url = (
        places["long sqlite"].split("?")[0]
        + "?query=SELECT date, asset, price FROM long WHERE asset IN ('A', 'C')"
    )
    panel = load_panel(url)
    assert panel.assets == ("A", "C")
    np.testing.assert_array_equal(panel.prices["A"], gappy["A"])


@given(st.lists(st.floats(1e-6, 1e9, allow_nan=False), min_size=3, max_size=30))
def test_a_price_written_as_text_is_read_to_the_last_bit(values):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.csv"
        days = pd.bdate_range("2024-01-01", periods=len(values))
        path.write_text(
            "date,A\n" + "".join(f"{day:%Y-%m-%d},{v!r}\n" for day, v in zip(days, values, strict=True))
        )
        assert load_prices(path).close["A"].tolist() == values


def test_results_are_equal_to_the_byte(quick_command, places, tmp_path):
    written = {}
    for kind in ("csv", "parquet", "sqlite", "duckdb"):
        out = tmp_path / kind
        status, _, said = quick_command(
            "backtest", "equal_weight", "--prices", places[f"long {kind}"], "--train", 500, "--out", out
        )
        assert status == 0, said
        written[kind] = {name: (out / name).read_bytes() for name in ("result.json", "report.html")}
    for kind in ("csv", "sqlite", "duckdb"):
        assert written[kind] == written["parquet"], kind


def test_names_are_quoted_and_shown_as_text(gappy, tmp_path, command):
    path = tmp_path / "hostile.db"
    with closing(sqlite3.connect(path)) as connection:
        gappy.iloc[:60].rename_axis("date").to_sql("wide", connection)
        connection.execute(f"CREATE TABLE {quoted(HOSTILE)} AS SELECT * FROM wide")
        connection.commit()
    url = f"sqlite:///{path}?table=" + "".join(f"%{byte:02x}" for byte in HOSTILE.encode())
    assert load_panel(url).hash == load_panel(f"sqlite:///{path}?table=wide").hash
    status, said, _ = command("audit", url, "--out", tmp_path / "audit", "--json")
    assert status in (0, 3)
    assert json.loads(said)["file"] == str(as_source(url))
    page = (tmp_path / "audit" / "audit.html").read_text()
    assert "<script>alert(1)" not in page
    assert load_panel(f"sqlite:///{path}?table=wide").hash in page


@pytest.mark.parametrize("statement", ["DELETE FROM wide", "DROP TABLE wide", "CREATE TABLE x (a int)"])
@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_query_changes_nothing(statement, kind, places):
    url = places[f"wide {kind}"]
    before = load_panel(url).hash
    with pytest.raises(DataError, match=r"read.?only"):
        load_panel(f"{url.split('?')[0]}?query={statement}")
    assert load_panel(url).hash == before


def filled(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE prices (date TEXT, asset TEXT, price REAL)")
        connection.execute("CREATE TABLE names (date TEXT, asset TEXT)")
        connection.execute("INSERT INTO names VALUES ('2024-01-02', 'AAPL'), ('2024-01-03', 'AAPL')")
        connection.execute("CREATE TABLE undated AS SELECT NULL AS date, 'A' AS asset, 1.0 AS price")
        connection.commit()
    return f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("?table=price", "no table 'price' in this database: is it 'prices'. it has names, prices"),
        ("?table=prices", r"has columns \(date, asset, price\) but no rows"),
        ("?table=names", "names of assets in column asset but no column of prices"),
        ("?table=undated", "no date|not a date"),
        ("", r"has 3 tables \(names, prices, undated\): name one, \?table="),
        ("?query=SELECT nope FROM prices", "no such column: nope"),
        ("?query=SELECT date, asset, 1.0 AS asset FROM names", "column asset appears more than once"),
        ("?table=", "table= is empty"),
        ("?table=a&query=b", "both table and query"),
        ("?tabel=a", "an option 'tabel'.*is it 'table'"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(rest, message, tmp_path):
    with pytest.raises(DataError, match=message):
        load_panel(filled(tmp_path / "x.db") + rest)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/db", "not read from mysql://.*sqlite:///file.db"),
        ("sqlite://x.db", "three slashes before it, sqlite:///file.db"),
        ("sqlite:///absent.db?table=p", "no file absent.db"),
        ("duckdb:///absent.db?table=p", "no file absent.db"),
    ],
)
def test_addresses_that_lead_nowhere(url, message):
    with pytest.raises(DataError, match=message):
        load_panel(url)


@pytest.mark.parametrize(
    ("url", "package"),
    [("duckdb://?query=SELECT 1", "duckdb"), ("postgresql://host/db?table=p", "adbc-driver-postgresql")],
)
def test_a_missing_extra_is_named_with_its_command(url, package, monkeypatch):
    genuine = builtins.__import__

    def without(name, *rest, **more):
        if name.split(".")[0] in ("duckdb", "adbc_driver_manager"):
            raise ImportError(name)
        return genuine(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        DataError, match=rf'{package}, which is not installed: pip install "riskengine\[database\]"'
    ):
        load_panel(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://desk:s3cret@127.0.0.1:1/db?table=p",
        "postgres://desk@127.0.0.1:1/db?table=p&password=s3cret",
        "postgresql://desk:s3c%72et@127.0.0.1:1/db?query=SELECT 1&sslmode=disable",
        "postgresql://desk:s3cret@[127.0.0.1/db?table=p",
        "postgresql://desk:s3cret@127.0.0.1:x/db?tabel=p",
    ],
)
def test_a_password_is_never_shown(url, command):
    source = as_source(url)
    for text in (str(source), repr(source), source.name):
        assert "s3c" not in text
    assert "s3cret" in source.secrets
    status, out, said = command("audit", url)
    assert status == 1
    assert "127.0.0.1" in said
    assert "s3c" not in out + said


def programs() -> Path | None:
    """Folder of PostgreSQL's programs: on the path, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """URL of a database on a server of its own, on a socket in a temporary folder."""
    where = programs()
    if where is None or not (where / "initdb").exists():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    as_user: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # the path of a socket is short
    if os.geteuid() == 0:  # a server does not run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def call(*command: str) -> None:
        subprocess.run(
            [*as_user, *command], check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL
        )

    try:
        (folder / "password").write_text("s3cret\n")
        (folder / "password").chmod(0o644)
        call(f"{where}/initdb", "-D", f"{data}", "-U", "desk", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync",
             f"--pwfile={folder}/password")  # fmt: skip
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        call(f"{where}/pg_ctl", "-D", f"{data}", "-w", "-l", f"{folder}/log", "-o", options, "start")
        yield f"postgresql://desk:s3cret@/postgres?host={folder}"
        call(f"{where}/pg_ctl", "-D", f"{data}", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill_postgres(url: str, tables: dict[str, pd.DataFrame]) -> None:
    import pyarrow as pa
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        for name, frame in tables.items():
            cursor.adbc_ingest(name, pa.Table.from_pandas(frame, preserve_index=False), mode="create")
        cursor.execute("CREATE SCHEMA other")
        cursor.execute("CREATE TABLE other.long AS SELECT * FROM long LIMIT 0")
        cursor.execute(
            "CREATE TABLE exact AS SELECT CAST(date AS date) AS day, CAST(asset AS varchar(9)) AS ticker, "
            "CAST(price AS numeric) AS close FROM long"
        )
        connection.commit()


@pytest.mark.database
def test_postgresql_gives_the_same_panel_and_results(postgres, places, gappy, quick_command, tmp_path):
    wide, rows = gappy.rename_axis("date").reset_index(), fields_of(gappy)
    fill_postgres(postgres, {"wide": wide.sample(frac=1, random_state=9), "long": rows, HOSTILE: wide})
    assert load_panel(f"{postgres}&table=wide").hash == load_panel(places["wide parquet"]).hash
    assert load_panel(f"{postgres}&table=public.long").hash == load_panel(places["long parquet"]).hash
    hostile = "".join(f"%{byte:02x}" for byte in HOSTILE.encode())
    assert load_panel(f"{postgres}&table={hostile}").hash == load_panel(places["wide parquet"]).hash
    # Exact numbers and plain days are what tables of prices mostly have.
    exact = load_panel(f"{postgres}&table=exact")
    np.testing.assert_allclose(exact.prices, gappy, rtol=1e-14)
    for url, message in (
        (f"{postgres}&table=long", "several schemas.*other.long or public.long"),
        (f"{postgres}&table=other.long", "but no rows"),
        (f"{postgres}&table=lang", "no table 'lang'.*is it 'long'"),
        (f"{postgres}&query=SELECT nope FROM wide", "nope"),
        (f"{postgres}&query=CREATE TABLE y AS SELECT 1", "read-only"),
        (postgres.replace("s3cret", "s3cre7") + "&table=wide", "password authentication failed"),
    ):
        with pytest.raises(DataError, match=message) as refused:
            load_panel(url)
        assert "s3cre" not in str(refused.value)
    out = {}
    for kind, prices in (("file", places["long parquet"]), ("server", f"{postgres}&table=public.long")):
        status, _, said = quick_command(
            "backtest", "equal_weight", "--prices", prices, "--train", 500, "--out", tmp_path / kind
        )
        assert status == 0, said
        folder = tmp_path / kind
        files = [file for file in folder.rglob("*") if file.is_file()]
        out[kind] = {file.relative_to(folder): file.read_bytes() for file in files}
        assert not any(b"s3cret" in content for content in out[kind].values())
    assert out["server"] == out["file"]
