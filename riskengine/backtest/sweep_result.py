"""What a sweep found: a table, tests of selection bias in the best record, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from riskengine.backtest.cell import Cell
from riskengine.backtest.cost_sensitivity import at_cost, break_even_cost, cost_sensitivity
from riskengine.backtest.flags import OK, ResultFlag
from riskengine.backtest.result import BacktestResult, finite
from riskengine.backtest.selection import (
    SuperiorAbility,
    confidence_set,
    deflated_sharpe_ratios,
    superior_ability,
    variance_losses,
)
from riskengine.backtest.units import summary_units
from riskengine.errors import RiskEngineError

STRESS_RATE = 0.005
"""A high cost of trading, fifty basis points, at which the table shows every Sharpe ratio once more."""

_FAULTS = (RiskEngineError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_COLUMNS = (
    "universe",
    "strategy",
    "settings",
    "volatility",
    "return",
    "sharpe",
    "sortino",
    "deflated_sharpe",
    "mcs_p",
    "max_drawdown",
    "turnover",
    "sharpe_free",
    "sharpe_dear",
    "break_even",
    "decisions",
    "fell_back",
    "limits_broken",
    "flagged",
)
Found = TypeVar("Found")


class _Judged(NamedTuple):
    """Rows by position of their cell, tests by universe, and why figures are missing."""

    rows: dict[int, dict[str, Any]]
    ability: dict[str, SuperiorAbility]
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Results of a sweep, with the figures that correct them for selection.

    Attributes
    ----------
    cells : in the order of the grid, equal weight first in every universe
    results : of each cell; None where it failed
    failures : position of a cell to what went wrong
    keys : name of each cell's folder; empty where its strategy could not be built
    notes : what was asked for twice and ran once
    """

    cells: tuple[Cell, ...]
    results: tuple[BacktestResult | None, ...]
    failures: dict[int, str]
    keys: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """A row a cell that ran, with what remains of its record once one knows how many were tried.

        ``sharpe`` and ``sortino`` are taken over cash; ``deflated_sharpe`` is the probability that a cell has any
        skill, given all cells of its universe (Bailey and Lopez de Prado 2014); ``mcs_p`` that of its being among
        the calmest (Hansen, Lunde and Nason 2011); ``break_even`` the cost of trading at which its return falls to
        that of equal weight; ``sharpe_free`` and ``sharpe_dear`` its Sharpe ratio without costs and at
        :data:`STRESS_RATE`; ``fell_back`` of ``decisions`` the number that could not be made as asked.

        The index is the position of the cell. A figure that cannot be had is NaN, and :attr:`remarks` say why.
        """
        rows = self._judged.rows
        return pd.DataFrame(list(rows.values()), index=list(rows), columns=list(_COLUMNS))

    def superior_ability(self) -> dict[str, SuperiorAbility]:
        """By universe, whether the calmest cell is calmer than equal weight, given how many were tried."""
        return self._judged.ability

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why figures are missing, a line each."""
        return self._judged.remarks

    @cached_property
    def flags(self) -> dict[int, tuple[ResultFlag, ...]]:
        """By position of the cell: decisions that fell back and limits that were broken, where there were any."""
        return {
            k: result.flags for k, result in enumerate(self.results) if result is not None and result.flags
        }

    @property
    def flagged(self) -> bool:
        """Whether a cell failed, or one other than the benchmark did otherwise than it was asked to."""
        return bool(self.failures) or any(self.cells[k].path is not None for k in self.flags)

    def to_json(self) -> str:
        """Table, tests, flags, units and failures as JSON; what is not finite becomes null."""
        content = {
            "cells": [
                {
                    **row,
                    "key": self.keys[k] if self.keys else self.cells[k].key,
                    "costs": self._sensitivity(k),
                    "flags": [asdict(flag) for flag in self.flags.get(k, ())],
                }
                for k, row in self._judged.rows.items()
            ],
            "superior_ability": {name: test._asdict() for name, test in self.superior_ability().items()},
            "failures": [
                {
                    "universe": self.cells[k].market,
                    "strategy": self.cells[k].strategy,
                    "settings": self.cells[k].settings,
                    "cell": self.cells[k].label,
                    "error": message,
                }
                for k, message in self.failures.items()
            ],
            "flagged": self.flagged,
            "remarks": list(self.remarks),
            "notes": list(self.notes),
            "units": self._units(),
        }
        return json.dumps(finite(content), indent=2, default=str)

    @cached_property
    def _judged(self) -> _Judged:
        rows: dict[int, dict[str, Any]] = {}
        ability: dict[str, SuperiorAbility] = {}
        remarks: list[str] = []

        def tried(where: str, what: str, call: Callable[..., Found], *given: Any) -> Found | None:
            """A figure; None where it cannot be had: no fault in one takes the others with it."""
            try:
                return call(*given)
            except _FAULTS as error:
                remarks.append(f"{where}: no {what}: {' '.join(str(error).split()) or type(error).__name__}")
                return None

        for market, members in self._markets().items():
            results = [result for _, result in members]
            returns = pd.DataFrame({k: result.returns for k, result in members})
            excess = pd.DataFrame({k: result.excess for k, result in members})
            losses = variance_losses(returns)
            deflated = tried(market, "deflated Sharpe ratios", deflated_sharpe_ratios, excess)
            calmest = tried(market, "confidence set", confidence_set, losses)
            first = members[0][0]
            benchmark = results[0] if self.cells[first].path is None else None
            if benchmark is None:
                remarks.append(f"{market}: equal weight failed, so nothing is compared with it")
            elif len(members) > 1:
                test = tried(
                    market, "superior ability", superior_ability, losses.iloc[:, 0], losses.iloc[:, 1:]
                )
                if test is not None:
                    ability[market] = test
            for k, result in members:
                cell = self.cells[k]
                own = tried(f"{market}, {cell.label}", "figures", result.statistics) or {}
                if own and np.isnan(own["sharpe"]):
                    remarks.append(
                        f"{market}, {cell.label}: no excess return over cash, so it has no Sharpe ratio"
                    )
                rows[k] = {
                    "universe": market,
                    "strategy": cell.strategy,
                    "settings": dict(cell.settings),
                    **{name: own.get(name, np.nan) for name in ("volatility", "return", "sharpe", "sortino")},
                    "deflated_sharpe": np.nan if deflated is None else float(deflated[k]),
                    "mcs_p": np.nan if calmest is None else float(calmest[k]),
                    **{name: own.get(name, np.nan) for name in ("max_drawdown", "turnover")},
                    "sharpe_free": _sharpe_at(result, 0.0),
                    "sharpe_dear": _sharpe_at(result, STRESS_RATE),
                    "break_even": np.nan
                    if benchmark is None or result is benchmark
                    else break_even_cost(result, benchmark),
                    "decisions": len(result.status),
                    "fell_back": int((result.status != OK).sum()),
                    "limits_broken": len(result.breaches),
                    "flagged": bool(result.flags),
                }
        return _Judged(rows, ability, tuple(remarks))

    def _markets(self) -> dict[str, list[tuple[int, BacktestResult]]]:
        """Positions and results of cells that ran, by universe."""
        found: dict[str, list[tuple[int, BacktestResult]]] = {}
        for k, (cell, result) in enumerate(zip(self.cells, self.results, strict=True)):
            if result is not None:
                found.setdefault(cell.market, []).append((k, result))
        return found

    def _sensitivity(self, k: int) -> list[dict[str, Any]]:
        result = self.results[k]
        try:
            assert result is not None
            return [
                {str(name): value for name, value in row.items()}
                for row in cost_sensitivity(result).reset_index().to_dict(orient="records")
            ]
        except _FAULTS:  # a remark has said so already: the row's own figures are missing too
            return []

    def _units(self) -> dict[str, dict[str, str]]:
        """Units of each universe's figures: their periods may differ."""
        more = {
            "deflated_sharpe": "probability of any skill after so many trials, on returns over cash, 0 to 1",
            "mcs_p": "p-value of being among the calmest, 0 to 1",
            "sharpe_free": "as sharpe, without costs of trading",
            "sharpe_dear": f"as sharpe, at a cost of {1e4 * STRESS_RATE:g} basis points of what is traded",
            "break_even": "fraction of what is traded: cost at which the mean return is that of equal weight",
            "rate": "fraction of what is traded",
        }
        found = {}
        for market, members in self._markets().items():
            known = summary_units(members[0][1].periods_per_year)
            found[market] = {
                name: text for name, text in known.items() if name in (*_COLUMNS, "costs")
            } | more
        return found


def _sharpe_at(result: BacktestResult, rate: float) -> float:
    try:
        return at_cost(result, rate).statistics()["sharpe"]
    except _FAULTS:
        return float("nan")
