"""A folder to begin with: strategies, a small file of prices, examples of every file that commands read, a Makefile."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from riskengine.bundled import bundled
from riskengine.datasets import us_equities_20
from riskengine.errors import SettingsError
from riskengine.files import write_atomically

DAYS, TOLD = 1520, 3
"""Closes in the file of prices: five years to learn from and one to test on; days after them that `watch` is told."""

README = """# A workspace of riskengine

    make backtest    # a strategy through history beside four benchmarks: out/backtest/report.html
    make morning     # today's orders within the limits of limits.toml: out/desk/report.html
    make             # everything below

| file | what it is | read by |
|---|---|---|
| strategies/ | one strategy a file: change them, add your own | backtest, sweep, rebalance |
| prices.csv | dates and one column an asset; bring your own in its place | all |
| holdings.csv | asset and quantity; CASH is money | rebalance, stress, risk |
| positions.csv | two accounts as a broker writes them, with a short and tax lots | holdings, rebalance, stress, risk |
| limits.toml | lots, costs, groups and limits of the desk | rebalance, stress, risk |
| labels.csv | sector and class of each asset | risk, stress, brinson |
| grid.toml | strategies and settings to compare | sweep |
| forecasts.csv | dates, returns and VaR forecasts of a portfolio | validate |
| rows.csv | returns of the days after the prices | watch |
| quotes.csv, terms.toml | implied volatilities of an index; an exotic | smile, price |

`riskengine COMMAND --help` explains a command; `--example` and `--schema` of rebalance, stress, sweep and price say
what their files may hold. The prices are those of 20 large US stocks that were alive in 2022: for trying things, not
for claims on returns.
"""

COMMANDS = {
    "audit": "audit prices.csv --out out/audit",
    "calibrate": "calibrate --prices prices.csv",
    "backtest": "backtest strategies/min_variance.py --prices prices.csv --step month --out out/backtest",
    "brinson": "brinson out/backtest --labels labels.csv --by sector",
    "morning": "rebalance strategies/min_variance.py --prices prices.csv --holdings holdings.csv --limits limits.toml "
    "--out out/desk --archive out/archive",
    "archive": "archive out/archive",
    "holdings": "holdings positions.csv --prices prices.csv --out out/holdings",
    "limits": "limits limits.toml",
    "scenarios": "scenarios",
    "stress": "stress --prices prices.csv --holdings holdings.csv --limits limits.toml --out out/stress",
    "risk": "risk --prices prices.csv --holdings holdings.csv --labels labels.csv --limits limits.toml "
    "--trades out/desk/trades.csv --out out/risk",
    "sweep": "sweep --grid grid.toml --step month --out out/sweep",
    "validate": "validate forecasts.csv --level 0.99",
    "watch": "watch --state out/watch --prices prices.csv < rows.csv",
    "smile": "smile quotes.csv --out out/smile",
    "price": "price terms.toml --out out/price",
}
"""What the targets of the Makefile run."""

MAKEFILE = f"""# A morning of cron: cd HERE && make morning
# Exit status 3 of a command: it worked, and found something to look at.
RISKENGINE ?= riskengine

.PHONY: all {" ".join(COMMANDS)}

all: {" ".join(COMMANDS)}

""" + "\n".join(f"{name}:\n\t$(RISKENGINE) {line} || [ $$? -eq 3 ]\n" for name, line in COMMANDS.items())

LIMITS = """# What the desk may do: riskengine rebalance --example explains each line, --schema lists all.
lot = { "*" = 1 }
minimum_trade = 500.0
cash = 0.01
cost_rate = 0.0005
groups = { BAC = "banks", JPM = "banks", CVX = "energy", XOM = "energy" }
limits = { weight = 0.2, "group:banks" = 0.3, var_99 = 0.05 }
"""

SECTORS = {
    "Consumer Discretionary": "BBY HD",
    "Consumer Staples": "KO PEP PG WMT",
    "Energy": "CVX RRC XOM",
    "Financials": "BAC JPM",
    "Health Care": "JNJ LLY MRK PFE UNH",
    "Industrials": "GE",
    "Information Technology": "AAPL AMD MSFT",
}
"""GICS sectors of the assets in the file of prices."""

GRID = """# riskengine sweep --example explains each line.
strategies = ["strategies/min_variance.py", "strategies/risk_parity.py"]
settings = { upper = [0.2, 0.3] }

