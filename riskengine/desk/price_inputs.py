"""The terms file of `riskengine price`: underlying, model, product and simulation, as TOML or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from riskengine import options
from riskengine.schema import Table, read, table

FLOATING = "floating"
"""Strike of an Asian or a lookback whose strike is the average or the asset itself."""


@dataclass(frozen=True)
class Terms:
    """What a terms file says.

    Attributes
    ----------
    model
        Name of the model.
    params
        Its parameters.
    product
        What is priced.
    market
        Spot, rate and dividend.
    simulation
        Settings of :func:`riskengine.options.monte_carlo` that were given.
    """

    model: str
    params: Any
    product: options.Product
    market: dict[str, Any]
    simulation: dict[str, Any]


Strike = Annotated[
    float | None,
    BeforeValidator(lambda value: None if value == FLOATING else value),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"const": FLOATING}]}),
]
Times = int | tuple[float, ...]
Kind = Literal["call", "put"]


def _named(name: str, source: Any, **types: Any) -> Any:
    """A table with a name, which becomes an object of ``source``."""
    tag = Literal[name]  # type: ignore[valid-type]

    def made(terms: Table) -> Any:
        return name, source(**{key: value for key, value in terms.given().items() if key != "name"})

    return Annotated[table(source, name=tag, **types), AfterValidator(made)]


def _model(name: str, source: Any, *example: float) -> Any:
    shown = zip(source._fields, example, strict=True)
    return _named(name, source, **{leaf: Annotated[float, Field(examples=[x])] for leaf, x in shown})


def _number(example: float) -> Any:
    return Annotated[float, Field(examples=[example])]


Model: Any = (
    _model("heston", options.HestonParams, 0.04, 2.5, 0.04, 0.66, -0.8)
    | _model("black-scholes", options.BlackScholesParams, 0.2)
    | _model("duan", options.DuanParams, 2e-6, 0.03, 0.08, 0.9, 0.05, 1e-4)
    | _model("heston-nandi", options.HestonNandiParams, 5e-6, 1e-6, 0.59, 420.0, 0.2, 1e-4)
)
Products: Any = (
    _named(
        "barrier", options.Barrier, strike=_number(100.0), barrier=_number(135.0), maturity=_number(1.0),
        direction=Literal["up", "down"], knock=Literal["out", "in"], kind=Kind, fixings=Times | None,
    )
    | _named(
        "asian", options.Asian, strike=Strike, kind=Kind, average=Literal["arithmetic", "geometric"],
        fixings=Times | None, past=tuple[float, ...],
    )
    | _named("lookback", options.Lookback, strike=Strike, kind=Kind, fixings=Times | None)
    | _named("autocallable", options.Autocallable, observations=Times)
    | _named("vanilla", options.Vanilla, kind=Kind)
)  # fmt: skip


Underlying: Any = table(options.monte_carlo, "spot", "rate", "dividend")
Simulation: Any = table(
    options.monte_carlo, "paths", "seed", "steps", "randomisations", "sampling", "antithetic", "controls", "greeks",
    sampling=Literal["sobol", "random"], greeks=tuple[str, ...],
)  # fmt: skip


class TermsFile(Table):
    """An exotic to price: `riskengine price`."""

    underlying: Underlying = Field({}, validate_default=True)
    model: Annotated[Model, Field(discriminator="name")]
    product: Annotated[Products, Field(discriminator="name")]
    simulation: Simulation = Field({}, validate_default=True)


def read_terms(path: Path) -> Terms:
    """Read a terms file.

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a table or key is missing, unknown, of the wrong type or out of range; see :func:`riskengine.schema.read`.
    """
    found = read(path, TermsFile)
    (model, params), (_, product) = found.model, found.product
    return Terms(model, params, product, found.underlying.model_dump(), found.simulation.given())
