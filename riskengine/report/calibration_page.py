"""The page of a calibration: volatilities and parameters of every asset, the most volatile first.

Made of the rows that `riskengine calibrate --json` prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from riskengine.report.page import Section, page
from riskengine.report.svg import share_cell


def render_calibration(rows: Sequence[dict[str, Any]], title: str, origin: dict[str, Any]) -> str:
    """The page as text; names of assets are escaped.

    Parameters
    ----------
    rows : an asset each
    title : model, method and date
    origin : what is needed to make it again

    Examples
    --------
    >>> row = {"asset": "KO", "omega": 5e-6, "alpha": 0.03, "gamma": 0.1, "beta": 0.9, "dof": 5.0, "persistence": 0.98}
    >>> row |= {"next_volatility": 0.16, "long_run_volatility": 0.25, "observations": 1000, "periods_per_year": 252}
    >>> row |= {"status": "ok", "findings": [], "notes": []}
    >>> "Next volatility a year from 16.0% (KO) to 16.0% (KO)" in render_calibration([row], "GJR-GARCH(1,1)", {})
    True
    """
    ordered = sorted(rows, key=lambda row: -row["next_volatility"])
    highest, lowest = ordered[0], ordered[-1]
    odd = [f"{row['asset']}: {row['status']}" for row in rows if row["status"] != "ok"]
    doubts = sorted({str(one["detail"]) for row in rows for one in row["findings"]})
    headline = (
        f"Next volatility a year from {lowest['next_volatility']:.1%} ({lowest['asset']}) to "
        f"{highest['next_volatility']:.1%} ({highest['asset']}); {len(odd)} of {len(rows)} assets are not ok."
    )
    notes = sorted({note for row in rows for note in row["notes"]})
    parts = [
        Section("What to look at", items=[*odd, *doubts, *notes]),
        _volatilities(ordered),
        _parameters(ordered),
    ]
    return page("Calibration", title, headline, parts, origin, bool(doubts or notes))


def _volatilities(rows: Sequence[dict[str, Any]]) -> Section:
    a_year = rows[0]["periods_per_year"]
    most = max(max(row["next_volatility"], row["long_run_volatility"]) for row in rows)
    return Section(
        "Volatility a year",
        f"Of {a_year:g} periods. Next: forecast of the next one; long run: where it returns to.",
        ["asset", "next", "", "long run", "", "observations"],
        [
            [
                row["asset"],
                f"{row['next_volatility']:.1%}",
                share_cell(row["next_volatility"], most),
                f"{row['long_run_volatility']:.1%}",
                share_cell(row["long_run_volatility"], most),
                f"{row['observations']:,}",
            ]
            for row in rows
        ],
    )


def _parameters(rows: Sequence[dict[str, Any]]) -> Section:
    formats = {"omega": "{:.1e}", "alpha": "{:.3f}", "gamma": "{:.3f}", "beta": "{:.3f}", "dof": "{:.1f}"}
    formats |= {"persistence": "{:.4f}"}
    return Section(
        "Parameters",
        "Tomorrow's variance is omega, plus alpha times the squared return, plus gamma times it after a loss, plus "
        "beta times today's variance; dof: degrees of freedom of the Student-t innovations.",
        ["asset", *formats, "status"],
        [
            [
                row["asset"],
                *(text.format(row[name]) for name, text in formats.items()),
                row["status"].partition(":")[0],
            ]
            for row in rows
        ],
    )
