"""The gallery of studies: what each asks, the command that runs it again, and its main table drawn."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "backtests" / "results"
_WIDEST = 75
"""Percent of its place that the longest bar takes; its number stands behind it."""


@dataclass(frozen=True)
class Plot:
    """A column of a table in bars.

    Attributes
    ----------
    finding : title of the plot
    table, label, value : of the study's JSON; several labels are joined
    where : column and value of the rows to draw; all if not given
    most : rows
    """

    finding: str
    table: str
    label: tuple[str, ...]
    value: str
    where: tuple[str, object] | None = None
    most: int = 14


PASSING = "share passing, 97.5%"
PLOTS = {
    "backtest_speed": Plot("A decision of 500 assets: processor seconds", "rebalance", ("forecast",), "processor, s"),
    "bias_statistic": Plot(
        "Long-short portfolios of 100 stocks inside the 21-day band; 95% is right",
        "100 most traded US stocks, long-short", ("forecast",), "21 days: all",
    ),
    "calibration_frontier": Plot(
        "Lead in log score over arch, 306 US stocks", "frontier", ("model", "panel"), "log score, over arch"
    ),
    "calibration_limit": Plot(
        "Error of the log variance over that of the exact posterior; 1 cannot be beaten",
        "ratios", ("estimator", "days"), "log variance",
    ),
    "calibration_race": Plot(
        "Lead in log score over arch, windows of 1,000 days: the robust, pooled network",
        "scores", ("panel",), "lead over arch (t)", ("calibrator", "robust, pooled"),
    ),
    "calibration_real": Plot("Mean log score on the bundled prices", "scores", ("calibrator",), "mean"),
    "calibration_refined": Plot("Fits that reach the maximum, refined network", "shares", ("series",), "refined"),
    "calibration_shocks": Plot(
        "One bad print six days ago multiplies the error of tomorrow's variance by",
        "outliers", ("estimator", "days"), "growth, late",
    ),
    "calibration_simulated": Plot(
        "Error of the persistence over that of maximum likelihood", "ratios", ("estimator", "days"), "persistence"
    ),
    "calibration_speed": Plot("Times as long as the network", "speed", ("what",), "value", most=3),
    "calibration_universe": Plot(
        "Lead in log score over arch, windows of 1,000 days, from closes",
        "panels", ("panel",), "log score, over arch", ("window", 1000),
    ),
    "chain_quantlib": Plot("Error of Heston on a whole chain, volatility points", "fits", ("who",), "error, points"),
    "covariance_race_100": Plot(
        "Volatility of minimum variance, 100 stocks", "100 stocks", ("100 stocks",), "volatility", most=20
    ),
    "covariance_race_500": Plot(
        "Volatility of minimum variance, 500 stocks", "500 stocks", ("500 stocks",), "volatility"
    ),
    "covariance_race_1000": Plot(
        "Volatility of minimum variance, 1,000 stocks", "1000 stocks", ("1000 stocks",), "volatility"
    ),
    "demo_mandate": Plot(
        "130/30 on US stocks ranked 101 to 200: volatility", "130/30: US stocks ranked 101 to 200", ("portfolio",),
        "volatility",
    ),
    "drawdown_overlay": Plot(
        "Deepest drawdown, 20 US stocks since 1995", "20 US stocks since 1995", ("portfolio",), "deepest drawdown"
    ),
    "exotics_accuracy": Plot(
        "Difference from the reference in standard errors, under Heston", "heston", ("product",),
        "difference, s.e.", most=10,
    ),
    "exotics_speed": Plot(
        "An Asian to one basis point of spot: times this engine's processor time",
        "asian", ("",), "times ours, processor",
    ),
    "live_speed": Plot("From a row to the risk of 5,000 assets, ms", "times", ("row",), "median, ms"),
    "min_risk_25": Plot("Likelihood regret of 25 stocks, less is better", "regret", ("forecast",), "regret, as published"),
    "optimiser_speed": Plot("Solvers, times as long as Clarabel", "solvers", ("covariance", "solver"), "over Clarabel"),
    "precalibration": Plot("Iterations of Heston from each start", "simulated", ("start",), "iterations"),
    "realized_volatility": Plot(
        "Volatility on 20 stocks, long only, at most 20% an asset", "capped", ("portfolio",), "volatility"
    ),
    "risk_test_sizes": Plot(
        "How often a right forecast is rejected at 5%, 250 days", "Student-t, 97.5%", ("Student-t, 97.5%",), "T = 250"
    ),
    "scenario_realism": Plot(
        "Assets whose volatility clusters as the data's do", "inside", ("panel", "law of a day"), "autocorrelation of |r|"
    ),
    "scenario_speed": Plot("Times as fast as plain NumPy", "speed", ("law of a day",), "ratio"),
    "steady_risk": Plot(
        "Distance of the 63-day volatility from 10%, 18 ETFs sized daily",
        "18 ETFs, daily, 503 days, at 10%", ("at 10%",), "distance",
    ),
    "universe_experts_21": Plot("Volatility 2013 to 2017, minimum variance", "volatility", ("forecast",), "2013-17"),
    "vanilla_accuracy": Plot(
        "Sets on which QuantLib's engine is wrong by more than 1e-8, or gives up", "heston", ("QuantLib's engine",),
        "above 1e-8 or none",
    ),
    "var_race": Plot("Series that pass the dynamic quantile test; 95% is right", "passing 0.975", (PASSING,), "dynamic quantile"),
}  # fmt: skip
"""By the name of a study's results."""


