"""Several holding periods planned at once, of which only the first trade is done (Boyd et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio.blocks import Blocks
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs, ProportionalCosts, itemised
from riskengine.portfolio.day import Day, prepare
from riskengine.portfolio.feasibility import clashing_limits
from riskengine.portfolio.limits import Limits
from riskengine.portfolio.objectives import MeanVariance
from riskengine.portfolio.polish import trimmed
from riskengine.portfolio.program import SOLVERS, Charges, solve_compiled
from riskengine.portfolio.situation import situation
from riskengine.portfolio.terms import FactorRisk

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Plan:
    """Weights now and later.

    Attributes
    ----------
    weights : (periods, assets); the first row is to be traded to now, the others are intentions
    solver : that found them
    status : the solver's word
    notes : what had to be mended in the covariances
    """

    weights: Array
    solver: str
    status: str
    notes: tuple[str, ...] = ()


class MultiPeriodOptimizer:
    """Mean-variance over several holding periods: sum of utilities less costs, limits in each.

    Planning ahead pays where expected returns decay at different speeds and trades are dear: what is bought to
    be held is worth its cost sooner than what will be sold again soon. Without costs and turnover limits every
    period is a problem of its own.

    Parameters
    ----------
    assets : names
    objective, constraints, costs : see their classes; limits hold in every period
    periods : at least one
    factors : columns that a covariance factor may have at most; the number of assets if not given

    Examples
    --------
    >>> planner = MultiPeriodOptimizer(("A", "B"), MeanVariance(4.0), Constraints(), periods=5)
    >>> covariance = Covariance.dense(np.diag([4e-4, 1e-4]), horizon=5)
    >>> plan = planner.solve(covariance, np.zeros((5, 2)), previous=np.array([0.5, 0.5]))
    >>> plan.weights[0].round(4)
    array([0.2, 0.8])
    """

    def __init__(
        self,
        assets: tuple[str, ...],
        objective: MeanVariance,
        constraints: Constraints,
        costs: ProportionalCosts | Costs | None = None,
        periods: int = 5,
        factors: int | None = None,
    ) -> None:
        if periods < 1:
            raise SettingsError(f"a plan has at least one period, not {periods}")
        if not isinstance(objective, MeanVariance):
            raise SettingsError(
                "several periods are planned for mean-variance, which weighs return, risk and costs"
            )
        if constraints.min_holding is not None:
            raise SettingsError(
                "a least holding is not convex: use Optimizer, or leave min_holding out of the plan"
            )
        self.assets, self.objective, self.constraints = assets, objective, constraints
        self.costs, self.periods = itemised(costs), periods
        n = len(assets)
        self._blocks = Blocks()
        self._limits = Limits(constraints, n, self._blocks)
        self._charges = Charges(self.costs, n)
        self._weights = [cp.Variable(n) for _ in range(periods)]
        self._risks = [FactorRisk(w, factors or n, self._blocks) for w in self._weights]
        self._rewards = [cp.Parameter(n) for _ in range(periods)]
        self._problem = self._compose()

    def _compose(self) -> cp.Problem:
        goal, limits = cp.Constant(0.0), []
        before: cp.Expression = self._limits.previous
        for w, risk, reward in zip(self._weights, self._risks, self._rewards, strict=True):
            imposed = self._limits.impose(
                w, cp.Constant(1.0), before, self._charges.of_trades, self._charges.of_shorts
            )
            charge, more = self._charges.of(imposed, cp.Constant(1.0))
            goal = goal + risk.square - reward @ w + charge
            limits += [*imposed.constraints, *more, *risk.constraints]
            before = w
        return cp.Problem(cp.Minimize(goal), limits)

    def solve(
        self,
        covariances: Covariance | Sequence[Covariance],
        expected_returns: Array,
        previous: Array | None = None,
        tradable: Array | None = None,
        *,
        volume: Array | None = None,
        exposures: Mapping[str, Array] | None = None,
    ) -> Plan:
        """Best plan.

        Parameters
        ----------
        covariances : per day, one for all periods or one a period; their ``horizon`` is a period's length in days
        expected_returns : (periods, assets) per day
        previous : (assets,) weights held now; all in cash if not given, and then no turnover limit applies
        tradable : (assets,) which may be held; all if not given
        volume : (assets,) value traded a day, as a multiple of own wealth; participation and impact need it
        exposures : name to loadings ``(assets,)``, of exposures that have none of their own

        Raises
        ------
        InfeasibleError
            If no portfolio satisfies the limits; ``.limits`` names those that clash.
        SettingsError, DataError
            As :meth:`Optimizer.solve` does.
        """
        days = self._prepare(covariances, expected_returns, previous, tradable, volume, exposures)
        self._fill(days)
        today = days[0].today
        notes = tuple(dict.fromkeys(note for day in days for note in day.risk.notes))
        for solver in SOLVERS:
            try:
                status, _ = solve_compiled(self._problem, solver, self._blocks)
            except cp.SolverError:
                continue
            if status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                budget = self.constraints.budget_range
                rows = [np.asarray(w.value) for w in self._weights]
                if not self.constraints.soft:
                    rows = [trimmed(row, today.lower, today.upper, budget) for row in rows]
                return Plan(np.array(rows), solver, status, notes)
            # Staying where the first period's limits allow is a plan: if they do not clash, there is one.
            clash = clashing_limits(len(self.assets), today.limits())
            if clash:
                raise InfeasibleError(clash)
        raise InfeasibleError(
            (), f"the solvers {', '.join(SOLVERS)} gave up: check the covariance for extremes"
        )

    def _prepare(
        self,
        covariances: Covariance | Sequence[Covariance],
        expected_returns: Array,
        previous: Array | None,
        tradable: Array | None,
        volume: Array | None,
        exposures: Mapping[str, Array] | None,
    ) -> list[Day]:
        if np.shape(expected_returns) != (self.periods, len(self.assets)):
            raise SettingsError(
                f"expected returns of shape {np.shape(expected_returns)} for {self.periods} periods of "
                f"{len(self.assets)} assets"
            )
        each = [covariances] * self.periods if isinstance(covariances, Covariance) else list(covariances)
        if len(each) != self.periods:
            raise SettingsError(f"{len(each)} covariances for {self.periods} periods")
        today = situation(self.assets, self.constraints, previous, tradable, True, volume, exposures)
        return [
            prepare(self.objective, self.costs, today, covariance, mu)
            for covariance, mu in zip(each, expected_returns, strict=True)
        ]

    def _fill(self, days: list[Day]) -> None:
        everyone, first = np.arange(len(self.assets)), days[0]
        self._limits.fill(first.today, everyone, first.coin)
        self._charges.fill(first, everyone)
        for day, risk, reward in zip(days, self._risks, self._rewards, strict=True):
            # One unit for all periods, that of the first.
            loadings, specific = day.risk.loadings, day.risk.specific
            if loadings.shape[1] > len(risk.loadings.values):
                loadings, specific = np.linalg.cholesky(day.risk.block(everyone)), np.zeros(len(everyone))
            risk.fill(loadings / np.sqrt(first.risk.unit), specific / first.risk.unit)
            reward.value = day.reward * day.coin / first.coin
