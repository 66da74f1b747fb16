"""Options: `price` and `smile`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from riskengine.cli.app import app
from riskengine.cli.arguments import (
    American,
    Beta,
    DayCount,
    DividendYield,
    ErrorWeights,
    Expiry,
    Feller,
    Forward,
    GarchWindow,
    Json,
    Jumps,
    Normal,
    Percent,
    QuoteDate,
    QuoteFile,
    Shift,
    SmileFolder,
    Spot,
    Underlying,
    UnderlyingName,
    UnderlyingPrices,
    ZeroRate,
)
from riskengine.cli.console import FLAGGED, bars, new_table, plainly, screen, working
from riskengine.cli.file_schema import Example, Schema


@app.command("price")
def price_(
    terms: Annotated[
        Path,
        typer.Argument(
            help="TOML or JSON with underlying, model, product and simulation; --example prints one."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for price.json and price.html.")] = Path("out/price"),
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Price exotics by Monte Carlo: standard errors, Greeks, and how a price depends on a term and on the model.

    Exit status 3 if the fit of the smile that was given is poor.
    """
    from riskengine.cli.runs import run_price

    console = screen(as_json)
    with bars(console) as report:
        content = run_price(terms, out, report)
    if as_json:
        print(json.dumps(content))
    else:
        trades = content.get("trades", [content])
        for one in trades:
            for shown in price_tables(one, len(trades) > 1):
                console.print(shown)
            for note in one["notes"]:
                console.print(f"- {note}", highlight=False, markup=False)
        if len(trades) > 1:
            console.print(totals_table(content))
            for note in content["notes"]:
                console.print(f"- {note}", highlight=False, markup=False)
        console.print(f"[bold]{out / 'price.html'}[/bold]")
    if content["flagged"]:
        raise typer.Exit(FLAGGED)


