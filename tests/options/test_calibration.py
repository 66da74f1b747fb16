"""Heston and SABR calibrated to quotes: known optima, recovered truths, bad input, priors."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from riskengine import options
from riskengine.errors import DataError, SettingsError
from riskengine.options import FitStatus, HestonParams, HestonStart, Quotes, SabrParams
from riskengine.options.heston_coordinates import from_coordinates, to_coordinates

ROOT = Path(__file__).parents[2]
DAX = ROOT / "data" / "dax_options_2002" / "quotes.csv"
TRUE = HestonParams(v0=0.06, kappa=2.0, theta=0.05, sigma=0.6, rho=-0.6)
SUITE = HestonParams(v0=0.1, kappa=1.0, theta=0.1, sigma=0.5, rho=-0.5)


def model_quotes(params: HestonParams, maturities=(0.25, 0.5, 1.0, 2.0), reach=1.5) -> Quotes:
    t = np.repeat(maturities, 7)
    strike = 100 * np.exp(np.tile(np.linspace(-reach, reach, 7), len(maturities)) * 0.2 * np.sqrt(t))
    kind = np.where(strike > 100, "call", "put")
    price = options.heston_price(params, 100.0, strike, t, kind=kind, nodes=512)
    return Quotes.of_prices(strike, t, price, kind, spot=100.0)


@pytest.fixture(scope="module")
def dax_weeks() -> Quotes:
    """The DAX surface with maturities in whole weeks, as QuantLib rounds them."""
    quotes = options.read_quotes(DAX)
    days = np.round(quotes.maturity * 365)
    knots, rates = np.unique(days), [0.0357, 0.0349, 0.0341, 0.0355, 0.0359, 0.0368, 0.0386, 0.0401]
    weeks = 7 * ((days + 3) // 7)
    rate = np.interp(weeks, knots, rates)
    return Quotes.of_volatilities(quotes.strike, weeks / 365, quotes.volatility, spot=4468.17, rate=rate)


def test_the_dax_surface_has_quantlibs_optimum(dax_weeks):
    """Sum of squared errors 177.2 (QuantLib, testDAXCalibration); the parameters were computed with QuantLib."""
    fit = options.calibrate_heston(dax_weeks, SUITE)
    assert (
        fit.status == FitStatus.POOR_FIT
    )  # the optimum, and 5% of the premium off at the money of a maturity
    assert fit.squared_errors == pytest.approx(177.2331, abs=1e-3)
    np.testing.assert_allclose(fit.params, [0.195662, 15.6628, 0.0745911, 3.3619, -0.511493], rtol=2e-4)
    assert fit.iterations < 20


def test_errors_are_those_of_the_prices(dax_weeks):
    """The calibration's quadrature and its inverse of Black agree with those of the doors."""
    fit = options.calibrate_heston(dax_weeks)
    kind = np.where(dax_weeks.strike > dax_weeks.forward, "call", "put")
    k, t = dax_weeks.strike / dax_weeks.forward, dax_weeks.maturity
    price = options.heston_price(fit.params, 1.0, k, t, kind=kind, nodes=512)
    exact = options.implied_volatility(price, 1.0, k, t, kind)
    np.testing.assert_allclose(fit.volatility, exact, atol=1e-5)


def test_many_surfaces_at_once_are_recovered_and_equal_to_each_alone():
    rng = np.random.default_rng(0)
    truths = [
        HestonParams(*(float(x) for x in (rng.uniform(0.02, 0.1), rng.uniform(1, 5), rng.uniform(0.02, 0.1),
                                          rng.uniform(0.3, 1.0), rng.uniform(-0.8, -0.2))))
        for _ in range(5)
    ]  # fmt: skip
    surfaces = [model_quotes(truth) for truth in truths]
    fits = options.calibrate_heston(surfaces)
    for fit, truth in zip(fits, truths, strict=True):
        assert fit.status == FitStatus.OK
        assert fit.rmse < 1e-3
        np.testing.assert_allclose(fit.params, truth, rtol=2e-3)
    alone = options.calibrate_heston(surfaces[3])
    np.testing.assert_allclose(alone.params, fits[3].params, rtol=1e-12)


def test_no_neighbour_is_better(dax_weeks):
    """The optimum of the squared errors as the doors price them."""
    fit = options.calibrate_heston(dax_weeks)
    kind = np.where(dax_weeks.strike > dax_weeks.forward, "call", "put")
    k, t = dax_weeks.strike / dax_weeks.forward, dax_weeks.maturity

    def squares(params):
        price = options.heston_price(params, 1.0, k, t, kind=kind, nodes=512)
        return np.sum(
            (100 * (options.implied_volatility(price, 1.0, k, t, kind) - dax_weeks.volatility)) ** 2
        )

    best = squares(fit.params)
    for name, value in fit.params._asdict().items():
        for factor in (0.995, 1.005):
            assert squares(fit.params._replace(**{name: factor * value})) > best


@pytest.mark.parametrize("feller", [False, True])
def test_coordinates_go_back_and_forth(feller):
    with jax.enable_x64(True):
        p = HestonParams(*(np.array([leaf]) for leaf in (0.04, 3.0, 0.06, 0.4, -0.7)))
        back = from_coordinates(to_coordinates(p, feller)[0], feller)
        np.testing.assert_allclose(np.array(back), np.array(p).ravel(), rtol=1e-9)
        wild = from_coordinates(np.array([50.0, -50.0, 50.0, 50.0, -50.0]), feller)
        assert abs(wild.rho) < 1
        if feller:
            assert wild.feller >= 1 - 1e-9


