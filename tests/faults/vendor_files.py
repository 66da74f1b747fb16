# ruff: noqa: E501  (a case is a row of a table; broken lines would hide what differs between them)
"""Files of prices and holdings as vendors, brokers and spreadsheets write them, sound and broken ones.

Each case writes its file and says what must come of it: these numbers, or a refusal with these words. Nothing else
is right. Run as a program it writes docs/your-own-data.md, with the table of all cases.

    python tests/faults/vendor_files.py
"""

from __future__ import annotations

import datetime
import gzip
import io
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "your-own-data.md"

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
AAPL = [185.64, 184.25, 181.91, 181.18, 185.56]
MSFT = [370.87, 370.60, 367.94, 367.75, 374.69]
OPEN = [187.15, 184.22, 182.15, 181.99, 182.09]
HIGH = [188.44, 185.88, 183.09, 182.76, 185.60]
LOW = [183.89, 183.43, 180.88, 180.17, 181.50]
ADJUSTED = [184.73, 183.35, 181.02, 180.29, 184.65]
VOLUME = [82488700, 58414500, 71983600, 62303300, 59144500]
BOTH = {"AAPL": AAPL, "MSFT": MSFT}
ONE = {"AAPL": AAPL}


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes
    ----------
    name : what is particular about it
    vendor : whose shape it has
    file : name of the file or folder
    write : makes it
    values : asset to prices, or to quantities with CASH, that must be read
    refused : words that the refusal must hold, where it must be refused
    noted : words that the notes of reading must hold
    days : of the rows that must be read
    """

    name: str
    vendor: str
    file: str
    write: Callable[[Path], None]
    values: dict[str, list[float]] | dict[str, float] | None = None
    refused: str = ""
    noted: str = ""
    days: tuple[str, ...] = tuple(DAYS)
    holdings: bool = False


def text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content.encode(encoding)) and None


def lines(*rows: str, end: str = "\n") -> Callable[[Path], None]:
    return text(end.join(rows) + end)


def table(header: str, *columns: list, sep: str = ",", days: list[str] | None = None) -> list[str]:
    """Header and rows of text."""
    cells = zip(days or DAYS, *columns, strict=True)
    return [header, *(sep.join(map(str, row)) for row in cells)]


def frame(columns: dict | None = None) -> pd.DataFrame:
    return pd.DataFrame(columns or BOTH, pd.DatetimeIndex(DAYS, name="Date"))


def fields(tickers: tuple[str, ...] = ("AAPL", "MSFT")) -> pd.DataFrame:
    """Several fields of several tickers, as yfinance has them."""
    columns = {}
    for ticker in tickers:
        scale = np.array(BOTH[ticker]) / np.array(AAPL)
        for name, values in (
            ("Adj Close", ADJUSTED),
            ("Close", AAPL),
            ("High", HIGH),
            ("Low", LOW),
            ("Open", OPEN),
        ):
            columns[name, ticker] = np.array(values) * scale
        columns["Volume", ticker] = np.array(VOLUME)
    found = pd.DataFrame(columns, pd.DatetimeIndex(DAYS, name="Date"))
    return found.sort_index(axis=1).rename_axis(columns=["Price", "Ticker"])


def adjusted(ticker: str) -> list[float]:
    return (np.array(ADJUSTED) * np.array(BOTH[ticker]) / np.array(AAPL)).tolist()


def euro(number: float) -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def workbook(rows: list[list], more: dict[str, list[list]] | None = None) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import openpyxl

        book = openpyxl.Workbook()
        book.active.title = "Sheet1"
        for row in rows:
            book.active.append(row)
        for title, others in (more or {}).items():
            sheet = book.create_sheet(title)
            for row in others:
                sheet.append(row)
        book.save(path)

    return write


def folder(files: dict[str, list[str]]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.mkdir()
        for name, rows in files.items():
            (path / name).write_text("\n".join(rows) + "\n")

    return write


def archive(name: str, rows: list[str]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as found:
            found.writestr(name, "\n".join(rows))
        path.write_bytes(buffer.getvalue())

    return write


def plain(mark: str = ",") -> list[str]:
    return table(mark.join(["Date", "AAPL", "MSFT"]), AAPL, MSFT, sep=mark)


def ohlcv(
    header: str = "Date,Open,High,Low,Close,Adj Close,Volume", days: list[str] | None = None
) -> list[str]:
    return table(header, OPEN, HIGH, LOW, AAPL, ADJUSTED, VOLUME, days=days)


def bars(header: str, days: list[str] | None = None, sep: str = ",") -> list[str]:
    return table(header, OPEN, HIGH, LOW, AAPL, VOLUME, days=days, sep=sep)


def newest_first(rows: list[str]) -> list[str]:
    return [rows[0], *rows[:0:-1]]


def day(pattern: str) -> list[str]:
    return [datetime.date.fromisoformat(text).strftime(pattern) for text in DAYS]


def long_rows(header: str = "date,ticker,close", sep: str = ",") -> list[str]:
    rows = [header]
    for ticker, values in BOTH.items():
        rows += [sep.join([when, ticker, str(value)]) for when, value in zip(DAYS, values, strict=True)]
    return rows


def epochs(unit: int) -> list[str]:
    return [str(int(pd.Timestamp(text).timestamp()) * unit) for text in DAYS]


SERIALS = [str((datetime.date.fromisoformat(text) - datetime.date(1899, 12, 30)).days) for text in DAYS]
SERIALS_1904 = [str(int(serial) - 1462) for serial in SERIALS]
RETURNS = [[0.01, -0.02], [-0.004, 0.003], [0.02, -0.01], [-0.01, 0.0], [0.002, -0.03]]


def prices_cases() -> list[Case]:
    """Files of prices."""
    yahoo = fields()
    by_ticker = yahoo.swaplevel(axis=1).sort_index(axis=1)
    kline = [
        ",".join(
            [e, str(o), str(h), str(lo), str(c), "12.5", str(int(e) + 86399999), "1", "5", "6", "7", "0"]
        )
        for e, o, h, lo, c in zip(epochs(1000), OPEN, HIGH, LOW, AAPL, strict=True)
    ]
    two = {"AAPL": adjusted("AAPL"), "MSFT": adjusted("MSFT")}
    return [
        # wide
        Case("wide", "spreadsheet", "p.csv", lines(*plain()), BOTH),
        Case("wide, unnamed first column", "pandas", "p.csv", text(frame().rename_axis(None).to_csv()), BOTH),
        Case("wide, row numbers in front", "pandas, index kept", "p.csv",
             text(frame().reset_index().to_csv()), BOTH, noted="row numbers"),
        Case("byte order mark, Windows line ends", "Excel: CSV UTF-8", "p.csv",
             text("\ufeff" + "\r\n".join(plain()) + "\r\n"), BOTH),
        Case("UTF-16, tabs", "Excel: Unicode text", "p.csv", text("\n".join(plain("\t")), "utf-16"), BOTH),
        Case("quoted header and cells", "R write.csv", "p.csv",
             lines('"Date","AAPL","MSFT"', *(f'"{r.replace(",", chr(34) + "," + chr(34))}"' for r in plain()[1:])), BOTH),
        Case("tabs", "terminal export", "p.tsv", lines(*plain("\t")), BOTH),
        Case("semicolons, decimal points", "Portfolio Visualizer", "p.csv", lines(*plain(";")), BOTH),
        Case("semicolons, decimal commas", "Excel, German", "p.csv",
             lines(*(row.replace(".", ",") for row in plain(";"))), BOTH, noted="decimal commas"),
        Case("semicolons, points for thousands", "Excel, German", "p.csv",
             lines("Datum;DAX", *(f"{d};{euro(v * 100)}" for d, v in zip(DAYS, AAPL, strict=True))),
             {"DAX": [round(v * 100, 2) for v in AAPL]}, noted="thousands"),
        Case("thousands in quotes", "Excel, US", "p.csv",
             lines("Date,SPX", *(f'{d},"{v * 25:,.2f}"' for d, v in zip(DAYS, AAPL, strict=True))),
             {"SPX": [round(v * 25, 2) for v in AAPL]}, noted="thousands"),
        Case("1,234 alone: a thousand or one and a bit", "spreadsheet", "p.csv",
             lines("Date;A", *(f"{d};1,{200 + k}" for k, d in enumerate(DAYS))), refused="one way"),
        Case("1.234 alone between semicolons", "spreadsheet, German", "p.csv",
             lines("Date;A", *(f"{d};1.{200 + k}" for k, d in enumerate(DAYS))), refused="one way"),
        Case("points and commas both for decimals", "pasted from two files", "p.csv",
             lines("Date;A;B", *(f"{d};1{k},5;1{k}.25" for k, d in enumerate(DAYS))), refused="both used for decimals"),
        Case("decimal commas between commas", "Excel, French, saved wrongly", "p.csv",
             lines("Date,A", *(f"{d},12,{k}5" for k, d in enumerate(DAYS))), refused="semicolons"),
        Case("spaces for thousands", "Excel, French", "p.csv",
             lines("Date;CAC", *(f"{d};7 {500 + k},25" for k, d in enumerate(DAYS))),
             {"CAC": [7500.25 + k for k in range(5)]}, noted="spaces"),
        Case("dollar signs", "Nasdaq", "p.csv", lines("Date,AAPL", *(f"{d},${v}" for d, v in zip(DAYS, AAPL, strict=True))),
             ONE, noted="currency"),
        Case("newest row first", "Yahoo, Nasdaq", "p.csv", lines(*newest_first(plain())), BOTH, noted="newest row first"),
        Case("rows in no order", "pasted together", "p.csv", lines(*[plain()[k] for k in (0, 1, 3, 2, 4, 5)]),
             refused="comes after"),
        Case("a date twice", "pasted together", "p.csv", lines(*plain(), plain()[-1]), refused="appears twice"),
        Case("a comment above", "R, gnuplot", "p.csv", lines("# made by hand", *plain()), BOTH, noted="a comment"),
        Case("a title above and a source below", "FactSet, Kaggle", "p.csv",
             lines("Closing prices in USD", *plain(), "", "Source: exchange"), BOTH, noted="below the table"),
        Case("a line of totals below", "spreadsheet", "p.csv", lines(*plain(), "Mean,183.7,370.4"), refused="Mean"),
        Case("empty columns at the end", "Excel", "p.csv", lines(*(f"{row},," for row in plain())), BOTH,
             noted="empty column"),
        Case("a row that is cut short", "broken download", "p.csv", lines(*plain()[:-1], "2024-01-08,18"),
             refused="2 cells"),
        Case("the error page of a server", "Yahoo", "p.csv", text("<!DOCTYPE html><html><body>Not found</body></html>"),
             refused="answer of a server"),
        Case("a message of the vendor", "Alpha Vantage", "p.csv",
             text('{"Information": "Thank you for using Alpha Vantage! Our rate limit is 25 requests"}'),
             refused="download it again"),
        Case("one line of text", "Stooq", "p.csv", text("Exceeded the daily hits limit\n"), refused="one column"),
        Case("no header", "hand made", "p.csv", lines(*plain()[1:]), refused="not names"),
        Case("names of missing prices: #N/A N/A, -, null", "Bloomberg, Yahoo", "p.csv",
             lines("Date,AAPL", "2024-01-02,185.64", "2024-01-03,#N/A N/A", "2024-01-04,-", "2024-01-05,null",
                   "2024-01-08,185.56"), {"AAPL": [185.64, np.nan, np.nan, np.nan, 185.56]}),
        Case("a formula that failed", "Excel", "p.csv",
             lines("Date,AAPL", *(f"{d},{v}" for d, v in zip(DAYS[:-1], AAPL, strict=False)), "2024-01-08,#DIV/0!"),
             refused="formula"),
        Case("a single dot for a holiday", "FRED", "DEXUSEU.csv",
             lines("observation_date,DEXUSEU", "2024-01-01,.", "2024-01-02,1.0956", "2024-01-03,1.0919"),
             {"DEXUSEU": [np.nan, 1.0956, 1.0919]}, days=("2024-01-01", "2024-01-02", "2024-01-03")),
        Case("percent in cells", "fact sheet", "p.csv", lines("Date,A", *(f"{d},1.{k}%" for k, d in enumerate(DAYS))),
             refused="percentage"),
        Case("returns given as prices", "skfolio, cvxportfolio", "p.csv",
             lines(*table("Date,A,B", *map(list, zip(*RETURNS, strict=True)))), refused="look like returns"),
        Case("returns in percent given as prices", "Ken French", "p.csv",
             lines(*table("Date,A,B", *([100 * x for x in c] for c in zip(*RETURNS, strict=True)))),
             refused="look like returns"),
        Case("a price of zero", "delisted", "p.csv", lines(*plain()[:-1], "2024-01-08,0,374.69"),
             refused="not a positive number"),
        Case("one row an asset, dates across", "Refinitiv, fund reports", "p.csv",
             lines(",".join(["Name", *DAYS]), *(",".join([k, *map(str, v)]) for k, v in BOTH.items())), BOTH,
             noted="turned round"),
        Case("an asset twice", "spreadsheet", "p.csv", lines("Date,AAPL,AAPL", *plain()[1:]), refused="more than once"),
        Case("a volume beside the assets", "spreadsheet", "p.csv",
             lines(*table("Date,AAPL,MSFT,Volume", AAPL, MSFT, VOLUME)), refused="Volume is a field"),
        Case("tickers LOW and OPEN", "wide", "p.csv", lines(*table("Date,LOW,OPEN", AAPL, MSFT)),
             {"LOW": AAPL, "OPEN": MSFT}),
        # dates
        Case("day first", "Excel, UK", "p.csv", lines(*table("Date,AAPL", AAPL, days=day("%d/%m/%Y"))),
             refused="both possible"),
        Case("day first, plain by a 31", "Investing.com, EU", "p.csv",
             lines("Date,A", "29/01/2024,1.5", "30/01/2024,1.6", "31/01/2024,1.7"), refused="day first"),
        Case("month first", "Nasdaq", "p.csv",
             lines("Date,Close/Last,Volume,Open,High,Low", "01/30/2024,$188.04,5,$1,$2,$1", "01/31/2024,$184.40,5,$1,$2,$1"),
             refused="month first"),
        Case("two-digit years", "CBOE, old", "p.csv", lines(*table("Date,AAPL", AAPL, days=day("%d-%m-%y"))),
             refused="both possible"),
        Case("names of months", "Investing.com", "p.csv",
             lines("Date,AAPL", *(f'"{d}",{v}' for d, v in zip(day("%b %d, %Y"), AAPL, strict=True))), ONE,
             noted="names of months"),
        Case("31-Jan-2024", "NSE India", "p.csv", lines(*table("Date,AAPL", AAPL, days=day("%d-%b-%Y"))), ONE,
             noted="names of months"),
        Case("slashes, year first", "Japan Exchange", "p.csv", lines(*table("Date,AAPL", AAPL, days=day("%Y/%m/%d"))), ONE,
             noted="other marks"),
        Case("20240102", "CRSP, Stooq", "p.csv", lines(*table("Date,AAPL", AAPL, days=day("%Y%m%d"))), ONE),
        Case("months without days", "OECD", "p.csv", lines("Date,A", "2024-01,1.5", "2024-02,1.6"), refused="month"),
        Case("days as Excel counts them", "Excel, unformatted", "p.csv", lines(*table("Date,AAPL", AAPL, days=SERIALS)),
             ONE, noted="Excel"),
        Case("days counted from 1904", "Excel for Mac, unformatted", "p.csv",
             lines(*table("Date,AAPL", AAPL, days=SERIALS_1904)), refused="1904"),
        Case("seconds since 1970", "CoinGecko, Kraken", "p.csv", lines(*table("timestamp,AAPL", AAPL, days=epochs(1))), ONE,
             noted="1970"),
        Case("time zone, all alike", "Tiingo", "p.csv",
             lines(*table("date,AAPL", AAPL, days=[f"{d}T00:00:00.000Z" for d in DAYS])), ONE, noted="time zone"),
        Case("summer and winter time", "yfinance Ticker.history", "p.csv",
             lines("Date,AAPL", "2024-03-08 00:00:00-05:00,170.73", "2024-03-11 00:00:00-04:00,172.75"),
             {"AAPL": [170.73, 172.75]}, noted="summer and winter", days=("2024-03-08", "2024-03-11")),
        Case("time zones of two markets", "pasted together", "p.csv",
             lines("Date,A", "2024-03-08T16:00:00-05:00,1.5", "2024-03-11T16:00:00+09:00,1.6"), refused="time zones"),
        Case("no such day", "typing error", "p.csv", lines("Date,A", "2024-02-29,1.5", "2024-02-30,1.6"),
             refused="2024-02-30"),
        Case("two notations in one column", "Excel, half converted", "p.csv",
             lines("Date,A", "2024-01-30,1.5", "45322,1.6"), refused="write all alike"),
        # long
        Case("rows of date, ticker, close", "data base", "p.csv", lines(*long_rows()), BOTH, noted="rows of date and asset"),
        Case("rows of date, symbol, price", "data base", "p.csv", lines(*long_rows("date,symbol,price")), BOTH,
             noted="column price"),
        Case("rows with a column of values of another name", "SQL", "p.csv", lines(*long_rows("date,symbol,px")), BOTH,
             noted="rows of date and asset"),
        Case("rows, semicolons", "data base", "p.csv", lines(*long_rows("datum;isin;kurs", ";")), BOTH, noted="rows of"),
        Case("rows with open to volume", "Kaggle S&P 500", "all_stocks_5yr.csv",
             lines("date,open,high,low,close,volume,Name",
                   *(f"{row},AAPL" for row in bars("x")[1:])), ONE, noted="rows of date and asset"),
        Case("rows with adjusted fields", "Quandl WIKI", "p.csv",
             lines("ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_high,adj_low,adj_close,adj_volume",
                   *(f"AAPL,{d},{o},{h},{lo},{c},{v},0.0,1.0,{o},{h},{lo},{a},{v}" for d, o, h, lo, c, a, v in
                     zip(DAYS, OPEN, HIGH, LOW, AAPL, ADJUSTED, VOLUME, strict=True))),
             {"AAPL": ADJUSTED}, noted="adjusted close"),
        Case("rows in two currencies", "broker", "p.csv",
             lines("date,ticker,close,currency", "2024-01-02,A,10,USD", "2024-01-02,B,12,GBp", "2024-01-03,A,11,USD",
                   "2024-01-03,B,12,GBp"), refused="several currencies"),
        Case("an asset and date twice", "data base", "p.csv", lines(*long_rows(), long_rows()[-1]), refused="appears twice"),
        Case("rows of date, ticker, field, value", "Bloomberg BDH in pandas", "p.csv",
             lines("date,ticker,field,value",
                   *(f"{d},{t},{f},{v}" for t, vs in BOTH.items() for d, v in zip(DAYS, vs, strict=True)
                     for f, v in (("PX_LAST", v), ("PX_HIGH", v + 1), ("PX_LOW", v - 1)))), BOTH, noted="PX_LAST"),
        # fields by ticker
        Case("fields by ticker, three rows of names", "yfinance download", "p.csv", text(yahoo.to_csv()), two,
             noted="fields by ticker; adjusted close"),
        Case("ticker above field", "yfinance group_by=ticker", "p.csv", text(by_ticker.to_csv()), two,
             noted="fields by ticker; adjusted close"),
        Case("fields of a single ticker, two levels", "yfinance 0.2.5x", "p.csv",
             text(fields(("AAPL",)).drop(columns="Adj Close", level=0).to_csv()), ONE, noted="fields by ticker; close"),
        Case("fields by ticker as Parquet", "yfinance to_parquet", "p.parquet", lambda path: yahoo.to_parquet(path), two,
             noted="adjusted close"),
        Case("names that are tuples as text", "pandas to_flat_index", "p.csv",
             text(yahoo.set_axis([str(name) for name in yahoo.columns], axis=1).to_csv()), two, noted="fields by ticker"),
        Case("AAPL.Open, AAPL.Close, AAPL.Adjusted", "R quantmod", "p.csv",
             lines(*ohlcv("Index,AAPL.Open,AAPL.High,AAPL.Low,AAPL.Close,AAPL.Adjusted,AAPL.Volume")), {"AAPL": ADJUSTED},
             noted="adjusted close"),
        Case("Close_AAPL, Close_MSFT", "joined by hand", "p.csv", lines(*table("Date,Close_AAPL,Close_MSFT", AAPL, MSFT)),
             BOTH, noted="fields by ticker"),
        Case("tickers over PX_LAST", "Bloomberg, Excel", "p.csv",
             lines(",AAPL US Equity,MSFT US Equity", "Dates,PX_LAST,PX_LAST", *plain()[1:]),
             {"AAPL US Equity": AAPL, "MSFT US Equity": MSFT}, noted="PX_LAST"),
        Case("merged cells over fields", "Refinitiv, Excel", "p.csv",
             lines("Instrument,AAPL.O,,MSFT.O,", "Date,Price Close,Price High,Price Close,Price High",
                   *table("x", AAPL, HIGH, MSFT, [v + 9 for v in MSFT])[1:]), {"AAPL.O": AAPL, "MSFT.O": MSFT},
             noted="fields by ticker"),
        Case("two rows of names, neither of fields", "fund report", "p.csv",
             lines("Region,US,US", "Date,Apple,Microsoft", *plain()[1:]), refused="two rows of names"),
        Case("volumes by ticker and no close", "yfinance", "p.csv", text(yahoo[["Volume"]].to_csv()), refused="no close"),
        # one asset
        Case("one ticker's file", "Yahoo", "AAPL.csv", lines(*ohlcv()), {"AAPL": ADJUSTED}, noted="adjusted close"),
        Case("one ticker's file without adjusted closes", "Stooq", "aapl_us.csv", lines(*bars("Date,Open,High,Low,Close,Volume")),
             {"aapl_us": AAPL}, noted="one asset, aapl_us; close"),
        Case("one ticker's file in Polish", "Stooq", "cdr.csv",
             lines(*bars("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen")), {"cdr": AAPL}, noted="Zamkniecie"),
        Case("angle brackets and a ticker", "Stooq data base, MetaStock", "aapl.csv",
             lines("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
                   *(f"AAPL.US,D,{d},000000,{o},{h},{lo},{c},{v},0" for d, o, h, lo, c, v in
                     zip(day("%Y%m%d"), OPEN, HIGH, LOW, AAPL, VOLUME, strict=True))), {"AAPL.US": AAPL}, noted="rows of date and asset"),
        Case("newest first, month names, volumes in millions", "Investing.com", "Apple.csv",
             lines('"Date","Price","Open","High","Low","Vol.","Change %"',
                   *reversed([f'"{d}","{c}","{o}","{h}","{lo}","82.5M","0.18%"' for d, c, o, h, lo in
                              zip(day("%b %d, %Y"), AAPL, OPEN, HIGH, LOW, strict=True)])), {"Apple": AAPL},
             noted="newest row first"),
        Case("numbered fields", "Alpha Vantage", "IBM.csv",
             lines(*ohlcv("timestamp,1. open,2. high,3. low,4. close,5. adjusted close,6. volume")), {"IBM": ADJUSTED},
             noted="adjusted close"),
        Case("camel case with dividends", "Tiingo", "aapl.csv",
             lines("date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor",
                   *(f"{d},{c},{h},{lo},{o},{v},{a},{h},{lo},{o},{v},0.0,1.0" for d, c, h, lo, o, v, a in
                     zip(DAYS, AAPL, HIGH, LOW, OPEN, VOLUME, ADJUSTED, strict=True))), {"aapl": ADJUSTED},
             noted="adjusted close"),
        Case("an address above, two clocks, newest first", "CryptoDataDownload", "Binance_BTCUSDT_d.csv",
             lines("https://www.CryptoDataDownload.com", "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount",
                   *reversed([f"{e},{d} 00:00:00,BTC/USDT,{o},{h},{lo},{c},1.5,9.5,7" for e, d, o, h, lo, c in
                              zip(epochs(1000), DAYS, OPEN, HIGH, LOW, AAPL, strict=True)])), {"BTC/USDT": AAPL},
             noted="CryptoDataDownload"),
        Case("candles without a header", "Binance", "BTCUSDT-1d.csv", lines(*kline), {"BTCUSDT-1d": AAPL}, noted="Binance"),
        Case("date and price alone", "fund house", "Fund A.csv", lines(*table("Date,NAV", AAPL)), {"Fund A": AAPL},
             noted="one asset, Fund A"),
        Case("columns in the wrong order under their names", "mended by hand", "AAPL.csv",
             lines(*table("Date,Open,High,Low,Close,Volume", LOW, AAPL, HIGH, [v * 2 for v in AAPL], VOLUME)),
             refused="not what they are called"),
        Case("open, high and low alone", "cut by hand", "AAPL.csv", lines(*table("Date,Open,High,Low", OPEN, HIGH, LOW)),
             refused="no close"),
        Case("indicators beside the fields", "TradingView", "AAPL.csv",
             lines(*table("time,open,high,low,close,EMA 20", OPEN, HIGH, LOW, AAPL, AAPL)), ONE, noted="EMA 20"),
        # folders, archives, workbooks
        Case("one file an asset", "Yahoo, Kaggle", "stocks",
             folder({"AAPL.csv": ohlcv(), "MSFT.csv": table("Date,Open,High,Low,Close,Adj Close,Volume", MSFT, [v + 1 for v in MSFT],
                     [v - 1 for v in MSFT], MSFT, MSFT, VOLUME)}), {"AAPL": ADJUSTED, "MSFT": MSFT}, noted="folder"),
        Case("one file an asset, of two lengths", "Stooq", "stocks",
             folder({"AAPL.csv": bars("Date,Open,High,Low,Close,Volume"), "B.csv": ["Date,Close", "2024-01-08,5", "2024-01-05,4"]}),
             {"AAPL": AAPL, "B": [np.nan, np.nan, np.nan, 4, 5]}, noted="newest row first"),
        Case("one file an asset, adjusted closes in some", "two vendors", "stocks",
             folder({"AAPL.csv": ohlcv(), "MSFT.csv": table("Date,Close", MSFT)}), BOTH, noted="not all have adjusted"),
        Case("an asset in two files", "two vendors", "stocks",
             folder({"AAPL.csv": ohlcv(), "x.csv": long_rows()[:6]}), refused="another file"),
        Case("a folder without prices", "spelling", "stocks", folder({"notes.md": ["nothing"]}), refused="no file of prices"),
        Case("zipped", "Kaggle", "p.zip", archive("p.csv", plain()), BOTH),
        Case("gzipped", "data base", "p.csv.gz", lambda path: path.write_bytes(gzip.compress("\n".join(plain()).encode())) and None,
             BOTH),
        Case("workbook", "Excel", "p.xlsx",
             workbook([["Date", "AAPL", "MSFT"], *([datetime.datetime.fromisoformat(d), a, m] for d, a, m in
                       zip(DAYS, AAPL, MSFT, strict=True))]), BOTH),
        Case("workbook with a title and remarks", "FactSet", "p.xlsx",
             workbook([["Closing prices"], [], ["Date", "AAPL", "MSFT"], *([datetime.datetime.fromisoformat(d), a, m] for d, a, m in
                       zip(DAYS, AAPL, MSFT, strict=True)), [], ["Source: FactSet"]]), BOTH, noted="above the header"),
        Case("workbook of two sheets", "Excel", "p.xlsx", workbook([["Date", "A"], ["2024-01-02", 1]], {"More": [["x"]]}),
             refused="2 sheets"),
        Case("formulas that were never calculated", "openpyxl", "p.xlsx",
             workbook([["Date", "A"], ["2024-01-02", 1.5], ["2024-01-03", "=B2*2"]]), refused="formula without a value"),
        Case("an old workbook", "Excel 97", "p.xls", text("binary"), refused="save it as"),
        Case("a table of text in Parquet", "Spark", "p.parquet",
             lambda path: frame().astype(str).reset_index().to_parquet(path), BOTH),
        Case("rows in Parquet, indexed by date and ticker", "data base", "p.parquet",
             lambda path: pd.DataFrame({"close": AAPL + MSFT}, pd.MultiIndex.from_product(
                 [["AAPL", "MSFT"], pd.DatetimeIndex(DAYS)], names=["ticker", "date"])).to_parquet(path), BOTH,
             noted="rows of date and asset"),
        Case("Parquet with a time zone", "yfinance to_parquet", "p.parquet",
             lambda path: frame().tz_localize("America/New_York").to_parquet(path), BOTH, noted="time zone"),
    ]  # fmt: skip


BOOK = {"AAPL": 100.0, "MSFT": 50.0, "CASH": 12500.5}


def holdings_cases() -> list[Case]:
    """Files of holdings."""

    def case(
        name: str, vendor: str, rows: list[str], refused: str = "", values: dict[str, float] | None = None
    ) -> Case:
        return Case(
            name,
            vendor,
            "holdings.csv",
            lines(*rows),
            None if refused else values or BOOK,
            refused,
            holdings=True,
        )

    return [
        case("asset, quantity", "hand made", ["asset,quantity", "AAPL,100", "MSFT,50", "CASH,12500.50"]),
        case(
            "byte order mark",
            "Excel: CSV UTF-8",
            ["\ufeffasset,quantity", "AAPL,100", "MSFT,50", "CASH,12500.5"],
        ),
        case("Symbol, Shares", "broker", ["Symbol,Shares", "AAPL,100", "MSFT,50", "CASH,12500.50"]),
        case("cash in lower case", "hand made", ["asset,quantity", "AAPL,100", "MSFT,50", "cash,12500.50"]),
        case(
            "semicolons, decimal commas",
            "Excel, German",
            ["asset;quantity", "AAPL;100", "MSFT;50", "CASH;12500,50"],
        ),
        case(
            "thousands in quotes", "Excel, US", ["asset,quantity", "AAPL,100", "MSFT,50", 'CASH,"12,500.50"']
        ),
        case(
            "a debt of cash",
            "margin account",
            ["asset,quantity", "AAPL,100", "CASH,-0.37"],
            values={"AAPL": 100.0, "CASH": -0.37},
        ),
        case("a short position", "hedge fund", ["asset,quantity", "AAPL,-100", "CASH,10"], "short"),
        case("an asset without prices", "hand made", ["asset,quantity", "GOOG,1", "CASH,10"], "no prices"),
        case("an asset twice", "two lots", ["asset,quantity", "AAPL,60", "AAPL,40"], "add the two up"),
        case("weights in percent", "fact sheet", ["asset,weight", "AAPL,60%", "MSFT,40%"], "quantity"),
        case("a quantity that is text", "hand made", ["asset,quantity", "AAPL,many"], "not a number"),
        case("no header", "hand made", ["AAPL,100", "MSFT,50"], "first row"),
        case("NaN as a quantity", "pandas", ["asset,quantity", "AAPL,nan"], "not a number"),
        case(
            "titles, many columns, a total",
            "Schwab",
            [
                '"Positions for account XXXX-1234 as of 04:00 PM ET, 2024/01/08"',
                "",
                '"Symbol","Description","Qty (Quantity)","Price","Mkt Val (Market Value)"',
                '"AAPL","APPLE INC","100","185.56","$18,556.00"',
                '"MSFT","MICROSOFT CORP","50","374.69","$18,734.50"',
                '"Cash & Cash Investments","--","--","--","$12,500.50"',
                '"Account Total","--","--","--","$49,791.00"',
            ],
        ),
        case(
            "account columns and remarks below",
            "Fidelity",
            [
                "Account Number,Account Name,Symbol,Description,Quantity,Last Price,Current Value",
                "X1,INDIVIDUAL,AAPL,APPLE INC,100,$185.56,$18556.00",
                "X1,INDIVIDUAL,MSFT,MICROSOFT CORP,50,$374.69,$18734.50",
                "X1,INDIVIDUAL,CASH,HELD IN MONEY MARKET,12500.50,$1.00,$12500.50",
                "",
                '"The data and information in this spreadsheet is provided to you solely for your use."',
                '"Date downloaded 01/08/2024 9:00 AM ET"',
            ],
        ),
        case(
            "instrument and position",
            "Interactive Brokers",
            ["Symbol,Position,Market Price", "AAPL,100,185.56", "MSFT,50,374.69", "CASH,12500.5,1"],
        ),
        case(
            "a quantity that can be read in two ways", "spreadsheet", ["asset;quantity", "AAPL;1,234"], "AAPL"
        ),
    ]


def all_cases() -> list[Case]:
    return [*prices_cases(), *holdings_cases()]


@dataclass(frozen=True)
class Outcome:
    """What became of a file: values with notes, or a refusal."""

    values: dict[str, list[float]] | dict[str, float] | None
    notes: tuple[str, ...] = ()
    refused: str = ""
    days: tuple[str, ...] = ()


def outcome(case: Case, where: Path) -> Outcome:
    """Read a case as a person would."""
    from riskengine.desk import read_holdings
    from riskengine.errors import RiskEngineError
    from riskengine.market import load_panel

    path = where / case.file
    case.write(path)
    try:
        if case.holdings:
            held = read_holdings(path, ("AAPL", "MSFT"))
            found = {name: float(q) for name, q in zip(held.assets, held.quantity, strict=True) if q}
            return Outcome({**found, "CASH": float(held.cash)})
        panel = load_panel(path)
    except RiskEngineError as error:
        return Outcome(None, refused=" ".join(str(error).replace(f"{where}/", "").split()))
    values = {name: panel.prices[name].tolist() for name in panel.assets}
    return Outcome(values, panel.notes, days=tuple(f"{date:%Y-%m-%d}" for date in panel.dates))


FORMATS = (
    ("Wide: one row a date, one column an asset", "csv", plain()),
    ("Rows of date, asset and price", "csv", long_rows()[:5]),
    ("Fields by ticker, as yfinance saves them", "csv",
     fields().round(2).loc[:, ["Adj Close", "Volume"]].to_csv().splitlines()[:5]),
    ("Open to close of one asset; the asset is named after the file", "csv", ohlcv()[:5]),
    ("Semicolons and decimal commas", "csv", [row.replace(".", ",") for row in plain(";")][:5]),
    ("One row an asset, dates across", "csv",
     [",".join(["Name", *DAYS]), *(",".join([k, *map(str, v)]) for k, v in BOTH.items())]),
    ("A folder of one file an asset", "text", ["prices/", "  AAPL.csv", "  MSFT.csv", "  SAP.xlsx"]),
)  # fmt: skip

HEAD = """# Your own data

