"""Several experts' covariances, combined by weights that the past alone decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.optimize import minimize

from riskengine.calibration import Calibration, NeuralCalibrator, UniverseCalibrator
from riskengine.covariance.base import Covariance, CovarianceForecaster, given_ranges, reads_ranges
from riskengine.covariance.constant_correlation import ConstantCorrelation
from riskengine.covariance.dcc import Dcc
from riskengine.covariance.ewma import Ewma, IteratedEwma
from riskengine.covariance.factor_garch import FactorGarch
from riskengine.covariance.window import as_row, last_days
from riskengine.errors import DataError, SettingsError

Array = np.ndarray


def default_experts() -> tuple[CovarianceForecaster, ...]:
    """A fast shrunk covariance; slow correlations around GARCH variances halfway to static ones; a market factor.

    They err at different times, and need three eigendecompositions a forecast.
    """
    network = NeuralCalibrator.pretrained(robust=True, pooled=True)
    return (
        Ewma(63.0, "quadratic-inverse"),
        ConstantCorrelation(network, static_share=0.5, half_life=500.0, static_half_life=250.0),
        FactorGarch(network),
    )


def universe_experts() -> tuple[CovarianceForecaster, ...]:
    """Experts of :func:`default_experts` with the variances of the universe model, and with the day's ranges.

    ``Ensemble(universe_experts())`` was .7 to .9% less volatile than ``Ensemble()`` in unconstrained minimum variance
    of 306 stocks, at the same turnover, in the years that it was chosen on and in those after. Ranges added nothing
    there to what the universe's closes say (``backtests/covariance/universe_experts.py``).

    Examples
    --------
    >>> Ensemble(universe_experts()).reads_ranges
    True
    """
    universe = UniverseCalibrator.pretrained()
    return (
        Ewma(63.0, "quadratic-inverse"),
        ConstantCorrelation(universe, static_share=0.25, half_life=500.0, static_half_life=250.0),
        FactorGarch(universe),
    )


_SLOW = Ewma | ConstantCorrelation | FactorGarch
"""Experts whose correlations may serve for several days."""


class Record(NamedTuple):
    """How the experts did on days after their forecasts.

    Attributes
    ----------
    roots : (experts, assets, assets) transposed Cholesky factors of the inverses of the forecasts in force
    portfolios : (experts, assets) their minimum-variance portfolios
    age : days since these were made
    outcomes : (days, experts) returns of such portfolios
    gram : (days, experts, experts) products of whitened returns
    diagonals : (days, experts, assets) of the roots in force
    """

    roots: Array
    portfolios: Array
    age: int
    outcomes: Array
    gram: Array
    diagonals: Array


class EnsembleState(NamedTuple):
    """States of the experts, their record where weights are learned, and correlations that serve for several days.

    Attributes
    ----------
    correlated : of each expert; none where they are made at every forecast
    served : days that these have served
    """

    experts: tuple[Any, ...]
    record: Record | None = None
    correlated: tuple[Any, ...] = ()
    served: int = 0


@dataclass(frozen=True)
class Ensemble:
    """Weighted mean of several forecasters' covariances.

    Attributes
    ----------
    experts : forecasters
    weights : ``"equal"``; ``"likelihood"``: the mixture of Cholesky factors of the inverses that made the last
        ``memory`` days likeliest, a convex program (Johansson and others 2023); ``"variance"``: the mixture of the
        experts' minimum-variance portfolios that had the least variance on these days
    mean : of the covariances (``"arithmetic"``), of their inverses (``"harmonic"``), or of the Cholesky factors of
        these (``"roots"``), which depends slightly on the order of the assets
    memory : days that learned weights rest on; they come off the end of the history at ``init``
    refresh : days between the forecasts that experts are judged by
    correlation_days : days that shrunk correlations serve, while variances move on. One makes them at every forecast;
        decompositions of correlations are most of what a forecast of many assets costs. More than one loses: minimum
        variance of 200 stocks, decided daily, is 8.46% volatile with five and 8.54% with 21, for 8.42%
        (``backtests/covariance/held_correlations.py``)

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((500, 4))
    >>> model = Ensemble()
    >>> state = model.update(model.init(x), x[0])
    >>> model.forecast(state, horizon=21).matrix().shape
    (4, 4)
    """

    experts: tuple[CovarianceForecaster, ...] = field(default_factory=default_experts)
    weights: Literal["equal", "likelihood", "variance"] = "equal"
    mean: Literal["arithmetic", "harmonic", "roots"] = "arithmetic"
    memory: int = 126
    refresh: int = 21
    correlation_days: int = 1

    def __post_init__(self) -> None:
        if self.correlation_days < 1:
            raise SettingsError(f"correlations serve for a day at least, not for {self.correlation_days}")
        if not self.experts:
            raise SettingsError("an ensemble has at least one expert")
        if self.weights not in ("equal", "likelihood", "variance"):
            raise SettingsError(f'weights are "equal", "likelihood" or "variance", not {self.weights!r}')
        if self.mean not in ("arithmetic", "harmonic", "roots"):
            raise SettingsError(f'the mean is "arithmetic", "harmonic" or "roots", not {self.mean!r}')
        if self.memory < 2 or self.refresh < 1:
            raise SettingsError(
                f"weights are learned on two days at least, not on {self.memory}, and experts judged by forecasts "
                f"of at least a day, not of {self.refresh}"
            )

    @property
    def reads_ranges(self) -> bool:
        """Whether one of the experts makes use of the day's range."""
        return any(reads_ranges(expert) for expert in self.experts)

    def init(self, returns: Array, ranges: Array | None = None) -> EnsembleState:
        """State after a history ``(time, assets)``, with ``ranges`` of the same shape for experts that read them.

        Raises
        ------
        DataError
            If weights are to be learned and the history is not longer than ``memory`` by two days.
        """
        rows = last_days(returns, len(returns))
        if self.weights == "equal":
            return self._correlated(EnsembleState(self._start(rows, ranges)))
        if len(rows) < self.memory + 2:
            raise DataError(
                f"weights learned on {self.memory} days need a longer history than {len(rows)} days: lower memory"
            )
        count, assets = len(self.experts), rows.shape[1]
        none = Record(
            np.zeros((count, assets, assets)),
            np.zeros((count, assets)),
            self.refresh,
            np.zeros((0, count)),
            np.zeros((0, count, count)),
            np.zeros((0, count, assets)),
        )
        before = None if ranges is None else ranges[: -self.memory]
        state = self._correlated(EnsembleState(self._start(rows[: -self.memory], before), none))
        for day in range(len(rows) - self.memory, len(rows)):
            state = self.update(state, rows[day], None if ranges is None else ranges[day])
        return state

    def _start(self, rows: Array, ranges: Array | None) -> tuple[Any, ...]:
        """Initial states; experts with the same calibrator share one calibration."""
        known: dict[int, Calibration] = {}
        states = []
        for expert in self.experts:
            if not isinstance(expert, ConstantCorrelation | Dcc):
                states.append(expert.init(rows))
                continue
            key = id(expert.calibrator)
            if key not in known:
                known[key] = expert.margins.calibrated(rows)
            states.append(expert.init(rows, calibration=known[key], **given_ranges(expert, ranges)))
        return tuple(states)

    def update(self, state: EnsembleState, row: Array, ranges: Array | None = None) -> EnsembleState:
        """State after one more day."""
        record = state.record
        if record is not None:
            if record.age >= self.refresh:
                record = self._renewed(record, state.experts)
            record = self._judged(record, as_row(row, record.portfolios.shape[1]))
        experts = tuple(
            expert.update(one, row, **given_ranges(expert, ranges))
            for expert, one in zip(self.experts, state.experts, strict=True)
        )
        moved = EnsembleState(experts, record, state.correlated, state.served + 1)
        return self._correlated(moved) if moved.served >= self.correlation_days else moved

    def _correlated(self, state: EnsembleState) -> EnsembleState:
        """With correlations of today, where they are to serve for several days."""
        if self.correlation_days == 1:
            return state
        found = [
            expert.correlated(one) if isinstance(expert, _SLOW) else None
            for expert, one in zip(self.experts, state.experts, strict=True)
        ]
        return state._replace(correlated=tuple(found), served=0)

    def _renewed(self, record: Record, experts: tuple[Any, ...]) -> Record:
        """Forecasts to judge the coming days by."""
        roots, portfolios = [], []
        for expert, one in zip(self.experts, experts, strict=True):
            root = inverse_root(expert.forecast(one, self.refresh).matrix())
            roots.append(root)
            best = root.T @ root.sum(axis=1)
            portfolios.append(best / best.sum())
        return record._replace(roots=np.array(roots), portfolios=np.array(portfolios), age=0)

    def _judged(self, record: Record, row: Array) -> Record:
        """One day more in the record; a missing return counts as zero."""
        filled = np.nan_to_num(row)
        white = record.roots @ filled
        news = (
            (record.outcomes, record.portfolios @ filled),
            (record.gram, white @ white.T),
            (record.diagonals, np.diagonal(record.roots, axis1=1, axis2=2)),
        )
        outcomes, gram, diagonals = (np.concatenate([old, new[None]])[-self.memory :] for old, new in news)
        return record._replace(age=record.age + 1, outcomes=outcomes, gram=gram, diagonals=diagonals)

    def mixture(self, state: EnsembleState) -> Array:
        """Weights of the experts ``(experts,)``, positive and adding up to one."""
        count = len(self.experts)
        if state.record is None or count == 1:
            return np.full(count, 1 / count)
        if self.weights == "variance":
            return _least(state.record.outcomes)
        return _likeliest(state.record.gram, state.record.diagonals)

    def forecast(self, state: EnsembleState, horizon: int = 1) -> Covariance:
        """Weighted mean of the experts' covariances."""
        shares = self.mixture(state)
        kept = state.correlated or (None,) * len(self.experts)
        found = [
            expert.forecast(one, horizon, **({} if known is None else {"correlated": known}))
            for expert, one, known in zip(self.experts, state.experts, kept, strict=True)
        ]
        notes = tuple(dict.fromkeys(note for one in found for note in one.notes))
        if self.mean == "arithmetic":  # of factors: nothing is multiplied out
            loadings = np.hstack(
                [np.sqrt(share) * one.loadings for share, one in zip(shares, found, strict=True)]
            )
            specific = _mix(shares, [one.specific for one in found])
            return Covariance(loadings, specific, horizon, notes)
        roots = [inverse_root(one.matrix()) for one in found]
        if self.mean == "harmonic":
            inverse = _mix(shares, [root.T @ root for root in roots])
        else:
            mixed = _mix(shares, roots)
            inverse = mixed.T @ mixed
        matrix = np.linalg.inv(inverse)
        return Covariance.dense((matrix + matrix.T) / 2, horizon, notes)


