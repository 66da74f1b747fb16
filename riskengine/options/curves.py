"""Zero rates, dividend yields and forwards by maturity: a number, or points with straight lines between them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray


@dataclass(frozen=True)
class Curve:
    """Values at maturities; between them on a straight line, flat beyond the ends.

    Attributes
    ----------
    maturity : (points,) years, increasing
    value : (points,) rates per year continuously compounded, or forwards

    Examples
    --------
    >>> Curve((1.0, 2.0), (0.01, 0.03)).at([0.5, 1.5, 9.0])
    array([0.01, 0.02, 0.03])
    """

    maturity: tuple[float, ...]
    value: tuple[float, ...]

    def __post_init__(self) -> None:
        t, v = (np.asarray(a, np.float64) for a in (self.maturity, self.value))
        if t.ndim != 1 or t.shape != v.shape or not len(t):
            raise DataError("a curve is maturities and as many values: give at least one of each")
        if not (np.isfinite(t).all() and np.isfinite(v).all() and (t >= 0).all() and (np.diff(t) > 0).all()):
            raise DataError("a curve's maturities are years in order of time, and its values finite numbers")

    def at(self, maturity: Any) -> Array:
        """Values at these maturities."""
        return np.interp(np.asarray(maturity, np.float64), self.maturity, self.value)

    def integral(self, maturity: Any) -> Array:
        """Zero rate times maturity, the exponent of a discount factor."""
        t = np.asarray(maturity, np.float64)
        return self.at(t) * t


def as_curve(value: float | Curve | str | Path, what: str) -> Curve:
    """A curve of a number, a curve, or a file: a line a point, years and value.

    Raises
    ------
    DataError
        If the file is missing or holds anything else.

    Examples
    --------
    >>> float(as_curve(0.03, "rate").at(1.5))
    0.03
    """
    if isinstance(value, Curve):
        return value
    text = str(value).strip()
    try:
        number = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return _plausible(_of_file(Path(text), what), what)
    return _plausible(Curve((1.0,), (number,)), what)


def _plausible(curve: Curve, what: str) -> Curve:
    """Refuses rates that are percentages without a sign."""
    largest = max(map(abs, curve.value))
    if what != "forward" and largest > 1:
        raise DataError(
            f"a {what} of {largest:g} is {largest:.0%} a year: write {largest / 100:g}, or {largest:g}%"
        )
    return curve


def _of_file(path: Path, what: str) -> Curve:
    """Points of a file."""
    if not path.is_file():
        raise DataError(f"the {what} is a number or a file of years and values, and there is no file {path}")
    points = []
    for line, row in enumerate(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()), 1):
        cells = [cell.strip().rstrip("%") for cell in row]
        scale = 100.0 if any(cell.strip().endswith("%") for cell in row) else 1.0
        if not any(cells):
            continue
        try:
            points.append((float(cells[0]), float(cells[1]) / scale))
        except (ValueError, IndexError) as error:
            if line > 1:
                raise DataError(f"{path}: line {line} is not years and a value: {','.join(row)!r}") from error
    if not points:
        raise DataError(f"{path} has no line of years and a value")
    t, v = zip(*sorted(points), strict=True)
    return Curve(t, v)