`--prices` takes a file, a folder or the URL of a database; `load_panel(path)` does the same in Python. The shape is recognised, and what was
recognised, left out or turned round is said on the console, on the pages and in the JSON. Whatever can be read in two
ways is refused with the remedy: no number is guessed. `riskengine audit FILE` shows how a file is read and what looks
wrong in it, before anything rests on it.

- **Dates** are ISO, 2024-01-31. Names of months, year first with other marks, seconds since 1970 and Excel's day
  numbers are plain too, and are read with a note. 05/01/2024 is refused: format the column as yyyy-mm-dd.
- **Order** is oldest first. A file that runs strictly from newest to oldest is turned round; any other order is refused.
- **Prices**: an adjusted close goes before a close, and which was taken is said. Files of returns are refused.
- **Missing** prices are empty cells, `NaN`, `NA`, `N/A`, `#N/A`, `null`, `-` or a lone `.`. Nothing is filled.
- **Files**: `.csv`, `.tsv`, `.csv.gz`, `.zip` with one CSV, `.parquet`, and `.xlsx` with `pip install "riskengine[excel]"`.
- **Open, high, low and volume** come along with `load_prices(path)`, on the scale of the close.

## Shapes

"""


DATABASES = """## Databases

```sh
riskengine audit 'sqlite:///prices.db?table=closes'
riskengine backtest min_variance --prices 'duckdb:///prices.duckdb?table=closes'
riskengine backtest min_variance --prices 'duckdb:///folder_of_parts'
riskengine backtest min_variance --prices "postgresql://desk@host/market?query=SELECT day, ticker, close FROM eod WHERE region = 'EU'"
```