def _mix(shares: Array, parts: list[Array]) -> Array:
    return np.tensordot(shares, np.array(parts), axes=1)


def inverse_root(matrix: Array) -> Array:
    """Upper triangular ``A`` with ``A' A`` the inverse of a covariance, which is kept from being singular.

    An asset without variance, as one not yet listed, counts as one of typical variance.
    """
    variance = np.diag(matrix)
    known = variance > 0
    typical = variance[known].mean() if known.any() else 1.0
    calm = matrix + np.diag(np.where(known, 1e-10 * variance, typical))
    inverse = np.linalg.inv(calm)
    return np.linalg.cholesky((inverse + inverse.T) / 2).T


PAIRS = ((10.0, 21.0), (21.0, 63.0), (63.0, 125.0), (125.0, 250.0), (250.0, 500.0))


@dataclass(frozen=True)
class CombinedIteratedEwma(Ensemble):
    """CM-IEWMA: iterated EWMAs of five speeds, weights by likelihood over ten days (Johansson and others 2023).

    Each expert is a pair of half-lives, of volatilities and of correlations; the fastest has a ridge, as in the
    paper's experiments.
    """

    experts: tuple[CovarianceForecaster, ...] = (
        IteratedEwma(*PAIRS[0], ridge=0.05),
        *(IteratedEwma(*pair) for pair in PAIRS[1:]),
    )
    weights: Literal["equal", "likelihood", "variance"] = "likelihood"
    mean: Literal["arithmetic", "harmonic", "roots"] = "roots"
    memory: int = 10
    refresh: int = 1


