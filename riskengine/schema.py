"""Files of settings, TOML or JSON, read against a schema that is derived from the settings' own class.

:func:`table` makes a pydantic model of a frozen dataclass, a named tuple or a function's arguments: its keys, types,
defaults and, from its docstring, descriptions. :func:`read` checks a file and names all its problems at once;
:func:`json_schema` and :func:`example` show what a file may hold. pydantic is loaded by whoever imports this module.
"""

from __future__ import annotations

import difflib
import inspect
import json
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from riskengine.errors import DataError, SettingsError


class Table(BaseModel):
    """A table of a file: other keys, texts for numbers, NaN and infinities are problems."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """What the file sets, without defaults."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


T = TypeVar("T", bound=Table)


def table(source: Callable[..., Any], /, *only: str, **types: Any) -> type[Table]:
    """Schema of a table whose keys are the arguments of ``source``, a class or a function.

    Parameters
    ----------
    source : its signature gives keys, types and defaults, its numpydoc docstring their descriptions
    only : names of arguments; all if none
    types : types that replace the annotations, ranges say; or keys beyond the arguments

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Costs:
    ...     rate: float = 0.0005
    >>> table(Costs)(rate=0.001).given()
    {'rate': 0.001}
    """
    hints = get_type_hints(source, include_extras=True)
    known = inspect.signature(source).parameters
    said, found = _descriptions(inspect.getdoc(source) or ""), {}
    made: dict[str, Any] = {f.name: f.default_factory for f in fields(source)} if is_dataclass(source) else {}
    for name in dict.fromkeys([*(name for name in types if name not in known), *(only or known)]):
        default = known[name].default if name in known else inspect.Parameter.empty
        if made.get(name, MISSING) is not MISSING:
            default = made[name]()
        field = Field(... if default is inspect.Parameter.empty else default, description=said.get(name))
        found[name] = (types.get(name, hints.get(name)), field)
    kind: type[Table] = create_model(source.__name__, __base__=Table, **found)  # type: ignore[call-overload]
    return kind


def read(
    path: Path, kind: type[T] | Callable[[dict[str, Any]], type[T]], context: Mapping[str, Any] | None = None
) -> T:
    """Read a file of TOML or JSON, which its suffix or first letter tells.

    Parameters
    ----------
    path : file
    kind : schema, or a function from the content to it
    context : what validators of the schema may ask for

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a key is unknown or missing, or a value of another type or out of range. All problems are named, each with
        its key.
    """
    content = _content(path)
    schema: Any = kind if isinstance(kind, type) else kind(content)
    try:
        # By way of JSON, whose lists, texts and numbers pydantic takes strictly for tuples, paths and floats.
        found: T = schema.model_validate_json(json.dumps(content, default=str), context=context)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(_problems(error, schema, content))}") from error
    return found


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"no file {path}")
    form = "JSON" if path.suffix == ".json" else "TOML"
    try:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise DataError(f"{path} is empty: write its settings, or leave the file out for the defaults")
        if path.suffix not in (".json", ".toml") and text.lstrip().startswith("{"):
            form = "JSON"
        found = tomllib.loads(text) if form == "TOML" else json.loads(text, object_pairs_hook=_once)
    except (OSError, ValueError) as error:  # also no UTF-8, and numbers of thousands of digits
        raise DataError(f"{path} is not {form}: {error}") from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply to be a file of settings") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object: write {{...}} with keys and values")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return found


def did_you_mean(name: str, known: list[str]) -> str:
    """The nearest of the known names, or all of them.

    Examples
    --------
    >>> did_you_mean("cost_rte", ["cash", "cost_rate"]), did_you_mean("x", ["cash", "lot"])
    ("did you mean 'cost_rate'?", 'there are cash, lot')
    """
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


_KINDS = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a table",
    "path_type": "a text in quotes",
    "string_pattern_mismatch": "a text of printable letters",
    "string_type": "a text in quotes",
    "tuple_type": "a list",
}
_RANGES = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "one of {expected}",
}


