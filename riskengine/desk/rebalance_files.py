"""The files of a daily report: orders as CSV, everything as JSON, one page, and a history that only grows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from riskengine.desk.rebalance import Rebalance
from riskengine.desk.strategy_state import keep
from riskengine.errors import DataError
from riskengine.files import write_atomically

HISTORY = "history.jsonl"
FILES = ("trades.csv", "report.json", "report.html", HISTORY)


def write_rebalance(found: Rebalance, page: str, out: Path) -> None:
    """Write the strategy's state, ``trades.csv``, ``report.json`` and ``report.html``; add a line to the history.

    In this order, each file at once or not at all: killed in between, the same command writes the same files again,
    since it starts from the state before this close, and adds its line to the history if it is not there.

    Parameters
    ----------
    found : the report
    page : the same as HTML
    out : folder of the desk

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from riskengine import EqualWeight, datasets
    >>> from riskengine.desk import Desk, Holdings, decide, trade_list
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> morning, last = decide(EqualWeight(), panel, np.zeros(20), out=None), panel.prices.to_numpy()[-1]
    >>> trades = trade_list(Holdings(panel.assets, np.zeros(20), cash=1e5), last, morning.decision.weights, Desk())
    >>> content = {"date": "2019-12-31", "strategy": "equal weight", "status": "clean", "weights": {"KO": 0.05}}
    >>> content |= {"wealth": 1e5, "cash": 0.0, "flags": [], "trades": [], "risk": {"after": {"volatility": 0.1}}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rebalance(Rebalance(content, trades, panel.assets, last, morning), "<html></html>", Path(folder))
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['history.jsonl', 'report.html', 'report.json', 'state', 'trades.csv']
    """
    content = found.content
    report = (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()
    line = json.dumps(_entry(content, report))
    lines, _ = read_history(out, content["date"])
    for name in FILES:  # of a write that a kill cut short
        for part in out.glob(f"{name}*.part"):
            part.unlink(missing_ok=True)
    keep(found.morning, out, content["date"])
    write_atomically(out / "trades.csv", _orders_csv(content["trades"]).encode())
    write_atomically(out / "report.json", report)
    write_atomically(out / "report.html", page.encode())
    if line not in lines:
        write_atomically(out / HISTORY, ("\n".join([*lines, line]) + "\n").encode())


def _orders_csv(trades: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ["asset", "side", "units", "price", "value", "participation"]
    if trades and "account" in trades[0]:
        columns = ["account", *columns[:4], "currency", *columns[4:]]
    writer.writerow(columns)
    for row in trades:
        writer.writerow(["" if row[name] is None else _plain(row[name]) for name in columns])
    return text.getvalue()


def _entry(content: dict[str, Any], report: bytes) -> dict[str, Any]:
    """Of the history."""
    names = ("date", "strategy", "status", "weights", "wealth", "cash", "flags")
    return {name: content[name] for name in names} | {
        "volatility": content["risk"]["after"]["volatility"],
        "report": hashlib.sha256(report).hexdigest(),
    }


def _plain(value: Any) -> str:
    """A cell that a spreadsheet takes for text where it is text, and for a number where it is one."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return "'" + value if value[:1] in "=+-@\t\r" else value


def read_history(out: Path, date: str) -> tuple[list[str], dict[str, Any] | None]:
    """Lines of the history, and its last entry before a date.

    Raises
    ------
    DataError
        If the history is damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / HISTORY).write_text('{"date": "2024-01-30", "weights": {"KO": 1.0}}\\n')
    ...     lines, last = read_history(Path(folder), "2024-01-31")
    >>> last
    {'date': '2024-01-30', 'weights': {'KO': 1.0}}
    """
    path = out / HISTORY
    if not path.is_file():
        return [], None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        earlier = [entry for entry in entries if entry["date"] < date and isinstance(entry["weights"], dict)]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}): move it away to begin a new history") from error
    return lines, earlier[-1] if earlier else None
