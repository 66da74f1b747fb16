"""What looks wrong in a table of prices. Works on any table, also on one that a Panel would refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

STALE_DAYS = 10
_LARGE = 0.5
_RATIOS = np.array(
    sorted({n / m for n, m in ((2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (15, 1), (20, 1),
                               (25, 1), (30, 1), (40, 1), (50, 1), (100, 1), (5, 2), (7, 2))})
)  # fmt: skip
_TOLERANCE = 0.03
_REVERTS_WITHIN = 5


SERIOUS = frozenset(
    {
        "possible_split",
        "non_positive_price",
        "not_finite",
        "duplicate_date",
        "unsorted_date",
        "irregular_dates",
    }
)
"""Kinds of findings after which no figure of the asset can be trusted."""


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    Attributes
    ----------
    kind : ``duplicate_date``, ``unsorted_date``, ``duplicate_asset``, ``not_finite``, ``non_positive_price``,
        ``possible_split``, ``large_move``, ``stale_run``, ``no_prices``, ``constant_price``, ``gap``,
        ``late_listing`` or ``early_end``
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

    def __str__(self) -> str:
        where = " ".join(part for part in (self.asset, _day(self.date)) if part)
        return f"{self.kind}: {where + ': ' if where else ''}{self.detail}"


def audit_prices(prices: pd.DataFrame) -> tuple[Finding, ...]:
    """Everything that looks wrong, in the order of the columns.

    Parameters
    ----------
    prices : dates x assets, NaN where there is no price

    Examples
    --------
    >>> dates = pd.bdate_range("2024-01-01", periods=4)
    >>> for finding in audit_prices(pd.DataFrame({"A": [100.0, 101.0, 50.4, 50.0]}, dates)):
    ...     print(finding)
    possible_split: A 2024-01-03: price ratio 0.4990, near 1:2
    """
    findings = _dates(prices.index) + _names(prices.columns)
    for position, name in enumerate(prices.columns):
        findings += _asset(str(name), prices.iloc[:, position])
    return tuple(findings)


def _dates(index: pd.Index) -> list[Finding]:
    repeated = index[index.duplicated()].unique()
    findings = [Finding("duplicate_date", None, date, "appears more than once") for date in repeated]
    if not isinstance(index, pd.DatetimeIndex):
        return findings  # names of rows have no order to keep
    index = index.dropna()
    steps = np.flatnonzero(np.diff(index.asi8) < 0)
    return findings + [
        Finding("unsorted_date", None, index[k + 1], f"comes after {_day(index[k])}") for k in map(int, steps)
    ]


def _day(date: Any) -> str:
    if date is None or pd.isna(date):
        return ""
    return f"{date:%Y-%m-%d}" if isinstance(date, pd.Timestamp) else str(date)


def _names(columns: pd.Index) -> list[Finding]:
    repeated = columns[columns.duplicated()].unique()
    return [Finding("duplicate_asset", str(name), None, "names more than one column") for name in repeated]


def _asset(name: str, series: pd.Series) -> list[Finding]:
    values = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    dates = series.index
    present = ~np.isnan(values)
    findings = []
    text = np.flatnonzero(~present & series.notna().to_numpy())
    if len(text):
        detail = f"{series.iloc[text[0]]!r}, {len(text)} cell(s) not a number"
        findings.append(Finding("not_finite", name, dates[text[0]], detail))
    if not present.any():
        return [*findings, Finding("no_prices", name, None, f"{len(values)} days, none with a price")]
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        findings.append(Finding("not_finite", name, dates[infinite[0]], f"{len(infinite)} infinite price(s)"))
    bad = np.flatnonzero(present & (values <= 0))
    if len(bad):
        detail = f"{values[bad[0]]:g}, {len(bad)} price(s) not above zero"
        findings.append(Finding("non_positive_price", name, dates[bad[0]], detail))
    findings += _life(name, present, dates)
    where = np.flatnonzero(present & np.isfinite(values))
    seen = values[where]
    if len(seen) > 1 and (seen == seen[0]).all():
        findings.append(
            Finding("constant_price", name, dates[where[0]], f"{seen[0]:g} on all {len(seen)} days")
        )
        return findings
    return findings + _stale(name, seen, dates[where]) + _jumps(name, seen, dates[where])


def _life(name: str, present: np.ndarray, dates: pd.Index) -> list[Finding]:
    days = np.flatnonzero(present)
    first, last = days[0], days[-1]
    findings = []
    if first > 0:
        findings.append(
            Finding("late_listing", name, dates[first], f"first price, on day {first + 1} of {len(present)}")
        )
    holes = int(last - first + 1 - len(days))
    if holes:
        start = first + int(np.argmin(present[first : last + 1]))
        findings.append(Finding("gap", name, dates[start], f"{holes} day(s) without a price inside its life"))
    if last < len(present) - 1:
        findings.append(
            Finding(
                "early_end", name, dates[last], f"last price, {len(present) - 1 - last} day(s) before the end"
            )
        )
    return findings


def _stale(name: str, seen: np.ndarray, dates: pd.Index) -> list[Finding]:
    """Runs of equal prices."""
    starts = np.flatnonzero(np.concatenate([[True], seen[1:] != seen[:-1]]))
    lengths = np.diff(np.append(starts, len(seen)))
    return [
        Finding("stale_run", name, dates[int(start)], f"{length} equal prices of {seen[start]:g}")
        for start, length in zip(starts, lengths, strict=True)
        if length >= STALE_DAYS
    ]


def _jumps(name: str, seen: np.ndarray, dates: pd.Index) -> list[Finding]:
    """One-day moves over 50%: those whose price ratio is near that of a split, and the others.

    A split stays. A move that is undone within a week is no split, whatever its ratio: most often it is a
    wrong print, and a large move there and back.
    """
    findings = []
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = seen[1:] / seen[:-1]
    for k in np.flatnonzero((np.abs(ratio - 1) > _LARGE - 0.02) & np.isfinite(ratio) & (ratio > 0)):
        size = max(ratio[k], 1 / ratio[k])
        nearest = _RATIOS[np.argmin(np.abs(_RATIOS / size - 1))]
        date = dates[int(k) + 1]
        if abs(nearest / size - 1) < _TOLERANCE and not _undone(seen, int(k)):
            named = f"{nearest:g}:1" if ratio[k] > 1 else f"1:{nearest:g}"
            findings.append(
                Finding("possible_split", name, date, f"price ratio {ratio[k]:.4f}, near {named}")
            )
        elif abs(ratio[k] - 1) > _LARGE:
            findings.append(Finding("large_move", name, date, f"{ratio[k] - 1:+.1%} in a day"))
    return findings


def _undone(seen: np.ndarray, k: int) -> bool:
    """Whether the move from day k to k + 1 goes back within a week, or itself takes one back.

    Back means beyond the geometric middle of the two prices: half the move, in logarithms.
    """
    before, after = seen[max(k + 1 - _REVERTS_WITHIN, 0) : k + 1], seen[k + 1 : k + 1 + _REVERTS_WITHIN]
    middle = np.sqrt(seen[k] * seen[k + 1])
    above = seen[k] > middle
    return bool(np.any((after > middle) == above) or np.any((before > middle) != above))
