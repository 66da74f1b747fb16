"""Chains as vendors write them are read right, or refused with everything that is missing named at once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskengine import options
from riskengine.errors import DataError, RiskEngineError

HERE = Path(__file__).parent


def _script():
    spec = importlib.util.spec_from_file_location("chain_files", HERE / "chain_files.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["chain_files"] = module
    spec.loader.exec_module(module)
    return module


chain_files = _script()
CASES = chain_files.all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.vendor}: {case.name}")
def test_a_chain_is_read_right_or_refused_with_all_that_is_missing(case, tmp_path):
    path = tmp_path / "chain.csv"
    case.write(path)
    if case.refused:
        with pytest.raises(DataError) as refusal:
            options.read_quotes(path, **case.asked)
        for words in case.refused:
            assert words in str(refusal.value)
        return
    quotes = options.read_quotes(path, **case.asked)
    assert case.noted in "; ".join(quotes.notes)
    counts = {flag: n for flag, n in quotes.counts().items() if "arbitrage" not in flag}
    for flag, n in case.flagged.items():
        assert counts[flag] >= n
    maturities = np.unique(quotes.maturity)
    if "expired" not in case.flagged:
        np.testing.assert_allclose(maturities, case.maturities, rtol=1e-9)
    first = (chain_files.EXPIRIES[0] - chain_files.ASOF).days / 365 - 0.01
    used = quotes.usable & (quotes.maturity > first)
    assert used.sum() >= 10
    forward = case.spot * np.exp((chain_files.RATE - chain_files.DIVIDEND) * quotes.maturity)
    tick = 2e-5 if case.precise else 2e-4
    np.testing.assert_allclose(quotes.forward[used], forward[used], rtol=tick)
    exact = chain_files.volatility(quotes.strike, np.maximum(quotes.maturity, 1e-9), forward)
    error = np.abs(quotes.volatility - exact)[used]
    spread = np.maximum(quotes.ask - quotes.bid, 0)[used]
    slack = 2e-5 if case.precise else 1e-3
    if "morning" not in case.name and "same-day" not in case.name:
        assert np.all(error <= slack + spread), float(np.max(error - spread))


def test_there_are_enough_files_of_enough_vendors():
    assert len(CASES) >= 40
    assert len({case.vendor for case in CASES}) >= 12
    assert len({(case.vendor, case.name) for case in CASES}) == len(CASES)


def test_what_was_used_is_there_by_maturity(tmp_path):
    case = next(one for one in CASES if "outliers" in one.name)
    case.write(tmp_path / "chain.csv")
    quotes = options.read_quotes(tmp_path / "chain.csv", **case.asked, spot=chain_files.SPOT)
    assert len(quotes.market) == 3
    assert [terms.rejected >= 1 for terms in quotes.market] == [True, True, False]
    for terms in quotes.market:
        assert "put-call parity" in terms.source
        assert terms.rate == pytest.approx(chain_files.RATE, abs=2e-3)
        assert terms.dividend == pytest.approx(chain_files.DIVIDEND, abs=2e-3)


def test_given_rates_dividends_and_forwards_come_first(tmp_path):
    case = next(one for one in CASES if one.name == "tabs")
    path = tmp_path / "chain.csv"
    case.write(path)
    (tmp_path / "rates.csv").write_text("years,rate\n0.1,1%\n2,3%\n")
    quotes = options.read_quotes(path, **case.asked, spot=chain_files.SPOT, rate=str(tmp_path / "rates.csv"))
    for terms in quotes.market:
        assert terms.rate == pytest.approx(np.interp(terms.maturity, [0.1, 2.0], [0.01, 0.03]))
        assert "rate as given" in terms.source
    both = options.read_quotes(path, **case.asked, spot=4500.0, rate=0.02, dividend=0.01)
    np.testing.assert_allclose(both.forward, 4500 * np.exp(0.01 * both.maturity))
    third = options.read_quotes(path, **case.asked, forward=options.Curve((0.1, 1.0), (4500.0, 4550.0)))
    np.testing.assert_allclose(third.forward, np.interp(third.maturity, [0.1, 1.0], [4500.0, 4550.0]))


def test_a_rate_in_percent_says_so_or_is_refused(tmp_path):
    assert options.as_curve("5%", "rate").value == (0.05,)
    with pytest.raises(DataError, match=r"a rate of 5 is 500% a year: write 0\.05, or 5%"):
        options.as_curve("5", "rate")
    (tmp_path / "rates.csv").write_text("1,4.5\n2,4.4\n")
    with pytest.raises(DataError, match="450%"):
        options.as_curve(str(tmp_path / "rates.csv"), "rate")
    with pytest.raises(DataError, match="there is no file"):
        options.as_curve("rats.csv", "rate")
    assert options.as_curve(4500.0, "forward").value == (4500.0,)


def test_a_five_year_chain_without_a_rate_has_its_volatility(tmp_path):
    """With forward equal to spot and no discount it would read 9.7% for 21%."""
    t, spot, rate, dividend = 5.0, 100.0, 0.05, 0.01
    forward, discount = spot * np.exp((rate - dividend) * t), np.exp(-rate * t)
    rows = ["strike,T,kind,bid,ask"]
    for k in np.arange(60.0, 190.0, 10.0):
        for kind in ("call", "put"):
            mid = discount * float(options.black_price(forward, k, t, 0.21, kind))
            rows.append(f"{k},{t},{kind},{mid - 0.05:.2f},{mid + 0.05:.2f}")
    (tmp_path / "chain.csv").write_text("\n".join(rows))
    quotes = options.read_quotes(tmp_path / "chain.csv", spot=spot)
    np.testing.assert_allclose(quotes.volatility, 0.21, atol=2e-3)
    assert not quotes.arbitrage.any()


def test_the_index_chain_has_the_forwards_of_its_vendor(tmp_path):
    """Parity against forwards from the vendor's own factors, within one tick and its own scatter."""
    source = Path(__file__).parents[3] / "shared" / "data" / "options" / "spx_2022-04-01.csv.gz"
    if not source.is_file():
        pytest.skip(f"needs the shared chain {source.name}")
    import pandas as pd

    frame = pd.read_csv(source)
    path = tmp_path / "chain.csv"
    frame.drop(columns=["discount_factor", "dividend_factor"]).to_csv(path)
    quotes = options.read_quotes(path, spot=4545.86)
    for terms in quotes.market:
        row = frame[np.isclose(frame["T"], terms.maturity)].iloc[0]
        vendor = 4545.86 * row["dividend_factor"] / row["discount_factor"]
        assert abs(terms.forward - vendor) < 0.1 + 6 * terms.error