def _problems(error: ValidationError, kind: type[Table], content: Any) -> list[str]:
    """A line a problem. What an alternative of a union lacks is joined with what the others do."""
    texts: dict[str, list[str]] = {}
    expected: dict[str, tuple[Any, list[str]]] = {}
    for one in error.errors():
        where, keys = _place(one["loc"], kind, content)
        name, facts, value = one["type"], one.get("ctx", {}), one["input"]
        if name == "extra_forbidden":
            key = str(one["loc"][-1])
            inside = where.rpartition(".")[0]
            texts.setdefault(where, []).append(
                f"{inside + ': ' if inside else ''}unknown key {key!r}: {did_you_mean(key, keys)}"
            )
        elif name == "missing":
            texts.setdefault(where, []).append(f"{where} is missing: add it")
        elif name.startswith("union_tag"):
            choices = facts.get("expected_tags", "") or ", ".join(map(repr, keys))
            tag = f", not {facts['tag']!r}" if "tag" in facts else ""
            texts.setdefault(where, []).append(f"{where}.name is one of {choices}{tag}")
        elif name == "value_error":
            texts.setdefault(where, []).extend(f"{where}: {line}" for line in str(facts["error"]).split("\n"))
        else:
            what = _KINDS.get(name) or _RANGES.get(name, one["msg"]).format(**facts)
            expected.setdefault(where, (value, []))[1].append(what)
    for where, (value, kinds) in expected.items():
        # A list with a wrong item is not also told that it is no number.
        if not any(other.startswith(where + "[") for other in (*expected, *texts)):
            what = " or ".join(dict.fromkeys(kinds))
            texts.setdefault(where, []).append(f"{where}: {_short(value)} is not {what}")
    return [line for lines in texts.values() for line in lines]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _place(loc: tuple[int | str, ...], kind: type[Table], content: Any) -> tuple[str, list[str]]:
    """Where in the file an error is, and the keys known there; pydantic's labels of alternatives are left out."""
    schema = kind.model_json_schema()
    where, value, node = "", content, schema
    keys: list[str] = []
    for part in loc:
        node = _resolved(node, schema)
        known = list(node.get("properties", {}))
        if isinstance(value, dict) and part in value and part not in _choices(node):
            where, value = f"{where}.{part}" if where else str(part), value[part]
        elif isinstance(value, list) and isinstance(part, int):
            where, value = f"{where}[{part}]", value[part] if part < len(value) else None
        elif part in known:  # missing
            where = f"{where}.{part}" if where else str(part)
        keys = known or keys
        node = _under(node, part)
    return where, list(_choices(_resolved(node, schema))) or keys


def _choices(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = node.get("discriminator", {}).get("mapping", {})
    return found


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else node


def _under(node: dict[str, Any], part: int | str) -> dict[str, Any]:
    """The part of a JSON Schema that describes a key, an item or an alternative; empty where nothing does."""
    if part in _choices(node):
        return {"$ref": _choices(node)[str(part)]}
    inner = node.get("properties", {}).get(
        part, node.get("items" if isinstance(part, int) else "additionalProperties")
    )
    return inner if isinstance(inner, dict) else {}


def json_schema(kind: type[Table]) -> str:
    """JSON Schema (2020-12) of a file, for editors and other programs."""
    return json.dumps(kind.model_json_schema(), indent=2)


def example(kind: type[Table]) -> str:
    """A file of TOML that loads, with every key: the description above it, and as comments what may be left out."""
    schema = kind.model_json_schema()
    return "\n".join(_lines(schema, schema, "")).strip() + "\n"


def _lines(node: dict[str, Any], schema: dict[str, Any], inside: str) -> Iterator[str]:
    """Keys with values first, then tables, as TOML asks."""
    tables = []
    for name, field in node["properties"].items():
        full = _resolved(field, schema)
        value = next(iter(field.get("examples", ())), field.get("const", field.get("default")))
        if (
            _choices(full)
            or "properties" in full
            or (full.get("type") == "object" and "examples" not in field)
        ):
            tables.append((name, field, full))
            continue
        yield from _comment(field)
        required = name in node.get("required", ()) or "examples" in field
        yield f"{'' if required else '# '}{_key(name)} = {'...' if value is None else _toml(value)}"
    for name, field, full in tables:
        yield ""
        yield from _comment(field)
        if _choices(full):
            alternatives = [_resolved(one, schema) for one in full["oneOf"]]
            for one in alternatives:
                yield f"# {one['properties']['name']['const']}: {', '.join(list(one['properties'])[1:])}"
            full = alternatives[0]
        if "properties" not in full:  # tables under names that the file chooses
            name, full = f"{name}.example", _resolved(full["additionalProperties"], schema)
        absent = "default" in field and field["default"] is None and not _choices(_resolved(field, schema))
        for line in (f"[{inside}{name}]", *_lines(full, schema, f"{inside}{name}.")):
            yield f"# {line}".rstrip() if absent and not line.startswith("#") else line


def _comment(field: dict[str, Any]) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(field.get("description", ""), 100)]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def _descriptions(doc: str) -> dict[str, str]:
    """Descriptions of parameters or attributes, as numpydoc writes them: after a colon, or indented below the name."""
    section = re.search(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?:\n\n\w+\n-+\n|\Z)", doc, re.M | re.S)
    found: dict[str, str] = {}
    for names, inline, below in re.findall(
        r"^([a-z]\w*(?:, \w+)*)(?: : (.*))?((?:\n[ \t]+.*)*)", section[1] if section else "", re.M
    ):
        text = re.sub(r":\w+:`~?\.?(?:\w+\.)*(\w+)`", r"\1", " ".join(f"{inline} {below}".split()))
        found |= dict.fromkeys(names.split(", "), text.replace("``", "`"))
    return found
