"""Addresses of prices in a database, as they are typed: ``sqlite:///file.db?table=prices``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode

from riskengine.errors import DataError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_OPTIONS = {
    "sqlite": ("table", "query"),
    "duckdb": ("table", "query"),
    "postgresql": ("table", "query"),
    "store": ("asof",),
}
_SECRETS = ("password", "passfile", "sslpassword", "sslkey")
_LIKE = (
    "sqlite:///file.db?table=prices, duckdb:///file.db?table=prices, postgresql://user@host/db?table=prices"
)


class Source(Protocol):
    """Source of prices: a path of a file or folder, or an :class:`Address`. As text it holds no password."""

    @property
    def name(self) -> str:
        """What it is called among others of its place."""

    def is_file(self) -> bool:
        """Whether it is a file that can be read as it is."""

    def resolve(self) -> Source:
        """The same with a whole path."""


@dataclass(frozen=True)
class Address:
    """A table of a database, or the rows of a query.

    As text, and in every message, it has neither the password nor another secret of the URL.

    Attributes
    ----------
    kind : ``sqlite``, ``duckdb``, ``postgresql`` or ``store``
    place : file or folder; empty for DuckDB in memory; of a server the URL for its driver, with its password
    shown : the address without secrets
    table, query : one of them, or neither where the database has one table only
    asof : of a store, the moment whose knowledge is wanted
    secrets : passwords of the URL as they are written there and as they are, for who must keep them out of messages
    """

    kind: str
    place: str = field(repr=False)
    shown: str
    table: str | None = None
    query: str | None = None
    asof: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.shown

    @property
    def name(self) -> str:
        """The database and its table, in a few words."""
        where = self.shown.partition("?")[0] if self.kind == "postgresql" else self.place
        where = Path(where.partition("://")[2] or where).name or self.kind
        return f"{where}/{'query' if self.query else self.table}" if self.table or self.query else where

    def is_file(self) -> bool:
        """Never: its rows are identified by their hash, not by that of a file."""
        return False

    def resolve(self) -> Address:
        """The same with a whole path."""
        local = self.place and self.kind != "postgresql"
        return replace(self, place=str(Path(self.place).resolve())) if local else self


def as_source(text: str | Source) -> Path | Address:
    """An address where the text is a URL, else a path; either as it is.

    Raises
    ------
    DataError
        If the URL names no database that is read, or has options that are not known.

    Examples
    --------
    >>> as_source("sqlite:///day.db?table=prices").table
    'prices'
    >>> print(as_source("postgresql://desk:secret@db/market?table=eod"))
    postgresql://desk@db/market?table=eod
    >>> as_source("sqlite:///day.db?tabel=prices")
    Traceback (most recent call last):
    ...
    riskengine.errors.DataError: sqlite:///day.db has an option 'tabel', which is not one of table, query:
    is it 'table'?
    """
    if isinstance(text, Path | Address):
        return text
    if not isinstance(text, str):
        raise DataError(f"prices come from a path or a URL, not from {type(text).__name__}")
    if not _ADDRESS.match(text):
        return Path(text)
    scheme, rest = text.split("://", 1)
    kind = {"postgres": "postgresql"}.get(scheme.lower(), scheme.lower())
    if kind not in _OPTIONS:
        raise DataError(f"prices are not read from {scheme}://: give a file, or an address like {_LIKE}")
    body, _, tail = rest.partition("?")
    given = parse_qsl(tail, keep_blank_values=True)
    options = {key: value for key, value in given if key in _OPTIONS[kind]}
    others = [(key, value) for key, value in given if key not in _OPTIONS[kind]]
    secrets: tuple[str, ...] = ()
    if kind == "postgresql":
        place, shown, secrets = _server(body, others)
    else:
        place, shown = _local(kind, body), f"{kind}://{body}"
    if others and kind != "postgresql":
        _refuse_option(shown, others[0][0], _OPTIONS[kind])
    if "table" in options and "query" in options:
        raise DataError(f"{shown} has both table and query: keep one")
    for key, value in options.items():
        if not value.strip():
            raise DataError(f"{shown}: {key}= is empty: name one, or leave it out")
    told = urlencode(
        [*(pair for pair in others if pair[0] not in _SECRETS), *options.items()],
        quote_via=quote,
        safe=":*,.",
    )
    return Address(kind, place, f"{shown}{'?' if told else ''}{told}", **options, secrets=secrets)


def _local(kind: str, body: str) -> str:
    """The path after the third slash; a fourth one begins a whole path."""
    if body and not body.startswith("/"):
        raise DataError(f"{kind}:// and a file: write three slashes before it, {kind}:///file.db")
    place = unquote(body[1:])
    if not place and kind != "duckdb":
        raise DataError(f"{kind}:// names no file: write {kind}:///file.db")
    return place


def _server(body: str, others: list[tuple[str, str]]) -> tuple[str, str, tuple[str, ...]]:
    """The URL for the driver, the one for people, and what the second is without."""
    who, at, where = body.rpartition("@")
    user, _, password = who.partition(":")
    asked = f"?{urlencode(others)}" if others else ""
    hidden = [password, unquote(password), *(value for name, value in others if name in _SECRETS)]
    secrets = tuple(sorted({word for word in hidden if word}, key=len, reverse=True))
    return f"postgresql://{body}{asked}", f"postgresql://{user}{at}{where}", secrets


def _refuse_option(shown: str, name: str, known: tuple[str, ...]) -> None:
    near = difflib.get_close_matches(name, known, 1)
    raise DataError(
        f"{shown} has an option {name!r}, which is not one of {', '.join(known)}: "
        + (f"is it {near[0]!r}?" if near else "leave it out")
    )
