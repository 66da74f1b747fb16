"""Prices that are kept and corrected: `store add`, `store withdraw`, `store show`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from riskengine.cli.app import app
from riskengine.cli.arguments import Json, PricesToAudit
from riskengine.cli.console import FLAGGED, new_table, plainly, screen
from riskengine.cli.next_step import GuidedTyper
from riskengine.errors import SettingsError

store_app = GuidedTyper(
    name="store",
    help="A point-in-time store of prices: corrections are kept beside what they correct, and --prices "
    "'store:///prices.store?asof=2024-05-01T18:00' gives what was known then.",
    no_args_is_help=True,
)
app.add_typer(store_app)

StoreFile = Annotated[Path, typer.Option("--store", help="File of the store.")]
Known = Annotated[
    str | None,
    typer.Option(help="Moment from which on this is known, UTC, like 2024-05-01T18:00; now if left out."),
]


@store_app.command()
def add(
    prices: PricesToAudit,
    store: StoreFile = Path("prices.store"),
    known: Known = None,
    as_json: Json = False,
) -> None:
    """Append prices to a store; those that differ from what is stored are kept as corrections.

    Exit status 3 if something was corrected.
    """
    from riskengine.market import add_prices

    found = add_prices(store, prices, known)
    if as_json:
        print(json.dumps(asdict(found) | {"store": str(store)}))
    else:
        console = screen(False)
        since = f", known from {found.known} UTC" if found.batch else ""
        plainly(
            console,
            f"{store}: {found.added} prices added, {found.corrected} corrected, {found.same} known already{since}",
        )
        if found.corrections:
            _show(console, f"Corrections, the largest of {found.corrected}", found.corrections)
    if found.corrected:
        raise typer.Exit(FLAGGED)


@store_app.command()
def withdraw(
    asset: Annotated[str, typer.Argument(help="Name of the asset.")],
    date: Annotated[str, typer.Argument(help="Date of the price.")],
    store: StoreFile = Path("prices.store"),
    known: Known = None,
) -> None:
    """Withdraw a price: from now on there is none of that asset and date."""
    from riskengine.market import withdraw as take_back

    since = take_back(store, asset, date, known)
    plainly(screen(False), f"{store}: {asset} on {date} withdrawn, known from {since} UTC")


@store_app.command()
def show(
    store: StoreFile = Path("prices.store"),
    asset: Annotated[str | None, typer.Option(help="With --date: all that was known of one price.")] = None,
    date: Annotated[str | None, typer.Option(help="With --asset: date of the price.")] = None,
    as_json: Json = False,
) -> None:
    """Show the batches of a store, or the history of one price."""
    from riskengine.market import batches, history

    if (asset is None) != (date is None):
        raise SettingsError("one price is named by both --asset and --date")
    rows = batches(store) if asset is None or date is None else history(store, asset, date)
    if as_json:
        print(json.dumps({"store": str(store), "rows": rows}))
        return
    told = [{key: value for key, value in row.items() if key != "hash"} for row in rows]
    _show(screen(False), str(store) if asset is None else f"{asset} on {date}", told)


def _show(console: Any, title: str, rows: Any) -> None:
    table = new_table(escape(title))
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape("-" if value is None else f"{value}") for value in row.values()))
    console.print(table)
