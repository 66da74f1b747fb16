"""One call that says whether a series of VaR and CVaR forecasts held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import chdtrc

from riskengine.errors import DataError, SettingsError
from riskengine.risk.measures import check_level
from riskengine.risk.validation.coverage import TrafficLight, traffic_light
from riskengine.risk.validation.es_statistics import (
    acerbi_szekely_1,
    acerbi_szekely_2,
    exceedance_residuals,
    fissler_ziegel_loss,
    joint_calibration,
    quantile_loss,
    shortfall_regression,
)
from riskengine.risk.validation.monte_carlo_pvalue import holm, rank_p_value
from riskengine.risk.validation.null_losses import draw_losses
from riskengine.risk.validation.var_statistics import (
    chain_ratio,
    coverage_ratio,
    duration_ratio,
    dynamic_quantile,
)

Array = np.ndarray

_LIGHT_DAYS = 250
_SHORTEST = 50
_BLOCK = 1_000_000  # simulated days at a time: bounds the memory


class _Test(NamedTuple):
    """A statistic, what values of it speak against the forecast, and its asymptotic law if it is in use."""

    name: str
    source: str
    statistic: Callable[[Array, Array, Array, float], Array]
    small: bool = False
    degrees: int | None = None


_OF_VAR = (
    _Test("unconditional coverage", "Kupiec 1995", lambda x, v, e, q: coverage_ratio(x > v, q), degrees=1),
    _Test(
        "conditional coverage",
        "Christoffersen 1998",
        lambda x, v, e, q: coverage_ratio(x > v, q) + chain_ratio(x > v),
        degrees=2,
    ),
    _Test(
        "dynamic quantile",
        "Engle and Manganelli 2004",
        lambda x, v, e, q: dynamic_quantile(x > v, q, v),
        degrees=6,
    ),
    _Test(
        "duration", "Christoffersen and Pelletier 2004", lambda x, v, e, q: duration_ratio(x > v), degrees=1
    ),
)
_OF_CVAR = (
    _Test("Z1", "Acerbi and Szekely 2014", acerbi_szekely_1, small=True),
    _Test("Z2", "Acerbi and Szekely 2014", acerbi_szekely_2, small=True),
    _Test("exceedance residuals", "McNeil and Frey 2000", exceedance_residuals),
    _Test("shortfall regression", "Bayer and Dimitriadis 2022", shortfall_regression, degrees=1),
    _Test("joint calibration", "Nolde and Ziegel 2017", joint_calibration, degrees=2),
)


@dataclass(frozen=True)
class TestResult:
    """One test of a validation.

    Attributes
    ----------
    name, source : of the test, and who proposed it
    statistic : as published; NaN where there was nothing to judge
    p_value : by simulation under the null, right for this number of days; half of the ties counted (mid-p)
    adjusted : p-value for the number of tests in the validation (Holm 1979)
    asymptotic : p-value of the textbook, for comparison; None where the test has no such law
    low, high : between which the p-value lies by how ties are counted; equal but for one draw where there are none
    """

    __test__ = False  # pytest would take the class for a test

    name: str
    source: str
    statistic: float
    p_value: float
    adjusted: float
    asymptotic: float | None
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Validation:
    """Results of a validation of VaR and CVaR forecasts.

    Attributes
    ----------
    tests : one result a test
    level : confidence of VaR and CVaR
    observations, exceptions : counted; days with a gap are left out
    expected : number of exceptions if the VaR is right
    left_out : days with a missing loss or forecast
    light : zone of the last 250 days (of all, if there are fewer)
    mean_loss : Fissler-Ziegel loss a day, to compare forecasts with; the check loss where there is no CVaR
    size : level of the tests
    """

    tests: tuple[TestResult, ...]
    level: float
    observations: int
    exceptions: int
    expected: float
    left_out: int
    light: TrafficLight
    mean_loss: float
    size: float = 0.05

    @property
    def rejected(self) -> tuple[str, ...]:
        """Names of the tests that reject after the correction for their number."""
        return tuple(test.name for test in self.tests if test.adjusted <= self.size)

    @property
    def holds(self) -> bool:
        """Whether no test rejects after the correction."""
        return not self.rejected

    def passed(self) -> dict[str, bool]:
        """Whether each test passes on its own, without the correction."""
        return {test.name: test.p_value > self.size for test in self.tests}

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, for JSON."""
        return {
            "level": self.level,
            "observations": self.observations,
            "left_out": self.left_out,
            "exceptions": self.exceptions,
            "expected": self.expected,
            "zone": self.light.zone,
            "multiplier": self.light.multiplier,
            "mean_loss": self.mean_loss,
            "holds": self.holds,
            "rejected": list(self.rejected),
            "tests": [
                {
                    "name": test.name,
                    "source": test.source,
                    "statistic": test.statistic if np.isfinite(test.statistic) else None,
                    "p_value": test.p_value,
                    "adjusted": test.adjusted,
                    "asymptotic": test.asymptotic,
                    "p_low": test.low,
                    "p_high": test.high,
                }
                for test in self.tests
            ],
        }

    def __str__(self) -> str:
        head = (
            f"{self.exceptions} exceptions in {self.observations} days at {self.level:g}, expected "
            f"{self.expected:.1f}; zone {self.light.zone}; "
        )
        said = "no test rejects" if self.holds else "rejected by " + ", ".join(self.rejected)
        width = max(len(test.name) for test in self.tests)
        rows = [
            f"{test.name:{width}}  {test.statistic:8.3f}  p {test.p_value:.4f}  adjusted {test.adjusted:.4f}"
            + (f"  (ties: {test.low:.4f} to {test.high:.4f})" if test.high - test.low > 0.01 else "")
            for test in self.tests
        ]
        return "\n".join([head + said, *rows])


