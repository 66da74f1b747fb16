"""The live page of a stream: a small server of one page and its Server-Sent Events, for who has the token.

It listens on this machine alone unless an address says otherwise, takes GET requests only, and answers each only with
the token: in the address, ``?token=...``, or as ``Authorization: Bearer ...``. It speaks plain HTTP: whoever reads it
from another machine puts a tunnel or a proxy with TLS before it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from riskengine.desk.stream_sinks import Sink
from riskengine.desk.stream_store import StreamStore
from riskengine.errors import DataError, SettingsError

_KEPT = 500
"""Events that a page sees when it is opened."""

_READERS = 32
"""Pages that may be open at once."""

_BEAT = 15.0
"""Seconds without an event after which a line is sent all the same, so that a closed page is noticed."""

TOKEN = "page.token"
"""File of the token, in the folder of the state: a page that is open goes on after a restart."""


class Event(NamedTuple):
    """What a page is told: ``kind`` is ``risk`` or ``problem``, ``data`` a line of JSON."""

    number: int
    kind: str
    data: str


def read_place(text: str) -> tuple[str, int]:
    """Host and port of ``[HOST:]PORT``; this machine alone without a host.

    Raises
    ------
    SettingsError
        If there is no port in it.

    Examples
    --------
    >>> read_place("8765"), read_place("0.0.0.0:80"), read_place("[::1]:8765")
    (('127.0.0.1', 8765), ('0.0.0.0', 80), ('::1', 8765))
    >>> read_place("localhost")
    Traceback (most recent call last):
    riskengine.errors.SettingsError: --page takes [HOST:]PORT, 8765 or 0.0.0.0:8765, and not 'localhost'
    """
    found = re.fullmatch(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]:|(?P<host>[^:/\s]+):)?(?P<port>\d{1,5})", text)
    if found is None or int(found["port"]) > 65535:
        raise SettingsError(f"--page takes [HOST:]PORT, 8765 or 0.0.0.0:8765, and not {text!r}")
    return found["six"] or found["host"] or "127.0.0.1", int(found["port"])


def read_token(folder: Path) -> str:
    """The token of a state, made on the first call in a file that its owner alone may read.

    Raises
    ------
    DataError
        If the file cannot be read or holds none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_token(Path(folder)) == read_token(Path(folder))
    True
    """
    path = folder / TOKEN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        token = path.read_text().strip()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}: make it readable, or remove it") from error
    if len(token) < 20:
        raise DataError(f"{path} holds no token: remove it, and a new one is made")
    return token


class LiveServer(Sink):
    """Serves a page, and the lines of a stream as they come.

    Parameters
    ----------
    place : host and port; port 0 for any that is free
    token : that every request needs
    page : gives the HTML; its scripts and styles stand in it, and nothing else may run

    Raises
    ------
    SettingsError
        If the place cannot be listened on.
    """

    def __init__(self, place: tuple[str, int], token: str, page: Callable[[], str]) -> None:
        self._token, self._page = token, page
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._news = threading.Condition()
        self._told, self._closed, self._readers = 0, False, 0
        try:
            self._server = _Server(place, self)
        except OSError as error:
            raise SettingsError(
                f"--page cannot listen on {place[0]}:{place[1]} ({error.strerror or error}): name another port, or end "
                "the program that holds it"
            ) from error
        host, port = self._server.server_address[:2]
        self.address = f"http://{f'[{host!s}]' if ':' in str(host) else host!s}:{port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def local(self) -> bool:
        """Whether this machine alone can ask."""
        return str(self._server.server_address[0]).startswith(("127.", "::1"))

    def start(self) -> None:
        """Listen from now on, in threads of its own."""
        self._thread.start()

    def close(self) -> None:
        """End all requests."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def catch_up(self, store: StreamStore) -> None:
        """The last rows of the state, so that a page has something to show."""
        last = store.count()
        for _, line in store.outputs(max(0, last - _KEPT)):
            self._tell("risk", line)

    def write(self, line: str) -> None:
        """One more row."""
        self._tell("risk", line)

    def problem(self, line: str) -> None:
        """One row that was not taken."""
        self._tell("problem", line)

    def _tell(self, kind: str, data: str) -> None:
        with self._news:
            self._told += 1
            self._events.append(Event(self._told, kind, data))
            self._news.notify_all()

    def allows(self, token: str | None) -> bool:
        """Whether a token is the one; takes as long for any other."""
        return token is not None and compare_digest(token.encode(), self._token.encode())

    def wait(self, after: int) -> list[Event] | None:
        """Events after one, none when nothing came for a while; None when it is over."""
        with self._news:
            if not self._closed and self._told <= after:
                self._news.wait(_BEAT)
            return None if self._closed else [one for one in self._events if one.number > after]

    def enter(self, step: int) -> bool:
        """Count a page that opens, 1, or closes, -1; whether there is room for it."""
        with self._news:
            if step > 0 and self._readers >= _READERS:
                return False
            self._readers += step
            return True

    def html(self) -> tuple[bytes, str]:
        """The page, and the policy under which a browser runs its own scripts and styles and no others."""
        text = self._page()
        rules = []
        for tag in ("script", "style"):
            inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
            digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inside]
            rules.append(f"{tag}-src " + (" ".join(f"'sha256-{one}'" for one in digests) or "'none'"))
        rules = ["default-src 'none'", *rules, "connect-src 'self'", "img-src data:", "base-uri 'none'"]
        return text.encode(), "; ".join([*rules, "form-action 'none'", "frame-ancestors 'none'"])


