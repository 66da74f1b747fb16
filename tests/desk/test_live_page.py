"""The live page: nobody reads without the token, nothing from data is markup, and a browser shows rows as they come."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import stat
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from riskengine.desk import Desk, LiveEngine, LiveServer, LiveSettings, Watch, read_place, read_token
from riskengine.errors import SettingsError
from riskengine.report import render_live

NASTY = '<img src=x onerror="alert(1)">'
TOKEN = "t" * 32
LINES = ["1,0.01,-0.02,0.01", "2,-0.2,-0.2,-0.3", "3,0.01,0.01,0.01", f"4,0.01,{NASTY},0"]


def followed(folder: Path, fixed) -> tuple[Watch, str]:
    """A watch with limits, and its page."""
    history = 0.01 * np.random.default_rng(1).standard_t(5, (300, 3))
    assets = ("A", "B", NASTY)
    settings = LiveSettings(200, recalibrate=0)
    engine = LiveEngine(fixed, history, assets, np.array([0.5, 0.3, 0.2]), settings)
    watch = Watch(folder, lambda: (engine, np.ones(3)), fixed)
    watch.desk = Desk(limits={"var_99": 0.001, f"weight:{NASTY}": 0.5, "volatility": 2.9})
    return watch, render_live(watch.facts(), watch.period)


@contextmanager
def served(watch: Watch, page: str, lines: list[str]):
    server = LiveServer(("127.0.0.1", 0), TOKEN, lambda: page)
    server.start()
    try:
        watch.run(lines, io.StringIO(), io.StringIO(), [server])
        yield server
    finally:
        server.close()


def ask(server: LiveServer, path: str, **headers: str) -> http.client.HTTPResponse:
    host, port = re.match(r"http://(.*):(\d+)/", server.address).groups()
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def events(answer: http.client.HTTPResponse, count: int) -> list[tuple[str, dict]]:
    found, kind = [], ""
    while len(found) < count:
        line = answer.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((kind, json.loads(line.removeprefix("data: "))))
    return found


def test_rows_and_problems_come_as_events(fixed_shape, tmp_path):
    watch, page = followed(tmp_path, fixed_shape)
    with served(watch, page, LINES) as server:
        answer = ask(server, f"/events?token={TOKEN}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        told = events(answer, 4)
        assert [kind for kind, _ in told] == ["risk", "risk", "risk", "problem"]
        first, fall, after, problem = (data for _, data in told)
        assert "exceptions" not in first
        assert fall["exceptions"] == ["var_95", "var_99"]
        assert fall["return"] == pytest.approx(-0.22)
        assert [row["light"] for row in after["limits"]] == ["red", "green", "green"]
        assert after["limits_broken"] == [after["limits"][0]["reason"]]
        assert NASTY in problem["detail"]
        server.write('{"key": "5"}')  # a row that comes while the page is open
        assert events(answer, 1) == [("risk", {"key": "5"})]


def test_a_page_of_a_state_that_goes_on_begins_with_its_rows(fixed_shape, tmp_path):
    watch, page = followed(tmp_path, fixed_shape)
    watch.run(LINES[:2], io.StringIO(), io.StringIO())
    with served(Watch(tmp_path, None, fixed_shape), page, LINES[2:3]) as server:
        answer = ask(server, "/events", Authorization=f"Bearer {TOKEN}")
        assert [data["key"] for _, data in events(answer, 3)] == ["1", "2", "3"]


@pytest.mark.parametrize("path", ["/", "/events", "/nothing"])
def test_nothing_is_answered_without_the_token(path, fixed_shape, tmp_path):
    watch, page = followed(tmp_path, fixed_shape)
    with served(watch, page, []) as server:
        for asked, headers, status in (
            (path, {}, 401),
            (f"{path}?token=", {}, 401),
            (f"{path}?token={TOKEN[:-1]}", {}, 403),
            (f"{path}?token={TOKEN}x", {}, 403),
            (f"{path}?token=%00%FF", {}, 403),
            (path, {"Authorization": "Bearer no"}, 403),
            (path, {"Authorization": f"Basic {TOKEN}"}, 401),
        ):
            answer = ask(server, asked, **headers)
            assert answer.status == status, asked
            assert b"token" in answer.read()
        assert ask(server, f"/nothing?token={TOKEN}").status == 404


def test_the_page_runs_its_own_script_alone_and_names_are_text(fixed_shape, tmp_path):
    watch, page = followed(tmp_path, fixed_shape)
    assert NASTY not in page
    with served(watch, page, LINES) as server:
        answer = ask(server, f"/?token={TOKEN}")
        policy = answer.headers["Content-Security-Policy"]
        assert answer.read().decode() == page
        assert "default-src 'none'" in policy
        assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_token_is_kept_for_its_owner(tmp_path):
    token = read_token(tmp_path)
    assert read_token(tmp_path) == token
    assert len(token) >= 32
    assert stat.S_IMODE((tmp_path / "page.token").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "host", "host:", "1.2.3.4:99999", "a b:80", "http://x:80"])
def test_a_place_without_a_port_is_refused(text):
    with pytest.raises(SettingsError, match=r"\[HOST:\]PORT"):
        read_place(text)


def test_a_port_that_is_taken_is_named(fixed_shape, tmp_path):
    watch, page = followed(tmp_path, fixed_shape)
    with served(watch, page, []) as server:
        port = int(server.address.rstrip("/").rpartition(":")[2])
        with pytest.raises(SettingsError, match=f"{port}.*name another port"):
            LiveServer(("127.0.0.1", port), TOKEN, lambda: page)


PICTURE = os.environ.get("RISKENGINE_PICTURE")
LOOK = """(() => {
  const text = document.body.innerText;
  if (!text.includes("late: volatility 50.00%")) return null;
  return {wide: document.documentElement.scrollWidth, images: document.images.length, text,
          dots: document.querySelectorAll("circle").length, red: document.querySelectorAll("td.red").length};
})()"""


@pytest.mark.browser
def test_a_browser_shows_rows_as_they_come(fixed_shape, tmp_path, browser):
    watch, page = followed(tmp_path, fixed_shape)
    with served(watch, page, LINES) as server:
        row = json.loads((tmp_path / "output.jsonl").read_text().splitlines()[-1])
        late = json.dumps(row | {"key": "late", "volatility": 0.5, "stale": [NASTY]})
        threading.Timer(1.0, server.write, [late]).start()
        for width in (1280, 390):
            found = browser(
                f"{server.address}?token={TOKEN}", width, LOOK, PICTURE and Path(f"{PICTURE}-{width}.png")
            )
            assert found["wide"] <= width
            assert found["images"] == 0
            assert found["text"].count(NASTY) >= 2  # in limits and problems, as text
            assert (found["dots"], found["red"]) == (4, 1)
