"""What a walk-forward found, and how it compares."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest.accounting import Breach
from riskengine.backtest.inference import reduction_interval, variance_test
from riskengine.errors import DataError
from riskengine.risk import christoffersen, kupiec

YEAR = 252


@dataclass(frozen=True)
class Comparison:
    """Realized volatility of one portfolio against another's, on the days that both have.

    Attributes
    ----------
    volatility, other_volatility : annualised, net of costs
    reduction : ``1 - volatility / other_volatility``, a fraction
    interval : its 95% stationary-bootstrap interval
    p_value : of equal variances, two-sided (Ledoit and Wolf 2011)
    days : compared
    """

    name: str
    other: str
    volatility: float
    other_volatility: float
    reduction: float
    interval: tuple[float, float]
    p_value: float
    days: int

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name}: {self.volatility:.2%} a year against {self.other_volatility:.2%} of {self.other}, "
            f"{self.reduction:.1%} lower [{low:.1%}, {high:.1%}], p = {self.p_value:.3f}, {self.days} days"
        )


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
    predicted_volatility : annualised, of each decision's portfolio by the strategy's own forecast
    contributions : share of each asset in the forecast variance, a row a decision
    status : of each decision
    notes : flags and fallbacks
    risk : daily VaR and CVaR forecasts, if they were monitored
    risk_today : VaR and CVaR from the last close, over one and ten days
    provenance : what is needed to make the result again
    benchmarks : results on the same days
    periods_per_year : of the daily series, for annualised figures
    breaches : stated limits that the book broke while orders could not be done
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

    @property
    def returns(self) -> pd.Series:
        """Daily returns net of costs."""
        net = (1 + self.gross.to_numpy()) * (1 - self.costs.to_numpy().sum(axis=1)) - 1
        return pd.Series(net, self.gross.index, name=self.name)

    @property
    def volatility(self) -> float:
        """Realized volatility, annualised."""
        return float(self.returns.std(ddof=0) * np.sqrt(YEAR))

    def beside(self, benchmarks: tuple[BacktestResult, ...]) -> BacktestResult:
        """The same result with benchmarks beside it."""
        return replace(self, benchmarks=benchmarks)

    def with_risk_today(self, table: pd.DataFrame) -> BacktestResult:
        """The same result with VaR and CVaR from the last close."""
        return replace(self, risk_today=table)

    def compare(self, other: BacktestResult) -> Comparison:
        """Realized volatility against another result, on common days, with an interval and a test.

        Raises
        ------
        DataError
            If fewer than 30 days are common.
        """
        mine, theirs = self.returns.align(other.returns, join="inner")
        x, y = mine.to_numpy(), theirs.to_numpy()
        test = variance_test(x, y)
        volatilities = (float(np.std(x) * np.sqrt(YEAR)), float(np.std(y) * np.sqrt(YEAR)))
        return Comparison(
            name=self.name,
            other=other.name,
            volatility=volatilities[0],
            other_volatility=volatilities[1],
            reduction=1 - volatilities[0] / volatilities[1],
            interval=reduction_interval(x, y),
            p_value=test.p_value,
            days=len(x),
        )

    def drawdown(self) -> pd.Series:
        """Fraction of wealth below its highest value so far, zero or negative."""
        wealth = (1 + self.returns).cumprod()
        below = wealth.to_numpy() / np.maximum(wealth.cummax().to_numpy(), 1.0) - 1
        return pd.Series(below, wealth.index, name="drawdown")

    def bias_statistic(self) -> float:
        """Root mean square of holding-period returns over their forecast volatility; one if forecasts are right.

        Over the full holding periods, from the day after a trade to the day of the next; the last one is left out
        if it is shorter than all others.
        """
        earned = self.gross[self.decision >= 0].groupby(self.decision[self.decision >= 0])
        sums, days = earned.sum(), earned.size()
        forecast = self.predicted_volatility.to_numpy()[sums.index] * np.sqrt(days / YEAR)
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
        """Exceptions of every monitored VaR, with the tests of Kupiec and Christoffersen."""
        rows = {}
        for column in self.risk.columns if self.risk is not None else ():
            method, _, percent = column.rpartition("_")
            if method not in ("var", "t_var"):
                continue
            level = float(percent) / 100
            hits = self.exceptions(level, method)
            coverage, joint = kupiec(hits.to_numpy(), level), christoffersen(hits.to_numpy(), level)
            rows[column] = {
                "level": level,
                "method": "filtered historical" if method == "var" else "Student-t",
                "days": len(hits),
                "expected": coverage.expected,
                "exceptions": coverage.exceptions,
                "share": coverage.exceptions / len(hits),
                "kupiec_p": coverage.p_value,
                "christoffersen_p": joint.p_value,
            }
        return pd.DataFrame(rows).T.infer_objects()

    def statistics(self) -> dict[str, float]:
        """Headline figures of this portfolio alone."""
        net = self.returns
        years = len(net) / YEAR
        growth = float(np.prod(1 + net.to_numpy()))
        deviation = float(net.std(ddof=0))
        row = {
            "volatility": self.volatility,
            "return": growth ** (1 / years) - 1 if growth > 0 else -1.0,
            "sharpe": float(net.mean() / deviation * np.sqrt(YEAR)) if deviation > 0 else float("nan"),
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

        Fractions throughout; turnover and costs a year; ``bias`` is the bias statistic of the forecasts.
        """
        rows = {self.name: self.statistics()}
        for other in self.benchmarks:
            against = self.compare(other)
            rows[other.name] = other.statistics() | {
                "reduction": against.reduction,
                "reduction_low": against.interval[0],
                "reduction_high": against.interval[1],
                "p_value": against.p_value,
            }
        return pd.DataFrame(rows).T

    def to_json(self) -> str:
        """Summary, risk, comparisons, flags and provenance as JSON; NaN becomes null."""
        table = self.summary().astype(object)
        content = {
            "strategy": self.name,
            "days": len(self.returns),
            "first": f"{self.returns.index[0]:%Y-%m-%d}",
            "last": f"{self.returns.index[-1]:%Y-%m-%d}",
            "summary": table.where(table.notna(), None).to_dict(orient="index"),
            "risk_today": [] if self.risk_today is None else self.risk_today.to_dict(orient="records"),
            "value_at_risk": self.risk_table().to_dict(orient="index"),
            "statuses": {str(k): int(v) for k, v in self.status.value_counts().items()},
            "notes": list(self.notes),
            "limits_broken": len(self.breaches),
            "breaches": [breach._asdict() for breach in self.breaches],
            "periods_per_year": self.periods_per_year,
            "provenance": self.provenance,
        }
        return json.dumps(content, indent=2, default=float)

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one page that needs no network; returns its path."""
        # The one import that goes up: a result is asked for its page, and the page is made upstairs.
        from riskengine.report import write_report

        return write_report(self, Path(path))
