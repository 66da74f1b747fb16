"""The same problems solved by PyPortfolioOpt, skfolio and Riskfolio-Lib give the same weights."""

import numpy as np
import pandas as pd
import pytest

from riskengine.covariance.base import Covariance
from riskengine.portfolio import (
    Constraints,
    Group,
    MaximumDiversification,
    MaximumReturn,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Optimizer,
    RiskBudgeting,
    View,
    black_litterman,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

N = 8
NAMES = tuple(f"S{k}" for k in range(N))
RNG = np.random.default_rng(5)
RETURNS = 0.01 * RNG.standard_t(5, (300, N)) * np.linspace(0.6, 1.5, N) + 0.005 * RNG.standard_normal(
    (300, 1)
)
MATRIX = np.cov(RETURNS.T)
RISK = Covariance.dense(MATRIX, 1)
MU = RNG.uniform(2e-4, 9e-4, N)
CAPPED = Constraints(upper=0.35, groups=(Group("half", NAMES[: N // 2], upper=0.5),))
TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}


def mine(objective, constraints=CAPPED):
    return Optimizer(NAMES, objective, constraints).solve(RISK, MU, scenarios=RETURNS).weights


def frontier(pypfopt):
    made = pypfopt.EfficientFrontier(
        pd.Series(MU, NAMES),
        pd.DataFrame(MATRIX, NAMES, NAMES),
        (0, 0.35),
        solver="CLARABEL",
        solver_options=TIGHT,
    )
    sectors = dict.fromkeys(NAMES[: N // 2], "half") | dict.fromkeys(NAMES[N // 2 :], "rest")
    made.add_sector_constraints(sectors, {}, {"half": 0.5, "rest": 1.0})
    return made


@pytest.mark.parametrize(
    ("objective", "call"),
    [
        (MinimumVariance(), lambda f: f.min_volatility()),
        (MeanVariance(4.0), lambda f: f.max_quadratic_utility(4.0)),
        (MaximumSharpe(), lambda f: f.max_sharpe(risk_free_rate=0.0)),
        (MaximumReturn(0.13), lambda f: f.efficient_risk(0.13 / np.sqrt(252))),
    ],
    ids=["minimum variance", "mean-variance", "maximum Sharpe", "target volatility"],
)
def test_pyportfolioopt_agrees(objective, call):
    pypfopt = pytest.importorskip("pypfopt", reason="PyPortfolioOpt is an extra of the studies")
    theirs = frontier(pypfopt)
    call(theirs)
    np.testing.assert_allclose(mine(objective), theirs.weights, atol=1e-5)


def test_pyportfolioopt_agrees_on_cvar():
    pypfopt = pytest.importorskip("pypfopt", reason="PyPortfolioOpt is an extra of the studies")
    theirs = pypfopt.EfficientCVaR(
        None, pd.DataFrame(RETURNS, columns=NAMES), 0.95, (0, 0.35), solver="CLARABEL", solver_options=TIGHT
    )
    theirs.min_cvar()
    np.testing.assert_allclose(mine(MinimumCvar(0.95), Constraints(upper=0.35)), theirs.weights, atol=1e-5)


def test_pyportfolioopt_agrees_on_idzoreks_confidences():
    models = pytest.importorskip(
        "pypfopt.black_litterman", reason="PyPortfolioOpt is an extra of the studies"
    )
    prior, tau, opinions, confidences = (
        np.linspace(2e-4, 6e-4, N),
        0.05,
        {"S1": 8e-4, "S4": -1e-4},
        [0.3, 0.8],
    )
    theirs = models.BlackLittermanModel(
        pd.DataFrame(MATRIX, NAMES, NAMES), pi=pd.Series(prior, NAMES), absolute_views=opinions,
        omega="idzorek", view_confidences=confidences, tau=tau,
    )  # fmt: skip
    views = tuple(
        View.absolute(name, 252 * q, c) for (name, q), c in zip(opinions.items(), confidences, strict=True)
    )
    found = black_litterman(RISK, prior, views, NAMES, tau)
    np.testing.assert_allclose(found.expected_returns, theirs.bl_returns(), atol=1e-12)
    np.testing.assert_allclose(found.covariance.matrix(), theirs.bl_cov(), atol=1e-12)


@pytest.mark.parametrize("which", ["risk budgeting", "maximum diversification"])
def test_skfolio_agrees(which):
    skfolio = pytest.importorskip("skfolio.optimization", reason="skfolio is an extra of the studies")
    shares = {name: 1.0 + (k < 3) for k, name in enumerate(NAMES)}
    if which == "risk budgeting":
        objective = RiskBudgeting(shares)
        theirs = skfolio.RiskBudgeting(
            risk_budget=list(shares.values()), max_weights=1.0, solver_params=TIGHT
        )
    else:
        objective = MaximumDiversification()
        theirs = skfolio.MaximumDiversification(max_weights=1.0, solver_params=TIGHT)
    fitted = theirs.fit(pd.DataFrame(RETURNS, columns=NAMES))
    np.testing.assert_allclose(mine(objective, Constraints()), fitted.weights_, atol=1e-5)


@pytest.mark.parametrize("measure", ["MV", "CVaR"])
def test_riskfolio_agrees(measure):
    riskfolio = pytest.importorskip("riskfolio", reason="Riskfolio-Lib is an extra of the studies")
    theirs = riskfolio.Portfolio(returns=pd.DataFrame(RETURNS, columns=NAMES))
    theirs.assets_stats(method_mu="hist", method_cov="hist")
    theirs.solvers, theirs.sol_params = ["CLARABEL"], {"CLARABEL": TIGHT}
    theirs.upperlng = 0.35
    found = theirs.optimization(model="Classic", rm=measure, obj="MinRisk", rf=0, l=0, hist=True)
    objective = MinimumVariance() if measure == "MV" else MinimumCvar(0.95)
    np.testing.assert_allclose(
        mine(objective, Constraints(upper=0.35)), found["weights"].to_numpy(), atol=1e-5
    )