[universes.twenty]
prices = "prices.csv"
"""


POSITIONS = """\
"Positions as of the close"

"Account","Symbol","Quantity","Open Date","Cost/Share","Currency","Asset Class"
"Main","AAPL","150","2019-03-04","42.10","USD","Equity"
"Main","AAPL","50","2022-02-01","168.00","USD","Equity"
"Main","KO","1,200","2018-05-14","41.80","USD","Equity"
"Main","XOM","(100)","2022-06-01","94.00","USD","Equity"
"Main","Cash & Cash Investments","$21,400.00","","","USD","Cash and Money Market"
"Pension","MSFT","90","2020-07-01","202.00","USD","Equity"
"Pension","JNJ","120","2021-01-05","157.00","USD","Equity"
"Pension","Cash & Cash Investments","$5,250.75","","","USD","Cash and Money Market"
"Account Total","","","","","",""
"""


def workspace_files() -> dict[str, bytes]:
    """Contents by path within the folder."""
    prices = us_equities_20().prices.iloc[-DAYS - TOLD :].round(4)
    known, later = prices.iloc[:-TOLD], prices.pct_change(fill_method=None).iloc[-TOLD:]
    texts = {
        "README.md": README,
        "Makefile": MAKEFILE,
        "positions.csv": POSITIONS,
        "limits.toml": LIMITS,
        "grid.toml": GRID,
        "prices.csv": known.to_csv(date_format="%Y-%m-%d"),
        "holdings.csv": "asset,quantity\nAAPL,150\nJNJ,120\nJPM,140\nKO,300\nMSFT,80\nXOM,170\nCASH,25000\n",
        "labels.csv": "asset,sector,class\n"
        + "".join(f"{name},{sector},equity\n" for sector, names in SECTORS.items() for name in names.split()),
        "forecasts.csv": _forecasts(known).to_csv(date_format="%Y-%m-%d", float_format="%.6f"),
        "rows.csv": later.to_csv(date_format="%Y-%m-%d", float_format="%.6f"),
    }
    copied = {
        "quotes.csv": bundled("data/dax_options_2002/quotes.csv"),
        "terms.toml": bundled("docs/terms.toml"),
        **{f"strategies/{path.name}": path for path in sorted(bundled("strategies").glob("*.py"))},
    }
    return {name: text.encode() for name, text in texts.items()} | {
        name: path.read_bytes() for name, path in copied.items() if path.stem != "__init__"
    }


def _forecasts(prices: pd.DataFrame) -> pd.DataFrame:
    """Returns of equal weights, and a VaR at 99% from exponential weights, each known the day before."""
    returns = prices.pct_change(fill_method=None).iloc[1:].mean(axis=1)
    deviation = (returns**2).ewm(alpha=0.06).mean().shift() ** 0.5
    return pd.DataFrame({"return": returns, "var": 2.6 * deviation}).iloc[250:]


def lay_out(folder: Path) -> list[Path]:
    """Write the files of a workspace; nothing that is there is written over.

    Raises
    ------
    SettingsError
        If one of its files is in the folder already.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(path.name for path in lay_out(Path(folder) / "mine"))[:4]
    ['Makefile', 'README.md', 'black_litterman.py', 'drawdown_overlay.py']
    """
    files = workspace_files()
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise SettingsError(f"{folder / there[0]} is there already: name a new folder")
    for name, content in files.items():
        write_atomically(folder / name, content)
    return [folder / name for name in files]
