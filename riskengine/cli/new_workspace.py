"""A folder to begin with: `init`."""

from __future__ import annotations

from pathlib import Path

from riskengine.cli.app import app
from riskengine.cli.arguments import NewFolder
from riskengine.cli.console import plainly, screen


@app.command()
def init(folder: NewFolder = Path("riskengine-workspace")) -> None:
    """Create a workspace: strategies, a small file of prices, an example of every file, a Makefile.

    Nothing that is there is written over.
    """
    from riskengine.desk import lay_out

    written = lay_out(folder)
    plainly(screen(False), f"{folder}: {len(written)} files; its README.md says what each is for")
