"""Where the lines of a stream's output go: each line once, also after a kill."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TextIO

from riskengine.desk.stream_store import StreamStore


class Sink:
    """Takes lines of output and reports of problems; what a kind has no use for it passes over."""

    def catch_up(self, store: StreamStore) -> None:
        """Before the first row: write what the store has and a kill has kept from here."""

    def write(self, line: str) -> None:
        """One line of output, which the store holds by now."""

    def problem(self, line: str) -> None:
        """One line on a row that was not taken."""


class TextSink(Sink):
    """A file, or standard output."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def catch_up(self, store: StreamStore) -> None:
        """The last line, unless it is there or the last run ended as it should."""
        lost = store.last_output()
        if lost is not None and not store.kept("clean"):
            _write_once(self.file, lost + "\n")

    def write(self, line: str) -> None:
        """At once."""
        self.file.write(line + "\n")
        self.file.flush()


def _write_once(sink: TextIO, line: str) -> None:
    """Write a line at the end of a sink, unless it is there: what a kill has left of it in a file goes first."""
    text, end, torn = line.encode(), b"", b""
    with suppress(OSError):  # no file
        handle = sink.fileno()
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode):
            with open(f"/dev/fd/{handle}", "rb") as file:
                file.seek(max(0, found.st_size - len(text)))
                end = file.read()
            torn = end[end.rfind(b"\n") + 1 :]
            if torn and text.startswith(torn):
                os.truncate(handle, found.st_size - len(torn))
    if end != text:
        sink.write(line)
        sink.flush()