ODD = (
    "", "abc", "-", "0", "-5", "1e400", "nan", "inf", "12,5", "1.234.567,8", "5%", "2022-13-45", "2022-04-29 25:61",
    "C", "put", "SPXW220429C04500000", "BTC-29APR22-40000-C", "16489944000000000000", '"', "\t", "∞", "4545.86",
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    case=st.sampled_from([case for case in CASES if not case.refused]),
    changes=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 20), st.sampled_from(ODD)), min_size=1, max_size=6
    ),
    cut=st.integers(0, 400),
)
def test_a_damaged_chain_is_read_or_refused_and_never_fails(case, changes, cut, tmp_path):
    """Cells replaced by odd ones, and some of the file's end torn off."""
    path = tmp_path / "chain.csv"
    case.write(path)
    raw = path.read_bytes()
    if not raw.startswith(b"\x1f\x8b"):
        rows = [row.split(",") for row in raw.decode("utf-8-sig").splitlines()]
        for line, place, odd in changes:
            row = rows[line % len(rows)]
            row[place % len(row)] = odd
        text = "\n".join(",".join(row) for row in rows)
        path.write_text(text[: max(len(text) - cut, 20)], encoding="utf-8")
    try:
        quotes = options.read_quotes(path, **case.asked)
    except RiskEngineError as refusal:
        assert str(refusal)  # noqa: PT017  (either is right, a traceback is not)
        return
    used = quotes.usable
    assert np.isfinite(quotes.volatility[used]).all()
    assert np.isfinite(quotes.forward[used]).all()
