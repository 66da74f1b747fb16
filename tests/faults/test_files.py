"""Files as vendors and brokers write them are read to the last digit, or refused with cause and remedy."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def _script():
    """The script that makes the files, a module beside this one."""
    spec = importlib.util.spec_from_file_location("vendor_files", HERE / "vendor_files.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["vendor_files"] = module
    spec.loader.exec_module(module)
    return module


vendor_files = _script()
CASES = vendor_files.all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.vendor}: {case.name}")
def test_a_file_is_read_right_or_refused_with_cause_and_remedy(case, tmp_path):
    found = vendor_files.outcome(case, tmp_path)
    if case.values is None:
        assert found.refused, f"read as {found.values}"
        assert case.refused in found.refused
        return
    assert not found.refused
    assert list(found.values) == list(case.values)
    for name, wanted in case.values.items():
        np.testing.assert_allclose(found.values[name], wanted, rtol=1e-14)
    if not case.holdings:
        assert found.days == case.days
    assert case.noted in "; ".join(found.notes)
