"""Risk row by row: returns in, variances and VaR of given holdings out; recalibrated on a rolling window."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration.result import Calibration, Calibrator, Status
from riskengine.covariance.constant_correlation import filter_window
from riskengine.errors import DataError, SettingsError
from riskengine.garch.contamination import Hypotheses, next_hypotheses
from riskengine.garch.params import GarchParams
from riskengine.garch.variance import next_variance
from riskengine.risk.scenario_model import principal_correlation
from riskengine.risk.tails import check_level, empirical_tail

Array = np.ndarray

_next = jax.jit(next_variance)
_next_hypotheses = jax.jit(next_hypotheses)


@dataclass(frozen=True)
class LiveSettings:
    """How a live engine works.

    Attributes
    ----------
    window : days that calibration and filtered history rest on
    levels : confidence levels of VaR and CVaR
    recalibrate : rows from one calibration to the next; 0 for never
    """

    window: int = 1000
    levels: tuple[float, ...] = (0.95, 0.99)
    recalibrate: int = 21

    def __post_init__(self) -> None:
        for level in self.levels:
            check_level(level)
        if self.recalibrate < 0:
            raise SettingsError(f"rows between calibrations are 0 or more, not {self.recalibrate}")
        if self.window * (1 - max(self.levels, default=0.5)) < 1:
            raise SettingsError(
                f"a window of {self.window} days has no tail at {max(self.levels):g}: lengthen it"
            )


@dataclass(frozen=True)
class LiveRisk:
    """Risk of the holdings tomorrow, after a row.

    Attributes
    ----------
    rows : taken since the start
    volatility : per day
    value_at_risk, conditional_value_at_risk : by level, filtered historical simulation of one day
    missing : assets without a return in the row
    recalibrated : whether the row led to a new calibration
    fell_back : assets whose parameters are borrowed
    """

    rows: int
    volatility: float
    value_at_risk: dict[float, float]
    conditional_value_at_risk: dict[float, float]
    missing: int
    recalibrated: bool
    fell_back: int

    def to_dict(self) -> dict[str, Any]:
        """For a line of JSON."""
        tails = {f"var_{100 * level:g}": value for level, value in self.value_at_risk.items()}
        tails |= {f"cvar_{100 * level:g}": value for level, value in self.conditional_value_at_risk.items()}
        rest = {"missing": self.missing, "recalibrated": self.recalibrated, "fell_back": self.fell_back}
        return {"row": self.rows, "volatility": self.volatility, **tails, **rest}


class LiveEngine:
    """Keeps a universe's variances and the risk of a portfolio up to date.

    The windows are rings that are written in place; :meth:`snapshot` gives all that evolves as bytes, and an engine
    restored from them goes on bit by bit as the first one would have.

    Parameters
    ----------
    calibrator : network, maximum likelihood, ...
    returns : (days, assets) history; the last ``window`` rows are used, and there must be two
    assets : names
    weights : (assets,) of the portfolio, fractions of wealth
    settings : see there

    Raises
    ------
    DataError
        If shapes differ, a weight is not finite, or the history is too short.

    Examples
    --------
    >>> from riskengine.calibration import MaximumLikelihood
    >>> history = 0.01 * np.random.default_rng(0).standard_normal((300, 2))
    >>> settings = LiveSettings(window=250, recalibrate=0)
    >>> engine = LiveEngine(MaximumLikelihood(), history, ("A", "B"), np.array([0.5, 0.5]), settings)
    >>> calm, wild = engine.update(np.array([0.0, 0.001])), engine.update(np.array([-0.05, -0.04]))
    >>> wild.rows, bool(wild.volatility >= calm.volatility)
    (2, True)
    """

    def __init__(
        self,
        calibrator: Calibrator,
        returns: Array,
        assets: tuple[str, ...],
        weights: Array,
        settings: LiveSettings | None = None,
    ) -> None:
        self.calibrator, self.assets, self.settings = calibrator, tuple(assets), settings or LiveSettings()
        self.weights = np.asarray(weights, dtype=np.float64)
        rows = np.asarray(returns, dtype=np.float64)[-self.settings.window :]
        n = len(self.assets)
        if rows.ndim != 2 or rows.shape[1] != n or self.weights.shape != (n,):
            raise DataError(
                f"returns and weights must be of {n} assets, not {rows.shape} and {self.weights.shape}"
            )
        if not np.isfinite(self.weights).all():
            raise DataError("a weight is not finite; zero is no holding")
        if len(rows) < 2:
            raise DataError("a live engine needs a history of two days at least")
        self.rows = 0
        self._returns = np.full((self.settings.window, n), np.nan)
        self._returns[-len(rows) :] = rows
        self._calibrate()

    def _calibrate(self) -> None:
        """New parameters on the window, whose residuals are then those of the new parameters."""
        ordered = np.roll(self._returns, -(self.rows % self.settings.window), axis=0)
        first = int(np.argmax(~np.isnan(ordered).all(axis=1)))
        rows = ordered[first:]
        fit = self.calibrator(rows)
        path = filter_window(fit, rows)
        residuals = np.full(self._returns.shape, np.nan)
        np.subtract(rows, fit.mean, out=residuals[first:])
        residuals[first:] /= np.sqrt(np.asarray(path.variance))
        # Row k of the stream stands at place k of the ring.
        self._residuals = np.roll(residuals, self.rows % self.settings.window, axis=0)
        self._adopt(fit, np.asarray(path.next_variance), path.hypotheses)
        self._expose()

    def _expose(self) -> None:
        """Surprises of what is held alone, zero where there is none: a row a day is all that changes."""
        self._held = np.flatnonzero(self.weights)
        self._exposed = self._residuals[:, self._held]  # a copy
        missing = np.isnan(self._exposed)
        self._seen: Array = np.array(~missing.all(axis=1) | (not len(self._held)))
        self._exposed[missing] = 0.0

    def _adopt(self, fit: Calibration, variance: Array, hypotheses: Hypotheses | None) -> None:
        self._params = GarchParams(*(np.asarray(leaf, np.float64) for leaf in fit.params))
        self._mean = np.asarray(fit.mean, np.float64)
        self._contamination = None if fit.contamination is None else np.asarray(fit.contamination, np.float64)
        self._status = tuple(fit.status)
        self._fell_back = sum(status.fell_back for status in self._status)
        self._hypotheses: Hypotheses | None = jax.tree.map(np.asarray, hypotheses)
        self.variance = np.array(variance, dtype=np.float64)

    def update(self, row: Array) -> LiveRisk:
        """Take one row of returns ``(assets,)``, NaN where there is none.

        Raises
        ------
        DataError
            If the row has another length or holds infinities; the engine is then as it was.
        """
        row = np.asarray(row, dtype=np.float64)
        if row.shape != (len(self.assets),):
            raise DataError(f"a row has one return for each of {len(self.assets)} assets, not {row.size}")
        if np.isinf(row).any():
            raise DataError(
                f"the return of {self.assets[int(np.argmax(np.isinf(row)))]} is infinite: use NaN"
            )
        place = self.rows % self.settings.window
        shock = row - self._mean
        self._returns[place] = row
        residual = shock / np.sqrt(self.variance)
        self._residuals[place] = residual
        self._exposed[place] = np.nan_to_num(residual[self._held])
        self._seen[place] = not np.isnan(residual[self._held]).all() or not len(self._held)
        self._step(shock)
        self.rows += 1
        every = self.settings.recalibrate
        anew = bool(every) and self.rows % every == 0
        if anew:
            self._calibrate()
        return self.risk(int(np.isnan(row).sum()), anew)

    def _step(self, shock: Array) -> None:
        """Variances of tomorrow."""
        with jax.enable_x64(True):
            params = GarchParams(*map(jnp.asarray, self._params))
            today = jnp.asarray(shock)
            if self._hypotheses is None or self._contamination is None:
                self.variance = np.array(_next(params, jnp.asarray(self.variance), today))
                return
            before = Hypotheses(*map(jnp.asarray, self._hypotheses))
            after = _next_hypotheses(params, before, today, jnp.asarray(self._contamination))
            self._hypotheses = jax.tree.map(np.asarray, after)
            self.variance = np.array(after.variance)

    def risk(self, missing: int = 0, recalibrated: bool = False) -> LiveRisk:
        """Risk of the holdings as known now.

        Days of the window on which an asset has no surprise count as zero for it.
        """
        past = self._exposed @ (np.sqrt(self.variance[self._held]) * self.weights[self._held])
        past = past[self._seen] if self._seen.any() else np.zeros(len(past))
        var, cvar = {}, {}
        for level in self.settings.levels:
            if len(past) * (1 - level) >= 1 - 1e-9:
                tail = empirical_tail(past, level)
                var[level], cvar[level] = float(tail.value_at_risk), float(tail.conditional_value_at_risk)
        volatility = float(np.sqrt(np.mean(past**2)))
        return LiveRisk(self.rows, volatility, var, cvar, missing, recalibrated, self._fell_back)

    def correlation(self, factors: int = 20) -> tuple[Array, Array]:
        """Loadings and specific parts of the surprises' correlation; the variances make a covariance of it."""
        return principal_correlation(np.nan_to_num(self._residuals), factors)

    def snapshot(self) -> bytes:
        """Everything that evolves, as an npz archive without pickled objects."""
        arrays: dict[str, Any] = dict(self._params._asdict())
        arrays |= {
            "returns": self._returns,
            "residuals": self._residuals,
            "variance": self.variance,
            "mean": self._mean,
            "weights": self.weights,
        }
        if self._contamination is not None and self._hypotheses is not None:
            arrays["contamination"] = self._contamination
            arrays |= {f"hypotheses_{name}": leaf for name, leaf in self._hypotheses._asdict().items()}
        facts = {
            "rows": self.rows,
            "assets": self.assets,
            "status": [str(status) for status in self._status],
            "window": self.settings.window,
            "levels": self.settings.levels,
            "recalibrate": self.settings.recalibrate,
        }
        buffer = io.BytesIO()
        np.savez(buffer, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
        return buffer.getvalue()

    @classmethod
    def restore(cls, content: bytes, calibrator: Calibrator) -> LiveEngine:
        """The engine that a snapshot was taken of.

        Raises
        ------
        DataError
            If this is no snapshot.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            facts = json.loads(arrays["facts"].tobytes())
            engine = cls.__new__(cls)
            engine.calibrator, engine.assets = calibrator, tuple(facts["assets"])
            engine.settings = LiveSettings(facts["window"], tuple(facts["levels"]), facts["recalibrate"])
            engine.rows, engine.weights = facts["rows"], arrays["weights"]
            engine._returns, engine._residuals = arrays["returns"], arrays["residuals"]
            engine._params = GarchParams(*(arrays[name] for name in GarchParams._fields))
            engine._mean, engine.variance = arrays["mean"], arrays["variance"]
            engine._contamination = arrays.get("contamination")
            engine._status = tuple(Status(status) for status in facts["status"])
            engine._fell_back = sum(status.fell_back for status in engine._status)
            engine._hypotheses = None
            if engine._contamination is not None:
                engine._hypotheses = Hypotheses(
                    *(arrays[f"hypotheses_{name}"] for name in Hypotheses._fields)
                )
        except (ValueError, KeyError, OSError, EOFError) as error:
            raise DataError(f"this is no snapshot of a live engine, or a damaged one: {error}") from error
        engine._expose()
        return engine
