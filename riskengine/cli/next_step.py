"""What to do next, in one line at the end of every command, where a person reads it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from riskengine.cli.console import FLAGGED

NEXT = {
    "archive": "riskengine archive {folder} DAY DAY, what changed between two",
    "audit": "riskengine backtest min_variance --prices {prices}",
    "backtest": "riskengine rebalance {strategy}{with_prices} --holdings FILE",
    "brinson": "riskengine reduction STRATEGY{with_prices}, the risk taken apart",
    "calibrate": "riskengine backtest min_variance{with_prices}",
    "demo": "riskengine init mine",
    "holdings": "riskengine risk{with_prices} --holdings {file}",
    "init": "cd {folder} && make backtest",
    "limits": "riskengine rebalance STRATEGY --holdings FILE --limits FILE",
    "pretrain": 'rk.NeuralCalibrator.pretrained("{out}") in Python',
    "price": "riskengine price --example, all that a term sheet may hold",
    "rebalance": "riskengine stress{with_prices} --holdings {holdings}",
    "reduction": "riskengine rebalance {strategy}{with_prices} --holdings FILE",
    "report": "{folder}/report.html in a browser",
    "risk": "riskengine stress{with_prices}{with_holdings}",
    "scenarios": "riskengine risk --holdings FILE, which asks what each would cost",
    "smile": 'riskengine price TERMS.toml with file = "{out}/smile.json"',
    "store add": "riskengine backtest min_variance --prices store:///{store}",
    "store show": "riskengine backtest min_variance --prices store:///{store}",
    "store withdraw": "riskengine store show --store {store}",
    "stress": "riskengine risk{with_prices}{with_holdings}",
    "sweep": "riskengine backtest STRATEGY, a page of the one that you choose",
    "validate": "riskengine backtest STRATEGY, the engine's own VaR on your prices",
    "watch": "riskengine watch --state {state} < ROWS, which goes on from here",
}
"""By command; ``{with_prices}`` is the option as it was given, or nothing."""

_ELSEWHERE = "riskengine --help, the other commands"


def next_step(command: str, given: Mapping[str, Any]) -> str:
    """The line after a command, with its arguments.

    Examples
    --------
    >>> next_step("calibrate", {"prices": Path("mine.csv")}), next_step("calibrate", {"prices": None})
    ('riskengine backtest min_variance --prices mine.csv', 'riskengine backtest min_variance')
    """
    words = {name: _shown(value) for name, value in given.items()}
    for name in ("prices", "holdings"):
        words[f"with_{name}"] = "" if given.get(name) is None else f" --{name} {words[name]}"
    return NEXT.get(command, _ELSEWHERE).format_map(words)


def _shown(value: Any) -> str:
    """A file of the package by its bundled name, any other as it was named, quoted where a shell needs it."""
    from riskengine import datasets

    if isinstance(value, Path) and value.name == "prices.parquet" and value.parent.name in datasets.NAMES:
        return value.parent.name
    return shlex.quote(str(value)) if isinstance(value, Path) else str(value)


def _name(context: Any) -> str:
    """Of a command, with that of its group before it; not how the program itself was called."""
    within = "" if context.parent is None else _name(context.parent)
    return f"{within} {context.info_name}".strip() if context.parent is not None else ""


class GuidedCommand(TyperCommand):
    """A command that says what to do next once it worked: on a terminal, and not where JSON was asked for."""

    def invoke(self, context: Any) -> Any:
        """Run it."""
        try:
            answer = super().invoke(context)
        except typer.Exit as stop:
            if stop.exit_code == FLAGGED:
                self._say(context)
            raise
        self._say(context)
        return answer

    @staticmethod
    def _say(context: Any) -> None:
        if context.params.get("as_json"):
            return
        command = _name(context)
        console = Console(stderr=command == "watch")  # whose standard output is JSON
        if console.is_terminal:
            said = next_step(command, context.params)
            console.print(f"Next: {said}", style="dim", highlight=False, markup=False, soft_wrap=True)


class GuidedTyper(typer.Typer):
    """An application of such commands."""

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """Register a command, as ``typer.Typer`` does."""
        return super().command(name, **{"cls": GuidedCommand} | settings)
