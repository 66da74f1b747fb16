"""Where a return against a benchmark came from: allocation, selection and interaction (Brinson and Fachler 1985)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskengine.backtest.result import BacktestResult
from riskengine.errors import DataError, SettingsError

Array = np.ndarray

CASH = "cash"
"""Group of what the weights leave of one."""

UNLABELLED = "without label"
_NOTHING = 1e-12
_APART = 1e-3
"""Median difference of a day's return from which on prices are of another backtest."""


@dataclass(frozen=True, eq=False)
class BrinsonAttribution:
    """Effects of groups, linked over all periods so that they add up to the difference of compounded returns.

    Brinson and Fachler (1985), linked by Carino (1999).

    Attributes
    ----------
    names : (groups,)
    allocation, selection, interaction : (groups,) effects
    other : what weights and returns do not explain: costs, the rate of cash, delistings
    weight, benchmark_weight : (groups,) means over the periods
    portfolio, benchmark : compounded returns
    periods : number of them
    """

    names: tuple[str, ...]
    allocation: Array
    selection: Array
    interaction: Array
    other: float
    weight: Array
    benchmark_weight: Array
    portfolio: float
    benchmark: float
    periods: int

    @property
    def active(self) -> float:
        """Difference of the compounded returns, and the sum of all effects."""
        return self.portfolio - self.benchmark

    @property
    def unlabelled(self) -> float:
        """Mean weight of assets without a label."""
        return float(self.weight[self.names.index(UNLABELLED)]) if UNLABELLED in self.names else 0.0

    @property
    def total(self) -> Array:
        """Of each group ``(groups,)``."""
        return self.allocation + self.selection + self.interaction


def brinson(
    weights: Array,
    benchmark: Array,
    returns: Array,
    groups: Sequence[str],
    portfolio_returns: Array | None = None,
    benchmark_returns: Array | None = None,
) -> BrinsonAttribution:
    """Attribute a portfolio's return against a benchmark to groups of assets, period by period.

    With weights ``w`` and returns ``r`` of a group in the portfolio (P) and the benchmark (B), and the benchmark's
    return ``R``: allocation ``(wP - wB)(rB - R)``, selection ``wB (rP - rB)``, interaction ``(wP - wB)(rP - rB)``. A
    group that the benchmark does not hold has the portfolio's return there, and is all allocation; one that the
    portfolio does not hold has the benchmark's. Cash is a group of its own.

    Periods are linked by Carino's (1999) factors ``k_t = (ln(1 + P_t) - ln(1 + B_t)) / (P_t - B_t)``, over the same of
    the compounded returns: linked effects add up exactly.

    Parameters
    ----------
    weights, benchmark : (periods, assets) at the start of each period; what they leave of one is cash
    returns : (periods, assets) NaN where there is none, which counts as zero
    groups : (assets,) names
    portfolio_returns, benchmark_returns : (periods,) as they were, costs and interest included; those of the weights
        if not given. What they differ by is ``other``

    Raises
    ------
    DataError
        If the shapes differ, or a return is minus one or below.

    Examples
    --------
    The three countries of Bacon (2008), chapter 5:

    >>> found = brinson(
    ...     np.array([[0.4, 0.0, 0.3, 0.0, 0.3, 0.0]]), np.array([[0.0, 0.4, 0.0, 0.2, 0.0, 0.4]]),
    ...     np.array([[0.20, 0.10, -0.05, -0.04, 0.06, 0.08]]), ["UK", "UK", "JP", "JP", "US", "US"])
    >>> found.names
    ('JP', 'UK', 'US')
    >>> found.allocation.round(4), found.selection.round(4), found.interaction.round(4)
    (array([-0.0104, 0. , -0.0016]), array([-0.002, 0.04 , -0.008]), array([-0.001, 0. , 0.002]))
    """
    weights, benchmark = np.asarray(weights, np.float64), np.asarray(benchmark, np.float64)
    moves = np.nan_to_num(np.asarray(returns, np.float64))
    if not weights.shape == benchmark.shape == moves.shape or weights.shape[1:] != (len(groups),):
        raise DataError(
            f"weights, benchmark and returns are (periods, assets) of {len(groups)} assets, not {weights.shape}, "
            f"{benchmark.shape} and {moves.shape}"
        )
    names, member = _members(groups, weights, benchmark)
    w_p, w_b = weights @ member, benchmark @ member
    c_p, c_b = (weights * moves) @ member, (benchmark * moves) @ member
    if names[-1] == CASH:
        w_p[:, -1], w_b[:, -1] = 1 - weights.sum(axis=1), 1 - benchmark.sum(axis=1)
    explained_p, explained_b = c_p.sum(axis=1), c_b.sum(axis=1)
    total_p = explained_p if portfolio_returns is None else np.asarray(portfolio_returns, np.float64)
    total_b = explained_b if benchmark_returns is None else np.asarray(benchmark_returns, np.float64)
    effects = _effects(w_p, w_b, c_p, c_b, explained_b)
    link, portfolio, compounded = _carino(total_p, total_b)
    allocation, selection, interaction = (link @ effect for effect in effects)
    other = float(link @ ((total_p - explained_p) - (total_b - explained_b)))
    return BrinsonAttribution(
        names,
        allocation,
        selection,
        interaction,
        other,
        w_p.mean(axis=0),
        w_b.mean(axis=0),
        portfolio,
        compounded,
        len(moves),
    )