class _Server(ThreadingHTTPServer):
    """A thread a reader, none of which keeps the process from ending."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], live: LiveServer) -> None:
        self.live = live
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        super().__init__(place, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30
    server_version, sys_version = "riskengine", ""

    def do_GET(self) -> None:
        """The page, or its events; nothing without the token."""
        asked = urlsplit(self.path)
        given = parse_qs(asked.query).get("token", [None])[0]
        bearer = self.headers.get("Authorization", "")
        if given is None and bearer.startswith("Bearer "):
            given = bearer.removeprefix("Bearer ").strip()
        if not self.server.live.allows(given):
            self._refuse(401 if given is None else 403)
        elif asked.path == "/":
            content, policy = self.server.live.html()
            self._head(200, "text/html; charset=utf-8", [("Content-Security-Policy", policy)], len(content))
            self.wfile.write(content)
        elif asked.path == "/events":
            self._events()
        else:
            self._refuse(404)

    def _refuse(self, status: int) -> None:
        said = {
            401: "the token is missing: open the address that riskengine watch printed",
            403: "this is not the token: open the address that riskengine watch printed",
            404: "there is / and /events",
            503: f"{_READERS} pages are open: close one",
        }[status]
        content = (said + "\n").encode()
        more = [("WWW-Authenticate", "Bearer")] if status == 401 else []
        self._head(status, "text/plain; charset=utf-8", more, len(content))
        self.wfile.write(content)

    def _head(self, status: int, kind: str, more: list[tuple[str, str]], length: int | None) -> None:
        self.send_response(status)
        fixed = [
            ("Content-Type", kind),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ]
        fixed += [("X-Content-Type-Options", "nosniff"), ("Connection", "close")]
        fixed += [] if length is None else [("Content-Length", str(length))]
        for name, value in (*fixed, *more):
            self.send_header(name, value)
        self.end_headers()

    def _events(self) -> None:
        if not self.server.live.enter(1):
            self._refuse(503)
            return
        try:
            self._head(200, "text/event-stream", [], None)
            self.wfile.write(b"retry: 1000\n\n")
            self._send()
        finally:
            self.server.live.enter(-1)

    def _send(self) -> None:
        """From the first event that is kept: a page that comes back begins anew."""
        after = 0
        while (events := self.server.live.wait(after)) is not None:
            parts = [f"event: {one.kind}\ndata: {one.data}\n\n" for one in events] or [": still here\n\n"]
            self.wfile.write("".join(parts).encode())
            self.wfile.flush()
            after = events[-1].number if events else after

    def log_message(self, format: str, *arguments: Any) -> None:
        """Addresses hold the token: nothing is logged."""
