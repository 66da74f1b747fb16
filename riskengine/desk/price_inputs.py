"""The terms file of `riskengine price`: underlying, model, product and simulation, as TOML."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from riskengine import options
from riskengine.errors import DataError

MODELS: dict[str, Any] = {
    "black-scholes": options.BlackScholesParams,
    "heston": options.HestonParams,
    "duan": options.DuanParams,
    "heston-nandi": options.HestonNandiParams,
}
PRODUCTS: dict[str, Any] = {
    "vanilla": options.Vanilla,
    "asian": options.Asian,
    "barrier": options.Barrier,
    "lookback": options.Lookback,
    "autocallable": options.Autocallable,
}
UNDERLYING = {"spot": 100.0, "rate": 0.0, "dividend": 0.0}
SIMULATION = {
    "paths": int,
    "seed": int,
    "steps": int,
    "randomisations": int,
    "sampling": str,
    "antithetic": bool,
    "controls": bool,
    "greeks": list,
}
TEXTS = ("kind", "average", "direction", "knock")
LISTS = ("fixings", "observations", "past", "window")
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


def read_terms(path: Path) -> Terms:
    """Read a terms file.

    Raises
    ------
    DataError
        If the file is missing or no TOML, or a table or key is missing, unknown or of the wrong type; the message
        names it and what may stand there.
    """
    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} is not TOML: {error}") from error
    _known(path, "the file", content, ("underlying", "model", "product", "simulation"))
    for name in ("model", "product"):
        if name not in content:
            raise DataError(f"{path} has no table [{name}]: add it, with its name and terms")
    for name, table in content.items():
        if not isinstance(table, dict):
            raise DataError(f"{path}: {name} is a table, [{name}], not {table!r}")
    underlying = content.get("underlying", {})
    _known(path, "[underlying]", underlying, tuple(UNDERLYING))
    market = UNDERLYING | {
        name: _number(f"{path}, [underlying] {name}", value) for name, value in underlying.items()
    }
    model, leaves = _named(path, "model", content["model"], MODELS)
    kind = MODELS[model]
    _known(path, f"[model] {model}", leaves, kind._fields)
    missing = [name for name in kind._fields if name not in leaves]
    if missing:
        raise DataError(f"{path}: the model {model} needs {', '.join(missing)}")
    params = kind(**{name: _number(f"{path}, [model] {name}", value) for name, value in leaves.items()})
    simulation = content.get("simulation", {})
    _known(path, "[simulation]", simulation, tuple(SIMULATION))
    for name, value in simulation.items():
        if type(value) is not SIMULATION[name]:
            raise DataError(
                f"{path}, [simulation] {name}: {value!r} is not of type {SIMULATION[name].__name__}"
            )
    if not all(isinstance(name, str) for name in simulation.get("greeks", [])):
        raise DataError(f'{path}, [simulation] greeks: names in quotes, as "delta"')
    return Terms(model, params, _product(path, content["product"]), market, dict(simulation))


def _product(path: Path, table: dict[str, Any]) -> options.Product:
    name, terms = _named(path, "product", table, PRODUCTS)
    kind = PRODUCTS[name]
    known = {field.name: field for field in fields(kind)}
    _known(path, f"[product] {name}", terms, tuple(known))
    missing = [field.name for field in fields(kind) if field.default is MISSING and field.name not in terms]
    if missing:
        word = (
            f"; a strike may be {FLOATING!r}" if "strike" in missing and name in ("asian", "lookback") else ""
        )
        raise DataError(f"{path}: the product {name} needs {', '.join(missing)}{word}")
    return kind(**{key: _term(f"{path}, [product] {key}", key, value) for key, value in terms.items()})


def _term(where: str, key: str, value: Any) -> Any:
    if key in TEXTS:
        if not isinstance(value, str):
            raise DataError(f"{where}: {value!r} is not a text in quotes")
        return value
    if key == "strike" and value == FLOATING:
        return None
    if key == "missed" or (key in LISTS and isinstance(value, int) and not isinstance(value, bool)):
        return value
    if key in LISTS:
        if not isinstance(value, list):
            raise DataError(f"{where}: {value!r} is neither a count nor a list of numbers")
        return tuple(_number(where, item) for item in value)
    return _number(where, value)


def _named(
    path: Path, table: str, content: dict[str, Any], choices: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    name = content.get("name")
    if not isinstance(name, str) or name not in choices:
        raise DataError(f"{path}: the name of [{table}] is one of {', '.join(choices)}, not {name!r}")
    return name, {key: value for key, value in content.items() if key != "name"}


def _known(path: Path, where: str, content: dict[str, Any], names: tuple[str, ...]) -> None:
    unknown = sorted(set(content) - set(names))
    if unknown:
        raise DataError(
            f"{path}: {where} has no {', '.join(map(repr, unknown))}: it takes {', '.join(names)}"
        )


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataError(f"{where}: {value!r} is not a number")
    return float(value)
