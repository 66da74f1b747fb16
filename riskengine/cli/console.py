"""What commands share: where people read, tables, progress bars, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from riskengine.market import Address

FLAGGED = 3
"""Exit status of a command that worked and found something to look at."""


def bundled_prices() -> Path:
    """The prices that commands take if none are named.

    Examples
    --------
    >>> bundled_prices().name
    'prices.parquet'
    """
    from riskengine import datasets

    return datasets.path("us_equities_20")


def prices_file(named: Path) -> Path:
    """The file itself, or that of a bundled panel by its name."""
    if named.exists() or named.suffix or len(named.parts) != 1:
        return named
    from riskengine import datasets

    return datasets.path(str(named)) if str(named) in datasets.NAMES else named


def prices_source(text: str) -> Path | Address:
    """A URL of a database, a file, or the file of a bundled panel by its name."""
    from riskengine.market import as_source

    source = as_source(text)
    return prices_file(source) if isinstance(source, Path) else source


def new_table(title: str | None, gap: int = 1) -> Table:
    """A table that fits eighty columns, with ``gap`` more spaces between columns than the one it needs."""
    return Table(
        title=title,
        title_justify="left",
        min_width=min(len(title or ""), 78),  # a narrow table would break its title
        box=box.SIMPLE_HEAD,
        padding=(0, gap, 0, 0),
        pad_edge=False,
    )


def screen(as_json: bool) -> Console:
    """Where people read: standard output, or standard error when that is kept for JSON."""
    return Console(stderr=as_json)


def show_files(console: Console, files: Iterable[Path]) -> None:
    """Where further forms of a report are."""
    for file in files:
        console.print(file, highlight=False, markup=False, style="bold")


def plainly(console: Console, *lines: str) -> None:
    """Print lines as they are: names from files may hold what the console would take as markup."""
    for line in lines:
        console.print(line, highlight=False, markup=False)


@contextmanager
def bars(console: Console) -> Iterator[Any]:
    """Progress bars by stage; calls take a stage, steps done and steps in all."""
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


@contextmanager
def working(console: Console, what: str) -> Iterator[None]:
    """What is done and for how long already, of work that does not know how much of it remains."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(what, total=None)
        yield


def write(path: Path, text: str) -> None:
    from riskengine.files import write_atomically

    write_atomically(path, text.encode())
