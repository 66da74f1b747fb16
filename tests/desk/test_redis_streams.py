"""Redis streams: the same output as a pipe's, whatever is killed, and wrong addresses that say what to mend."""

from __future__ import annotations

import builtins
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from riskengine.desk import LiveEngine, LiveSettings, RedisAddress, RedisLink, RedisRows, RedisSink, Watch
from riskengine.errors import DataError

ASSETS = ("A", "B", "<script>alert(1)</script>")
KILLS = int(os.environ.get("RISKENGINE_KILLS", "3"))  # 50 for a stream of 10,000 rows


class Server:
    """A Redis server in a folder, which can be killed and comes back with all that it acknowledged."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.start()

    def start(self) -> None:
        settings = ("--port", str(self.port), "--dir", str(self.folder), "--bind", "127.0.0.1", "--save", "")
        durable = ("--appendonly", "yes", "--appendfsync", "always")
        self.process = subprocess.Popen(
            ["redis-server", *settings, *durable], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.client().ping()
            except Exception:  # noqa: BLE001 - it is not there yet
                time.sleep(0.02)
            else:
                return
        raise AssertionError("redis-server does not answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def client(self):
        import redis

        return redis.Redis(port=self.port, decode_responses=True)

    def url(self, stream: str, **options: object) -> str:
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"redis://127.0.0.1:{self.port}/0?stream={stream}{more}"

    def feed(self, stream: str, lines: list[str]) -> None:
        with self.client() as client:
            pipeline = client.pipeline(transaction=False)
            for line in lines:
                pipeline.xadd(stream, {"row": line})
            pipeline.execute()

    def output(self, stream: str) -> list[str]:
        with self.client() as client:
            return [fields["risk"] for _, fields in client.xrange(stream)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here: install Debian's redis-server to run this")
    pytest.importorskip("redis", reason='no client here: pip install "riskengine[streams]"')
    found = Server(tmp_path_factory.mktemp("redis"))
    yield found
    found.kill()


def start(fixed):
    history = 0.01 * np.random.default_rng(1).standard_t(5, (300, 3))
    engine = LiveEngine(fixed, history, ASSETS, np.array([0.5, 0.3, 0.2]), LiveSettings(200, recalibrate=0))
    return engine, np.ones(3)


def as_lines(count: int) -> list[str]:
    data = 0.01 * np.random.default_rng(2).standard_t(5, (count, 3))
    return [f"{k}," + ",".join(map(repr, row.tolist())) for k, row in enumerate(data, start=1)]


def piped(folder: Path, fixed, lines: list[str]) -> list[str]:
    out = io.StringIO()
    Watch(folder, lambda: start(fixed), fixed).run(lines, out, io.StringIO())
    return out.getvalue().splitlines()


def through(server: Server, folder: Path, fixed, rows: str, risk: str, **more: object):
    """A watch from one stream to another, until nothing comes for a while; what it said, and its counts."""
    said: list[str] = []
    link = RedisLink(RedisAddress.parse(server.url(rows, **({"idle": 0.2} | more))), said.append)
    sink = RedisSink(RedisLink(RedisAddress.parse(server.url(risk), writing=True), said.append))
    watch = Watch(folder, lambda: start(fixed), fixed, durable=True)
    return said, watch.run(RedisRows(link), sink, io.StringIO())


@pytest.mark.database
def test_a_stream_gives_what_a_pipe_gives_and_goes_on(server, fixed_shape, tmp_path):
    """Lines of CSV and entries of fields; in two runs; and a group that is lost is a stream of duplicates."""
    lines = as_lines(40)
    whole = piped(tmp_path / "pipe", fixed_shape, lines)
    server.feed("rows", lines[:15])
    through(server, tmp_path / "state", fixed_shape, "rows", "risk")
    assert server.output("risk") == whole[:15]
    with server.client() as client:
        for line in lines[15:]:
            key, *values = line.split(",")
            client.xadd("rows", {"key": key, **dict(zip(ASSETS, values, strict=True))})
        client.xadd("rows", {"row": "{broken"})
    _, counts = through(server, tmp_path / "state", fixed_shape, "rows", "risk")
    assert counts == {"taken": 40, "malformed": 1}
    assert server.output("risk") == whole
    with server.client() as client:
        assert client.xpending("rows", "riskengine")["pending"] == 0
        client.xgroup_destroy("rows", "riskengine")
    _, counts = through(server, tmp_path / "state", fixed_shape, "rows", "risk")
    assert counts["duplicate"] + counts["late"] == 40
    assert server.output("risk") == whole


@pytest.mark.database
def test_output_that_the_server_lost_is_written_again(server, fixed_shape, tmp_path):
    lines = as_lines(12)
    whole = piped(tmp_path / "pipe", fixed_shape, lines)
    server.feed("lost rows", lines)
    through(server, tmp_path / "state", fixed_shape, "lost rows", "lost")
    with server.client() as client:
        client.delete("lost")
        client.xadd("lost", {"risk": whole[0]}, id="1-0")
    through(server, tmp_path / "state", fixed_shape, "lost rows", "lost")
    assert server.output("lost") == whole
    with pytest.raises(DataError, match="output of another state"):
        through(server, tmp_path / "other", fixed_shape, "no rows", "lost")


@pytest.mark.database
def test_a_server_that_is_killed_and_comes_back_costs_nothing(server, fixed_shape, tmp_path):
    lines = as_lines(120)
    whole = piped(tmp_path / "pipe", fixed_shape, lines)
    found: list = []
    server.feed("outage", lines[:60])
    watch = threading.Thread(
        target=lambda: found.extend(
            through(server, tmp_path / "state", fixed_shape, "outage", "outage risk", idle=2)
        )
    )
    watch.start()
    deadline = time.monotonic() + 30
    while len(server.output("outage risk")) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    server.kill()
    time.sleep(0.3)
    server.start()
    server.feed("outage", lines[60:])
    watch.join(60)
    assert server.output("outage risk") == whole
    said, counts = found
    assert counts["taken"] == 120
    assert "waiting for it" in said[0]
    assert said[-1].endswith("is back")


SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {tests!r}, {here!r}]
import io, os, signal
from pathlib import Path
from conftest import FixedShape
from test_redis_streams import RedisAddress, RedisLink, RedisRows, RedisSink, Watch, start

fixed = FixedShape()

def die_after(steps):
    # SIGKILL at a call or a return, of Python or of C, somewhere in the code that reads, logs and writes.
    left = [steps]

    def count(frame, event, argument):
        if frame.f_code.co_filename.endswith(("/stream.py", "/stream_store.py", "/redis_streams.py")):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)

for steps in [*{kills!r}, None]:
    child = os.fork()
    if child == 0:
        rows = RedisRows(RedisLink(RedisAddress.parse({rows!r}), print))
        sink = RedisSink(RedisLink(RedisAddress.parse({risk!r}, writing=True), print))
        watch = Watch(Path({folder!r}), lambda: start(fixed), fixed, snapshot_every=37, durable=True)
        if steps is not None:
            die_after(steps)
        watch.run(rows, sink, io.StringIO())
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status == (0 if steps is None else signal.SIGKILL), (steps, status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.database
@pytest.mark.slow
def test_kills_of_the_consumer_lose_and_double_nothing(server, fixed_shape, tmp_path):
    """SIGKILL while rows are taken, at points set by the clock, which are shown when it fails."""
    kills = np.random.default_rng(int(time.time())).integers(1, 4000, KILLS).tolist()
    lines = as_lines(200 * KILLS)
    server.feed("killed", lines)
    here = Path(__file__).parent
    code = SCRIPT.format(
        root=str(here.parents[1]),
        tests=str(here.parent),
        here=str(here),
        kills=kills,
        rows=server.url("killed", idle=0.2),
        risk=server.url("killed risk"),
        folder=str(tmp_path / "state"),
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert server.output("killed risk") == piped(tmp_path / "pipe", fixed_shape, lines), kills


@pytest.mark.database
def test_watch_reads_and_writes_streams(server, quick_command, prices, tmp_path):
    """The command: a limit that is broken is red in every line, and the exit status says so."""
    prices.iloc[:640].rename_axis("date").to_csv(tmp_path / "prices.csv")
    (tmp_path / "limits.toml").write_text("[limits]\nvar_99 = 0.001\nbeta = 1.0\n")
    server.feed("desk", [f"2017-06-{14 + k},0.01,0,0,0,0,{-0.1 * k}" for k in (1, 2)])
    status, out, said = quick_command(
        "watch", "--state", tmp_path / "state", "--prices", tmp_path / "prices.csv", "--window", 500,
        "--limits", tmp_path / "limits.toml", "--from", server.url("desk", idle=0.3), "--to", server.url("desk risk"),
    )  # fmt: skip
    assert status == 3, said
    assert out == ""
    rows = [json.loads(line) for line in server.output("desk risk")]
    assert [row["key"] for row in rows] == ["2017-06-15", "2017-06-16"]
    assert "against at most 0.10%" in rows[1]["limits_broken"][0]
    assert rows[1]["exceptions"] == ["var_95", "var_99"]
    assert "limit beta: not judged here" in said
    facts = json.loads((tmp_path / "state" / "state.json").read_text())
    assert facts["limits"][0]["light"] == "red"
    assert facts["exceptions"]["var_99"] >= 1


WRONG = {
    "kafka://broker/prices": "standard input",
    "prices": "no address of a stream",
    "redis://cache": "names no stream",
    "redis://cache?steam=x": "did you mean 'stream'",
    "redis://cache:port?stream=x": "port is a number",
    "redis://cache/prices?stream=x": "database is a number",
    "redis://cache?stream=x&idle=soon": "idle is a number above zero",
}


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_address_says_what_to_mend(url, command, tmp_path):
    status, _, said = command("watch", "--state", tmp_path, "--from", url)
    assert status == 1
    assert WRONG[url] in said


def test_no_message_holds_a_password(command, tmp_path):
    pytest.importorskip("redis", reason='no client here: pip install "riskengine[streams]"')
    address = RedisAddress.parse("redis://desk:se%2Fcret@127.0.0.1:1/0?stream=x")
    assert "cret" not in repr(address) + str(address)
    status, _, said = command("watch", "--state", tmp_path, "--to", "redis://:se%2Fcret@127.0.0.1:1?stream=x")
    assert status == 1
    assert "cret" not in said
    assert "start it, or mend the address" in said


def test_without_the_client_the_command_is_named(command, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **more):
        if name.split(".")[0] == "redis":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    status, _, said = command("watch", "--state", tmp_path, "--from", "redis://cache?stream=x")
    assert status == 1
    assert 'pip install "riskengine[streams]"' in said
