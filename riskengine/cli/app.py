"""The application that all commands join, and its entry point."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from riskengine.cli.next_step import GuidedTyper
from riskengine.errors import RiskEngineError

app = GuidedTyper(
    name="riskengine",
    help="Portfolio risk and rebalancing: neural GARCH calibration, covariance forecasts, walk-forward backtests.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _say_version(asked: bool) -> None:
    if asked:
        print(version("riskengine"))
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: errors that a user can mend are one line on standard error and exit status 1.

    Examples
    --------
    >>> import subprocess
    >>> from importlib.metadata import version
    >>> command = [sys.executable, "-c", "from riskengine.cli import main; main()", "--version"]
    >>> subprocess.run(command, capture_output=True, text=True).stdout.strip() == version("riskengine")
    True
    """
    from riskengine.runtime import keep_compiled, use_cores

    try:
        use_cores()
        keep_compiled()
        app()
    except RiskEngineError as error:
        message = " ".join(str(error).split())
        print(f"riskengine: {message}", file=sys.stderr)
        sys.exit(1)
