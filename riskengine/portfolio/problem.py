"""The cvxpy problem: compiled once a run, then solved with new parameters."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.errors import DataError, InfeasibleError, SettingsError
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import ProportionalCosts
from riskengine.portfolio.feasibility import Limit, bound_limits, clashing_limits
from riskengine.portfolio.objectives import MeanVariance, Objective

Array = np.ndarray
SOLVERS = (cp.CLARABEL, cp.SCS)
_CLEAN = 1e-7
_FAR = 1e3  # stands for infinity in parameters


@dataclass(frozen=True, eq=False)
class Solution:
    """Optimal weights.

    Attributes
    ----------
    weights : (assets,) within their bounds, summing to the budget
    solver : that found them
    value : of the objective: variance per day, or utility per day
    binding : names of the limits that bind
    status : the solver's word: ``"optimal"``, or ``"optimal_inaccurate"`` when it missed its tolerance
    """

    weights: Array
    solver: str
    value: float
    binding: tuple[str, ...]
    status: str = cp.OPTIMAL


class Optimizer:
    """A portfolio problem over fixed assets, compiled at the first solve.

    Everything that changes from day to day is a cvxpy parameter that enters linearly (disciplined
    parametrised programming, Agrawal et al. 2019): the covariance as its factor, bounds, previous weights.
    An asset that may not be held has both bounds at zero, so a changing universe needs no new problem.

    Parameters
    ----------
    assets : names
    objective, constraints, costs : see their classes; costs weigh on the objective
    factors : columns that a covariance factor may have at most; the number of assets if not given

    Examples
    --------
    >>> from riskengine.portfolio import MinimumVariance
    >>> problem = Optimizer(("A", "B"), MinimumVariance(), Constraints())
    >>> solution = problem.solve(Covariance.dense(np.diag([0.04, 0.01])))
    >>> solution.weights.round(4)
    array([0.2, 0.8])
    """

    def __init__(
        self,
        assets: tuple[str, ...],
        objective: Objective,
        constraints: Constraints,
        costs: ProportionalCosts | None = None,
        factors: int | None = None,
    ) -> None:
        self.assets = assets
        self.objective = objective
        self.constraints = constraints
        self.costs = costs or ProportionalCosts(0.0)
        self._bounds = constraints.bounds(assets)
        self._members = constraints.membership(assets)
        n = len(assets)
        self._factors = factors or n
        self._w = cp.Variable(n)
        self._trades = cp.Variable(n)  # at least the absolute trades; a norm of them would not be DPP
        self._factor = cp.Parameter((self._factors, n))
        self._specific = cp.Parameter(n, nonneg=True)
        self._reward = cp.Parameter(n)
        self._price = cp.Parameter(nonneg=True)
        self._previous = cp.Parameter(n)
        self._lower, self._upper = cp.Parameter(n), cp.Parameter(n)
        self._allowance = cp.Parameter(nonneg=True)
        self._problem = self._build()

    def _build(self) -> cp.Problem:
        w, trades = self._w, self._trades
        risk = cp.sum_squares(self._factor @ w) + cp.sum_squares(cp.multiply(self._specific, w))
        goal = risk - self._reward @ w + self._price * cp.sum(trades)
        limits = [cp.sum(w) == self.constraints.budget, w >= self._lower, w <= self._upper]
        limits += [trades >= w - self._previous, trades >= self._previous - w]
        for row, group in zip(self._members, self.constraints.groups, strict=True):
            if np.isfinite(group.lower):
                limits.append(row @ w >= group.lower)
            if np.isfinite(group.upper):
                limits.append(row @ w <= group.upper)
        if self.constraints.turnover is not None:
            limits.append(cp.sum(trades) <= self._allowance)
        return cp.Problem(cp.Minimize(goal), limits)

    @property
    def problem(self) -> cp.Problem:
        """The cvxpy problem, for those who want to look."""
        return self._problem

    def restart(self) -> None:
        """Forget the solver's work on the last problem, not the compiled problem: the next solve is as the first.

        A solver that goes on from the last problem gives the same weights to its tolerance, but not to the bit.
        """
        self._problem._solver_cache.clear()

    def solve(
        self,
        covariance: Covariance,
        expected_returns: Array | None = None,
        previous: Array | None = None,
        tradable: Array | None = None,
        turnover: bool = True,
    ) -> Solution:
        """Best weights.

        Parameters
        ----------
        covariance : per day, over the holding period
        expected_returns : (assets,) per day; mean-variance needs them
        previous : (assets,) weights held now; none held if not given, and then no turnover limit applies
        tradable : (assets,) which may be held; all if not given
        turnover : whether the turnover limit applies

        Raises
        ------
        InfeasibleError
            If no portfolio satisfies the limits; ``.limits`` names those that clash.
        SettingsError
            If shapes disagree or expected returns are missing.
        DataError
            If the covariance, the expected returns or the previous weights are not finite.
        """
        self._set(covariance, expected_returns, previous, tradable, turnover)
        limits: tuple[str, ...] | None = None
        for solver in SOLVERS:
            try:
                self._problem.solve(solver=solver, warm_start=True, **_TIGHT[solver])
            except cp.SolverError:
                continue
            if self._problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                return self._solution(solver, covariance, expected_returns)
            if limits is None:
                # A linear program has the last word: only limits that truly clash end the search.
                limits = clashing_limits(len(self.assets), self.limits(previous, tradable, turnover))
            if limits:
                raise InfeasibleError(limits)
        raise InfeasibleError(
            (),
            f"the solvers {', '.join(SOLVERS)} gave up on a feasible problem: check the covariance for extremes",
        )

    def _set(
        self,
        covariance: Covariance,
        expected_returns: Array | None,
        previous: Array | None,
        tradable: Array | None,
        turnover: bool,
    ) -> None:
        n = len(self.assets)
        for what, vector in (
            ("expected returns", expected_returns),
            ("previous weights", previous),
            ("a tradable mask", tradable),
        ):
            if vector is not None and np.shape(vector) != (n,):
                raise SettingsError(f"{what} of shape {np.shape(vector)} for a problem of {n} assets")
            if vector is not None and not np.isfinite(vector).all():
                raise DataError(f"{what}: not finite for {', '.join(self._named(~np.isfinite(vector))[:5])}")
        if covariance.loadings.shape[0] != n:
            raise SettingsError(f"a covariance of {covariance.loadings.shape[0]} assets for a problem of {n}")
        broken = ~np.isfinite(covariance.volatility)
        if broken.any():
            raise DataError(
                f"the covariance is not finite for {', '.join(self._named(broken)[:5])}: mend their forecast"
            )
        loadings = covariance.loadings
        if (
            loadings.shape[1] > n
        ):  # as in a selection of assets: B B' = R'R with B' = QR, R no larger than n x n
            loadings = np.linalg.qr(loadings.T).R.T
        if loadings.shape[1] > self._factors:
            raise SettingsError(
                f"a covariance with {loadings.shape[1]} factors for a problem built for {self._factors}"
            )
        # Daily variances are tiny; at a typical variance of one the solvers' tolerances mean something.
        unit = float(np.mean(covariance.volatility**2)) or 1.0
        factor = np.zeros((self._factors, n))
        factor[: loadings.shape[1]] = loadings.T / np.sqrt(unit)
        self._factor.value = factor
        self._specific.value = np.sqrt(covariance.specific / unit)
        self._reward.value = np.zeros(n)
        price = self.costs.rate / covariance.horizon  # paid once a holding period
        if isinstance(self.objective, MeanVariance):
            if expected_returns is None:
                raise SettingsError(
                    "mean-variance needs expected returns: give the strategy a forecast of them"
                )
            half = unit * self.objective.risk_aversion / 2
            self._reward.value = np.asarray(expected_returns) / half
            price /= half
        else:
            price = 0.0  # a variance has no exchange rate with money; limit turnover instead
        self._price.value = price if previous is not None else 0.0
        lower, upper = self._bounds
        allowed = np.ones(n, bool) if tradable is None else np.asarray(tradable)
        # What cannot be traded is sold in any case: its sale neither costs nor counts as turnover here.
        self._previous.value = np.where(allowed, 0.0 if previous is None else previous, 0.0)
        lower, upper = np.clip(lower, -_FAR, _FAR), np.clip(upper, -_FAR, _FAR)
        self._lower.value, self._upper.value = np.where(allowed, lower, 0.0), np.where(allowed, upper, 0.0)
        limit = self.constraints.turnover
        free = limit is None or previous is None or not turnover
        self._allowance.value = _FAR if free else limit

    def limits(
        self, previous: Array | None = None, tradable: Array | None = None, turnover: bool = True
    ) -> list[Limit]:
        """Every limit by name, in the form that :func:`clashing_limits` takes."""
        n = len(self.assets)
        allowed = np.ones(n, bool) if tradable is None else np.asarray(tradable)
        eye = np.eye(n)
        lower, upper = self._bounds
        found = [Limit.equal(f"budget = {self.constraints.budget:g}", np.ones(n), self.constraints.budget)]
        found += bound_limits("lower bound", ">=", eye[allowed], lower[allowed], self._named(allowed))
        found += bound_limits("upper bound", "<=", eye[allowed], upper[allowed], self._named(allowed))
        if not allowed.all():
            shut = self._named(~allowed)
            listed = ", ".join(shut[:5]) + (f" and {len(shut) - 5} more" if len(shut) > 5 else "")
            found.append(Limit.zero(f"not tradable: {listed}", eye[~allowed]))
        for row, group in zip(self._members, self.constraints.groups, strict=True):
            if np.isfinite(group.lower):
                found.append(
                    Limit.below(
                        f"group {group.name} >= {group.lower:g}", -row[None], np.array([-group.lower])
                    )
                )
            if np.isfinite(group.upper):
                found.append(
                    Limit.below(f"group {group.name} <= {group.upper:g}", row[None], np.array([group.upper]))
                )
        if self.constraints.turnover is not None and previous is not None and turnover:
            found.append(
                Limit.turnover(
                    f"turnover <= {self.constraints.turnover:g}",
                    np.where(allowed, previous, 0.0),
                    self.constraints.turnover,
                )
            )
        return found

    def _named(self, mask: Array) -> list[str]:
        return [name for name, chosen in zip(self.assets, mask, strict=True) if chosen]

    def _solution(self, solver: str, covariance: Covariance, expected_returns: Array | None) -> Solution:
        weights = self.trimmed(np.asarray(self._w.value))
        value = covariance.variance(weights)
        if isinstance(self.objective, MeanVariance) and expected_returns is not None:
            value = float(expected_returns @ weights) - self.objective.risk_aversion / 2 * value
        return Solution(weights, solver, value, self._binding(weights), self._problem.status)

    def trimmed(self, weights: Array) -> Array:
        """Weights made to fit the last problem solved: inside the bounds, dust to zero, the budget exact."""
        lower, upper = self._lower.value, self._upper.value
        weights = np.clip(np.where(np.abs(weights) < _CLEAN, 0.0, weights), lower, upper)
        for _ in range(5):
            missing = self.constraints.budget - weights.sum()
            room = (upper - weights) if missing > 0 else (weights - lower)
            held = np.where(weights != 0, room, 0.0)
            if held.sum() >= abs(missing):  # else what is held is full, and dust must come back
                room = held
            if abs(missing) < 1e-15 or room.sum() <= 0:
                break
            weights = np.clip(weights + missing * room / room.sum(), lower, upper)
        return weights

    def _binding(self, weights: Array) -> tuple[str, ...]:
        lower, upper = self._lower.value, self._upper.value
        open_ = lower < upper
        names = [f"upper bound of {a}" for a in self._named(open_ & (weights > upper - 1e-6))]
        names += [f"lower bound of {a}" for a in self._named(open_ & (weights < lower + 1e-6) & (lower != 0))]
        for row, group in zip(self._members, self.constraints.groups, strict=True):
            if row @ weights > group.upper - 1e-6:
                names.append(f"group {group.name} <= {group.upper:g}")
            if row @ weights < group.lower + 1e-6:
                names.append(f"group {group.name} >= {group.lower:g}")
        if np.abs(weights - self._previous.value).sum() > self._allowance.value - 1e-6:
            names.append("turnover")
        return tuple(names)


_TIGHT = {
    cp.CLARABEL: {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
    cp.SCS: {"eps": 1e-7, "max_iters": 50_000},
}