def totals_table(content: dict[str, Any]) -> Table:
    """Value and Greeks of all trades by their quantities, and the value under each model of a smile."""
    from riskengine.report import total_rows

    table = new_table("Together, by quantity")
    for heading in ("", "value", "standard error"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in total_rows(content):
        table.add_row(*map(escape, row))
    return table


def price_tables(content: dict[str, Any], several: bool) -> list[Table]:
    """Price and Greeks of one product, and the price under each model of a smile."""
    from riskengine.report import greek_cells, model_cells

    named = f"{content['label']}: " if several else ""
    table = new_table(f"{named}{content['product']} under {content['model']}, {content['paths']:,} paths")
    for heading in ("", "value", "standard error"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("price", f"{content['price']:.4f}", f"{content['error']:.4f}", style="bold")
    for name, greek in content["greeks"].items():
        table.add_row(escape(name), *greek_cells(greek))
    if not content["models"]:
        return [table]
    models = new_table("Under each model of the smile")
    for heading in ("model", "price", "standard error"):
        models.add_column(heading, justify="left" if heading == "model" else "right")
    for row in content["models"]:
        models.add_row(*map(escape, model_cells(row)))
    return [table, models]


@app.command()
def smile(
    quotes: QuoteFile,
    prices: UnderlyingPrices = None,
    asset: Underlying = None,
    asof: QuoteDate = None,
    spot: Spot = None,
    rate: ZeroRate = None,
    dividend: DividendYield = None,
    forward: Forward = None,
    expiry: Expiry = None,
    american: American = None,
    percent: Percent = None,
    shift: Shift = 0.0,
    normal: Normal = False,
    day_count: DayCount = "act/365",
    name: UnderlyingName = "",
    feller: Feller = False,
    weights: ErrorWeights = "volatility",
    beta: Beta = 1.0,
    jumps: Jumps = None,
    window: GarchWindow = 1000,
    out: SmileFolder = Path("out/smile"),
    as_json: Json = False,
) -> None:
    """Fit Heston, Bates, SABR, SSVI and SVI to a chain of options; with prices, against stressed GARCH states too.

    Chains are read as exchanges and vendors write them; what was assumed and used is printed and stored.

    Exit status 3 if a fit is poor.
    """
    from riskengine.cli.runs import run_smile

    reading = {
        "spot": spot, "rate": rate, "dividend": dividend, "forward": forward, "expiry": expiry, "american": american,
        "percent": percent, "shift": shift, "normal": normal, "day_count": day_count, "name": name,
    }  # fmt: skip
    fitting = {"feller": feller, "weights": weights, "beta": beta, "jumps": jumps}
    console = screen(as_json)
    with working(console, "reading quotes and fitting models"):
        content = run_smile(quotes, prices, asset, asof, fitting, window, out, reading)
    if as_json:
        print(json.dumps(content))
    else:
        show_smile(console, content, out / "smile.html")
    if content["flagged"]:
        raise typer.Exit(FLAGGED)


def show_smile(console: Console, content: dict[str, Any], page: Path) -> None:
    """What was assumed, both fits, and what is odd about quotes, fits and prices."""
    from riskengine.report import poor

    plainly(console, *(f"- {note}" for note in content["notes"]))
    for table in smile_tables(content):
        console.print(table)
    flags = content["flags"].items()
    plainly(console, *(f"- {count} of {content['quotes']} quotes: {flag}" for flag, count in flags))
    for line in (*poor(content), *content.get("findings", ())):
        console.print(f"! {line}", style="yellow", highlight=False, markup=False)
    console.print(f"[bold]{page}[/bold]")


def smile_tables(content: dict[str, Any]) -> list[Table]:
    """Parameters of both models, and the states."""
    tables = [market_table(content["market"])] if content["market"] else []
    tables += [] if content["heston"] is None else [_heston_table(content)]
    second = new_table("SABR")
    for heading in ("maturity", "alpha", "nu", "rho", "error", "status"):
        second.add_column(heading, justify="left" if heading == "status" else "right")
    for row in content["sabr"]:
        cells = (f"{row[name]:.4f}" for name in ("maturity", "alpha", "nu", "rho"))
        second.add_row(*cells, f"{row['rmse']:.3g}", row["status"])
    tables.append(second)
    tables.append(_fits_table(content))
    if "states" not in content:
        return tables
    third = new_table("Heston at the money in other GARCH states")
    third.add_column("state")
    third.add_column("GARCH", justify="right")
    for t in content["states"][0]["maturities"]:
        third.add_column(f"{t:.2f} years", justify="right")
    for row in content["states"]:
        third.add_row(row["state"], *(f"{x:.1%}" for x in (row["garch_volatility"], *row["at_the_money"])))
    return [*tables, third]


def _fits_table(content: dict[str, Any]) -> Table:
    """Error, share inside bid and ask, and status of each model."""
    from riskengine.report import fit_rows

    table = new_table("All models")
    for heading in ("model", "error, points", "inside bid-ask", "status"):
        table.add_column(heading, justify="left" if heading in ("model", "status") else "right")
    for row in fit_rows(content):
        table.add_row(*row)
    return table


def market_table(market: list[dict[str, Any]]) -> Table:
    """Forward and discount that were used, a row a maturity."""
    table = new_table("Forwards and discounts")
    for heading in ("maturity", "forward", "rate", "dividend", "pairs", "from"):
        table.add_column(heading, justify="left" if heading == "from" else "right")
    for row in market:
        percents = (
            "" if row[name] is None else f"{round(row[name], 6) + 0.0:.2%}" for name in ("rate", "dividend")
        )
        pairs = f"{row['pairs']}" + (f" (-{row['rejected']})" if row["rejected"] else "")
        table.add_row(f"{row['maturity']:.4f}", f"{row['forward']:,.4f}", *percents, pairs, row["source"])
    return table


def _heston_table(content: dict[str, Any]) -> Table:
    """Fitted parameters, and the GARCH start if there is one."""
    heston = content["heston"]
    names = ("v0", "kappa", "theta", "sigma", "rho")
    table = new_table(f"{content['name']}: Heston, error {heston['rmse']:.2f} points, {heston['status']}")
    for heading in ("", *names):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("fitted", *(f"{heston[name]:.4f}" for name in names))
    if "start" in content:
        table.add_row("GARCH start", *(f"{content['start']['params'][name]:.4f}" for name in names))
    return table