def studies() -> str:
    """The page, by subject."""
    parts = [
        "# Studies\n\nWhat the engine's claims rest on, and where it loses. Each is a module of `backtests` that runs again; "
        "its page has all tables, with commit, seeds and hashes.\n"
    ]
    subjects: dict[str, list[str]] = {}
    for path in sorted(RESULTS.glob("*.md")):
        module, about = _asked(path.stem)
        subject = module.split(".")[1] if module else "earlier"
        subjects.setdefault(subject, []).append(_entry(path, module, about))
    for subject, entries in subjects.items():
        parts += [f"## {subject.capitalize()}\n", *entries]
    return "\n".join(parts)


def _entry(path: Path, module: str, about: str) -> str:
    """Title, question, command and picture of a study."""
    title = path.read_text().splitlines()[0].removeprefix("# ")
    run = f"\n\n    python -m {module}\n" if module else ""
    plot = PLOTS.get(path.stem)
    drawn = (
        ""
        if plot is None
        else f"\n{bars(plot, json.loads(path.with_suffix('.json').read_text())[plot.table])}\n"
    )
    return f"### [{title}](results/{path.name})\n\n{about}{run}{drawn}"


def _asked(name: str) -> tuple[str, str]:
    """Module that writes the results of this name, and the first sentence of its docstring."""
    for path in sorted((ROOT / "backtests").glob("*/*.py")):
        text = path.read_text()
        stems = re.findall(r'Record\(\s*f?"([\w{}]+)"', text)
        if any(re.fullmatch(re.sub(r"\\{[^}]*\\}", r"\\w+", re.escape(stem)), name) for stem in stems):
            about = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
            return f"backtests.{path.parent.name}.{path.stem}", about
    return "", ""


def number(cell: object) -> float | None:
    """The first number of a cell; None if it holds none.

    Examples
    --------
    >>> number("+0.0212 (+8.5), 61%"), number("15.50%"), number(""), number(75)
    (0.0212, 15.5, None, 75.0)
    """
    found = re.search(r"[-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?", str(cell))
    return float(found[0].replace(",", "")) if found else None


def bars(plot: Plot, rows: list[dict[str, object]]) -> str:
    """A bar a row, with its number beside it, in text that has its size on every screen."""
    chosen = [row for row in rows if plot.where is None or row.get(plot.where[0]) == plot.where[1]]
    shown = [
        (
            ", ".join(str(row[name]) for name in plot.label),
            value,
            str(row[plot.value]).split(" (")[0].split(",")[0],
        )
        for row in chosen
        if (value := number(row[plot.value])) is not None
    ][: plot.most]
    low, high = min(0.0, *(value for _, value, _ in shown)), max(0.0, *(value for _, value, _ in shown))
    scale = _WIDEST / (high - low or 1.0)
    parts = []
    for k, (name, value, text) in enumerate(shown):
        begin, length = scale * (min(value, 0.0) - low), scale * abs(value)
        colour = "#3f87c9" if k == 0 else "#8a939c"
        parts.append(
            f'<span style="text-align:right">{escape(name)}</span><span style="display:flex;gap:.4rem;align-items:center">'
            f'<i style="flex:none;height:.7em;margin-left:{begin:.1f}%;width:{length:.1f}%;background:{colour}"></i>'
            f"{escape(text)}</span>"
        )
    grid = "display:grid;grid-template-columns:minmax(6rem,38%) 1fr;gap:.1rem .8rem;font-size:.68rem;font-style:normal"
    return (
        f'<div style="margin:.8rem 0"><strong>{escape(plot.finding)}</strong>'
        f'<div style="{grid}">{"".join(parts)}</div></div>'
    )
