"""What looks wrong in a table of prices. Works on any table, also on one that a Panel would refuse."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskengine.market.fields import BARS, PRICES, TICKERS_TOO, kind_of
from riskengine.market.jumps import SPLITS, jumps
from riskengine.market.same_asset import former_names, twins_of

Array = np.ndarray

STALE_DAYS = 10

_CARRIED = 5
"""Closes without a move at the end of a history from which on, if moves were usual, the price is doubted."""
_LOOKED_BACK = 250
_CHANCE = 1e-6
"""Probability of so many closes without a move, at the rate of those before, below which they are no chance."""

_NEAR = 0.08
"""Error of a ratio up to which a large move is said to be near a split."""

SERIOUS = frozenset(
    {"possible_split", "possible_unit_change", "wrong_print", "common_jump", "non_positive_price", "not_finite",
     "duplicate_date", "unsorted_date", "looks_like_returns", "looks_like_volume", "tuple_name", "field_name",
     "irregular_dates", "missing_dates", "carried_forward"}
)  # fmt: skip
"""Kinds of findings after which no figure of the asset can be trusted."""


@dataclass(frozen=True)
class Finding:
    """Finding of an audit: what looks wrong, or how a file was read.

    Attributes
    ----------
    kind : of the table: ``duplicate_date``, ``unsorted_date``, ``weekend_price``, ``duplicate_asset``,
        ``tuple_name``, ``field_name``, ``common_jump``, ``reading``; of an asset: ``not_finite``,
        ``non_positive_price``, ``possible_split``, ``possible_unit_change``, ``wrong_print``, ``large_move``,
        ``stale_run``, ``carried_forward``, ``no_prices``, ``constant_price``, ``gap``, ``late_listing``, ``early_end``,
        ``duplicate_series``, ``possible_rename``, ``looks_like_returns``, ``looks_like_volume``, ``disordered_bar``; of
        its times, by
        :func:`~riskengine.market.times.time_findings`: ``irregular_dates``, ``missing_dates``, ``skipped_dates``,
        ``long_gap``, ``stale_price``, ``sparse_prices``, ``asynchronous_close``
    asset : column, if it is about one
    date : first day that it is about, if it is about one
    detail : short, with numbers
    """

    kind: str
    asset: str | None
    date: Any  # a pd.Timestamp, or whatever stands in the index of a table without dates
    detail: str

    @property
    def serious(self) -> bool:
        """Whether returns are wrong if it is what it looks like; the others may well be in order."""
        return self.kind in SERIOUS

    def to_dict(self) -> dict[str, Any]:
        """For JSON: kind, asset, date as text, detail, serious."""
        return {
            "kind": self.kind,
            "asset": self.asset,
            "date": _day(self.date) or None,
            "detail": self.detail,
            "serious": self.serious,
        }

    def __str__(self) -> str:
        where = " ".join(part for part in (self.asset, _day(self.date)) if part)
        return f"{self.kind}: {where + ': ' if where else ''}{self.detail}"


def audit_prices(prices: pd.DataFrame, shut: Array | None = None) -> tuple[Finding, ...]:
    """Audit of prices: findings on the table, then on each column in order.

    Parameters
    ----------
    prices : dates x assets, NaN where there is no price
    shut : dates x assets, where an asset's market is shut, so that no price is missing; see
        :class:`~riskengine.market.calendars.Calendars`

    Examples
    --------
    >>> dates = pd.bdate_range("2024-01-01", periods=4)
    >>> for finding in audit_prices(pd.DataFrame({"A": [100.0, 101.0, 50.4, 50.0]}, dates)):
    ...     print(finding)
    possible_split: A 2024-01-03: price ratio 0.4990, near 1:2
    """
    findings = _dates(prices.index) + _names(prices.columns)
    values, texts = _values(prices)
    moves = moves_of(values)
    findings += _common_jumps(moves, prices)
    unrest = unrest_of(moves)
    twins, former = twins_of(moves, prices.columns), former_names(values, prices.columns)
    for position, name in enumerate(prices.columns):
        closed = np.zeros(len(values), bool) if shut is None else shut[:, position]
        findings += _asset(str(name), values[:, position], closed, prices.index, texts.get(position), unrest)
        if position in twins:
            detail = f"moves as {twins[position]} on every day: one asset under two names?"
            findings.append(Finding("duplicate_series", str(name), None, detail))
        if position in former:
            row, ended = former[position]
            detail = f"begins where {ended} ends, near its last price: the same asset under a new name?"
            findings.append(Finding("possible_rename", str(name), prices.index[row], detail))
    return tuple(findings)


def _values(prices: pd.DataFrame) -> tuple[Array, dict[int, tuple[int, str]]]:
    """Numbers (T, N), and for columns with text the first such row and what to say of it."""
    if all(pd.api.types.is_float_dtype(kind) for kind in prices.dtypes):
        return prices.to_numpy(np.float64), {}
    columns, texts = [], {}
    for position in range(prices.shape[1]):
        series = prices.iloc[:, position]
        numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        text = np.flatnonzero(np.isnan(numbers) & series.notna().to_numpy())
        if len(text):
            texts[position] = (int(text[0]), f"{series.iloc[text[0]]!r}, {len(text)} cell(s) not a number")
        columns.append(numbers)
    return np.column_stack(columns) if columns else np.empty((len(prices), 0)), texts


def moves_of(values: Array) -> Array:
    """Logarithmic moves (T - 1, N) from the last price before each; NaN where there is none."""
    good = np.isfinite(values) & (values > 0)
    logs = np.log(np.where(good, values, 1.0))
    rows = np.maximum.accumulate(np.where(good, np.arange(len(values))[:, None], 0), axis=0)
    last = np.take_along_axis(np.where(good, logs, np.nan), rows, axis=0)
    return np.where(good[1:], logs[1:] - last[:-1], np.nan)


def unrest_of(moves: Array) -> Array:
    """How much likelier large moves are on each day than on a usual one, (T,), at least 1."""
    found = np.ones(len(moves) + 1)
    if moves.shape[1] >= 5 and len(moves):
        sizes = np.abs(np.nan_to_num(moves))
        typical = np.partition(sizes, moves.shape[1] // 2, axis=1)[:, moves.shape[1] // 2]
        usual = float(np.median(typical))
        if usual > 0:
            found[1:] = np.maximum(1.0, (typical / usual) ** 2)
    return found


def _dates(index: pd.Index) -> list[Finding]:
    repeated = index[index.duplicated()].unique()
    findings = [Finding("duplicate_date", None, date, "appears more than once") for date in repeated]
    if not isinstance(index, pd.DatetimeIndex):
        return findings  # names of rows have no order to keep
    index = index.dropna()
    steps = np.flatnonzero(np.diff(index.asi8) < 0)
    findings += [
        Finding("unsorted_date", None, index[k + 1], f"comes after {_day(index[k])}") for k in map(int, steps)
    ]
    weekend = np.flatnonzero(index.day_of_week >= 5)
    if len(index) > 20 and 0 < len(weekend) < 0.05 * len(index):
        detail = f"{len(weekend)} of {len(index)} closes fall on a weekend, first on this one"
        findings.append(Finding("weekend_price", None, index[weekend[0]], detail))
    return findings


def _day(date: Any) -> str:
    if date is None or pd.isna(date):
        return ""
    return f"{date:%Y-%m-%d}" if isinstance(date, pd.Timestamp) else str(date)


def _names(columns: pd.Index) -> list[Finding]:
    repeated = columns[columns.duplicated()].unique()
    findings = [
        Finding("duplicate_asset", str(name), None, "names more than one column") for name in repeated
    ]
    for name in columns:
        if isinstance(name, tuple) or re.fullmatch(r"\(.+,.+\)", str(name)):
            detail = "is no name of an asset but of a field and an asset: take one field, Close say"
            findings.append(Finding("tuple_name", str(name), None, detail))
    fields = {str(name): kind_of(str(name)) for name in columns}
    fields = {name: kind for name, kind in fields.items() if kind in (*PRICES, *BARS, "volume")}
    enough = len(set(fields.values())) > 2 and 2 * len(fields) > len(columns)
    if enough and set(fields) - TICKERS_TOO:
        findings += [
            Finding("field_name", name, None, f"looks like the {kind} of an asset, not like an asset")
            for name, kind in fields.items()
        ]
    return findings


def _common_jumps(moves: Array, prices: pd.DataFrame) -> list[Finding]:
    """Days on which several assets jump by one ratio and the others stay calm: another currency or vendor."""
    findings = []
    large = np.abs(moves) > 0.18
    for day in np.flatnonzero(large.sum(axis=1) >= 3):
        jumped = np.flatnonzero(large[day])
        logs = np.sort(moves[day, jumped])
        others = moves[day][~large[day] & ~np.isnan(moves[day])]
        together = float(np.median(logs))
        close = np.abs(logs - together) < 0.05
        between = np.sum(np.abs(others) > 0.5 * abs(together))
        calm = bool(between <= 0.2 * close.sum()) and float(np.median(np.abs([*others, 0.0]))) < 0.03
        spread = float(np.std(logs[close])) if close.any() else np.inf
        if close.mean() > 0.8 and close.sum() >= 3 and spread < 0.025 and calm:
            names = [str(prices.columns[k]) for k in jumped[np.abs(moves[day, jumped] - together) < 0.05]]
            detail = (
                f"{len(names)} assets ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}) jump by a ratio near "
                f"{np.exp(together):.3f} together: another currency, or another vendor?"
            )
            findings.append(Finding("common_jump", None, prices.index[int(day) + 1], detail))
    return findings


def _asset(
    name: str, values: Array, closed: Array, dates: pd.Index, text: tuple[int, str] | None, unrest: Array
) -> list[Finding]:
    present = ~np.isnan(values)
    findings = []
    if text is not None:
        findings.append(Finding("not_finite", name, dates[text[0]], text[1]))
    if not present.any():
        return [*findings, Finding("no_prices", name, None, f"{len(values)} days, none with a price")]
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        findings.append(Finding("not_finite", name, dates[infinite[0]], f"{len(infinite)} infinite price(s)"))
    bad = np.flatnonzero(present & (values <= 0))
    if len(bad):
        detail = f"{values[bad[0]]:g}, {len(bad)} price(s) not above zero"
        findings.append(Finding("non_positive_price", name, dates[bad[0]], detail))
    findings += _life(name, present, closed, dates)
    where = np.flatnonzero(present & np.isfinite(values))
    seen = values[where]
    if len(seen) > 1 and (seen == seen[0]).all():
        findings.append(
            Finding("constant_price", name, dates[where[0]], f"{seen[0]:g} on all {len(seen)} days")
        )
        return findings
    odd = _other_numbers(seen)
    if odd:
        return [*findings, Finding(odd[0], name, dates[where[0]], odd[1])]
    findings += _stale(name, seen, dates, where)
    positive = where[values[where] > 0]
    return findings + _jumps(name, values[positive], dates, positive, unrest)


def _life(name: str, present: Array, closed: Array, dates: pd.Index) -> list[Finding]:
    days = np.flatnonzero(present)
    first, last = int(days[0]), int(days[-1])
    findings = []
    if first > 0:
        findings.append(
            Finding("late_listing", name, dates[first], f"first price, on day {first + 1} of {len(present)}")
        )
    missing = ~present & ~closed
    inside = missing[first : last + 1]
    if inside.any():
        start = first + int(np.argmax(inside))
        longest = int(np.diff(np.cumsum(missing)[days]).max())  # missing closes between two prices
        detail = f"{inside.sum()} day(s) without a price inside its life, {longest} at a stretch at most"
        findings.append(Finding("gap", name, dates[start], detail))
    after = int(missing[last + 1 :].sum())
    if after:
        findings.append(Finding("early_end", name, dates[last], f"last price, {after} day(s) before the end"))
    return findings


def _other_numbers(seen: Array) -> tuple[str, str] | None:
    """Kind and words where numbers are not prices but returns or volumes."""
    if len(seen) < 40 or (seen <= 0).any():
        return None
    whole = bool((seen[:40] == np.round(seen[:40])).all() and (seen == np.round(seen)).all())
    level = float(np.median(seen))
    if not (whole and level > 1000) and not 0.95 < level < 1.05:
        return None
    logs = np.log(seen)
    middle = np.median(logs)
    spread = np.median(np.abs(logs - middle))
    if spread == 0:
        return None
    clipped = np.clip(logs, middle - 6 * spread, middle + 6 * spread)  # one wrong print decides nothing
    noise = float(np.mean(np.diff(clipped) ** 2) / np.var(clipped))  # 2 of white noise, near 0 of a price
    if noise > 1.4 and 0.95 < level < 1.05 and spread < 0.1:
        return "looks_like_returns", "values around 1 that do not follow from one another: gross returns?"
    moves = np.abs(np.diff(logs))
    if whole and level > 1000 and np.mean(moves) > 0.15 and noise > 0.1:
        return "looks_like_volume", f"whole numbers that change by {np.mean(moves):.0%} a day: volumes?"
    return None


def _stale(name: str, seen: Array, dates: pd.Index, where: Array) -> list[Finding]:
    """Runs of equal prices."""
    edges = np.flatnonzero(seen[1:] != seen[:-1]) + 1
    starts = np.concatenate([[0], edges])
    lengths = np.diff(np.append(starts, len(seen)))
    findings = [
        Finding(
            "stale_run", name, dates[where[starts[k]]], f"{lengths[k]} equal prices of {seen[starts[k]]:g}"
        )
        for k in map(int, np.flatnonzero(lengths >= STALE_DAYS))
    ]
    last = int(lengths[-1]) - 1
    before = seen[: starts[-1] + 1][-_LOOKED_BACK:]
    still = (np.sum(before[1:] == before[:-1]) + 1) / (len(before) + 1)  # Laplace's rule of succession
    if last >= _CARRIED and last * np.log(still) < np.log(_CHANCE):
        since = dates[where[starts[-1] + 1]]
        detail = f"no move from {seen[-1]:g} in {last} closes, where moves are usual"
        findings.append(Finding("carried_forward", name, since, detail))
    return findings


def _jumps(name: str, seen: Array, dates: pd.Index, where: Array, unrest: Array) -> list[Finding]:
    """Splits, units, wrong prints and large moves."""
    findings = []
    for jump in jumps(seen, unrest[where], np.diff(where)):
        back = f", and back after {jump.days} day(s)" if jump.days else ""
        detail = {
            "possible_split": f"price ratio {jump.ratio:.4f}, near {jump.named}",
            "possible_unit_change": f"price ratio {jump.ratio:.4g}, near the {jump.named}{back}: pence or cents?",
            "wrong_print": f"price ratio {jump.ratio:.4g}, and back the day after",
            "large_move": f"{jump.ratio - 1:+.1%} in one close{_near_split(jump.ratio)}{back}",
        }[jump.kind]
        findings.append(Finding(jump.kind, name, dates[where[jump.day]], detail))
    return findings


def _near_split(ratio: float) -> str:
    """The usual split that a large move is near, in words, if any."""
    size = max(ratio, 1 / ratio)
    n, m = min(SPLITS, key=lambda split: abs(np.log(split[0] / split[1] / size)))
    if abs(n / m / size - 1) > _NEAR:
        return ""
    return (
        f", near the {n}:{m} of a possible split" if ratio > 1 else f", near the {m}:{n} of a possible split"
    )


def looks_like_returns(prices: pd.DataFrame) -> str:
    """Why a table seems to hold returns, empty if it does not: many values below zero."""
    values = prices.to_numpy(dtype=np.float64)
    seen = values[np.isfinite(values)]
    below = float(np.mean(seen < 0)) if len(seen) else 0.0
    return f"{below:.0%} of the values are below zero" if below > 0.2 and len(seen) > 3 else ""
