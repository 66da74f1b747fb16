"""Results of studies: a table people read and the same numbers as JSON, with what is needed to make them again."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

from riskengine.backtest import commit, weights_hash
from riskengine.files import write_atomically

RESULTS = Path(__file__).parent / "results"


class Record:
    """Collects sections of a study and writes them at the end."""

    def __init__(self, name: str, title: str, **origin: Any) -> None:
        self.name, self.title = name, title
        self.started = time.perf_counter()
        self.clear()
        self.origin = {
            "commit": commit(),
            "weights": weights_hash(),
            "python": platform.python_version(),
        } | origin

    def clear(self) -> None:
        """Begin the page anew."""
        self.lines = [f"# {self.title}", ""]
        self.numbers: dict[str, Any] = {}

    def earlier(self) -> dict[str, list[dict[str, Any]]]:
        """Tables that the last run wrote, by key, for studies that run in parts."""
        path = RESULTS / f"{self.name}.json"
        if not path.exists():
            return {}
        found: dict[str, Any] = json.loads(path.read_text())
        return {key: rows for key, rows in found.items() if key != "provenance"}

    def say(self, text: str) -> None:
        """A paragraph."""
        self.lines += [text, ""]

    def table(self, key: str, headings: list[str], rows: list[list[Any]]) -> None:
        """A table, kept under ``key`` in the JSON."""
        self.lines.append("| " + " | ".join(headings) + " |")
        self.lines.append("|" + "|".join(["---"] * len(headings)) + "|")
        self.lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
        self.lines.append("")
        self.numbers[key] = [dict(zip(headings, row, strict=True)) for row in rows]

    def write(self) -> None:
        """Write ``results/NAME.md`` and ``.json``, and print the former."""
        self.origin["runtime_seconds"] = round(time.perf_counter() - self.started)
        origin = ["## Provenance", "", *(f"- {key}: {value}" for key, value in self.origin.items())]
        text = "\n".join(self.lines + origin) + "\n"
        write_atomically(RESULTS / f"{self.name}.md", text.encode())
        content = {"provenance": self.origin, **self.numbers}
        write_atomically(
            RESULTS / f"{self.name}.json", (json.dumps(content, indent=2, default=float) + "\n").encode()
        )
        print(text)