def test_feller_is_kept_and_the_edge_reported(dax_weeks):
    fit = options.calibrate_heston(dax_weeks, feller=True)
    assert fit.params.feller >= 1 - 1e-6
    assert (fit.status, fit.at_bound) == (FitStatus.POOR_FIT, ("sigma",))
    assert "of the quoted volatility" in fit.quality.reasons[0]


@pytest.mark.parametrize("weights", ["vega", "spread"])
def test_weights_move_the_errors(dax_weeks, weights):
    bid, ask = (
        dax_weeks.volatility - 0.001,
        dax_weeks.volatility + np.where(dax_weeks.strike < 4000, 0.05, 0.001),
    )
    middle = dax_weeks.volatility
    quotes = Quotes.of_volatilities(
        dax_weeks.strike, dax_weeks.maturity, middle, forward=dax_weeks.forward, bid=bid, ask=ask
    )
    plain, weighted = options.calibrate_heston(quotes), options.calibrate_heston(quotes, weights=weights)
    near = np.abs(quotes.strike / quotes.forward - 1) < 0.1

    def miss(fit):
        return np.mean(fit.errors[near] ** 2)

    assert miss(weighted) < miss(plain)
    assert weighted.squared_errors > plain.squared_errors


def test_flagged_quotes_are_left_out_and_one_bad_surface_stops_nobody():
    quotes = model_quotes(TRUE)
    broken = quotes.volatility.copy()
    broken[3], broken[10] = np.nan, -1.0
    damaged = Quotes.of_volatilities(quotes.strike, quotes.maturity, broken, spot=100.0)
    empty = Quotes.of_volatilities([90.0, 100.0], 1.0, [0.2, np.nan], spot=100.0)
    good, bad = options.calibrate_heston([damaged, empty])
    np.testing.assert_allclose(good.params, TRUE, rtol=2e-3)
    np.testing.assert_array_equal(np.isnan(good.volatility), ~damaged.usable)
    assert bad.status == FitStatus.TOO_FEW
    assert bad.params == bad.start
    with pytest.raises(DataError, match="prior"):
        options.calibrate_heston(empty)


def test_a_prior_fills_in_what_quotes_do_not_say():
    """Five quotes of one maturity leave the speed open; with a prior the fit stays near it, and near the quotes."""
    thin = model_quotes(TRUE, maturities=(0.25,)).take(np.arange(5))
    spread = HestonParams(0.3, 0.3, 0.3, 0.3, 0.1)
    prior = HestonStart(("A",), HestonParams(0.05, 2.2, 0.055, 0.55, -0.55), spread)
    fit = options.calibrate_heston(thin, prior, prior=prior)
    assert fit.status == FitStatus.OK
    assert fit.rmse < 0.3
    np.testing.assert_allclose(np.log(fit.params.kappa), np.log(2.2), atol=0.2)
    tight = HestonStart(("A",), prior.params, HestonParams(*(1e-4,) * 5))
    np.testing.assert_allclose(options.calibrate_heston(thin, prior=tight).params, prior.params, rtol=1e-2)
    assert options.calibrate_heston(thin).condition > 10 * fit.condition


def test_bad_settings_say_so(dax_weeks):
    with pytest.raises(SettingsError, match="weights"):
        options.calibrate_heston(dax_weeks, weights="volume")
    with pytest.raises(DataError, match="3 starts"):
        options.calibrate_heston(dax_weeks, HestonParams(*(np.full(3, leaf) for leaf in SUITE)))
    with pytest.raises(DataError, match="no surface"):
        options.calibrate_heston([])
    with pytest.raises(SettingsError, match="beta"):
        options.calibrate_sabr(dax_weeks, beta=1.5)


@pytest.mark.parametrize(("beta", "form"), [(1.0, "hagan"), (0.5, "hagan"), (0.5, "obloj")])
def test_sabr_smiles_are_recovered(beta, form):
    true = SabrParams(alpha=0.2 * 100 ** (1 - beta), beta=beta, nu=0.6, rho=-0.4)
    strike, t = np.tile(np.linspace(70.0, 130.0, 7), 2), np.repeat([0.5, 1.5], 7)
    volatility = options.sabr_volatility(true, 100.0, strike, t, form=form)
    fit = options.calibrate_sabr(
        Quotes.of_volatilities(strike, t, volatility, spot=100.0), beta=beta, form=form
    )
    assert fit.status == (FitStatus.OK,) * 2
    for leaf, truth in zip(fit.params, true, strict=True):
        np.testing.assert_allclose(leaf, truth, rtol=1e-5)


def test_sabr_fits_the_dax_smile_by_smile(dax_weeks):
    fit = options.calibrate_sabr(dax_weeks)
    assert fit.rmse < 0.5  # volatility points; Heston's one surface leaves 1.3
    lonely = Quotes.of_volatilities([90.0, 100.0], [1.0, 2.0], 0.2, spot=100.0)
    assert options.calibrate_sabr(lonely).status == (FitStatus.TOO_FEW,) * 2
