from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine.calibration import exported
from riskengine.calibration.exported import Exported


class Pair(NamedTuple):
    """Two results, the second of which may be none."""

    total: Any
    other: Any


@pytest.fixture
def kept(tmp_path):
    """A folder of its own for what is kept of programs."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


TRACED = []


def weighted(pair: Pair, factor: jax.Array, double: bool) -> Pair:
    TRACED.append(double)
    total = jnp.sum(pair.total * factor) * (2 if double else 1)
    return Pair(total, None if pair.other is None else pair.other * factor)


def one() -> Exported:
    """The function as a new process has it."""
    return Exported(weighted, ("double",), returns=(Pair,))


def numbers(size: int = 3, other: bool = True) -> tuple[Pair, jax.Array]:
    x = jnp.arange(float(size))
    return Pair(x, x + 1 if other else None), jnp.asarray(3.0)


def files(folder):
    return sorted(folder.glob("traces/*"))


def test_a_second_process_traces_nothing_and_says_the_same(kept):
    TRACED.clear()
    first = one()(*numbers(), True)
    assert TRACED == [True]
    assert len(files(kept)) == 1
    again = one()(*numbers(), True)
    assert TRACED == [True]
    assert len(files(kept)) == 1
    assert isinstance(again, Pair)
    assert float(again.total) == 18.0
    np.testing.assert_array_equal(first.other, again.other)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run(*numbers(4), True),
        lambda run: run(*numbers(other=False), True),
        lambda run: run(*numbers(), False),
        lambda run: run(*jax.tree.map(lambda leaf: leaf.astype(jnp.float32), numbers()), True),
    ],
    ids=["shape", "tree", "setting", "type"],
)
def test_another_call_is_another_program(kept, change):
    run = one()
    run(*numbers(), True)
    TRACED.clear()
    change(run)
    assert len(TRACED) == 1
    assert len(files(kept)) == 2
    assert run.programs == 2


def test_a_damaged_trace_is_made_anew(kept):
    one()(*numbers(), True)
    (file,) = files(kept)
    whole = file.read_bytes()
    for damaged in (whole[:-1], b"", b"x" * len(whole)):
        file.write_bytes(damaged)
        TRACED.clear()
        assert float(one()(*numbers(), True).total) == 18.0
        assert TRACED == [True]
        one()(*numbers(), True)
        assert TRACED == [True]


def test_a_trace_of_another_version_is_not_taken(kept, monkeypatch):
    one()(*numbers(), True)
    TRACED.clear()
    monkeypatch.setattr(exported, "_versions", lambda: "another")
    one()(*numbers(), True)
    assert TRACED == [True]
    assert len(files(kept)) == 2


def test_a_folder_that_cannot_be_written_keeps_nothing(kept):
    (kept / "traces").write_text("in the way")
    assert float(one()(*numbers(), True).total) == 18.0
    assert (kept / "traces").read_text() == "in the way"


def test_a_function_without_a_name_of_its_own_is_not_kept(kept):
    assert float(Exported(lambda x: 2 * x)(jnp.asarray(1.0))) == 2.0
    assert float(Exported(lambda x: 3 * x)(jnp.asarray(1.0))) == 3.0
    assert not files(kept)


def test_nothing_is_kept_where_nobody_asked_for_it(kept):
    jax.config.update("jax_compilation_cache_dir", None)
    assert float(one()(*numbers(), False).total) == 9.0
    assert not files(kept)
