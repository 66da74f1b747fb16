"""Files of settings: any file is read or refused with its keys named, and what a command prints as example loads."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from riskengine import cli
from riskengine.backtest import load_grid
from riskengine.backtest.grid_file import GridFile
from riskengine.desk import read_desk, read_terms
from riskengine.desk.price_inputs import TermsFile
from riskengine.desk.rules import LimitsFile
from riskengine.errors import DataError, RiskEngineError, SettingsError
from riskengine.schema import example, json_schema, read, table

ASSETS = ("AAPL", "MSFT")
READERS = {
    TermsFile: read_terms,
    GridFile: load_grid,
    LimitsFile: lambda path: read_desk(path, ASSETS),
}
JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just([]) | st.just({})
)


def mutated(content, data):
    """The content with one value, key or table of it replaced, misspelt, dropped or added."""
    node, parents = content, []
    while isinstance(node, dict) and node and (not parents or data.draw(st.booleans())):
        parents.append((node, data.draw(st.sampled_from(sorted(node)))))
        node = node[parents[-1][1]]
    inside, key = parents[-1]
    how = data.draw(st.sampled_from(["replace", "misspell", "drop", "add"]))
    if how in ("misspell", "drop"):
        value = inside.pop(key)
    if how == "misspell":
        inside[key[1:] + key[:1]] = value
    elif how != "drop":
        inside[key if how == "replace" else data.draw(st.text(max_size=3))] = data.draw(JUNK)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=60)
@given(st.data())
def test_a_mutated_file_is_read_or_refused_with_its_name(kind, tmp_path_factory, data):
    content = tomllib.loads(example(kind))
    for _ in range(data.draw(st.integers(1, 3))):
        if content:
            mutated(content, data)
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    path.write_text(json.dumps(content))
    try:
        found = READERS[kind](path)
    except RiskEngineError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert len(str(error)) > len(str(path)) + 10  # noqa: PT017
    else:
        assert found is not None


@pytest.mark.parametrize("kind", READERS)
def test_the_example_loads_and_toml_and_json_say_the_same(kind, tmp_path):
    (tmp_path / "a.toml").write_text(example(kind))
    (tmp_path / "a.json").write_text(json.dumps(tomllib.loads(example(kind))))
    assert READERS[kind](tmp_path / "a.toml") == READERS[kind](tmp_path / "a.json")
    assert set(kind.model_json_schema()["properties"]) == set(json.loads(json_schema(kind))["properties"])
    assert all(name in example(kind) for name in kind.model_fields)


def test_all_problems_are_named_with_their_keys_and_the_nearest_known_one(tmp_path):
    path = tmp_path / "limits.json"
    path.write_text(
        '{"cost_rte": 1, "cash": 0.7, "lot": {"APPL": 2, "*": 1}, "limits": {"var99": 0.1, "weight": 30}, "volume": 3}'
    )
    with pytest.raises(SettingsError) as caught:
        read_desk(path, ASSETS)
    for problem in (
        "unknown key 'cost_rte': did you mean 'cost_rate'?",
        "cash: 0.7 is not at most 0.5",
        "lot: 'APPL' is not an asset of the prices: did you mean 'AAPL'?",
        "limits: unknown limit 'var99': did you mean 'var_99'?",
        "limits: weight: 30 means 3000%, which nothing breaks: did you mean 0.3?",
        "volume: 3 is not a table",
    ):
        assert problem in str(caught.value)


def test_a_wrong_item_of_an_alternative_is_named_once(tmp_path):
    def settings_of(times: int | tuple[float, ...], name: str = "x"):
        """Times.

        Parameters
        ----------
        times : in years
        """

    path, kind = tmp_path / "a.toml", table(settings_of)
    for text, message in (("[0.5, 'x']", r"times\[1\]: 'x' is not a number$"),
                          ("'x'", "times: 'x' is not a whole number or a list$")):  # fmt: skip
        path.write_text(f"times = {text}")
        with pytest.raises(SettingsError, match=message):
            read(path, kind)
    assert kind.model_json_schema()["properties"]["times"]["description"] == "in years"
    path.write_text("times = 3")
    assert read(path, kind).given() == {"times": 3}


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [("a.json", '{"cash": 1, "cash": 0}', "'cash' stands twice"), ("a.json", "[]", "no JSON object"),
     ("a.toml", "cash =", "not TOML"), ("a.toml", "\x00", "not TOML"), ("b", "{", "not JSON")],
)  # fmt: skip
def test_what_is_no_file_of_settings_is_refused(tmp_path, name, content, cause):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=cause):
        read_desk(tmp_path / name, ASSETS)


@pytest.mark.parametrize(
    ("command", "kind"),
    [("rebalance", LimitsFile), ("stress", LimitsFile), ("price", TermsFile), ("sweep", GridFile)],
)
def test_commands_print_schema_and_example_and_stop(command, kind, tmp_path):
    shown = CliRunner().invoke(cli.app, [command, "--example"])
    assert shown.exit_code == 0
    Path(tmp_path / "a.toml").write_text(shown.stdout)
    assert READERS[kind](tmp_path / "a.toml") is not None
    shown = CliRunner().invoke(cli.app, [command, "--schema"])
    assert shown.exit_code == 0
    assert set(json.loads(shown.stdout)["properties"]) == set(kind.model_fields)


@pytest.mark.parametrize("content", ["", " \n\n"])
def test_an_empty_file_is_no_file_without_limits(tmp_path, content):
    """A copy that failed must not take a desk's limits away."""
    path = tmp_path / "limits.toml"
    path.write_text(content)
    with pytest.raises(DataError, match="is empty: write its settings"):
        read_desk(path, ASSETS)
