"""`--schema` and `--example` of the commands that read a file of settings."""

from __future__ import annotations

from typing import Annotated

import typer


def _print(context: typer.Context, option: typer.CallbackParam, asked: bool) -> None:
    """Print what the command's file may hold, and stop."""
    if not asked:
        return
    from riskengine.backtest import GridFile
    from riskengine.book import BookFile
    from riskengine.desk import LibraryFile, LimitsFile, TermsFile
    from riskengine.schema import Table, example, json_schema

    kinds: dict[str, type[Table]] = {
        "rebalance": LimitsFile,
        "stress": LimitsFile,
        "holdings": BookFile,
        "risk": LimitsFile,
        "limits": LimitsFile,
        "watch": LimitsFile,
        "scenarios": LibraryFile,
        "price": TermsFile,
        "sweep": GridFile,
    }
    kind = kinds[str(context.info_name)]
    print(json_schema(kind) if option.name == "schema" else example(kind), end="")
    raise typer.Exit


Schema = Annotated[
    bool,
    typer.Option(
        "--schema", is_eager=True, callback=_print, help="Print the JSON Schema of the command's file."
    ),
]
Example = Annotated[
    bool,
    typer.Option(
        "--example", is_eager=True, callback=_print, help="Print a commented file that loads, in TOML."
    ),
]
