"""Further forms of a report: the same bytes from the same inputs, text that stays text, days that are compared."""

from __future__ import annotations

import builtins
import io
import json
import re
import subprocess

import openpyxl
import pytest

from riskengine import EqualWeight, Panel, WalkForward, run_backtest
from riskengine.backtest import save_result
from riskengine.errors import DataError
from riskengine.report.archive import Archive
from riskengine.report.archive_days import Day, read_days
from riskengine.report.day_changes import changes_page, day_changes
from riskengine.report.excel_tables import workbook
from riskengine.report.page import Page, Section
from riskengine.report.pdf import find_chromium, print_pdf
from riskengine.report.summary_text import summary_text

NASTY = '<img src=x onerror="alert(1)">'
FORMULA = '=cmd|"/c calc"!A1'


def report(weights: dict[str, float], volatility: float, value: float, flags: tuple[str, ...] = ()) -> dict:
    """What the archive reads of the content of a rebalance."""
    light = "red" if value > 0.04 else "green"
    return {
        "date": "",
        "status": "flagged" if flags else "clean",
        "flags": list(flags),
        "weights": weights,
        "before": {"A": 1.0},
        "risk": {"after": {"volatility": volatility, "var_99": value, "contributions": {"A": 0.1}}},
        "limits": [{"name": f"weight:{NASTY}", "limit": 0.04, "after": value, "light": light}],
    }


def filed(archive, date: str, content: dict) -> None:
    Archive(archive).file("report", date, {"json": json.dumps(content).encode(), "html": b"<p>"})


@pytest.fixture
def archive(tmp_path):
    filed(tmp_path / "days", "2024-01-31", report({"A": 0.4, NASTY: 0.6}, 0.12, 0.05, (f"limit {NASTY}",)))
    filed(tmp_path / "days", "2024-01-30", report({"A": 1.0}, 0.10, 0.03))
    return tmp_path / "days"


def test_an_archive_says_what_changed_from_day_to_day(archive):
    index = (archive / "index.html").read_text()
    assert index.index("<td>2024-01-31") < index.index("<td>2024-01-30")
    assert 'href="2024-01-31/changes-report.html"' in index
    assert 'class="red">flagged' in index
    changed = (archive / "2024-01-31" / "changes-report.html").read_text()
    for words in ("60.0% of wealth", "volatility 10.00% to 12.00%", "New flags", "-60.00%"):
        assert words in changed
    assert NASTY not in index + changed
    assert not (archive / "2024-01-30" / "changes-report.html").exists()
    first, second = (Archive(archive).day(date) for date in ("2024-01-30", "2024-01-31"))
    found = day_changes(first, second)
    assert [(row["name"], row["change"]) for row in found["weights"]] == [(NASTY, 0.6), ("A", -0.6)]
    assert [row["now"]["light"] for row in found["limits"]] == ["red"]
    assert found["flags_new"] == [f"limit {NASTY}"]
    same = day_changes(first, first)
    assert [same[name] for name in ("weights", "risk", "limits", "flags_new")] == [[], [], [], []]


def test_an_index_made_anew_is_the_same_and_names_what_is_damaged(archive):
    before = (archive / "index.html").read_bytes()
    Archive(archive).rebuild()
    assert (archive / "index.html").read_bytes() == before
    (archive / "2024-01-30" / "report.json").write_text('{"date": ')
    index = Archive(archive).rebuild().read_text()
    assert "report.json cannot be read" in index
    assert [day.readable for day in read_days(archive)] == [False, True]
    with pytest.raises(DataError, match="restore it"):
        Archive(archive).day("2024-01-30")
    with pytest.raises(DataError, match="it holds 2024-01-30 to 2024-01-31, 2 days"):
        Archive(archive).day("2023-01-01")
    with pytest.raises(DataError, match="no day like"):
        filed(archive, "../../etc", report({}, 0.1, 0.1))
    with pytest.raises(DataError, match="holds no day"):
        Archive(archive / "nowhere").rebuild()


def test_days_of_two_kinds_are_not_compared():
    with pytest.raises(DataError, match="--kind"):
        day_changes(Day("2024-01-30", "risk", "clean"), Day("2024-01-31", "report", "clean"))


