"""What a file of positions leaves unsaid, from TOML or JSON: base currency, rates, contracts, hedges, lots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from riskengine.book.currencies import CODES, currency_unit, pair_of
from riskengine.book.positions import Kind, Position, PositionBook
from riskengine.errors import DataError, SettingsError, listed
from riskengine.schema import read, table

LotOrder = Literal["first in first out", "highest cost"]


@dataclass(frozen=True)
class BookSettings:
    """What a file of positions leaves unsaid.

    Attributes
    ----------
    base : currency of all totals, an ISO code; that of the file if left out
    fx : rates that are not in the prices, by pair: EURUSD is the price of one euro in dollars
    symbols : name in the file of positions to name in the prices
    currency : of an asset's prices, ISO code or GBX; with ``"*"`` for all others, also those not held
    multiplier : money that one unit moves for a move of one in the price, by asset: contract size of a future
    kind : equity, fund, bond, future, option or other, by asset; a future has exposure and no value
    hedged : share of the currency risk that is hedged, by asset or by currency, with ``"*"`` for all others
    lots : which tax lots are sold first
    long_term_days : days of holding from which on a gain is a long-term one
    """

    base: str = ""
    fx: Mapping[str, float] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    currency: Mapping[str, str] = field(default_factory=dict)
    multiplier: Mapping[str, float] = field(default_factory=dict)
    kind: Mapping[str, Kind] = field(default_factory=dict)
    hedged: Mapping[str, float] = field(default_factory=dict)
    lots: LotOrder = "first in first out"
    long_term_days: int = 366

    def hedge(self, asset: str, currency: str) -> float:
        """Share of an asset's currency risk that is hedged."""
        return float(next((self.hedged[name] for name in (asset, currency, "*") if name in self.hedged), 0.0))


def _code(value: str) -> str:
    if value and value.upper() not in CODES:
        raise ValueError(f"{value!r} is no currency: write its ISO code, EUR or USD")
    return value.upper()


def _units(value: dict[str, str]) -> dict[str, str]:
    for name, code in value.items():
        try:
            currency_unit(code)
        except DataError as error:
            raise ValueError(f"{name}: {error}") from error
    return value


