"""How long problems of 1,000 assets take, against a dense cvxpy problem built anew, by solver and by objective.

    python -m backtests.speed.optimiser

Runs are taken in turns (A B A B) and medians compared. About ten minutes on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cvxpy as cp
import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine.covariance import Covariance
from riskengine.portfolio import (
    Constraints,
    MaximumDiversification,
    MaximumReturn,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Objective,
    Optimizer,
    ProportionalCosts,
    RiskBudgeting,
)
from riskengine.portfolio.compiled_problem import CompiledProblem
from riskengine.portfolio.costs import itemised
from riskengine.portfolio.trading_state import trading_state

ASSETS, FACTORS, DAYS, ROUNDS, HORIZON = 1000, 20, 1250, 3, 21
RATE, CAP, AVERSION = 0.0005, 0.1, 3.0
NAMES = tuple(f"S{k}" for k in range(ASSETS))
OTHERS: dict[str, dict[str, float | str]] = {
    "PIQP": {"eps_abs": 1e-10, "eps_rel": 1e-10},
    "OSQP": {"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iter": 100_000},
    "SCS": {"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 50_000},
}


class Market:
    """A simulated day: a factor covariance, a shrunk dense one, returns, holdings of fifty assets."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        loadings = 0.003 * rng.standard_normal((ASSETS, FACTORS))
        loadings[:, 0] = 0.01 * rng.uniform(0.5, 1.5, ASSETS)
        specific = 2e-4 * rng.uniform(0.5, 2, ASSETS) ** 2
        self.factor = Covariance(loadings, specific, HORIZON)
        moves = rng.standard_normal((DAYS, FACTORS)) @ loadings.T
        returns = moves + np.sqrt(specific) * rng.standard_normal((DAYS, ASSETS))
        sample = np.cov(returns.T)
        self.dense = Covariance.dense(0.8 * sample + 0.2 * np.diag(np.diag(sample)), HORIZON)
        self.expected = rng.normal(3e-4, 2e-4, ASSETS)
        self.held = np.zeros(ASSETS)
        self.held[rng.choice(ASSETS, 50, replace=False)] = 1 / 50
        self.scenarios = returns[:500]


def rebuilt(covariance: Covariance, market: Market) -> Callable[[], tuple[float, float]]:
    """What the engine is measured against: a dense problem, built anew and solved by cvxpy's own choice.

    Returns the solver's own seconds, and by how much the weights break their limits.
    """
    matrix = covariance.matrix()

    def work() -> tuple[float, float]:
        w = cp.Variable(ASSETS)
        cost = RATE / HORIZON * cp.norm1(w - market.held)
        goal = AVERSION / 2 * cp.quad_form(w, matrix) - market.expected @ w + cost
        problem = cp.Problem(cp.Minimize(goal), [cp.sum(w) == 1, w >= 0, w <= CAP])
        problem.solve()
        broken = max(abs(w.value.sum() - 1), -w.value.min(), w.value.max() - CAP, 0.0)
        return float(problem.solver_stats.solve_time or 0.0), float(broken)

    return work


def engine(
    objective: Objective, covariance: Covariance, market: Market, constraints: Constraints
) -> Callable[[], tuple[float, float]]:
    """One solve of a compiled problem: the solver's own seconds and the value."""
    optimizer = Optimizer(NAMES, objective, constraints, ProportionalCosts(RATE))
    scenarios = market.scenarios if "scenarios" in objective.needs else None

    def work() -> tuple[float, float]:
        found = optimizer.solve(covariance, market.expected, market.held, scenarios=scenarios)
        return found.seconds, found.value

    return work


def by_solver(covariance: Covariance, market: Market, solver: str) -> Callable[[], tuple[float, float]]:
    """The same whole problem through one solver, without column generation."""
    objective, constraints = MeanVariance(AVERSION), Constraints(upper=CAP)
    costs = itemised(ProportionalCosts(RATE))
    few = covariance.loadings.shape[1] <= ASSETS // 4
    problem = CompiledProblem(objective, constraints, costs, ASSETS, 32 if few else None)

    def work() -> tuple[float, float]:
        state = trading_state(NAMES, constraints, market.held)
        problem.fill(objective.problem_data(costs, state, covariance, market.expected), np.arange(ASSETS))
        try:
            answer = problem.solve(solver, OTHERS.get(solver))
        except cp.SolverError:
            return float("nan"), float("nan")
        w = answer.weights
        charge = RATE / HORIZON * np.abs(w - market.held).sum()
        value = market.expected @ w - charge - AVERSION / 2 * covariance.variance(w)
        broken = max(abs(w.sum() - 1), -w.min(), w.max() - CAP, 0.0)
        return answer.seconds, float(value) if broken < 1e-3 else float("nan")

    return work


