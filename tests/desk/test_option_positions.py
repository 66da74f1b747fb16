"""Options that are held: read from files, and valued at the end of every path."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from riskengine.desk.option_outcomes import with_options
from riskengine.desk.option_positions import OptionPositions, read_options
from riskengine.options import HestonParams, SsviParams, ssvi_volatility
from riskengine.risk import Outcome


def test_paths_with_options_are_a_loop():
    option = OptionPositions(
        ("put",), ("A",), np.array(["put"]), np.array([100.0]), np.array([0.5]), np.array([-10.0]), np.array([100.0]),
        np.array([0.3]), np.array([0.02]), np.array([0.0]),
    )  # fmt: skip
    moves = np.array([[-0.2], [0.1], [0.0]])
    plain = Outcome("o", ("A",), np.array([0.5]), 21, -0.5 * moves[:, 0], np.array([0.1, 0.0, 0.02]), moves)
    found = with_options(plain, option, 10_000.0, 1 / 12)

    def put(spot, years):
        s = 0.3 * np.sqrt(years)
        forward = spot * np.exp(0.02 * years)
        d1 = np.log(forward / 100) / s + s / 2
        return np.exp(-0.02 * years) * (100 * norm.cdf(s - d1) - forward * norm.cdf(-d1))

    for k, move in enumerate(moves[:, 0]):
        gain = -10 * (put(100 * (1 + move), 0.5 - 1 / 12) - put(100, 0.5)) / 10_000
        assert found.losses[k] == pytest.approx(-0.5 * move - gain, abs=1e-12)
        assert found.drawdowns[k] == max(plain.drawdowns[k], found.losses[k])
    # Expired within the horizon: worth what it pays.
    gone = with_options(plain, option, 10_000.0, 1.0)
    assert gone.losses[0] == pytest.approx(0.1 + 10 * (20 - put(100, 0.5)) / 10_000, abs=1e-12)


def test_options_take_their_volatility_from_a_smile(tmp_path):
    """The surface of a `smile.json` at the option's strike and forward, and its rates."""
    surface = {"rho": -0.5, "eta": 0.8, "gamma": 0.4, "maturity": [0.5, 1.0], "theta": [0.03, 0.05]}
    heston = dict.fromkeys(HestonParams._fields, 0.1) | {"status": "ok"}
    market = [{"maturity": t, "rate": 0.03, "dividend": 0.01} for t in (0.5, 1.0)]
    content = {"heston": heston, "ssvi": surface, "spot": 100.0, "market": market}
    (tmp_path / "smile.json").write_text(json.dumps(content))
    (tmp_path / "options.csv").write_text(
        "underlying,kind,strike,expiry,quantity,multiplier,smile\nA,call,110,2024-07-01,-2,100,smile.json\n"
    )
    found = read_options(tmp_path / "options.csv", ("A",), np.array([100.0]), pd.Timestamp("2024-01-01"))
    years = 182 / 365
    forward = 100 * np.exp(0.02 * years)
    params = SsviParams(-0.5, 0.8, 0.4, np.array([0.5, 1.0]), np.array([0.03, 0.05]))
    volatility = float(ssvi_volatility(params, forward, 110.0, years))
    assert found.volatility[0] == pytest.approx(volatility, rel=1e-12)
    s = volatility * np.sqrt(years)
    d1 = np.log(forward / 110) / s + s / 2
    call = np.exp(-0.03 * years) * (forward * norm.cdf(d1) - 110 * norm.cdf(d1 - s))
    assert found.value()[0] == pytest.approx(-200 * call, rel=1e-10)
    delta = -200 * np.exp(-0.01 * years) * norm.cdf(d1) * 100
    assert found.deltas()[0] == pytest.approx(delta, rel=1e-6)
