"""Prices as they were read, and how a note calls them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from riskengine.market.fields import plain_name, price_kind
from riskengine.market.sheets import Sheet


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of a file, with the range of the day where it has one.

    Attributes
    ----------
    close : dates x assets, adjusted where the file has adjusted closes; NaN where there is none
    open, high, low : likewise, adjusted by the same factor as the close; None if the file lacks them
    volume : units traded, as the file has them, or None
    unadjusted : closes as they were traded, where the file has both kinds, or None
    shape : ``wide``, ``long``, ``fields by ticker``, ``one asset`` or ``folder``
    adjusted : whether ``close`` is an adjusted one by its name; nothing is known of the others
    notes : what was recognised, left out or changed; empty for a plain wide table
    """

    close: pd.DataFrame
    open: pd.DataFrame | None = None
    high: pd.DataFrame | None = None
    low: pd.DataFrame | None = None
    volume: pd.DataFrame | None = None
    unadjusted: pd.DataFrame | None = None
    shape: str = "wide"
    adjusted: bool = False
    notes: tuple[str, ...] = ()


def close_label(name: str) -> str:
    """How the chosen column is called in a note."""
    kind = price_kind(name)
    if kind == "adjusted":
        return "adjusted close"
    return f"close (column {name})" if plain_name(name) != "close" else "close"


def notes_of(sheet: Sheet, recognised: str | None) -> tuple[str, ...]:
    """What was recognised, and the notes of the sheet, each once."""
    notes = list(dict.fromkeys(sheet.notes))
    return tuple(notes if recognised is None else [recognised, *notes])