def test_cells_of_a_workbook_are_numbers_or_text_and_never_formulas():
    names = (FORMULA, "+1", "-1", "@x", "\tx", f"{NASTY}\x07")
    content = report(dict.fromkeys(("A", *names), 0.1), 0.1, 0.03) | {"notes": [FORMULA], "wealth": 123.25}
    page = Page(FORMULA, "2024-01-31", "headline", [], {}, False)
    made = workbook(page, content)
    assert made == workbook(page, content)
    book = openpyxl.load_workbook(io.BytesIO(made))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    weights = {row[0]: row[1:] for row in book["weights"].iter_rows(min_row=2, values_only=True)}
    assert weights[FORMULA] == weights["@x"] == (0.1, None)
    assert weights["A"] == (0.1, 1.0)
    named = next(cell for cell in cells if cell.value == FORMULA)
    assert named.quotePrefix
    facts = dict(book["report"].iter_rows(min_row=2, max_col=2, values_only=True))
    assert facts["wealth"] == 123.25
    assert book["weights"]["C2"].number_format == "0.00%"
    assert book["risk"]["B2"].value == 0.1
    assert [cell.value for cell in book["risk contributions"][2]] == ["A", 0.1]


def test_a_summary_is_a_mail_whose_subject_no_name_can_break():
    sections = [
        Section("Flags", items=["x" * 100], brief=True),
        Section("Limits", "", ["limit", "is", ""], [["A\r\nBcc: all", "1.00%", ""]] * 20, brief=True),
        Section("Left out", items=["long"]),
    ]
    text = summary_text(Page("Risk\nBcc: all", "2024-01-31", "fine " * 40, sections, {}, True))
    first, second, *_ = text.splitlines()
    assert first == "Risk Bcc: all, 2024-01-31: flagged"
    assert second == ""
    assert max(map(len, text.splitlines())) <= 102
    assert "and 5 more" in text
    assert "Left out" not in text


def test_a_finished_backtest_has_all_forms(command, prices, tmp_path):
    """Twice: the same bytes."""
    result = run_backtest(EqualWeight(min_history=100), Panel(prices), WalkForward(600, 100))
    out, days = tmp_path / "out", tmp_path / "days"
    save_result(result, out)
    written = []
    for _ in range(2):
        status, said, _ = command("report", out, "--xlsx", "--summary", "--archive", days)
        assert status == 0
        written.append(
            {path.name: path.read_bytes() for path in [*out.glob("backtest.*"), *days.rglob("*.*")]}
        )
    assert written[0] == written[1]
    assert {"backtest.xlsx", "backtest.txt", "backtest.html", "index.html"} <= set(written[0])
    assert "index.html" in said
    book = openpyxl.load_workbook(out / "backtest.xlsx")
    assert book["tables returns"].max_row == len(result.returns) + 1
    assert written[0]["backtest.txt"].decode().startswith("equal weight, Backtest to 2018-06-14")
    (day,) = read_days(days)
    assert (day.date, day.kind) == ("2018-06-14", "backtest")
    assert sum(day.weights.values()) == pytest.approx(1)
    assert set(day.risk) == {"volatility", "return", "deepest drawdown"}
    status, said, _ = command("archive", days, "2018-06-14", "2018-06-14", "--json")
    assert status == 0
    assert json.loads(said)["weights"] == []


def test_what_is_not_installed_is_said_before_anything_is_computed(command, monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *arguments, **more):
        if name.split(".")[0] == "openpyxl":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setenv("PATH", str(tmp_path))
    for form, remedy in (
        ("--xlsx", 'pip install "riskengine[excel]"'),
        ("--pdf", "apt-get install chromium"),
    ):
        status, _, said = command("backtest", "equal_weight", "--out", tmp_path / "out", form)
        assert status == 1
        assert remedy in said
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("RISKENGINE_CHROMIUM", "nowhere")
    with pytest.raises(DataError, match="'nowhere', which is no program"):
        find_chromium()


@pytest.mark.browser
def test_a_page_prints_as_the_same_bytes_without_running_names(archive, chromium, dom_of, tmp_path):
    page = changes_page(*read_days(archive)).html()
    made = print_pdf(page, "2024-01-31")
    assert made == print_pdf(page, "2024-01-31")
    assert set(re.findall(rb"Date \(D:(\d{14})", made)) == {b"20240131000000"}
    (tmp_path / "page.pdf").write_bytes(made)
    try:
        told = subprocess.run(
            ["pdftotext", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("needs pdftotext: install Debian's poppler-utils")
    assert "onerror" in told.stdout
    for width in (1280, 390):
        text = dom_of(archive / "index.html", width)
        assert "<img" not in text
