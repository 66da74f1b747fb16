"""The page of a stress test: scenarios, episodes, reverse stress, limits.

Made of what `riskengine stress` writes as JSON; :func:`sections` also stands in the daily report.
"""

from __future__ import annotations

from typing import Any

from riskengine.report.holdings_page import held
from riskengine.report.labels import limit_label
from riskengine.report.page import Page, Section
from riskengine.report.svg import share_cell


def render_stress(content: dict[str, Any]) -> str:
    """The page as text, of the content of ``stress.json``.

    Examples
    --------
    >>> from riskengine import ArchReference, Panel, datasets
    >>> from riskengine.desk import Desk, StressSettings, stress_content, stress_test
    >>> from riskengine.risk import Simulation
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> settings = StressSettings(Simulation(horizon=10, paths=2000), window=250)
    >>> test = stress_test(panel, {"AAPL": 0.5, "KO": 0.5}, ArchReference(), settings)
    >>> "The worst scenario is" in render_stress(stress_content(test, panel, Desk(), settings))
    True
    """
    return page_of_stress(content).html()


def page_of_stress(content: dict[str, Any]) -> Page:
    """The same as sections."""
    worst = max(content["scenarios"], key=lambda row: row["drawdown"])
    limit = next((row["limit"] for row in content["limits"] if row["name"] == "drawdown"), None)
    headline = f"The worst scenario is {worst['name']}: a drawdown of {worst['drawdown']:.1%}" + (
        "." if limit is None else f" against a limit of {limit:.1%}."
    )
    parts = [
        Section("Flags", items=content["flags"], brief=True),
        *_limits(content["limits"]),
        *held(content),
        *sections(content),
        Section("Notes", items=content["notes"]),
    ]
    return Page("Stress", content["date"], headline, parts, content["provenance"], bool(content["flags"]))


def sections(numbers: dict[str, Any]) -> list[Section]:
    """Simulated scenarios, episodes replayed, reverse stress."""
    return [_simulated(numbers), _replayed(numbers), _reverse(numbers)]


def loss_horizon(numbers: dict[str, Any]) -> str:
    """Over how long the losses of the simulated scenarios are.

    Examples
    --------
    >>> loss_horizon({"units": {"var_99": "loss as a fraction of wealth over 21 days, 99%"}})
    '21 days'
    """
    return str(numbers["units"]["var_99"].split("over ")[1].split(",")[0])


def stress_cell(row: dict[str, Any], key: str) -> str:
    """A figure in percent, with its standard error where it is worth a digit.

    Examples
    --------
    >>> stress_cell({"var_99": 0.0734, "var_99_error": 0.0031}, "var_99"), stress_cell({"drawdown": 0.1}, "drawdown")
    ('7.3% ± 0.3%', '10.0%')
    """
    error = row.get(f"{key}_error", 0.0)
    return f"{row[key]:.1%}" + (f" ± {error:.1%}" if error >= 0.0005 else "")


def _simulated(numbers: dict[str, Any]) -> Section:
    worst = max(row["drawdown"] for row in numbers["scenarios"])
    figures = ("loss_median", "var_95", "var_99", "cvar_99", "drawdown")
    return Section(
        "Simulated scenarios",
        f"Losses over {loss_horizon(numbers)} as fractions of wealth, ± standard errors of the simulation; "
        "drawdown: its 99% quantile, with the margin to the limit. Drivers: the holdings "
        "that lose most in the worst 1% of paths.",
        ["scenario", "median", "VaR 95%", "VaR 99%", "CVaR 99%", "drawdown", "", *_ends(numbers), "drivers"],
        [
            [
                row["name"],
                *(stress_cell(row, key) for key in figures),
                share_cell(row["drawdown"], worst),
                *_end(row),
                _drivers(row),
            ]
            for row in numbers["scenarios"]
            if row["paths"] > 1
        ],
    )


def _replayed(numbers: dict[str, Any]) -> Section:
    worst = max(row["drawdown"] for row in numbers["scenarios"])
    return Section(
        "Episodes and shocks",
        "The standardised residuals of then at today's volatilities, and the returns of then, on today's weights; "
        "shocks of asset classes where the prices do not reach, and those of regulators.",
        ["episode", numbers["units"]["horizon"], "loss", "drawdown", "", *_ends(numbers), "drivers"],
        [
            [
                row["name"],
                str(row["horizon"]),
                stress_cell(row, "loss"),
                stress_cell(row, "drawdown"),
                share_cell(row["drawdown"], worst),
                *_end(row),
                _drivers(row),
            ]
            for row in numbers["scenarios"]
            if row["paths"] == 1
        ],
    )


def _reverse(numbers: dict[str, Any]) -> Section:
    return Section(
        "Reverse stress",
        "The likeliest way to lose a given sum, its distance in standard deviations, the chance of losing as much.",
        ["loss", numbers["units"]["horizon"], "distance", "probability", "the largest moves"],
        [
            [
                f"{row['loss']:.0%}",
                str(row["horizon"]),
                f"{row['distance']:.1f}",
                f"{100 * row['probability']:.2g}%",
                _moves(row["returns"]),
            ]
            for row in numbers["reverse"]
        ],
    )


def _limits(limits: list[dict[str, Any]]) -> list[Section]:
    rows = [
        [
            limit_label(row["name"]),
            row["on"],
            "" if row["value"] is None else f"{row['value']:.2%}",
            f"{row['limit']:.2%}",
            "" if row["value"] is None else share_cell(row["value"], row["limit"], row["light"]),
            row["light"] or "",
        ]
        for row in limits
    ]
    return (
        [
            Section(
                "Limits",
                headings=["limit", "on", "value", "at most", "used", "light"],
                rows=rows,
                brief=True,
            )
        ]
        if rows
        else []
    )


def _ends(numbers: dict[str, Any]) -> list[str]:
    """Headings of the columns on the drawdown's limit, where there is one."""
    return ["margin", "limit"] if "margin" in numbers["scenarios"][0] else []


def _end(row: dict[str, Any]) -> list[str]:
    return [f"{row['margin']:+.1%}", row["light"]] if "margin" in row else []


def _drivers(row: dict[str, Any]) -> str:
    worst = sorted(row["drivers"].items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{name} {loss:.1%}" for name, loss in worst if loss > 0)


def _moves(returns: dict[str, float]) -> str:
    largest = sorted(returns.items(), key=lambda item: item[1])[:4]
    return ", ".join(f"{name} {move:+.0%}" for name, move in largest)
