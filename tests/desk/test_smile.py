"""`riskengine smile` from files to files, with a calibrator that costs nothing."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DAX = ROOT / "data" / "dax_options_2002" / "quotes.csv"


SMILE = ((-1, 0.0086), (-0.5, 0.0083), (-0.2, 0.0081), (0.1, 0.008), (0.5, 0.0081))
RATES = ["strike,maturity,forward,volatility", *(f"{k}%,1,-0.2%,{v}" for k, v in SMILE)]


@pytest.fixture
def run(quick_command):
    return partial(quick_command, "smile")


def test_a_smile_with_its_garch_state(run, prices, tmp_path):
    prices.rename(columns={"A": "<A>"}).to_csv(tmp_path / "prices.csv")
    code, text, _ = run(
        DAX, "--prices", tmp_path / "prices.csv", "--asset", "<A>", "--out", tmp_path / "out", "--json"
    )
    found = json.loads(text)
    assert code == 3  # Heston is 1.75 points off the money at 41 days, 5% of the premium
    assert (found["quotes"], found["usable"], found["heston"]["status"]) == (104, 104, "poor fit")
    assert found["bates"]["rmse"] < 0.7  # fitted since Heston's fit is poor
    assert found["svi"]["rmse"] < 0.35 < found["ssvi"]["rmse"]
    assert {found[name]["status"] for name in ("bates", "ssvi", "svi")} == {"ok"}
    assert found["heston"]["rmse"] < 1.4
    assert [row["quotes"] for row in found["by_maturity"]] == [13] * 8
    squares = [row["heston"] ** 2 for row in found["by_maturity"]]
    assert np.sqrt(np.mean(squares)) == pytest.approx(found["heston"]["rmse"])
    assert len(found["sabr"]) == len(found["term_structure"]) == 8
    states = {row["state"].split(":")[0]: row for row in found["states"]}
    assert states["calm"]["at_the_money"][0] < states["worst day of the window"]["at_the_money"][0]
    ratio = [row["at_the_money"][0] / row["at_the_money"][-1] for row in found["states"]]
    assert max(ratio) > ratio[0]  # stress is felt at the short end
    assert json.loads((tmp_path / "out" / "smile.json").read_text()) == found
    page = (tmp_path / "out" / "smile.html").read_text()
    assert "<script src" not in page
    assert page.count('class="plotly-graph-div"') == 3
    assert "&lt;A&gt;" in page


def test_a_smile_alone_prints_its_tables_and_flags(run, tmp_path):
    lines = DAX.read_text().splitlines()
    broken = lines[5].split(",")
    broken[3] = "nan"
    (tmp_path / "quotes.csv").write_text("\n".join([*lines[:5], ",".join(broken), *lines[6:]]))
    code, text, _ = run(tmp_path / "quotes.csv", "--no-jumps", "--out", tmp_path / "out")
    assert code == 0  # without the steepest quote of the first maturity Heston is within 5% of every money
    assert "1 of 104 quotes: not a number" in text
    assert "SABR" in text
    assert "Bates" not in text
    assert "SVI" in text
    assert "GARCH" not in text


@pytest.mark.browser
def test_axe_finds_nothing_serious_in_the_page(run, axe_findings, tmp_path):
    (tmp_path / "rates.csv").write_text("\n".join(RATES))
    assert run(tmp_path / "rates.csv", "--normal", "--beta", "0", "--out", tmp_path)[0] == 0
    assert axe_findings((tmp_path / "smile.html").read_text()) == []


def test_what_is_missing_is_named(run, tmp_path):
    code, _, error = run(DAX, "--asset", "A")
    assert (code, "--prices" in error) == (1, True)
    code, _, error = run(tmp_path / "none.csv")
    assert (code, "no file" in error) == (1, True)


def test_states_are_those_of_the_filter(returns, fixed_shape):
    from riskengine.desk.smile import garch_states

    fit = fixed_shape(returns[:, :1])
    states, quantile = garch_states(fit, returns[:, :1])
    assert states[0].variance == pytest.approx(float(fit.next_variance[0]))
    p = fit.params
    fallen = p.omega + (p.alpha + p.gamma) * 25 * fit.next_variance + p.beta * fit.next_variance
    assert states[-1].variance == pytest.approx(float(fallen[0]))
    assert 0 <= quantile <= 1
    assert np.all(np.diff([state.variance for state in states[1:4]]) > 0)


def test_rates_below_zero_through_the_command(run, tmp_path):
    (tmp_path / "rates.csv").write_text("\n".join(RATES))
    code, text, _ = run(
        tmp_path / "rates.csv", "--normal", "--beta", "0", "--out", tmp_path / "out", "--json"
    )
    found = json.loads(text)
    assert code == 0
    assert found["heston"] is None
    assert found["volatilities"] == {"shift": 0.0, "normal": True}
    assert found["sabr"][0]["rmse"] < 0.02
    assert "SABR fits 5 of 5" in (tmp_path / "out" / "smile.html").read_text()
    shifted = [row.replace("0.00", "0.3") for row in RATES]
    (tmp_path / "rates.csv").write_text("\n".join(shifted))
    code, text, _ = run(
        tmp_path / "rates.csv", "--shift", "0.03", "--beta", "0.5", "--out", tmp_path / "out", "--json"
    )
    assert json.loads(text)["usable"] == 5
    code, _, error = run(tmp_path / "rates.csv", "--out", tmp_path / "out")
    assert code == 1
    assert "no quote is usable" in error


def test_a_poor_fit_has_its_own_exit_status(run, tmp_path):
    rows = ["strike,maturity,forward,volatility"]
    rows += [
        f"{k},{t},100,{0.5 if t == 0.5 else 0.2}" for t in (0.1, 0.5, 1.0) for k in (80, 90, 100, 110, 120)
    ]
    (tmp_path / "chain.csv").write_text("\n".join(rows))
    code, text, _ = run(tmp_path / "chain.csv", "--no-jumps", "--out", tmp_path / "out")
    assert code == 3
    assert "poor fit" in text
    assert "at the money" in text
    found = json.loads((tmp_path / "out" / "smile.json").read_text())
    assert found["heston"]["reasons"]
    assert found["market"][0]["source"].startswith("no rate given")
