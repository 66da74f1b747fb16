"""What `watch` does: rows from standard input or Redis, risk to standard output or Redis, and to a page."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from riskengine.cli import runs

if TYPE_CHECKING:
    from riskengine.desk import Sink, StreamSettings, Watch


@dataclass(frozen=True)
class Ends:
    """Where rows come from and risk goes to, as options name them.

    Attributes
    ----------
    source, target : addresses of Redis streams; standard input and output without
    page : ``[HOST:]PORT`` of a live page
    """

    source: str | None = None
    target: str | None = None
    page: str | None = None


def run_watch(
    state: Path,
    settings: StreamSettings,
    default: Callable[[], Path],
    of_prices: bool | None,
    snapshot: int,
    ends: Ends,
) -> bool:
    """Follow a stream until it ends, or until it is interrupted; whether there is something to look at."""
    from riskengine.desk import open_stream, read_place

    stop, place = threading.Event(), None if ends.page is None else read_place(ends.page)
    lines, out = _opened(ends, stop)  # a wrong address is an error before minutes of calibration
    wanted = replace(settings, durable=ends.source is not None)
    follower, done = open_stream(state, wanted, default, runs.network(), of_prices, snapshot)
    for line in done:
        _say("setting", line)
    for finding in follower.history.findings:
        _say("finding", finding)
    with _ended_by_signals(stop, ends.source is not None), _page(follower, state, place) as more:
        counts = follower.run(lines, out, sys.stderr, more)
    said = [f"{count} {kind}" for kind, count in sorted(counts.items())]
    said += [
        f"{count} row(s) with {name.replace('_', ' ')}" for name, count in sorted(follower.marks.items())
    ]
    said += [f"{count} loss(es) beyond {name}" for name, count in sorted(follower.exceptions.items())]
    said += [
        f"short history of {name}: {days} of its days are filled by the moves of the others"
        for name, days in follower.engine.short_history.items()
    ]
    print(", ".join(said), file=sys.stderr)
    return follower.flagged


def _say(kind: str, sentence: str) -> None:
    print(json.dumps({kind: sentence}), file=sys.stderr, flush=True)


def _opened(ends: Ends, stop: threading.Event) -> tuple[Iterable[str], TextIO | Sink]:
    """What is read, and what is written to."""
    from riskengine.desk import RedisAddress, RedisLink, RedisRows, RedisSink

    def link(address: RedisAddress) -> RedisLink:
        return RedisLink(address, lambda sentence: _say("stream", sentence), stop)

    source = None if ends.source is None else RedisAddress.parse(ends.source)
    target = None if ends.target is None else RedisAddress.parse(ends.target, writing=True)
    return (
        sys.stdin if source is None else RedisRows(link(source)),
        sys.stdout if target is None else RedisSink(link(target)),
    )


@contextmanager
def _ended_by_signals(stop: threading.Event, wanted: bool) -> Iterator[None]:
    """Have an interrupt or a request to end let the row be finished; a pipe ends by itself."""
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _page(follower: Watch, state: Path, place: tuple[str, int] | None) -> Iterator[list[Any]]:
    """The live page, if one is asked for; its address with the token goes to standard error."""
    if place is None:
        yield []
        return
    from riskengine.desk import LiveServer, read_token
    from riskengine.report import render_live

    token, facts = read_token(state), follower.facts()
    text = render_live(facts, follower.period)
    server = LiveServer(place, token, lambda: text)
    server.start()
    _say("page", f"{server.address}?token={token}")
    if not server.local:
        _say("page", "other machines can reach this page, over plain HTTP: put a proxy with TLS before it")
    try:
        yield [server]
    finally:
        server.close()