Quotes keep the shell from reading `?` and `&`. Three slashes stand before a file's path, a fourth begins a whole one,
`sqlite:////data/prices.db`. SQLite needs nothing; DuckDB and PostgreSQL need `pip install "riskengine[database]"`.

- **Rows** are one a date, one a date and asset, or of any other shape above: the same reader sees them, and the same
  rows give the same panel, hash and results as from a file. Rows of a database have no order: they are taken by date.
  Rows of date and asset, also of a file, give assets by name.
- **`table=`** is a table or view, `schema.table` where several schemas have it. It may be left out where there is one.
  **`query=`** is a SELECT. The database is opened to be read only.
- **Parts**: a folder of Parquet or CSV files that are parts of one table, a year each say, is the table `files` of
  `duckdb:///folder`. `duckdb://?query=SELECT ... FROM 'a/*.parquet'` asks without a database.
- **Passwords** belong in `~/.pgpass` or `PGPASSWORD`. One in the URL is used, and stands in no message, page or result.
  Other options of the URL, `sslmode=require` say, go to the server's library.

## A store: what was known when

```sh
riskengine store add history.csv --store prices.store --known 2024-05-01T18:00
riskengine store add today.csv --store prices.store
riskengine store show --store prices.store
riskengine rebalance min_variance --holdings holdings.csv --prices 'store:///prices.store?asof=2024-05-01T18:00'
```

