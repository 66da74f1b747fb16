"""Fits to quotes that know their own error: the quadrature holds, the status is the fit's, starts suit the smile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from riskengine import options
from riskengine.errors import DataError
from riskengine.options import FitStatus, HestonParams, Quotes, SabrParams
from riskengine.options.fit_quality import FIT_RULE, fit_quality
from riskengine.options.heston_refinement import converged_volatility
from riskengine.options.heston_starts import thinned
from riskengine.options.surface import weights_of

CHAIN = Path(__file__).parents[3] / "shared" / "data" / "options" / "spx_2022-04-01.csv.gz"
STEEP = HestonParams(v0=0.0149, kappa=9.75, theta=0.0587, sigma=4.08, rho=-0.699)
WEEKS = (7 / 365, 14 / 365, 30 / 365, 91 / 365, 0.5, 1.0, 2.0)


def wings(params: HestonParams, maturities=WEEKS, reach=4.0, strikes=15, noise=0.0) -> Quotes:
    """Quotes out to so many standard deviations."""
    t = np.repeat(maturities, strikes)
    mean = params.theta + (params.v0 - params.theta) * -np.expm1(-params.kappa * t) / (params.kappa * t)
    k = 100 * np.exp(np.tile(np.linspace(-reach, reach, strikes), len(maturities)) * np.sqrt(mean * t))
    kind = np.where(k > 100, "call", "put")
    price = options.heston_price(params, 100.0, k, t, kind=kind)
    volatility = options.implied_volatility(price, 100.0, k, t, kind)
    shaken = volatility * np.exp(noise * np.random.default_rng(0).standard_normal(len(k)))
    return Quotes.of_volatilities(k, t, shaken, spot=100.0)


def test_a_steep_surface_is_recovered_and_its_error_is_the_true_one():
    """With 64 nodes the true parameters are 3.2 points off in the wings."""
    fit = options.calibrate_heston(wings(STEEP))
    np.testing.assert_allclose(fit.params, STEEP, rtol=1e-5)
    assert (fit.status, fit.nodes > 64) == (FitStatus.OK, True)
    shaken = options.calibrate_heston(wings(STEEP, noise=0.01))
    kind = np.where(shaken.quotes.strike > 100, "call", "put")
    price = options.heston_price(
        shaken.params, 100.0, shaken.quotes.strike, shaken.quotes.maturity, kind=kind
    )
    exact = options.implied_volatility(price, 100.0, shaken.quotes.strike, shaken.quotes.maturity, kind)
    true = float(np.sqrt(np.mean((100 * (exact - shaken.quotes.volatility)) ** 2)))
    assert shaken.rmse == pytest.approx(true, abs=1e-4)


@pytest.mark.parametrize("weights", ["volatility", "vega", "spread"])
def test_what_is_returned_beats_the_truth(weights):
    """Under each objective, on noisy quotes, as priced with converged quadrature."""
    quotes = wings(STEEP, reach=2.5, noise=0.02)
    fit = options.calibrate_heston(quotes, weights=weights)

    def cost(volatility):
        return np.nansum((weights_of(quotes, weights) * (volatility - quotes.volatility)) ** 2)

    assert cost(fit.volatility) <= cost(converged_volatility(STEEP, quotes)) * (1 + 1e-9)


def test_a_surface_that_no_heston_fits_is_called_poor():
    """A model at the money far from the quotes is no fit, however well the solver ended."""
    t, k = np.repeat([0.1, 0.5, 1.0], 7), np.tile(np.linspace(70.0, 130.0, 7), 3)
    smile = 0.25 + np.where(t == 0.5, 0.3, 0.0) + 0.1 * ((k - 100) / 30) ** 2
    fit = options.calibrate_heston(Quotes.of_volatilities(k, t, smile, spot=100.0))
    assert fit.status == FitStatus.POOR_FIT
    assert fit.starts > 1
    assert "of the quoted volatility" in fit.quality.reasons[0]
    assert any("at the money" in reason for reason in fit.quality.reasons)


def test_a_fit_within_bid_and_ask_is_not_poor_and_the_share_is_told():
    quotes = wings(HestonParams(0.04, 2.0, 0.06, 0.5, -0.7), WEEKS[2:], 2.0)
    rng = np.random.default_rng(1)
    middle = quotes.volatility + rng.uniform(-0.019, 0.019, len(quotes))
    wide = Quotes.of_volatilities(
        quotes.strike, quotes.maturity, None, bid=middle - 0.03, ask=middle + 0.03, spot=100.0
    )
    fit = options.calibrate_heston(wide)
    assert fit.status == FitStatus.OK
    assert fit.quality.inside == 1
    assert fit.quality.half_spread == pytest.approx(3.0)


def test_weekly_sabr_smiles_find_their_own_branch():
    """Steep weekly smiles with noise: the error of the fit is no more than that of the truth."""
    rng = np.random.default_rng(2)
    for days, nu, rho in ((5, 5.4, -0.6), (7, 3.0, -0.8), (2, 8.0, 0.2), (14, 6.0, -0.3)):
        t, alpha = days / 365, 0.25
        k = 100 * np.exp(np.linspace(-4, 3, 17) * alpha * np.sqrt(t))
        true = options.sabr_volatility(SabrParams(alpha, 1.0, nu, rho), 100.0, k, t)
        seen = true * np.exp(0.01 * rng.standard_normal(len(k)))
        fit = options.calibrate_sabr(Quotes.of_volatilities(k, t, seen, forward=100.0))
        assert fit.status == (FitStatus.OK,), (days, fit.params)
        assert fit.rmse <= 100 * np.sqrt(np.mean((seen - true) ** 2)) * 1.001
        assert fit.params.nu[0] == pytest.approx(nu, rel=0.25)


def test_a_negative_density_is_a_poor_fit():
    k = np.linspace(30.0, 250.0, 15)
    smile = options.sabr_volatility(SabrParams(0.3, 1.0, 1.4, 0.0), 100.0, k, 2.0)
    fit = options.calibrate_sabr(Quotes.of_volatilities(k, 2.0, smile, forward=100.0))
    assert fit.rmse < 1e-6
    assert fit.status == (FitStatus.POOR_FIT,)
    assert "the density is negative from" in fit.quality[0].reasons[0]


def test_rates_below_zero_with_a_shift_or_normal():
    k = np.array([-0.01, -0.005, -0.002, 0.001, 0.005, 0.01])
    shifted = SabrParams(0.05, 0.5, 0.4, -0.2)
    volatility = options.sabr_volatility(shifted, -0.002, k, 1.0, shift=0.03)
    quotes = Quotes.of_volatilities(k, 1.0, volatility, forward=-0.002, shift=0.03)
    assert quotes.usable.all()
    fit = options.calibrate_sabr(quotes, beta=0.5)
    np.testing.assert_allclose([leaf[0] for leaf in fit.params], shifted, rtol=1e-6)
    assert (fit.shift, fit.status) == (0.03, (FitStatus.OK,))
    normal = SabrParams(0.008, 0.0, 0.4, -0.2)
    volatility = options.sabr_normal_volatility(normal, -0.002, k, 1.0)
    kind = np.where(k > -0.002, "call", "put")
    premium = options.bachelier_price(-0.002, k, 1.0, volatility, kind)
    quotes = Quotes.of_prices(k, 1.0, premium, kind, forward=-0.002, normal=True)
    np.testing.assert_allclose(quotes.volatility, volatility, rtol=1e-12)
    fit = options.calibrate_sabr(quotes, beta=0.0)
    np.testing.assert_allclose([leaf[0] for leaf in fit.params], normal, rtol=1e-6, atol=1e-12)
    with pytest.raises(DataError, match="SABR"):
        options.calibrate_heston(quotes)


@pytest.fixture(scope="module")
def chain() -> Quotes:
    """Every out-of-the-money quote of the index with a bid, maturities in whole days as QuantLib takes them."""
    if not CHAIN.is_file():
        pytest.skip(f"needs the shared chain {CHAIN.name}")
    quotes = options.read_quotes(CHAIN, spot=4545.86)
    days = np.round(quotes.maturity * 365) / 365
    return Quotes.of_volatilities(
        quotes.strike, days, quotes.volatility, bid=quotes.bid, ask=quotes.ask, forward=quotes.forward
    )


@pytest.mark.slow
def test_a_whole_chain_is_fitted_as_well_as_anybody_can(chain):
    """3,333 quotes of 29 expiries. QuantLib from twelve starts ends at .774446 at best (chain_quantlib.py)."""
    fit = options.calibrate_heston(chain)
    assert fit.rmse <= 1.005 * 0.774446
    true = np.sqrt(np.nanmean((100 * (converged_volatility(fit.params, chain) - chain.volatility)) ** 2))
    assert fit.rmse == pytest.approx(true, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["chain", "steep"])
def test_no_start_of_quantlib_does_better(data, request):
    pytest.importorskip("QuantLib", reason="the peer of this calibration is QuantLib")
    from backtests.options.chain_quantlib import best_of_quantlib

    quotes = thinned(request.getfixturevalue("chain")) if data == "chain" else wings(STEEP, noise=0.02)
    fit = options.calibrate_heston(quotes)
    assert fit.rmse <= 1.005 * best_of_quantlib(quotes)


def test_a_desk_calls_poor_what_misses_bid_and_ask_the_level_or_the_money():
    """The three tests of :data:`riskengine.options.fit_quality.FIT_RULE`, each at its edge; quotes of 20%."""
    k = np.linspace(80.0, 120.0, 9)

    def judged(error, half=0.0):
        seen = np.full(9, 0.2)
        sides = {"bid": seen - half, "ask": seen + half} if half else {}
        return fit_quality(Quotes.of_volatilities(k, 0.5, seen, forward=100.0, **sides), seen + error)

    assert not judged(0.0095).poor  # .95 points, less than 5%
    assert "of the quoted volatility" in judged(0.0105).reasons[0]
    assert not judged(0.0105, half=0.011).poor  # within bid and ask
    tight = judged(0.005, half=0.001)  # half a point, all of it outside quotes .2 points wide
    assert tight.inside == 0
    assert "0% of the quotes between bid and ask, 0.2 points apart" in tight.reasons[0]
    assert not judged(0.0039, half=0.001).poor  # less than 2%: small whatever the spread
    assert not judged(0.005, half=0.0026).poor  # within the whole distance
    money = np.where(np.abs(k - 100) < 1, 0.0101, 0.0)
    assert judged(money).reasons == ("at the money +1.01 points off 20 at 182 days",)
    assert not judged(0.98 * money).poor
    assert "that share of the premium" in FIT_RULE
