"""Options of the commands that read a chain: what its file leaves open."""

from __future__ import annotations

from typing import Annotated

import typer

AsOf = Annotated[
    str | None,
    typer.Option(help="Date of the quotes, with or without a time; last date of the prices to use."),
]
Spot = Annotated[float | None, typer.Option(help="Where the file has neither spot nor forward.")]
Rate = Annotated[
    str | None,
    typer.Option(help="Zero rate, continuously compounded, or a file of years and rates; before parity's."),
]
Dividend = Annotated[
    str | None, typer.Option(help="Dividend yield, or a file of years and yields; before parity's.")
]
Forward = Annotated[
    str | None, typer.Option(help="Forward, or a file of years and forwards; before parity's.")
]
Expiry = Annotated[str | None, typer.Option(help="Of all quotes, where the file has none.")]
American = Annotated[
    bool | None,
    typer.Option("--american/--european", help="How options are exercised, where the file does not say."),
]
Percent = Annotated[
    bool | None,
    typer.Option("--percent/--decimal", help="What volatilities are, where the file leaves it open."),
]
Shift = Annotated[
    float, typer.Option(help="Added to forwards and strikes, which may then be negative; SABR alone.")
]
Normal = Annotated[
    bool, typer.Option("--normal", help="Volatilities are Bachelier's, strikes of any sign; SABR alone.")
]
DayCount = Annotated[str, typer.Option(help="act/365, act/360, act/365.25 or bus/252.")]
Name = Annotated[str, typer.Option(help="Of the underlying; chooses one of a file of several.")]
