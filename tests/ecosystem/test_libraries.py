"""Each adapter is shown by running the other library."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from riskengine import BacktestResult, Ewma, LedoitWolf, SampleCovariance
from riskengine.covariance.evaluation import minimum_variance
from riskengine.ecosystem import (
    CvxportfolioForecaster,
    covariance_for_skfolio,
    covariance_frame,
    returns_for_quantstats,
)
from riskengine.errors import DataError, SettingsError

REASON = "shown by running {0}, which is not installed: pip install {0}"


def library(name, package=None):
    """Another library, whose own warnings on import are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=REASON.format(package or name))


@pytest.fixture(scope="module")
def frame(returns):
    dates = pd.bdate_range("2015-01-01", periods=len(returns))
    return pd.DataFrame(returns, dates, list("ABCDEF"))


@pytest.mark.filterwarnings("ignore")
def test_skfolios_mean_risk_takes_the_forecast(frame):
    library("skfolio")
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior
    from sklearn.base import clone

    forecaster = Ewma(63.0)
    estimator = covariance_for_skfolio(forecaster, horizon=5)
    model = MeanRisk(
        prior_estimator=EmpiricalPrior(covariance_estimator=clone(estimator)), min_weights=None, budget=1.0
    )
    model.fit(frame)
    expected = forecaster.forecast(forecaster.init(frame.to_numpy()), 5).matrix()
    found = model.prior_estimator_.return_distribution_.covariance
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(model.weights_, minimum_variance(expected), atol=5e-4)


@pytest.mark.filterwarnings("ignore")
def test_the_skfolio_estimator_keeps_scikit_learns_contract(frame):
    library("skfolio")
    from sklearn.base import clone

    estimator = covariance_for_skfolio(LedoitWolf(250), horizon=3, assume_centered=True)
    assert clone(estimator).get_params() == estimator.get_params()
    fitted = pickle.loads(pickle.dumps(estimator)).fit(frame)
    assert list(fitted.feature_names_in_) == list("ABCDEF")
    assert np.isfinite(fitted.score(frame.iloc[:50]))
    gappy = frame.mask(np.random.default_rng(0).uniform(size=frame.shape) < 0.02)
    assert np.isfinite(clone(estimator).fit(gappy).covariance_).all()


