"""Risk of one book as it is asked for: figures by the names of limits, and attributions that add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from riskengine.book import is_money
from riskengine.desk.exposures import UNLABELLED, Exposures
from riskengine.desk.liquidity import HORIZONS, Liquidity
from riskengine.desk.risk_view import LibraryMove, RiskView
from riskengine.risk import (
    ActiveRisk,
    FactorParts,
    FactorRegression,
    active_risk,
    cvar_contributions,
    empirical_tail,
    exposure_parts,
    factor_regression,
    fewest_days,
    grouped,
    series_parts,
    statistical_parts,
    var_contributions,
)

Array = np.ndarray

TAILS = {"var_95": (0.95, False), "var_99": (0.99, False), "cvar_97.5": (0.975, True)}
"""Figures of the tail by name: level, and whether beyond it."""


@dataclass(frozen=True, eq=False)
class BookRisk:
    """Figures of one book.

    VaR and CVaR are those of the next period by filtered historical simulation, options valued anew in every scenario.
    The volatility is the model's of assets, and of options by their deltas, with what they gain beyond these by its
    covariances in the scenarios.

    Attributes
    ----------
    view : what they rest on
    book : what is held
    """

    view: RiskView
    book: Exposures

    @cached_property
    def weights(self) -> Array:
        """By asset of the model ``(assets,)``."""
        return self.book.on(self.view.assets)

    @cached_property
    def gains(self) -> Array:
        """Of every line in every scenario ``(scenarios, lines)``."""
        return self.book.gains(self.view.moves, self.view.assets)

    @cached_property
    def variance(self) -> Array:
        """Parts of every line ``(lines,)`` in the variance of one period."""
        pulled, _ = self.view.model.pull(self.weights)
        place = {name: j for j, name in enumerate(self.view.assets)}
        by_line = np.array([pulled[place[name]] if name in place else 0.0 for name in self.book.assets])
        parts = self.book.weights * by_line
        return parts if self.book.options is None else parts + self._beyond_deltas()

    def _beyond_deltas(self) -> Array:
        """What of the lines' variance is not in that of their deltas ``(lines,)``, by the scenarios."""
        straight = replace(self.book, options=None).gains(self.view.moves, self.view.assets)
        straight = straight - straight.mean(axis=0)
        bent = self.gains - self.gains.mean(axis=0) - straight
        beyond = bent.sum(axis=1)
        parts: Array = (straight.T @ beyond + bent.T @ (straight.sum(axis=1) + beyond)) / len(bent)
        return parts

    @cached_property
    def attribution(self) -> dict[str, Array]:
        """Contributions of every line ``(lines,)`` to volatility and to each figure of the tail."""
        root, total = np.sqrt(self.view.periods_per_year), float(self.variance.sum())
        found = {"volatility": root * self.variance / np.sqrt(total) if total > 0 else 0.0 * self.variance}
        for name, (level, beyond) in TAILS.items():
            found[name] = (cvar_contributions if beyond else var_contributions)(self.gains, level)
        return found

    @cached_property
    def tails(self) -> dict[str, float]:
        """Volatility a year, VaR and CVaR of one period."""
        variance = max(float(self.variance.sum()), 0.0)
        found = {"volatility": float(np.sqrt(self.view.periods_per_year * variance))}
        for name, (level, beyond) in TAILS.items():
            tail = empirical_tail(self.gains.sum(axis=1), level)
            found[name] = float(tail.conditional_value_at_risk if beyond else tail.value_at_risk)
        return found

    @cached_property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Weight and contributions by asset, by each label, and by position where that is not by asset."""
        kinds = ["asset", *self.book.labels]
        if self.book.names != self.book.assets:
            kinds.append("position")
        return {kind: self._by(kind) for kind in kinds}

    def _by(self, kind: str) -> list[dict[str, Any]]:
        """A row a name, the largest volatility first."""
        book = self.book
        names = {"asset": book.assets, "position": book.names, **book.labels}[kind]
        columns = {"weight": self.book.weights, **self.attribution}
        sums = {column: grouped(values, names) for column, values in columns.items()}
        rows = [
            {"name": name, **{column: sums[column][name] for column in columns}} for name in sums["weight"]
        ]
        return sorted(rows, key=lambda row: -abs(row["volatility"]))

    @cached_property
    def active(self) -> ActiveRisk | None:
        """Against the benchmark; None without one."""
        if self.view.benchmark is None:
            return None
        return active_risk(self.view.model, self.weights, self.view.benchmark)

    @cached_property
    def factors(self) -> dict[str, FactorParts]:
        """Attributions to factors, by how they are known: statistical, series, stated."""
        return self._factors(self.weights, self.gains.sum(axis=1))

    @cached_property
    def active_factors(self) -> dict[str, FactorParts]:
        """The same of the active weights; empty without a benchmark."""
        return {} if self.active is None else self._factors(self.active.weights, None)

    def _factors(self, weights: Array, outcome: Array | None) -> dict[str, FactorParts]:
        view = self.view
        bent = self.book.options is not None and outcome is not None
        variance = float(self.variance.sum()) if bent else None
        found = {"statistical": statistical_parts(view.model, weights, outcome=outcome, variance=variance)}
        if view.factors is not None:
            series = view.factors
            found["series"] = series_parts(view.model, weights, series.tomorrow, series.names, outcome)
        if view.exposures is not None:
            names = tuple(map(str, view.exposures.columns))
            stated = view.exposures.reindex(list(view.assets)).to_numpy()
            found["stated"] = exposure_parts(view.model, weights, stated, names, outcome)
        return found

    @cached_property
    def regression(self) -> FactorRegression | None:
        """Of past returns at today's weights on factor series, as they were.

        None without any, without weights, or where too few days have returns of all that is held.
        """
        series = self.view.factors
        if series is None or not self.weights.any():
            return None
        held = self.weights != 0
        earned = (self.view.rows[:, held] - series.riskless[:, None]) @ self.weights[held]
        known = ~np.isnan(earned) & ~np.isnan(series.returns).any(axis=1)
        if known.sum() < fewest_days(len(series.names)):
            return None
        return factor_regression(earned, series.returns, series.names)

    @cached_property
    def liquidity(self) -> Liquidity | None:
        """Of what is held but for options and money; None where no volume is known at all."""
        if self.view.volume is None:
            return None
        plain = len(self.book.names) - (0 if self.book.options is None else len(self.book.options.names))
        values = grouped(self.book.weights[:plain], self.book.assets[:plain])
        volume = dict(zip(self.view.assets, self.view.volume, strict=True))
        held = tuple(name for name, value in values.items() if value and not is_money(name))
        money = np.array([abs(values[name]) * self.book.wealth for name in held])
        known = np.array([volume.get(name, np.nan) for name in held])
        return Liquidity(held, money, known, self.view.desk.take)

    def stressed(self, move: LibraryMove) -> Array:
        """Losses of the lines in a scenario of the library ``(lines,)``, fractions of wealth."""
        return -self.book.gains(move.moves, self.view.assets, move.scenario.volatility) + 0.0

    @cached_property
    def stress_losses(self) -> dict[str, float]:
        """Of the book, by scenario of the library."""
        return {move.name: float(self.stressed(move).sum()) for move in self.view.library}

    @cached_property
    def measures(self) -> dict[str, float]:
        """Every figure that a limit can be on, by the name of the limit."""
        return dict(self._measures())

    def _measures(self) -> Iterator[tuple[str, float]]:
        weights = self.book.weights[self.book.invested]
        by_asset = grouped(weights, [name for name in self.book.assets if not is_money(name)])
        yield from self.tails.items()
        yield "gross", float(np.abs(weights).sum())
        yield "net", float(weights.sum())
        yield "long", float(np.maximum(weights, 0).sum())
        yield "short", float(np.maximum(-weights, 0).sum())
        yield "weight", max(map(abs, by_asset.values()), default=0.0)
        yield from ((f"weight:{name}", value) for name, value in by_asset.items())
        yield from self._not_held()
        for kind in ("asset", *self.book.labels):
            for row in self.rows[kind]:
                if kind != "asset" and row["name"] != UNLABELLED:
                    yield f"{kind}:{row['name']}", row["weight"]
                total = self.tails["volatility"]
                yield f"risk:{kind}:{row['name']}", row["volatility"] / total if total else 0.0
        if self.active is not None:
            yield "tracking_error", float(np.sqrt(self.view.periods_per_year) * self.active.tracking_error)
            yield "beta", self.active.beta
            yield "active_share", self.active.active_share
        for parts in self.factors.values():
            yield from (
                (f"factor:{name}", float(x)) for name, x in zip(parts.names, parts.exposures, strict=False)
            )
        yield from self._liquid()
        if self.stress_losses:
            yield "stress", max(self.stress_losses.values())
            yield from ((f"stress:{name}", loss) for name, loss in self.stress_losses.items())

    def _not_held(self) -> Iterator[tuple[str, float]]:
        """Zero for each label and asset that there is; what is held comes after, and takes its place."""
        for kind, names in self.view.labels.items():
            for label in sorted(set(names.values())):
                yield f"{kind}:{label}", 0.0
                yield f"risk:{kind}:{label}", 0.0
        yield from ((f"risk:asset:{name}", 0.0) for name in self.view.assets)

    def _liquid(self) -> Iterator[tuple[str, float]]:
        found = self.liquidity
        if found is None:
            return
        if not found.unknown:
            yield "days_to_liquidate", float(found.days.max(initial=0.0))
        yield from ((f"unsold_{days}", 1 - found.sold(days)) for days in HORIZONS)
