"""Random terms over all products, parameters far below Feller's condition: a price with an error, or a refusal.

RISKENGINE_EXAMPLES=500 python -m pytest tests/faults/test_random_terms.py
"""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskengine import options
from riskengine.desk import read_terms
from riskengine.errors import RiskEngineError

EXAMPLES = int(os.environ.get("RISKENGINE_EXAMPLES", "12"))
maturities = st.sampled_from([0.25, 1.0, 2.0])
levels = st.floats(0.3, 1.8)
counts = st.sampled_from([1, 2, 4])
kinds = st.sampled_from(["call", "put"])
watched = st.one_of(st.none(), counts)


def some(**fields):
    """A dictionary with these keys, those of optional ones that are not None."""
    return st.fixed_dictionaries(fields).map(
        lambda found: {key: value for key, value in found.items() if value is not None}
    )


strikes = st.floats(20.0, 200.0)
PRODUCTS = st.one_of(
    some(name=st.just("barrier"), strike=strikes, barrier=strikes, maturity=maturities, kind=kinds, fixings=watched,
         direction=st.sampled_from(["up", "down"]), knock=st.sampled_from(["in", "out"]), rebate=st.floats(0, 5),
         hit=st.sampled_from([None, True])),
    some(name=st.just("double-barrier"), strike=strikes, lower=st.floats(10, 120), upper=st.floats(80, 250),
         maturity=maturities, kind=kinds, fixings=watched, knock=st.sampled_from(["in", "out"])),
    some(name=st.just("one-touch"), barrier=strikes, maturity=maturities, fixings=watched, amount=st.floats(0.1, 50),
         direction=st.sampled_from(["up", "down"]), pays=st.sampled_from(["touch", "no touch"]),
         at=st.sampled_from(["hit", "maturity"])),
    some(name=st.just("asian"), strike=st.one_of(strikes, st.just("floating")), maturity=maturities, kind=kinds,
         fixings=st.sampled_from([1, 4, "quarterly"]), average=st.sampled_from(["arithmetic", "geometric"]),
         past=st.lists(st.floats(50, 150), max_size=3)),
    some(name=st.just("lookback"), strike=st.one_of(strikes, st.just("floating")), maturity=maturities, kind=kinds,
         fixings=watched),
    some(name=st.just("autocallable"), maturity=maturities, observations=counts, level=levels, coupon=st.floats(0, 0.2),
         protection=levels, missed=st.integers(0, 3), coupon_level=st.one_of(st.none(), levels),
         memory=st.sampled_from([None, True]), watched=st.sampled_from(["maturity", "continuous", [0.1, 0.2]]),
         strike=levels, gearing=st.floats(0.2, 3)),
    some(name=st.just("forward-start"), begins=st.floats(0.05, 1.2), maturity=maturities, strike=levels, kind=kinds),
    some(name=st.just("cliquet"), maturity=maturities, resets=counts, cap=st.one_of(st.none(), st.floats(-0.1, 0.3)),
         floor=st.one_of(st.none(), st.floats(-0.3, 0.1)), past=st.floats(-0.5, 0.5)),
    some(name=st.just("vanilla"), strike=strikes, maturity=maturities, kind=kinds),
)  # fmt: skip
MODELS = st.one_of(
    some(name=st.just("heston"), v0=st.floats(0, 0.5), kappa=st.floats(0.05, 20), theta=st.floats(0, 0.5),
         sigma=st.floats(0, 5), rho=st.floats(-1, 1)),
    some(name=st.just("bates"), v0=st.floats(0, 0.5), kappa=st.floats(0.05, 20), theta=st.floats(0, 0.5),
         sigma=st.floats(0, 5), rho=st.floats(-1, 1), intensity=st.floats(0, 40), jump_mean=st.floats(-1, 1),
         jump_deviation=st.floats(0, 1)),
    some(name=st.just("black-scholes"), volatility=st.floats(0.001, 2)),
)  # fmt: skip
MARKETS = some(
    spot=st.floats(40.0, 180.0),
    rate=st.floats(-0.03, 0.12),
    dividend=st.floats(0, 0.08),
    dividends=st.sampled_from([None, [[0.1, 1.5]], [[0.1, 1.5], [0.6, 2.0]]]),
)


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(product=PRODUCTS, model=MODELS, market=MARKETS, greeks=st.sampled_from([[], ["delta"]]))
def test_a_price_with_a_finite_error_or_a_refusal(product, model, market, greeks, tmp_path):
    path = tmp_path / "terms.json"
    path.write_text(json.dumps({"underlying": market, "model": model, "product": product}))
    try:
        terms = read_terms(path)
        found = options.monte_carlo(
            terms.params, terms.product, 256, steps=4, randomisations=8, greeks=greeks,
            curves=terms.curves_for(terms.product), **terms.market,
        )  # fmt: skip
    except RiskEngineError:
        return
    assert np.isfinite(found.price)
    assert np.isfinite(found.error)
    for name, greek in found.greeks.items():
        assert np.isfinite(greek.value) or name in found.notes