Each file is a batch, known from a moment in UTC: now, or that of `--known`, which must come after the last batch. A
price that was known otherwise is a correction: both are kept, exit status 3 says that there are some, and
`store show --asset AAPL --date 2024-04-02` shows all that was ever known of one. An empty cell says nothing;
`store withdraw AAPL 2024-04-02` takes a price back. `--prices store:///prices.store` is all that is known;
`?asof=` what was known at a moment, a day alone to its end: a report made again with the `asof` it was made with is
equal to the byte, whatever was corrected since. `--asof` of a command is another thing, the last date of prices used.

A store is a DuckDB file (`pip install "riskengine[database]"`) of a row a date, asset and batch. DuckDB, not SQLite,
since what is asked for is the latest of millions of rows a price, a query over columns that arrives as Arrow. A batch is
written as a whole or not at all, also by a process that is killed. One process writes at a time; another one that
writes or reads meanwhile is refused with a clear line. Adjusted closes and closes as they were traded do not mix.

"""


def page() -> str:
    """The whole of docs/your-own-data.md."""
    parts = [HEAD]
    for title, kind, rows in FORMATS:
        parts.append(f"{title}:\n\n```{kind}\n" + "\n".join(rows) + "\n```\n\n")
    parts.append(DATABASES)
    cases = all_cases()
    read = sum(case.values is not None for case in cases)
    parts.append(
        f"## What comes of {len(cases)} ordinary and broken files\n\nMade by `tests/faults/vendor_files.py` and tried by "
        f"`tests/faults/test_files.py`: {read} are read, to the last digit, and {len(cases) - read} refused.\n\n"
        "| file | as from | outcome |\n|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory() as name:
        for k, case in enumerate(cases):
            where = Path(name) / str(k)
            where.mkdir()
            parts.append(
                f"| {_cell(case.name)} | {_cell(case.vendor)} | {_cell(_told(case, outcome(case, where)))} |\n"
            )
    return "".join(parts)


def _told(case: Case, found: Outcome) -> str:
    if found.refused:
        return f"refused: {re.sub(r'^[^:]*[.](csv|tsv|xlsx|parquet|zip|gz|xls): ', '', found.refused)}"
    if case.holdings:
        return "read"
    return "; ".join(
        ["read" if not found.notes or not found.notes[0].startswith("read") else "", *found.notes]
    ).strip("; ")


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