def validate(
    losses: Array,
    value_at_risk: Array,
    cvar: Array | None = None,
    level: float = 0.99,
    *,
    draws: int = 1999,
    seed: int = 0,
    size: float = 0.05,
) -> Validation:
    """Validation of daily VaR forecasts, and of CVaR forecasts if they are given, by a battery of tests.

    Every p-value is the rank of the statistic among those of ``draws`` series simulated under the null, with half
    of the ties counted (mid-p; Lancaster 1961), and free of the asymptotic approximations that fail at a few
    exceptions. Where statistics take few values the p-value could be anything in a range, which is given beside it.
    Under the null exceptions are independent with probability ``1 - level``; the sizes of losses are drawn from the
    law that each day's VaR and CVaR imply (:func:`~riskengine.risk.validation.null_losses.draw_losses`). Z1, Z2 and the
    exceedance residuals look for too small a CVaR only, the others in both directions.

    Parameters
    ----------
    losses : (days,) positive losses, the negative of returns; NaN is no observation
    value_at_risk : (days,) forecasts made the day before, or one number
    cvar : likewise; only the four tests of VaR run without it
    level : confidence of both
    draws : simulated series
    seed : of the simulation
    size : at which a test counts as rejecting

    Raises
    ------
    DataError
        If shapes differ, fewer than 50 days are left, a forecast is not above zero, or CVaR is not above VaR.
    SettingsError
        If level, draws or size are out of range.

    Examples
    --------
    >>> losses = 0.01 * np.random.default_rng(3).standard_normal(1000)
    >>> right = validate(losses, np.full(1000, 0.0196), np.full(1000, 0.02338), level=0.975, draws=199)
    >>> right.holds, right.exceptions
    (True, 24)
    >>> validate(losses, np.full(1000, 0.0150), np.full(1000, 0.0179), level=0.975, draws=199).holds
    False
    """
    check_level(level)
    if draws < 19 or not 0 < size < 1:
        raise SettingsError(f"draws are at least 19 and a size lies between 0 and 1, not {draws} and {size}")
    x, v, e, left_out = _aligned(losses, value_at_risk, cvar)
    tests = _OF_VAR if cvar is None else _OF_VAR + _OF_CVAR
    observed = np.array([float(test.statistic(x, v, e, level)) for test in tests])
    null = null_statistics(v, None if cvar is None else e, level, draws, seed)
    ranks = [
        rank_p_value(value, column, test.small)
        for test, value, column in zip(tests, observed, null, strict=True)
    ]
    p = np.array([rank.mid for rank in ranks])
    results = tuple(
        TestResult(
            test.name,
            test.source,
            float(value),
            float(mine),
            float(adjusted),
            None if test.degrees is None or np.isnan(value) else float(chdtrc(test.degrees, value)),
            rank.low,
            rank.high,
        )
        for test, value, mine, adjusted, rank in zip(tests, observed, p, holm(p), ranks, strict=True)
    )
    exceptions = x > v
    recent = exceptions[-_LIGHT_DAYS:]
    score = quantile_loss(x, v, level) if cvar is None else fissler_ziegel_loss(x, v, e, level)
    return Validation(
        results,
        level,
        len(x),
        int(exceptions.sum()),
        len(x) * (1 - level),
        left_out,
        traffic_light(int(recent.sum()), len(recent), level),
        float(score.mean()),
        size,
    )


