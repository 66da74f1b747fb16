"""Terms files and what `riskengine price` makes of them."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from riskengine import options
from riskengine.desk.price import price
from riskengine.desk.price_inputs import read_terms
from riskengine.errors import RiskEngineError
from riskengine.report.price_page import render_price

ROOT = Path(__file__).parents[2]
GOOD = """
[underlying]
spot = 100
rate = 0.03
[model]
name = "black-scholes"
volatility = 0.2
[product]
name = "barrier"
strike = 100
barrier = 130
maturity = 0.5
fixings = 2
[simulation]
paths = 2048
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "terms.toml"
    path.write_text(text)
    return path


def test_the_example_is_read():
    terms = read_terms(ROOT / "docs" / "terms.toml")
    assert terms.product == options.Barrier(100.0, 135.0, 1.0)
    assert terms.params == options.HestonParams(0.04, 2.5, 0.04, 0.66, -0.8)
    assert terms.market == {"spot": 100.0, "rate": 0.05, "dividend": 0.0}


def test_every_product_can_be_written(tmp_path):
    head = (
        '[model]\nname = "heston"\nv0 = 0.04\nkappa = 2.0\ntheta = 0.04\nsigma = 0.5\nrho = -0.5\n[product]\n'
    )
    for text, product in (
        ('name = "asian"\nstrike = "floating"\nmaturity = 1\nfixings = 12', options.Asian(None, 1.0, 12)),
        (
            'name = "asian"\nstrike = 90\nmaturity = 1\nfixings = [0.5, 1]\npast = [95, 99.5]',
            options.Asian(90.0, 1.0, (0.5, 1.0), past=(95.0, 99.5)),
        ),
        ('name = "lookback"\nstrike = 90\nmaturity = 1\nkind = "put"', options.Lookback(90.0, 1.0, "put")),
        ('name = "autocallable"\nmaturity = 2\nobservations = 4', options.Autocallable(2.0, 4)),
        ('name = "vanilla"\nmaturity = 2\nstrike = 4', options.Vanilla(4.0, 2.0)),
    ):
        assert read_terms(written(tmp_path, head + text)).product == product


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("[model]", "[modle]", "unknown key 'modle': did you mean 'model'"),
        (
            "volatility = 0.2",
            "vol = 0.2",
            "model: unknown key 'vol': (did you mean|there are name, volatility)",
        ),
        ("volatility = 0.2", "", "model.volatility is missing"),
        ("volatility = 0.2", 'volatility = "0.2"', "not a number"),
        ('"black-scholes"', '"merton"', "model.name is one of 'heston', 'bates', 'black-scholes'"),
        ("barrier = 130", "", "product.barrier is missing"),
        ("barrier = 130", "barrier = true", "not a number"),
        ("fixings = 2", 'fixings = "hourly"', "'hourly' is not a schedule: there are daily, weekly"),
        ("fixings = 2", "fixings = [0.5, 0.25]", "order"),
        ("fixings = 2", "fixing = 2", "product: unknown key 'fixing': did you mean 'fixings'"),
        ("paths = 2048", "paths = 2048.5", "simulation.paths: 2048.5 is not a whole number"),
        ("[underlying]", "[[underlying]]", "underlying: .* is not a table"),
        ("spot = 100", "spot =", "not TOML"),
    ],
)
def test_bad_terms_name_cause_and_remedy(old, new, cause, tmp_path):
    assert old in GOOD
    with pytest.raises(RiskEngineError, match=cause):
        read_terms(written(tmp_path, GOOD.replace(old, new)))


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """Terms, the content of their page, and the stages that were told."""
    terms, stages = read_terms(written(tmp_path_factory.mktemp("price"), GOOD)), []
    content = price(terms, "<script>x</script>.toml", lambda stage, done, total: stages.append(stage))
    return terms, content, stages


@pytest.mark.browser
def test_axe_finds_nothing_serious_in_the_page(priced, axe_findings):
    assert axe_findings(render_price(priced[1])) == []


def test_the_page_stands_alone_and_escapes(priced):
    terms, content, stages = priced
    direct = options.monte_carlo(terms.params, terms.product, 2048, spot=100.0, rate=0.03, greeks=())
    assert content["price"] == pytest.approx(direct.price, rel=1e-6)
    last = content["convergence"][-1]
    assert (last["paths"], last["price"]) == (content["paths"], pytest.approx(content["price"]))
    prices = [row["price"] for row in content["sweep"]["rows"]]
    assert content["sweep"]["term"] == "barrier"
    assert all(a <= b + 0.01 for a, b in itertools.pairwise(prices))  # a farther barrier is worth more
    assert set(stages) == {"paths", "price against barrier"}
    text = render_price(content)
    assert "<script>x</script>" not in text
    assert 'src="http' not in text


def test_the_command_prints_a_table_or_json_and_one_line_of_error(tmp_path, monkeypatch, capsys):
    from typer.testing import CliRunner

    from riskengine import cli

    path, out = written(tmp_path, GOOD), str(tmp_path / "out")
    shown = CliRunner().invoke(cli.app, ["price", str(path), "--out", out])
    assert shown.exit_code == 0
    assert "standard error" in shown.output
    assert "delta" in shown.output
    asked = CliRunner().invoke(cli.app, ["price", str(path), "--out", out, "--json"])
    content = json.loads(asked.stdout)
    assert content["product"] == "barrier"
    monkeypatch.setattr("sys.argv", ["riskengine", "price", str(written(tmp_path, "[model]"))])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "product is missing" in capsys.readouterr().err


def test_several_trades_have_their_value_and_greeks_together(command, tmp_path, monkeypatch):
    """On the console, in the file and on the page: twice a call less a put is the forward twice and the put once."""
    monkeypatch.setattr(sys.modules[price.__module__], "SWEEP_PATHS", 64)
    head = "[underlying]\nspot = 100\nrate = 0.03\n[model]\nname = 'black-scholes'\nvolatility = 0.2\n"
    trade = "[[trades]]\nlabel = '{0}'\nname = 'vanilla'\nkind = '{0}'\nstrike = 100\nmaturity = 1\nquantity = {1}\n"
    tail = "[simulation]\npaths = 256\nrandomisations = 4\ngreeks = ['delta', 'vega']\n"
    (tmp_path / "book.toml").write_text(head + trade.format("call", 2) + trade.format("put", -1) + tail)
    code, text, _ = command("price", tmp_path / "book.toml", "--out", tmp_path / "out")
    assert code == 0
    assert "Together, by quantity" in text
    found = json.loads((tmp_path / "out" / "price.json").read_text())
    call, put = found["trades"]
    assert found["total"] == pytest.approx(2 * call["price"] - put["price"])
    forward = 100 - 100 * np.exp(-0.03)
    assert found["total"] == pytest.approx(2 * forward + put["price"], abs=1e-4)
    delta, vega = (found["total_greeks"][name]["value"] for name in ("delta", "vega"))
    assert delta == pytest.approx(2 + put["greeks"]["delta"]["value"], abs=1e-3)
    assert vega == pytest.approx(call["greeks"]["vega"]["value"], abs=1e-2)
    page = (tmp_path / "out" / "price.html").read_text()
    assert "All trades together" in page
    assert f"{found['total_greeks']['delta']['value']:.5f}" in page
