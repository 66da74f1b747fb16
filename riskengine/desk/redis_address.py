"""Addresses of Redis streams, as they are typed: ``redis://host:6379/0?stream=prices&group=riskengine``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode

from riskengine.errors import DataError
from riskengine.schema import did_you_mean

_READ = ("stream", "group", "consumer", "idle")
_WRITE = ("stream", "maxlen")
_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")
LIKE = "redis://localhost:6379/0?stream=prices"


@dataclass(frozen=True)
class RedisAddress:
    """A stream of a Redis server, to read from or to write to. As text it has no password.

    Attributes
    ----------
    url : for the client, with its password
    shown : the address without it
    stream : name of the key
    group, consumer : who reads; a group is of one folder of state, which has one consumer
    idle : seconds without a row after which reading ends; None for never
    maxlen : entries from which on the oldest of what is written may go; None to keep all
    secrets : what no message may hold
    """

    url: str = field(repr=False)
    shown: str
    stream: str
    group: str = "riskengine"
    consumer: str = "riskengine"
    idle: float | None = None
    maxlen: int | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.shown

    @classmethod
    def parse(cls, text: str, writing: bool = False) -> RedisAddress:
        """The address of a URL.

        Raises
        ------
        DataError
            If it is of another kind, names no stream, or has an option that is not known.

        Examples
        --------
        >>> address = RedisAddress.parse("redis://:secret@cache/2?stream=prices&idle=30")
        >>> print(address, address.group, address.idle)
        redis://cache/2?stream=prices riskengine 30.0
        >>> RedisAddress.parse("redis://cache?steam=prices")
        Traceback (most recent call last):
        riskengine.errors.DataError: redis://cache: unknown option 'steam': did you mean 'stream'?
        >>> RedisAddress.parse("kafka://broker/prices")
        Traceback (most recent call last):
        riskengine.errors.DataError: streams are of Redis, redis://localhost:6379/0?stream=prices, and not of
        kafka://: rows of another source come through standard input, as docs/streams.md shows for Kafka
        """
        scheme, mark, rest = text.partition("://")
        if not mark:
            raise DataError(f"{text!r} is no address of a stream: write one like {LIKE}")
        if scheme.lower() not in ("redis", "rediss"):
            raise DataError(
                f"streams are of Redis, {LIKE}, and not of {scheme}://: rows of another source come through standard "
                "input, as docs/streams.md shows for Kafka"
            )
        body, _, tail = rest.partition("?")
        who, _, where = body.rpartition("@")
        shown, known = f"{scheme}://{where}", _WRITE if writing else _READ
        _check_place(shown, where)
        given = parse_qsl(tail, keep_blank_values=True)
        for name, _ in given:
            if name not in (*known, *_TLS):
                raise DataError(f"{shown}: unknown option {name!r}: {did_you_mean(name, [*known])}")
        options = {name: value for name, value in given if name in known}
        if not options.get("stream"):
            raise DataError(f"{shown} names no stream: write one like {LIKE}")
        tls = [(name, value) for name, value in given if name in _TLS]
        password = who.partition(":")[2]
        return cls(
            f"{scheme.lower()}://{body}{'?' if tls else ''}{urlencode(tls)}",
            f"{shown}?{urlencode({'stream': options['stream']}, safe=':.')}",
            options["stream"],
            options.get("group") or "riskengine",
            options.get("consumer") or "riskengine",
            _positive(shown, "idle", options.get("idle")),
            None if "maxlen" not in options else int(_positive(shown, "maxlen", options["maxlen"]) or 1),
            tuple(sorted({password, unquote(password)} - {""}, key=len, reverse=True)),
        )


def _check_place(shown: str, where: str) -> None:
    """Refuse what the client would read in another way than it is meant: a port or a database of letters."""
    host, _, database = where.partition("/")
    port = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", host)
    if port is None or (port[2] is not None and not (port[2].isdigit() and 0 < int(port[2]) < 65536)):
        raise DataError(f"{shown}: the port is a number from 1 to 65535, as in {LIKE}")
    if database and not database.isdigit():
        raise DataError(f"{shown}: the database is a number, 0 as a rule, and not {database!r}: {LIKE}")


def _positive(shown: str, name: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e12:
        raise DataError(f"{shown}: {name} is a number above zero, not {text!r}")
    return value
