"""A date given as text has one reading everywhere, and one without a close is named with its neighbours."""

from __future__ import annotations

import ast
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskengine
from riskengine import Panel
from riskengine.errors import DataError, SettingsError
from riskengine.market import Delistings, parse_date
from riskengine.market.dates import close_on, last_moment

PACKAGE = Path(riskengine.__file__).parent
DAYS = pd.bdate_range("2022-04-25", periods=10)
PANEL = Panel(pd.DataFrame({"A": np.linspace(10, 11, 10), "B": np.linspace(20, 19, 10)}, DAYS))


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)))
def test_an_iso_date_is_that_day(day):
    assert parse_date(day.isoformat()) == pd.Timestamp(day) == parse_date(day)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("05/01/2022", "2022-01-05 or 2022-05-01"),
        ("31/12/2021", "2021-12-31"),
        ("12/31/2021", "2021-12-31"),
        ("5.1.2022", "2022-01-05 or 2022-05-01"),
        ("05-01-22", "2022-01-05 or 2022-05-01"),
        ("2022-5-1", "write 2022-05-01"),
        ("2022/05/01", "write 2022-05-01"),
        ("20220501", "write 2022-05-01"),
        ("2022-05", "names a month"),
        ("2022", "is not a date"),
        ("2022-02-30", "no day of the calendar"),
        ("2023-99-99", "no day of the calendar"),
        ("2022-05-01T00:00Z", "time zone"),
        ("2022-05-01 16:00+02:00", "time zone"),
        ("yesterday", "like 2024-01-31"),
        ("", "like 2024-01-31"),
        (20220501, "like 2022-05-01"),
        (None, "like 2024-01-31"),
        (pd.NaT, "like 2024-01-31"),
    ],
)
def test_any_other_notation_is_refused_with_the_remedy(text, remedy):
    with pytest.raises(DataError) as caught:
        parse_date(text, "--asof")
    assert remedy.replace("like 2022-05-01", "write 2022-05-01") in str(caught.value)
    for ask in (lambda: PANEL.view(str(text)), lambda: PANEL.between(str(text)), lambda: PANEL.between(end=str(text)),
                lambda: close_on(PANEL.dates, text)):  # fmt: skip
        with pytest.raises(DataError):
            ask()


def test_the_ambiguous_date_of_a_delisting_is_refused():
    with pytest.raises(SettingsError, match="2022-01-05 or 2022-05-01"):
        Delistings({"LEH": ("05/01/2022", -0.98)})


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("2022-05-01", "before is 2022-04-29, the one after 2022-05-02"),
        ("2022-04-01", "begin on 2022-04-25"),
        ("2023-01-01", "end before it, on 2022-05-06"),
    ],
)
def test_a_date_without_a_close_is_named_with_its_neighbours(date, words):
    with pytest.raises(DataError, match=words):
        close_on(PANEL.dates, date, "--asof")


def test_the_days_of_a_range_are_whole_days():
    hours = pd.date_range("2024-01-30 09:00", periods=30, freq="h")
    panel = Panel(pd.DataFrame({"A": np.linspace(10, 11, 30)}, hours))
    assert panel.between("2024-01-31").dates[0] == pd.Timestamp("2024-01-31 00:00")
    assert panel.between(end="2024-01-30").dates[-1] == pd.Timestamp("2024-01-30 23:00")
    assert panel.between(end="2024-01-30 12:00").dates[-1] == pd.Timestamp("2024-01-30 12:00")
    assert panel.view("2024-01-30").date == pd.Timestamp("2024-01-30 23:00")
    assert close_on(panel.dates, "2024-01-30") == pd.Timestamp("2024-01-30 23:00")
    assert last_moment(datetime.date(2024, 1, 30)) == last_moment("2024-01-30")


def test_an_empty_range_says_what_there_is():
    with pytest.raises(DataError, match="runs from 2022-04-25 to 2022-05-06"):
        PANEL.between("2023-01-01")


def test_no_other_module_reads_dates_from_text():
    """``pd.to_datetime`` and ``pd.Timestamp(text)`` guess the order of day and month."""
    allowed = {
        "market/dates.py",
        "market/date_cells.py",
        "market/factor_files.py",  # years and months, or days, as the layout has them
        "market/frames_as_given.py",  # ISO 8601 alone
        "options/chain_dates.py",  # formats that the vendor's layout states, with names of months else
        "serialization.py",  # what it wrote itself
    }
    for path in PACKAGE.rglob("*.py"):
        name = str(path.relative_to(PACKAGE))
        if name in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = (
                node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            )
            assert called not in ("to_datetime", "strptime", "fromisoformat"), (
                f"{name}:{node.lineno} {called}"
            )