def null_statistics(
    value_at_risk: Array, cvar: Array | None, level: float, draws: int, seed: int = 0
) -> Array:
    """Statistics ``(tests, draws)`` of series drawn under the null, in the order of a validation's tests.

    Parameters
    ----------
    value_at_risk, cvar : (days,); without CVaR only the tests of VaR
    level, draws, seed : as in :func:`validate`
    """
    rng = np.random.default_rng([seed, len(value_at_risk)])
    tests = _OF_VAR if cvar is None else _OF_VAR + _OF_CVAR
    block = max(1, _BLOCK // len(value_at_risk))
    columns = []
    for first in range(0, draws, block):
        n = min(block, draws - first)
        if cvar is None:
            beyond = rng.random((n, len(value_at_risk))) < 1 - level
            losses, cvar_now = np.where(beyond, np.inf, -np.inf), value_at_risk
        else:
            losses, cvar_now = draw_losses(value_at_risk, cvar, level, n, rng), cvar
        columns.append(np.stack([test.statistic(losses, value_at_risk, cvar_now, level) for test in tests]))
    return np.concatenate(columns, axis=1)


def _aligned(losses: Array, value_at_risk: Array, cvar: Array | None) -> tuple[Array, Array, Array, int]:
    """The days on which everything is known."""
    x = np.asarray(losses, dtype=np.float64)
    if x.ndim != 1:
        raise DataError(f"losses are one entry a day, not of shape {x.shape}")
    known = ~np.isnan(x)
    found: list[Array] = []
    for name, forecast in (("VaR", value_at_risk), ("CVaR", cvar)):
        if forecast is None:
            found.append(found[0])
            continue
        f = np.asarray(forecast, dtype=np.float64)
        if f.shape not in ((), x.shape):
            raise DataError(f"{name} forecasts have shape {f.shape}, losses {x.shape}: give one a day")
        f = np.broadcast_to(f, x.shape)
        if np.any(f <= 0) or np.isinf(f).any():
            raise DataError(f"a {name} forecast is not a positive, finite loss: check its sign")
        known &= ~np.isnan(f)
        found.append(f)
    v, e = found
    if np.isinf(x).any():
        raise DataError("a loss is infinite: use NaN for a day without an observation")
    if known.sum() < _SHORTEST:
        raise DataError(f"{int(known.sum())} days with loss and forecast are too few: at least {_SHORTEST}")
    x, v, e = x[known], v[known], e[known]
    if cvar is not None and not np.all(e > v):
        raise DataError("a CVaR forecast is not above its VaR: the two are swapped, or of different levels")
    return x, v, e, int((~known).sum())