@pytest.mark.filterwarnings("ignore")
def test_pyportfolioopt_takes_the_frame(frame):
    library("pypfopt", "PyPortfolioOpt")
    from pypfopt import EfficientFrontier

    table = covariance_frame(LedoitWolf(250), frame, periods=252)
    frontier = EfficientFrontier(None, table, weight_bounds=(-1, 1))
    weights = pd.Series(frontier.min_volatility())
    assert list(weights.index) == list(frame.columns)
    np.testing.assert_allclose(weights.to_numpy(), minimum_variance(table.to_numpy()), atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_riskfolio_takes_the_frame(frame):
    library("riskfolio", "Riskfolio-Lib")
    import riskfolio

    portfolio = riskfolio.Portfolio(returns=frame)
    portfolio.assets_stats(method_mu="hist", method_cov="hist")
    table = covariance_frame(LedoitWolf(250), frame)
    portfolio.cov = table
    portfolio.sht, portfolio.uppersht, portfolio.upperlng, portfolio.budget = True, 1.0, 2.0, 1.0
    weights = portfolio.optimization(model="Classic", rm="MV", obj="MinRisk", hist=True)["weights"]
    expected = pd.Series(minimum_variance(table.to_numpy()), frame.columns)
    assert (expected > -0.5).all()
    np.testing.assert_allclose(weights[frame.columns].to_numpy(), expected.to_numpy(), atol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_cvxportfolio_runs_on_the_forecaster(frame):
    cvx = library("cvxportfolio")
    calls = []

    class Counted(SampleCovariance):
        def init(self, returns):
            calls.append("init")
            return super().init(returns)

        def update(self, state, row):
            calls.append("update")
            return super().update(state, row)

    model = CvxportfolioForecaster(Counted(250), window=250, horizon=1, refit=5)
    returns = frame.iloc[:400].tz_localize("UTC")
    cash = pd.Series(0.0, returns.index, name="cash")
    simulator = cvx.MarketSimulator(
        returns=pd.concat([returns, cash], axis=1), cash_key="cash", min_history=pd.Timedelta("5d"), costs=[]
    )
    policy = cvx.SinglePeriodOptimization(-cvx.FullCovariance(model), [cvx.LeverageLimit(3), cvx.NoCash()])
    result = simulator.backtest(policy, start_time=returns.index[380], end_time=returns.index[388])
    days = result.w.index
    for before, after in ((days[0], days[1]), (days[5], days[6])):
        # The policy knew the days before its trade; a day later its weights have drifted with that day's returns.
        past = returns.loc[: before - pd.Timedelta("1ns")].to_numpy()[-250:]
        traded = minimum_variance(np.cov(past.T)) * (1 + returns.loc[before].to_numpy())
        np.testing.assert_allclose(result.w.loc[after, list("ABCDEF")], traded / traded.sum(), atol=5e-3)
    assert calls[0] == "init"
    assert calls.count("update") >= calls.count("init")
    np.testing.assert_allclose(
        model.values_in_time(returns.iloc[:300].assign(cash=0.0)).to_numpy(),
        np.cov(returns.iloc[50:300].to_numpy().T),
        rtol=1e-10,
    )


def test_the_cvxportfolio_forecaster_follows_one_history_only(frame):
    model = CvxportfolioForecaster(SampleCovariance(100), window=100, horizon=1, refit=1000)
    history, other = frame.assign(cash=0.0), (2 * frame).assign(cash=0.0)
    for day in (200, 201, 201, 240):
        found = model.values_in_time(history.iloc[:day]).to_numpy()
        np.testing.assert_allclose(found, np.cov(frame.to_numpy()[day - 100 : day].T), rtol=1e-10)
    found = model.values_in_time(other.iloc[:241]).to_numpy()
    np.testing.assert_allclose(found, 4 * np.cov(frame.to_numpy()[141:241].T), rtol=1e-10)
    with pytest.raises(DataError, match="two days"):
        model.values_in_time(history.iloc[:1])
    with pytest.raises(SettingsError):
        CvxportfolioForecaster(SampleCovariance(100), refit=0)


@pytest.fixture(scope="module")
def result(frame):
    """A portfolio of equal weights, by hand."""
    gross = frame.mean(axis=1)
    costs = pd.DataFrame({"spread": 1e-5}, frame.index)
    one = pd.Series(0, frame.index)
    nothing = pd.DataFrame(index=frame.index)
    return BacktestResult(
        "even", gross, costs, one, nothing, one, nothing, one.astype(float), nothing, one.astype(str), ()
    )


@pytest.mark.filterwarnings("ignore")
def test_quantstats_finds_what_the_result_says(result):
    stats = library("quantstats").stats
    series = returns_for_quantstats(result)
    assert series.name == "even"
    assert stats.volatility(series, periods=252) == pytest.approx(
        result.volatility * np.sqrt(len(series) / (len(series) - 1))
    )
    assert stats.max_drawdown(series) == pytest.approx(float(result.drawdown().min()), abs=1e-12)
    growth = float(np.prod(1 + result.returns.to_numpy())) - 1
    assert stats.comp(series) == pytest.approx(growth)
    assert returns_for_quantstats(result, gross=True).mean() > series.mean()


def test_frames_are_named_and_scaled(frame):
    forecaster = LedoitWolf(250)
    covariance = forecaster.forecast(forecaster.init(frame.to_numpy()))
    day, year = covariance_frame(covariance, frame), covariance_frame(covariance, frame, periods=252)
    np.testing.assert_allclose(year, 252 * day)
    assert list(covariance_frame(covariance, assets=list("UVWXYZ")).columns) == list("UVWXYZ")
    pd.testing.assert_frame_equal(covariance_frame(forecaster, frame), day)
    with pytest.raises(DataError, match="names"):
        covariance_frame(covariance, assets=["A"])
    with pytest.raises(DataError, match="needs returns"):
        covariance_frame(forecaster)
