"""Rows out of a Redis stream through a consumer group, and risk into another stream, each exactly once.

A row is acknowledged once the store of the watch has it; one that comes again is known by its key. A line of output is
an entry whose id is the number of its row, ``17-0`` say, which Redis takes once only. So whatever is killed, watch or
server, the next run goes on where both agree. The server may be away for a while: the watch waits and says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from riskengine.desk.redis_address import RedisAddress
from riskengine.desk.stream_sinks import Sink
from riskengine.desk.stream_store import StreamStore
from riskengine.errors import DataError

_BATCH = 32
"""Entries that are fetched at once."""

_LOOK_UP = 0.5
"""Seconds after which a reader that waits looks whether it is to end."""

_PATIENCE = 300.0
"""Seconds that a server may be away."""


class RedisLink:
    """A client of one address, which waits for a server that went away.

    Parameters
    ----------
    address : of the stream
    say : takes a sentence for people when the server is away and back
    stop : set when the watch is to end

    Raises
    ------
    DataError
        If the client is not installed, the server does not answer at the first time, stays away, or refuses.
    """

    def __init__(
        self, address: RedisAddress, say: Callable[[str], None], stop: threading.Event | None = None
    ) -> None:
        try:
            import redis
            from redis import exceptions
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise DataError(
                f'{address} needs redis, which is not installed: pip install "riskengine[streams]"'
            ) from error
        self.address, self.say, self.stop = address, say, stop or threading.Event()
        self.refused: type[Exception] = exceptions.ResponseError
        # Refused passwords are errors of the connection to the client; nobody should wait for them to mend.
        self.denied: tuple[type[Exception], ...] = (
            exceptions.AuthenticationError,
            exceptions.AuthorizationError,
        )
        self.away: tuple[type[Exception], ...] = (exceptions.ConnectionError, exceptions.TimeoutError)
        # Its own retries would pass over entries whose delivery was lost on the way.
        self.client: Any = redis.Redis.from_url(
            address.url,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            encoding_errors="replace",
            socket_connect_timeout=5,
            socket_timeout=30,
        )
        try:
            self.client.ping()
        except (*self.away, *self.denied, self.refused) as error:
            raise self.failure(error) from error

    def failure(self, error: Exception) -> DataError:
        """What the server or the client says, on one line and without the password."""
        said = " ".join(str(error).split()).rstrip(".")
        for secret in self.address.secrets:
            said = said.replace(secret, "***")
        away = isinstance(error, self.away) and not isinstance(error, self.denied)
        remedy = "start it, or mend the address" if away else "mend the address, the user or the server"
        return DataError(f"{self.address}: {said[:300]}: {remedy}")

    def wait(self, error: Exception) -> None:
        """Until the server answers again, or the watch is to end."""
        if isinstance(error, self.denied):
            raise self.failure(error) from error
        self.say(f"{self.address} is away ({type(error).__name__}): waiting for it")
        begun = time.monotonic()
        while not self.stop.wait(0.2):
            try:
                self.client.ping()
            except (*self.away, self.refused) as again:
                if time.monotonic() - begun > _PATIENCE or isinstance(again, self.denied):
                    raise self.failure(again) from again
            else:
                self.say(f"{self.address} is back")
                return


class RedisRows:
    """Lines of a stream, oldest first; each is acknowledged when the next one is asked for.

    An entry has a field ``row`` with a line as standard input has them, or its fields are the row itself: the key
    first, then values by asset.

    Parameters
    ----------
    link : to the server; reading ends when its ``stop`` is set
    """

    def __init__(self, link: RedisLink) -> None:
        self.link = link

    def __iter__(self) -> Iterator[str]:
        link, address = self.link, self.link.address
        after, heard = "0", time.monotonic()  # first what was delivered to this consumer and not acknowledged
        while not link.stop.is_set():
            try:
                entries = self._entries(after)
            except link.away as error:
                link.wait(error)
                after = "0"
                continue
            if not entries and after == "0":
                after = ">"
            elif not entries and address.idle is not None and time.monotonic() - heard > address.idle:
                return
            for entry, fields in entries:
                yield _line(entry, fields)
                if not self._acknowledged(entry):
                    after = "0"
                heard = time.monotonic()
                if link.stop.is_set():
                    return

    def _entries(self, after: str) -> list[tuple[str, dict[str, str] | None]]:
        link, address = self.link, self.link.address
        try:
            found = link.client.xreadgroup(
                address.group,
                address.consumer,
                {address.stream: after},
                count=_BATCH,
                block=int(1000 * _LOOK_UP),
            )
        except link.refused as error:
            if not str(error).startswith("NOGROUP"):
                raise link.failure(error) from error
            self._make_group()
            return []
        # A list of pairs by one version of the protocol, a table by the other.
        pairs = list(found.values() if isinstance(found, dict) else (entries for _, entries in found or ()))
        return [entry for entries in pairs for entry in _flat(entries)]

    def _make_group(self) -> None:
        """From the first entry that the server holds: rows that were taken are known by their keys."""
        link, address = self.link, self.link.address
        try:
            link.client.xgroup_create(address.stream, address.group, id="0", mkstream=True)
        except link.refused as error:
            if not str(error).startswith("BUSYGROUP"):
                raise link.failure(error) from error

    def _acknowledged(self, entry: str) -> bool:
        """Whether the server knows that an entry is taken; if not it comes again."""
        try:
            self.link.client.xack(self.link.address.stream, self.link.address.group, entry)
        except (*self.link.away, self.link.refused):
            return False
        return True


def _flat(entries: list[Any]) -> list[Any]:
    """Entries, which one version of the client puts into one more list."""
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _line(entry: str, fields: dict[str, str] | None) -> str:
    """The text of an entry."""
    if not fields:
        return f"entry {entry} was deleted from the stream before it was acknowledged"
    return fields["row"] if set(fields) == {"row"} else json.dumps(fields)


class RedisSink(Sink):
    """Writes lines into a stream, as field ``risk`` of the entry ``N-0`` of row ``N``."""

    def __init__(self, link: RedisLink) -> None:
        self.link = link
        self._store: StreamStore | None = None

    def catch_up(self, store: StreamStore) -> None:
        """All lines that the stream does not have, also those that the server lost.

        Raises
        ------
        DataError
            If the stream is of another state.
        """
        self._store = store
        while not self.link.stop.is_set():
            try:
                for number, line in store.outputs(self._last(store)):
                    self._add(number, line)
            except self.link.away as error:
                self.link.wait(error)
            else:
                return

    def write(self, line: str) -> None:
        """Once, however often the server is away meanwhile."""
        try:
            self._add(json.loads(line)["row"], line)
        except self.link.away as error:
            self.link.wait(error)
            if self._store is not None:
                self.catch_up(self._store)

    def _last(self, store: StreamStore) -> int:
        """Row of the last entry, which must be the one that the store has."""
        link, stream = self.link, self.link.address.stream
        try:
            found = link.client.xrevrange(stream, count=1)
        except link.refused as error:
            raise link.failure(error) from error
        if not found:
            return 0
        entry, fields = found[0]
        number = int(entry.partition("-")[0])
        if store.output(number) != fields.get("risk"):
            raise DataError(
                f"{link.address} holds the output of another state, or other entries: name another stream, or the "
                "folder of the state that wrote it"
            )
        return number

    def _add(self, number: int, line: str) -> None:
        link = self.link
        try:
            link.client.xadd(
                link.address.stream, {"risk": line}, id=f"{number}-0", maxlen=link.address.maxlen
            )
        except link.refused as error:
            if "equal or smaller" not in str(error):  # else the server has it: its answer was lost
                raise link.failure(error) from error
