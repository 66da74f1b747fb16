"""A page as PDF, printed by headless Chromium, which draws it as a screen shows it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from riskengine.errors import DataError

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_NAMED = "RISKENGINE_CHROMIUM"
_MOST = 120.0
"""Seconds that printing may take."""

_DATES = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")


def find_chromium() -> str:
    """The program that prints.

    Raises
    ------
    DataError
        If there is none.
    """
    named = os.environ.get(_NAMED)
    for name in (named,) if named else _PROGRAMS:
        if found := shutil.which(name):
            return found
    what = f"{_NAMED} names {named!r}, which is no program" if named else "no Chromium or Chrome is installed"
    raise DataError(
        f"--pdf prints through Chromium, and {what}: apt-get install chromium, or name one in {_NAMED}"
    )


def print_pdf(html: str, date: str) -> bytes:
    """A page as PDF; its date is that of the report, so that the same page gives the same bytes.

    Raises
    ------
    DataError
        If there is no Chromium, or it fails.
    """
    program = find_chromium()
    with tempfile.TemporaryDirectory() as folder:
        page, pdf = Path(folder) / "page.html", Path(folder) / "page.pdf"
        page.write_text(html, encoding="utf-8")
        flags = [
            "headless",
            "disable-gpu",
            "no-first-run",
            "no-pdf-header-footer",
            f"user-data-dir={folder}/profile",
        ]
        flags += ["virtual-time-budget=10000", "host-resolver-rules=MAP * ~NOTFOUND", f"print-to-pdf={pdf}"]
        # Its sandbox needs a user that is not root; the page is the engine's own, with everything from data escaped.
        flags += ["no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        try:
            done = subprocess.run(
                [program, *(f"--{flag}" for flag in flags), page.as_uri()],
                capture_output=True,
                text=True,
                timeout=_MOST,
                check=False,
                errors="replace",
            )
        except subprocess.TimeoutExpired as error:
            raise DataError(
                f"{program} did not print the page within {_MOST:g} seconds: leave out --pdf"
            ) from error
        if done.returncode or not pdf.is_file():
            said = " ".join(done.stderr.split()[-40:])
            raise DataError(f"{program} could not print the page ({said}): leave out --pdf, or mend it")
        return _dated(pdf.read_bytes(), date)


def _dated(pdf: bytes, date: str) -> bytes:
    """With the date of a report in place of the clock's, as long as it."""
    day = re.sub(r"\D", "", date)[:8].encode()
    return _DATES.sub(lambda found: b"/%s (D:%s000000" % (found[1], day.ljust(8, b"0")), pdf)