def _on_simplex(loss: Any, count: int) -> Array:
    """Minimiser of a convex function, which gives value and gradient, over positive weights that add up to one."""
    start = np.full(count, 1 / count)
    found = minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1, "jac": lambda p: np.ones(count)},
        options={"maxiter": 200, "ftol": 1e-10},
    )
    shares = np.clip(found.x if np.isfinite(found.x).all() else start, 0, None)
    return shares / shares.sum()


def _least(outcomes: Array) -> Array:
    """Mixture of portfolios with the least second moment."""
    scale = np.mean(outcomes**2) or 1.0
    moments = outcomes.T @ outcomes / len(outcomes) / scale

    def loss(p: Array) -> tuple[float, Array]:
        return float(p @ moments @ p), 2 * moments @ p

    return _on_simplex(loss, outcomes.shape[1])


def _likeliest(gram: Array, diagonals: Array) -> Array:
    """Mixture of inverse Cholesky factors with the greatest Gaussian likelihood."""
    quadratic, days = gram.mean(axis=0), len(gram)
    assets = diagonals.shape[2]

    def loss(p: Array) -> tuple[float, Array]:
        pivots = np.einsum("k,dkn->dn", p, diagonals)
        # Half the squared norm of the weights, once over all days, as in the paper's own experiments.
        value = p @ quadratic @ p / 2 - np.log(pivots).sum() / days + p @ p / (2 * days)
        slope = quadratic @ p - np.einsum("dkn,dn->k", diagonals, 1 / pivots) / days + p / days
        return float(value / assets), slope / assets

    return _on_simplex(loss, gram.shape[1])