def _members(groups: Sequence[str], weights: Array, benchmark: Array) -> tuple[tuple[str, ...], Array]:
    """Names of groups, cash last if there is any, and which asset is in which ``(assets, groups)``."""
    found = sorted(set(groups))
    if CASH in found:
        raise DataError(f"a group is called {CASH!r}, which is what weights leave of one: rename it")
    cash = max(
        np.abs(1 - weights.sum(axis=1)).max(initial=0), np.abs(1 - benchmark.sum(axis=1)).max(initial=0)
    )
    names = (*found, *((CASH,) if cash > _NOTHING else ()))
    return names, (np.asarray(groups, object)[:, None] == np.asarray(names, object)).astype(np.float64)


def _effects(w_p: Array, w_b: Array, c_p: Array, c_b: Array, total: Array) -> tuple[Array, Array, Array]:
    """Allocation, selection and interaction ``(periods, groups)``; they add up to ``c_p - c_b`` over the groups."""
    held_p, held_b = np.abs(w_p) > _NOTHING, np.abs(w_b) > _NOTHING
    with np.errstate(divide="ignore", invalid="ignore"):
        r_p, r_b = c_p / w_p, c_b / w_b
    total = total[:, None]
    # Where one of the two holds nothing, the other's return stands for it; where neither does, the benchmark's.
    r_b = np.where(held_b, r_b, np.where(held_p, r_p, total))
    selection = np.where(held_p & held_b, w_b * (np.where(held_p, r_p, 0.0) - r_b), 0.0)
    allocation = (w_p - w_b) * (r_b - total)
    # The rest: also what longs and shorts of a group earned whose weights cancel.
    interaction = (c_p - w_p * r_b) - selection - (c_b - w_b * r_b)
    return allocation, selection, interaction


def _carino(portfolio: Array, benchmark: Array) -> tuple[Array, float, float]:
    """Linking factors of the periods, and both compounded returns."""
    if min(portfolio.min(initial=0.0), benchmark.min(initial=0.0)) <= -1:
        raise DataError("a return of -100% or below cannot be linked: nothing is left to compound")
    logs = np.log1p(portfolio), np.log1p(benchmark)
    totals = tuple(float(np.expm1(log.sum())) for log in logs)

    def factor(p: Array, b: Array, log_p: Array, log_b: Array) -> Array:
        same = np.abs(p - b) < 1e-14
        return np.where(same, 1 / (1 + b), (log_p - log_b) / np.where(same, 1.0, p - b))

    each = factor(portfolio, benchmark, *logs)
    whole = factor(*(np.array(x) for x in (*totals, float(logs[0].sum()), float(logs[1].sum()))))
    return each / whole, totals[0], totals[1]


def attribute_result(
    result: BacktestResult,
    other: BacktestResult | Mapping[str, float],
    prices: pd.DataFrame,
    labels: Mapping[str, str],
) -> BrinsonAttribution:
    """Of a finished backtest against one of its benchmarks, by the weights at each close and the prices that followed.

    Net of costs, which are in ``other`` with the interest on cash.

    Parameters
    ----------
    result : of the portfolio
    other : on common days; or weights by asset, to which a benchmark is brought back at every close
    prices : that the backtest ran on
    labels : group by asset

    Raises
    ------
    DataError
        If there are no common days, or the prices are not those of the backtest.
    SettingsError
        If a portfolio has no weights, like a benchmark that is a series of returns.

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> labels = {name: "A to C" if name < "D" else "D to Z" for name in panel.assets}
    >>> found = attribute_result(result, dict.fromkeys(panel.assets, 0.05), panel.prices, labels)
    >>> found.names, found.allocation.round(4), found.selection.round(4)
    (('A to C', 'D to Z', 'cash'), array([-0.0026,  0.0021, -0.0081]), array([-0.0033, -0.0042,  0.    ]))
    """
    runs = [one for one in (result, other) if isinstance(one, BacktestResult)]
    for one in runs:
        if list(one.weights.columns) != list(prices.columns):
            raise SettingsError(
                f"{one.name} has no weights in these assets: Brinson needs those of portfolio and benchmark, and the "
                "prices that the backtest ran on"
            )
    days = result.gross.index if len(runs) < 2 else result.gross.index.intersection(runs[1].gross.index)
    start = [one.weights.shift(1).reindex(days).fillna(0.0).to_numpy() for one in runs]
    net = [one.returns.reindex(days).to_numpy() for one in runs]
    filled = prices.ffill()
    moves = np.nan_to_num((filled / filled.shift(1) - 1).reindex(days).to_numpy())
    away = np.abs(result.gross.reindex(days).to_numpy() - (start[0] * moves).sum(axis=1))
    if len(days) < 2 or np.median(away) > _APART:
        raise DataError(
            "these prices do not give the returns of the backtest: name the prices that it ran on with --prices"
        )
    if isinstance(other, Mapping):
        held = np.array([other.get(str(name), 0.0) for name in prices.columns])
        start.append(np.broadcast_to(held, moves.shape))
        net.append(moves @ held)
    groups = [labels.get(str(name), UNLABELLED) for name in prices.columns]
    return brinson(start[0], start[1], moves, groups, net[0], net[1])