_Positive = Annotated[float, Field(gt=0, lt=1e12)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Kinds = Literal["equity", "fund", "bond", "future", "option", "other"]

BookFile = table(
    BookSettings,
    base=Annotated[str, AfterValidator(_code), Field(examples=["EUR"])],
    fx=Annotated[dict[str, _Positive], Field(examples=[{"EURUSD": 1.08}])],
    symbols=Annotated[dict[str, str], Field(examples=[{"BRK B": "BRK-B"}])],
    currency=Annotated[dict[str, str], AfterValidator(_units), Field(examples=[{"*": "USD", "SAP": "EUR"}])],
    multiplier=Annotated[dict[str, _Positive], Field(examples=[{"ESZ4": 50.0}])],
    kind=Annotated[dict[str, _Kinds], Field(examples=[{"ESZ4": "future"}])],
    hedged=Annotated[
        dict[str, _Share],
        BeforeValidator(
            lambda value: value if isinstance(value, dict) else {"*": value},
            json_schema_input_type=_Share | dict[str, _Share],
        ),
        Field(examples=[{"*": 0.0, "USD": 0.5}]),
    ],
    long_term_days=Annotated[int, Field(ge=0, le=36500)],
)


def read_book_settings(path: Path | None) -> BookSettings:
    """Read them; the defaults of :class:`BookSettings` where there is no file.

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a key is unknown, a currency is none, or a number is out of range; see :func:`riskengine.schema.read`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "book.json"
    ...     _ = path.write_text('{"base": "EUR", "fx": {"EURUSD": 1.1}, "hedged": {"USD": 0.5}}')
    ...     settings = read_book_settings(path)
    >>> settings.base, settings.fx, settings.hedge("MSFT", "USD")
    ('EUR', {'EURUSD': 1.1}, 0.5)
    """
    if path is None:
        return BookSettings()
    given: dict[str, Any] = read(path, BookFile).given()
    if "kind" in given:
        given["kind"] = {name: Kind(kind) for name, kind in given["kind"].items()}
    return BookSettings(**given)


def completed(book: PositionBook, settings: BookSettings) -> PositionBook:
    """A book completed by the settings, which take precedence over the file.

    Raises
    ------
    SettingsError
        If the book names several currencies and nobody says which one counts.

    Examples
    --------
    >>> book = PositionBook((Position("ES", -1, 5000.0),))
    >>> said = BookSettings("EUR", currency={"ES": "USD"}, multiplier={"ES": 50}, kind={"ES": Kind.FUTURE})
    >>> held, = completed(book, said).positions
    >>> held.currency, held.multiplier, held.paid
    ('USD', 50.0, False)
    """
    base = settings.base or book.base
    if not base and len(book.currencies) > 1:
        raise SettingsError(
            f"positions are in {', '.join(book.currencies)}: say in which currency the book is valued, --base "
            f"{book.currencies[0]}, or base = ... in the book's settings"
        )
    if not base and book.currencies:
        base = book.currencies[0]
    rates = book.rates if not settings.base or settings.base == book.base else {}
    positions = tuple(_completed(one, settings) for one in book.positions)
    return replace(book, positions=positions, base=base, rates=rates)


def _completed(one: Position, settings: BookSettings) -> Position:
    name = settings.symbols.get(one.symbol, one.symbol)
    code, unit, hundredths = one.currency, 1.0, one.hundredths
    said = settings.currency.get(name) or ("" if one.currency else settings.currency.get("*", ""))
    if said:
        code, unit = currency_unit(said)
        # a file in pence has its multiplier already
        unit, hundredths = (1.0 if hundredths else unit), unit != 1.0 or hundredths
    multiplier = float(settings.multiplier.get(name, one.multiplier * unit))
    kind = settings.kind.get(name, one.kind)
    stated = one.stated or name in settings.multiplier
    terms: dict[str, Any] = {"symbol": name, "currency": code, "multiplier": multiplier, "kind": kind}
    return replace(one, **terms, hundredths=hundredths, stated=stated)


def asset_terms(
    assets: tuple[str, ...], book: PositionBook, settings: BookSettings
) -> tuple[dict[str, Position], tuple[str, ...]]:
    """A position of nothing for each asset of the prices: its currency, multiplier and kind; and whose are not known.

    Columns of exchange rates are no assets of a book in several currencies. In a book of one currency, every asset is
    in that one.

    Examples
    --------
    >>> book = PositionBook((Position("SAP", 10, 180.0, "EUR"),), (), base="EUR")
    >>> terms, unknown = asset_terms(("SAP", "MSFT", "KO"), book, BookSettings(currency={"MSFT": "USD"}))
    >>> {name: one.currency for name, one in terms.items()}, unknown
    ({'SAP': 'EUR', 'MSFT': 'USD', 'KO': ''}, ('KO',))
    """
    held = {one.symbol: one for one in book.positions}
    stated = (currency_unit(code)[0] for code in settings.currency.values())
    foreign = any(code != book.base for code in (*book.currencies, *stated))
    found, open_ = {}, []
    for name in assets:
        if foreign and pair_of(name) and name not in held:
            continue
        if name in held:
            found[name] = replace(held[name], quantity=0.0, lots=(), accrued=0.0, price=None, account="")
            continue
        found[name] = _completed(Position(name, 0.0), settings)
        if foreign and not found[name].currency:
            open_.append(name)
    return found, tuple(open_)


def open_currencies(names: tuple[str, ...], book: PositionBook) -> str:
    """What to say of assets whose currency is not known.

    Examples
    --------
    >>> book = PositionBook((Position("SAP", 10, 180.0, "EUR"), Position("MSFT", 1, 400.0, "USD")), (), base="EUR")
    >>> print(open_currencies(("KO",), book))
    the book is in EUR, USD, and it is not known in which currency the prices of KO are: say so in the book's settings,
    currency = { KO = "EUR", "*" = "USD" }
    """
    other = next((code for code in book.currencies if code != book.base), book.base)
    return (
        f"the book is in {', '.join(book.currencies)}, and it is not known in which currency the prices of "
        f'{listed(names)} are: say so in the book\'s settings, currency = {{ {names[0]} = "{book.base}", '
        f'"*" = "{other}" }}'
    )
