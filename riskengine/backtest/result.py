"""What a walk-forward found, and how it compares."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine import hooks
from riskengine.backtest.accounting import Breach
from riskengine.backtest.comparison import Comparison, Metrics
from riskengine.backtest.drawdown_spells import below_peak
from riskengine.backtest.flags import ResultFlag, breach_flags, decision_flags, price_flags
from riskengine.backtest.inference import reduction_interval, variance_test
from riskengine.backtest.ratios import information_ratio, sharpe_ratio, sortino_ratio, varies
from riskengine.backtest.return_shape import return_shape
from riskengine.backtest.units import result_units
from riskengine.errors import DataError, SettingsError
from riskengine.market import period_name
from riskengine.risk import christoffersen, kupiec

REJECTED = 0.05
"""P-value below which a test of VaR speaks against it."""


_EARLIER_METHODS = "var: filtered historical; t_var: Student-t"  # of results that do not say theirs


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """A portfolio through history. Daily series begin with the first trade.

    Attributes
    ----------
    name : of the strategy
    gross : daily returns before costs
    costs : daily costs by kind, fractions of wealth
    turnover : sum of absolute trades, on the days with trades
    weights : at every close, after trades; the rest is cash
    decision : number of the decision whose weights earned each day's return; -1 before the first
    targets : decided weights, a row a decision
    predicted_volatility : a year, of each decision's portfolio by the strategy's own forecast
    contributions : share of each asset in the forecast variance, a row a decision
    status : of each decision
    notes : flags and fallbacks
    risk : VaR and CVaR forecasts over one period, if they were monitored; ``volatility_one_period`` likewise
    risk_today : VaR and CVaR from the last close, over one and ten periods
    provenance : what is needed to make the result again
    benchmarks : results on the same days
    periods_per_year : of the daily series, for annualised figures
    breaches : stated limits that the book broke while orders could not be done
    cash : return of cash over each day, which ratios of reward to risk are taken over; zero if not given
    """

    name: str
    gross: pd.Series
    costs: pd.DataFrame
    turnover: pd.Series
    weights: pd.DataFrame
    decision: pd.Series
    targets: pd.DataFrame
    predicted_volatility: pd.Series
    contributions: pd.DataFrame
    status: pd.Series
    notes: tuple[str, ...]
    risk: pd.DataFrame | None = None
    risk_today: pd.DataFrame | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    benchmarks: tuple[BacktestResult, ...] = ()
    periods_per_year: float = 252.0
    breaches: tuple[Breach, ...] = ()
    cash: pd.Series | None = None

    @property
    def returns(self) -> pd.Series:
        """Daily returns net of costs."""
        net = (1 + self.gross.to_numpy()) * (1 - self.costs.to_numpy().sum(axis=1)) - 1
        return pd.Series(net, self.gross.index, name=self.name)

    @property
    def excess(self) -> pd.Series:
        """Daily returns net of costs, less those of cash."""
        if self.cash is None:
            return self.returns
        return (self.returns - self.cash.reindex(self.gross.index)).rename(self.name)

    @property
    def volatility(self) -> float:
        """Realized volatility a year."""
        return float(self.returns.std(ddof=0) * np.sqrt(self.periods_per_year))

    @cached_property
    def flags(self) -> tuple[ResultFlag, ...]:
        """Decisions that fell back, limits that were broken, doubtful prices; the strategy's own first, then the
        benchmarks'."""
        found = []
        for one in (self, *self.benchmarks):
            own = one is self
            found += decision_flags(one.name, one.status, one.notes, own)
            found += breach_flags(one.name, one.breaches, len(one.gross), own)
        found += price_flags(self.name, self.notes, len(self.gross))
        return tuple(found)

    @property
    def flagged(self) -> bool:
        """Whether the strategy itself did otherwise than it was asked to."""
        return any(flag.serious for flag in self.flags)

    def beside(self, benchmarks: tuple[BacktestResult, ...]) -> BacktestResult:
        """The same result with benchmarks beside it.

        Raises
        ------
        SettingsError
            If two portfolios share a name: tables could not tell them apart.
        """
        names = [self.name, *(one.name for one in benchmarks)]
        if len(set(names)) < len(names):
            raise SettingsError(f"two portfolios share a name among {', '.join(names)}: rename one")
        return replace(self, benchmarks=benchmarks)

    def with_risk_today(self, table: pd.DataFrame) -> BacktestResult:
        """The same result with VaR and CVaR from the last close."""
        return replace(self, risk_today=table)

    def compare(self, other: BacktestResult) -> Comparison:
        """Realized volatility against another result, on common days, with an interval and a test.

        Raises
        ------
        DataError
            If fewer than 30 days are common, or one of the two does not vary.
        """
        found = self._against(other)
        if found.reason:
            raise DataError(found.reason)
        return found

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """With each benchmark; where there is too little to test, interval and test are NaN and the reason is said."""
        return tuple(self._against(other) for other in self.benchmarks)

    def _against(self, other: BacktestResult) -> Comparison:
        mine, theirs = self.returns.align(other.returns, join="inner")
        x, y = mine.to_numpy(), theirs.to_numpy()
        root = np.sqrt(self.periods_per_year)
        volatilities = [float(np.std(one) * root) if len(one) else float("nan") for one in (x, y)]
        nan, reason = float("nan"), ""
        interval, p_value = (nan, nan), nan
        still = next((one.name for one in (self, other) if not varies(one.excess.to_numpy())), None)
        try:
            if still is not None:
                raise DataError(f"{still} does not vary beyond cash, so there is nothing to test")
            p_value, interval = variance_test(x, y).p_value, reduction_interval(x, y)
        except DataError as error:
            reason = str(error)
        return Comparison(
            name=self.name,
            other=other.name,
            volatility=volatilities[0],
            other_volatility=volatilities[1],
            reduction=1 - volatilities[0] / volatilities[1] if varies(y) else nan,
            interval=interval,
            p_value=p_value,
            days=len(x),
            information_ratio=information_ratio(x - y, self.periods_per_year),
            unit=period_name(self.periods_per_year),
            reason=reason,
        )

    def drawdown(self) -> pd.Series:
        """Fraction of wealth below its highest value so far, zero or negative."""
        return below_peak(self.returns)

    def bias_statistic(self) -> float:
        """Root mean square of holding-period returns over their forecast volatility; one if forecasts are right.

        Over the full holding periods, from the day after a trade to the day of the next; the last one is left out
        if it is shorter than all others.
        """
        earned = self.gross[self.decision >= 0].groupby(self.decision[self.decision >= 0])
        sums, days = earned.sum(), earned.size()
        forecast = self.predicted_volatility.to_numpy()[sums.index] * np.sqrt(days / self.periods_per_year)
        full = days >= (days.iloc[:-1].min() if len(days) > 1 else 1)
        scores = (sums / forecast)[full].dropna()
        return float(np.sqrt(np.mean(scores**2))) if len(scores) else float("nan")

    def exceptions(self, level: float = 0.99, method: str = "var") -> pd.Series:
        """Whether each day's loss went beyond its VaR of the day before; only days with a forecast.

        Raises
        ------
        DataError
            If risk was not monitored at this level.
        """
        column = f"{method}_{100 * level:g}"
        if self.risk is None or column not in self.risk:
            raise DataError(
                f"no {column} in this result: run the backtest with a RiskMonitor at level {level}"
            )
        forecast = self.risk[column].dropna()
        return (-self.gross.loc[forecast.index] > forecast).rename(column)

    def risk_table(self) -> pd.DataFrame:
        """Exceptions of every monitored VaR, with the tests of Kupiec and Christoffersen at 5%."""
        named = str(self.provenance.get("value at risk", _EARLIER_METHODS))
        methods = {column: name for column, _, name in (part.partition(": ") for part in named.split("; "))}
        rows = {}
        for column in self.risk.columns if self.risk is not None else ():
            method, _, percent = column.rpartition("_")
            if method not in methods:
                continue
            level = float(percent) / 100
            hits = self.exceptions(level, method)
            if not len(hits):  # a method that needs more days than there were
                continue
            coverage, joint = kupiec(hits.to_numpy(), level), christoffersen(hits.to_numpy(), level)
            rows[column] = {
                "level": level,
                "method": methods[method],
                "days": len(hits),
                "expected": coverage.expected,
                "exceptions": coverage.exceptions,
                "share": coverage.exceptions / len(hits),
                "kupiec_p": coverage.p_value,
                "christoffersen_p": joint.p_value,
                "verdict": _verdict(Kupiec=coverage.p_value, Christoffersen=joint.p_value),
            }
        return pd.DataFrame(rows).T.infer_objects()

    def statistics(self) -> dict[str, float]:
        """Headline figures of this portfolio alone; their units are in :mod:`riskengine.backtest.units`.

        Sharpe and Sortino ratio are taken over cash; NaN where the returns do not differ from those of cash by more
        than numerical noise.
        """
        net, excess = self.returns.to_numpy(), self.excess.to_numpy()
        years = len(net) / self.periods_per_year
        row = {
            "volatility": self.volatility,
            "return": _yearly_growth(net, years),
            "cash_return": 0.0 if self.cash is None else _yearly_growth(self.cash.to_numpy(), years),
            "sharpe": sharpe_ratio(excess, self.periods_per_year),
            "sortino": sortino_ratio(excess, self.periods_per_year),
            "max_drawdown": float(self.drawdown().min()),
            "turnover": float(self.turnover.sum() / years),
            "costs": float(self.costs.sum(axis=1).sum() / years),
            "bias": self.bias_statistic(),
        }
        if self.risk is not None and "var_99" in self.risk:
            hits = self.exceptions(0.99)
            row |= {"var_99_exceptions": float(hits.sum()), "var_99_expected": 0.01 * len(hits)}
        return row

    def summary(self) -> pd.DataFrame:
        """A row a portfolio: this one, then its benchmarks with the reduction of realized volatility against each.

        Fractions throughout; turnover and costs a year; ``bias`` is the bias statistic of the forecasts;
        ``information_ratio`` that of this portfolio against the row's.
        """
        rows = {self.name: self.statistics()}
        for other, against in zip(self.benchmarks, self.comparisons, strict=True):
            rows[other.name] = other.statistics() | {
                "reduction": against.reduction,
                "reduction_low": against.interval[0],
                "reduction_high": against.interval[1],
                "p_value": against.p_value,
                "information_ratio": against.information_ratio,
            }
        return pd.DataFrame(rows).T

    def remarks(self) -> tuple[str, ...]:
        """Why figures of the summary are missing, a line each."""
        said = []
        for one in (self, *self.benchmarks):
            if not varies(one.excess.to_numpy()):
                said.append(
                    f"{one.name}: no excess return over cash, so it has no Sharpe and no Sortino ratio"
                )
        said += [f"{self.name} against {one.other}: {one.reason}" for one in self.comparisons if one.reason]
        return tuple(said)

    def to_json(self) -> str:
        """Summary, risk, comparisons, flags, units and provenance as JSON; what is not finite becomes null."""
        content = {
            "strategy": self.name,
            "days": len(self.returns),
            "first": f"{self.returns.index[0]:%Y-%m-%d}",
            "last": f"{self.returns.index[-1]:%Y-%m-%d}",
            "periods_per_year": self.periods_per_year,
            "summary": self.summary().to_dict(orient="index"),
            "risk_today": [] if self.risk_today is None else self.risk_today.to_dict(orient="records"),
            "value_at_risk": self.risk_table().to_dict(orient="index"),
            "statuses": {str(k): int(v) for k, v in self.status.value_counts().items()},
            "flagged": self.flagged,
            "flags": [asdict(flag) for flag in self.flags],
            "remarks": list(self.remarks()),
            "notes": list(self.notes),
            "limits_broken": len(self.breaches),
            "breaches": [breach._asdict() for breach in self.breaches],
            "units": result_units(self.periods_per_year),
            "provenance": self.provenance,
        }
        return json.dumps(finite(content), indent=2, default=float)

    @property
    def metrics(self) -> Metrics:
        """Figures by name: ``result.metrics.sharpe``, ``result.metrics.skewness``."""
        row = self.statistics()
        depth = row["max_drawdown"]
        return Metrics(
            **asdict(return_shape(self.returns)),
            volatility=row["volatility"],
            annual_return=row["return"],
            cash_return=row["cash_return"],
            sharpe=row["sharpe"],
            sortino=row["sortino"],
            max_drawdown=depth,
            calmar=row["return"] / -depth if depth < 0 else float("nan"),
            turnover=row["turnover"],
            costs=row["costs"],
            bias=row["bias"],
        )

    def plot(self, kind: str = "growth") -> Any:
        """A plotly figure.

        Parameters
        ----------
        kind : growth, volatility, drawdown, distribution, sharpe, beta, forecast, weights, contributions or var
        """
        return hooks.draw_result(self, kind)

    def _repr_html_(self) -> str:
        """The summary, where a notebook shows it."""
        table = self.summary()
        percent = ("volatility", "return", "cash_return", "max_drawdown", "costs", "reduction")
        formats = dict.fromkeys([*percent, "reduction_low", "reduction_high"], "{:.1%}".format)
        shown = {name: formats.get(name, "{:.2f}".format) for name in table.columns}
        return table.to_html(formatters=shown, na_rep="")

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one page that needs no network; returns its path."""
        return hooks.write_page(self, Path(path))


def _verdict(**p_values: float) -> str:
    failed = [name for name, p in p_values.items() if p < REJECTED]
    return f"rejected: {', '.join(failed)}" if failed else "passes"


def _yearly_growth(returns: np.ndarray, years: float) -> float:
    """Compound growth a year; -1 if nothing was left, infinite if a few good days say so."""
    if not np.all(returns > -1):
        return -1.0
    with np.errstate(over="ignore"):
        return float(np.expm1(np.log1p(returns).sum() / years))


def finite(value: Any) -> Any:
    """NaN and infinities as None, which JSON can hold.

    Examples
    --------
    >>> finite({"a": float("nan"), "b": [1.0, float("inf")]})
    {'a': None, 'b': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