def turns(
    works: dict[str, Callable[[], tuple[float, float]]], rounds: int = ROUNDS
) -> dict[str, tuple[float, float, float, float]]:
    """Of runs taken in turns: first run, then median wall time, overhead, and the last value.

    Overhead is the least time beside the solver over the least time of the solver: on a machine that is shared,
    medians of a few milliseconds would tell of the neighbours.
    """
    first = {}
    for name, work in works.items():
        begin = time.perf_counter()
        work()
        first[name] = time.perf_counter() - begin
    wall: dict[str, list[float]] = {name: [] for name in works}
    own: dict[str, list[float]] = {name: [] for name in works}
    beside: dict[str, list[float]] = {name: [] for name in works}
    value = {}
    for _ in range(rounds):
        for name, work in works.items():
            begin = time.perf_counter()
            seconds, value[name] = work()
            wall[name].append(time.perf_counter() - begin)
            own[name].append(seconds)
            beside[name].append(wall[name][-1] - seconds)
    return {
        name: (
            first[name],
            float(np.median(wall[name])),
            min(beside[name]) / (min(own[name]) or 1.0),
            value[name],
        )
        for name in works
    }


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    record = Record(
        "optimiser_speed", f"Speed of the optimiser, {ASSETS:,} assets", cvxpy=cp.__version__, rounds=ROUNDS
    )
    record.say(
        f"Simulated market, long only, at most {CAP:.0%} an asset, costs of {1e4 * RATE:g} basis points, 50 "
        "assets held. Medians of runs taken in turns, on a machine that others used at the same time: ratios count, "
        "absolute times do not. Overhead is all that is not the solver itself (checks, filling, pricing, polish) over "
        "the solver's own time, least over least."
    )
    market = Market()
    limits = Constraints(upper=CAP)
    risks = {"factor": market.factor, "dense": market.dense}
    works: dict[str, Callable[[], tuple[float, float]]] = {}
    for kind, risk in risks.items():
        works[f"{kind}, dense problem rebuilt"] = rebuilt(risk, market)
        works[f"{kind}, compiled"] = engine(MeanVariance(AVERSION), risk, market, limits)
    found = turns(works)
    again = turns({name: work for name, work in works.items() if "compiled" in name}, 4 * ROUNDS)
    rows = []
    for kind in risks:
        slow, fast = found[f"{kind}, dense problem rebuilt"], found[f"{kind}, compiled"]
        rows.append(
            [kind, f"{slow[1]:.3f}", f"{fast[0]:.2f}", f"{fast[1]:.3f}", f"{slow[1] / fast[1]:.0f}",
             f"{100 * again[f'{kind}, compiled'][2]:.0f}%", f"{slow[3]:.1e}"]
        )  # fmt: skip
    record.say(
        "## Mean-variance\n\nA covariance of 20 factors, and a dense one, where most assets are left out and priced "
        "(column generation), so that the solver has little to do. The last column is by how much the weights of the "
        "rebuilt problem break their limits, at cvxpy's tolerances; the engine's keep theirs to 1e-9."
    )
    record.table(
        "rebuilt",
        [
            "covariance",
            "rebuilt, s",
            "first solve, s",
            "compiled, s",
            "times faster",
            "overhead",
            "rebuilt breaks limits by",
        ],
        rows,
    )
    record.write()

    solvers = [name for name in (cp.CLARABEL, "PIQP", "OSQP", "SCS") if name in cp.installed_solvers()]
    rows = []
    for kind, risk, rounds in (("factor", market.factor, ROUNDS), ("dense, all assets", market.dense, 1)):
        found = turns({name: by_solver(risk, market, name) for name in solvers}, rounds)
        best = np.nanmax([one[3] for one in found.values()])
        rows += [
            [kind, name, f"{one[1]:.3f}", f"{one[1] / found[cp.CLARABEL][1]:.2f}", f"{best - one[3]:.1e}"]
            for name, one in found.items()
        ]
    record.say(
        "## Solvers\n\nThe whole problem, cold, at tolerances of 1e-10 (interior points) and 1e-7 (first-order "
        "methods); the last column is the utility per day lost to the best. Clarabel is the default: PIQP may be "
        "faster, but has no cones (volatility limits, risk budgets, impact), and one solver for all objectives needs "
        "no further dependency."
    )
    record.table("solvers", ["covariance", "solver", "seconds", "over Clarabel", "utility lost"], rows)
    record.write()

    objectives: dict[str, tuple[Objective, Constraints]] = {
        "minimum variance": (MinimumVariance(), limits),
        "maximum Sharpe": (MaximumSharpe(), limits),
        "target volatility": (MaximumReturn(0.1), Constraints(upper=CAP, budget=(0.0, 1.5))),
        "maximum diversification": (MaximumDiversification(), limits),
        "risk budgeting": (RiskBudgeting(), limits),
        "minimum CVaR, 500 scenarios": (MinimumCvar(), limits),
    }
    rows = []
    for name, (objective, constraints) in objectives.items():
        kinds = ["factor"] if isinstance(objective, RiskBudgeting | MinimumCvar) else list(risks)
        found = turns({kind: engine(objective, risks[kind], market, constraints) for kind in kinds}, 3)
        rows += [
            [name, kind, f"{one[0]:.2f}", f"{one[1]:.3f}", f"{100 * one[2]:.0f}%"]
            for kind, one in found.items()
        ]
    record.say("## Objectives\n\nThe first solve compiles.")
    record.table("objectives", ["objective", "covariance", "first solve, s", "solve, s", "overhead"], rows)
    record.write()


if __name__ == "__main__":
    main()
