"""The terms file of `riskengine price`: dates, underlying, model, products and simulation, as TOML or JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, create_model

from riskengine import options
from riskengine.desk.basket_terms import BasketTable, basket_of
from riskengine.desk.smile_file import FITS, read_smile
from riskengine.desk.term_dates import CONVENTIONS, DAY_COUNTS, TermClock, calendar_of
from riskengine.errors import SettingsError
from riskengine.market import parse_date
from riskengine.schema import Table, read, table

FLOATING = "floating"
"""Strike of an Asian or a lookback whose strike is the average or the asset itself."""


@dataclass(frozen=True)
class Trade:
    """One product of a terms file.

    Attributes
    ----------
    label
        Its name.
    product
        What is priced.
    quantity
        How many of it.
    """

    label: str
    product: options.Product
    quantity: float = 1.0


@dataclass(frozen=True)
class Terms:
    """Terms of products, market and simulation, as a terms file has them.

    Attributes
    ----------
    model
        Name of the model.
    params
        Its parameters.
    trades
        What is priced.
    market
        Spot, rate and dividend.
    simulation
        Settings of :func:`riskengine.options.monte_carlo` that were given.
    clock
        Dates and calendars.
    curves
        Of rates and dividends, cash dividends and payment dates.
    names
        Of the assets of a basket.
    notes
        What was taken from where.
    others
        Further models of the same smile, names and parameters: the price under each is shown beside.
    doubtful
        Whether the smile's fit is to be looked at.
    """

    model: str
    params: Any
    trades: tuple[Trade, ...]
    market: dict[str, Any]
    simulation: dict[str, Any]
    clock: TermClock = field(default_factory=TermClock, compare=False)
    curves: options.MarketCurves | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[tuple[str, Any], ...] = ()
    doubtful: bool = False

    @property
    def product(self) -> options.Product:
        """Of the first trade."""
        return self.trades[0].product

    def curves_for(self, product: options.Product) -> options.MarketCurves | None:
        """With the payment dates of a product."""
        payments = self.clock.payments(product.times())
        if self.curves is None and not payments:
            return None
        known = self.curves or options.MarketCurves()
        return options.MarketCurves(known.rate, known.dividend, known.cash, known.lag, payments)


Strike = Annotated[
    float | None,
    BeforeValidator(lambda value: None if value == FLOATING else value),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"const": FLOATING}]}),
]
Time = float | str
Times = int | str | tuple[Time, ...]
Kind = Literal["call", "put"]
DATED = ("maturity", "begins")
SCHEDULED = ("fixings", "observations", "resets", "watched", "window")


class Valuation(Table):
    """Dates and calendars of a term sheet."""

    date: str = Field(description="of valuation, 2024-03-15", examples=["2024-03-15"])
    calendar: str | tuple[str, ...] = Field(
        (), description="of business days: NYSE, XETR, ECB, ...; weekdays if left out"
    )
    day_count: Literal[tuple(DAY_COUNTS)] = Field("act/365", description="how days become years")  # type: ignore[valid-type]
    convention: Literal[CONVENTIONS] = Field("following", description="where other days go")  # type: ignore[valid-type]
    payment_lag: int = Field(0, ge=0, le=60, description="business days from a date to its payment")

    def clock(self) -> TermClock:
        """Of these settings."""
        today = parse_date(self.date, "valuation.date").date()
        names = (self.calendar,) if isinstance(self.calendar, str) else self.calendar
        calendar = calendar_of(names, range(today.year - 1, today.year + 41))
        return TermClock(today, calendar, self.day_count, self.convention, self.payment_lag)


def _keep_clock(found: Valuation, info: ValidationInfo) -> Valuation:
    if info.context is not None:
        today = parse_date(found.date, "valuation.date").date()
        info.context["clock"] = TermClock(today)  # stands where the calendar is not known
        info.context["clock"] = found.clock()
    return found


def _clock(info: ValidationInfo) -> TermClock:
    found: TermClock = (info.context or {}).get("clock") or TermClock()
    return found


def _named(name: str, source: Any, trade: bool = False, **types: Any) -> Any:
    """A table with a name, which becomes an object of ``source``; dates and schedules become years."""
    tag = Literal[name]  # type: ignore[valid-type]

    def made(terms: Table, info: ValidationInfo) -> Any:
        given = {
            key: value for key, value in terms.given().items() if key not in ("name", "label", "quantity")
        }
        clock = _clock(info)
        for key in DATED:
            if key in given:
                given[key] = clock.time(given[key], key)
        for key in SCHEDULED:
            if key in given and not (key == "watched" and given[key] in options.WATCHED):
                given[key] = clock.times(given[key], given.get("maturity", 0.0), key)
        product = source(**given)
        label, quantity = getattr(terms, "label", None), getattr(terms, "quantity", 1.0)
        return name, product, label, quantity

    schema = table(source, name=tag, **types)
    if trade:
        about: Any = {
            "label": (str | None, Field(None, description="name of the trade")),
            "quantity": (float, Field(1.0, description="how many, negative if sold")),
        }
        schema = create_model(source.__name__, __base__=schema, **about)
    return Annotated[schema, AfterValidator(made)]


_product = partial(_named, trade=True)


def _model(name: str, source: Any, *example: float) -> Any:
    shown = zip(source._fields, example, strict=True)
    each: dict[str, Any] = {
        leaf: Annotated[float | tuple[float, ...], Field(examples=[x])] for leaf, x in shown
    }
    return _named(name, source, **each)


def _number(example: float) -> Any:
    return Annotated[float, Field(examples=[example])]


def _time(example: float) -> Any:
    return Annotated[Time, Field(examples=[example])]


@dataclass(frozen=True)
class FittedSmile:
    """A model fitted by `riskengine smile`.

    Parameters
    ----------
    file : ``smile.json``, from the folder of this file
    fit : which of its models prices; the price under the others is shown beside
    """

    file: str
    fit: str = "heston"


Model: Any = (
    _model("heston", options.HestonParams, 0.04, 2.5, 0.04, 0.66, -0.8)
    | _model("bates", options.BatesParams, 0.04, 2.5, 0.04, 0.66, -0.8, 0.5, -0.1, 0.1)
    | _model("black-scholes", options.BlackScholesParams, 0.2)
    | _model("duan", options.DuanParams, 2e-6, 0.03, 0.08, 0.9, 0.05, 1e-4)
    | _model("heston-nandi", options.HestonNandiParams, 5e-6, 1e-6, 0.59, 420.0, 0.2, 1e-4)
    | _named(
        "smile", FittedSmile, file=Annotated[str, Field(examples=["out/smile/smile.json"])], fit=Literal[FITS]
    )
)
Products: Any = (
    _product(
        "barrier", options.Barrier, strike=_number(100.0), barrier=_number(135.0), maturity=_time(1.0),
        direction=Literal["up", "down"], knock=Literal["out", "in"], kind=Kind, fixings=Times | None,
        window=tuple[Time, Time] | None,
    )
    | _product(
        "double-barrier", options.DoubleBarrier, maturity=Time, knock=Literal["out", "in"], kind=Kind,
        fixings=Times | None,
    )
    | _product(
        "one-touch", options.OneTouch, maturity=Time, direction=Literal["up", "down"],
        pays=Literal["touch", "no touch"], at=Literal["hit", "maturity"], fixings=Times | None,
    )
    | _product(
        "asian", options.Asian, strike=Strike, maturity=Time, kind=Kind, average=Literal["arithmetic", "geometric"],
        fixings=Times | None, past=tuple[float, ...],
    )
    | _product(
        "lookback", options.Lookback, strike=Strike, maturity=Time, kind=Kind, fixings=Times | None,
        window=tuple[Time, Time] | None,
    )
    | _product(
        "autocallable", options.Autocallable, maturity=Time, observations=Times, level=float | tuple[float, ...],
        coupon_level=float | tuple[float, ...] | None, watched=str | tuple[Time, ...],
    )
    | _product("forward-start", options.ForwardStart, begins=Time, maturity=Time, kind=Kind)
    | _product("cliquet", options.Cliquet, maturity=Time, resets=Times)
    | _product("vanilla", options.Vanilla, maturity=Time, kind=Kind)
)  # fmt: skip


Simulation: Any = table(
    options.monte_carlo, "paths", "seed", "steps", "randomisations", "sampling", "antithetic", "controls", "greeks",
    sampling=Literal["sobol", "random"], greeks=tuple[str, ...],
)  # fmt: skip
Rate = float | str


class UnderlyingTable(Table):
    """The asset: spot, rates and dividends."""

    spot: float = Field(100.0, description="positive")
    rate: Rate = Field(
        0.0, description="continuously compounded, per year; or a file of years and zero rates"
    )
    dividend: Rate = Field(0.0, description="dividend yield, likewise")
    dividends: tuple[tuple[Time, float], ...] = Field(
        (), description="in cash: dates and amounts, taken out of the spot at their present value"
    )


# A table that may be left out, and has no keys to fill in: absent is None.
Dates: Any = Annotated[Valuation, AfterValidator(_keep_clock)]
Assets: Any = BasketTable


class TermsFile(Table):
    """Exotics to price: `riskengine price`."""

    valuation: Dates = Field(None)
    underlying: UnderlyingTable = Field({}, validate_default=True)
    basket: Assets = Field(None, description="several assets in place of the underlying")
    model: Annotated[Model, Field(discriminator="name")]
    product: Annotated[Products, Field(discriminator="name")]
    trades: tuple[Annotated[Products, Field(discriminator="name")], ...] = Field(
        (), description="several products, [[trades]], in place of one"
    )
    simulation: Simulation = Field({}, validate_default=True)


class TradesFile(TermsFile):
    """The same with several products in place of one."""

    product: Annotated[Products, Field(discriminator="name")] = Field(None)


def _kind(content: dict[str, Any]) -> type[TermsFile]:
    return TradesFile if content.get("trades") else TermsFile


def read_terms(path: Path) -> Terms:
    """Read a terms file.

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a table or key is missing, unknown, of the wrong type or out of range; see :func:`riskengine.schema.read`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "terms.json"
    ...     _ = path.write_text(
    ...         '{"underlying": {"spot": 100, "rate": 0.03}, "model": {"name": "black-scholes", "volatility": 0.2}, '
    ...         '"product": {"name": "vanilla", "strike": 100, "maturity": 0.5}, "simulation": {"paths": 2048}}'
    ...     )
    ...     terms = read_terms(path)
    >>> terms.product, terms.market
    (Vanilla(strike=100.0, maturity=0.5, kind='call'), {'spot': 100.0, 'rate': 0.03, 'dividend': 0.0})
    """
    context: dict[str, Any] = {}
    found = read(path, _kind, context)
    clock: TermClock = context.get("clock") or TermClock()
    if found.product is not None and found.trades:
        raise SettingsError(f"{path}: there is a product and [[trades]]: give one product, or several trades")
    trades = [found.product] if found.product is not None else list(found.trades)
    made = tuple(
        Trade(label or (name if len(trades) == 1 else f"{k + 1} {name}"), product, quantity)
        for k, (name, product, label, quantity) in enumerate(trades)
    )
    labels = [trade.label for trade in made]
    if len(set(labels)) < len(labels):
        raise SettingsError(f"{path}: two trades have the same label: give each its own")
    model, params = found.model[:2]
    notes: list[str] = []
    market, curves = _market(found.underlying, clock, path.parent)
    others: tuple[tuple[str, Any], ...] = ()
    doubtful = False
    if isinstance(params, FittedSmile):
        smile = read_smile(path.parent / params.file, params.fit)
        model, params, others = smile.model, smile.params, smile.others
        market, curves = smile.completed(market, curves, found.underlying.model_fields_set)
        notes += smile.notes
        doubtful = smile.doubtful
    names: tuple[str, ...] = ()
    if found.basket is not None:
        params, market, names = basket_of(found.basket, params, market, path.parent, notes)
    elif not isinstance(params, options.LocalVolatilityParams) and any(np.ndim(leaf) for leaf in params):
        raise SettingsError(f"{path}: model: lists of parameters are for several assets: add a [basket]")
    simulation = found.simulation.given()
    return Terms(
        model, params, made, market, simulation, clock, curves, names, tuple(notes), others, doubtful
    )


def _market(
    given: UnderlyingTable, clock: TermClock, folder: Path
) -> tuple[dict[str, Any], options.MarketCurves | None]:
    """Flat numbers, and curves where there is more."""
    market: dict[str, Any] = {"spot": given.spot}
    bent: dict[str, Any] = {}
    for name in ("rate", "dividend"):
        value = getattr(given, name)
        if isinstance(value, str):
            bent[name] = options.as_curve(value if value.strip().endswith("%") else str(folder / value), name)
        else:
            options.as_curve(value, name)  # refuses what is a percentage without a sign
        market[name] = value if isinstance(value, float) else 0.0
    cash = []
    for when, amount in given.dividends:
        t = clock.time(when, "dividends")
        if t > 0:
            cash.append((t, amount))
    bent |= {"cash": tuple(sorted(cash))} if cash else {}
    return market, options.MarketCurves(**bent) if bent else None
