"""Charts as SVG that needs no script: lines over time, and intervals.

The plot area is stretched to its place on the page, and its lines keep their width; labels are text of the page beside
it, so that they have their size on every screen. A few lines of script (in the template) show values under the pointer.
Colours are classes: ``own`` for the strategy, ``rival-0``, ``rival-1``, ... for what stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from riskengine.report.thinning import thinned
from riskengine.report.ticks import date_ticks, log_ticks, round_ticks, written

SIZE = 1000
"""Units of the plot area each way; a pixel of a wide screen has two."""

MOST_POINTS = 900
"""Of a line: its plot is at most so many pixels wide on common screens."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes
    ----------
    name : for the key
    values : by date; NaN leaves a gap
    style : its class
    kind : ``"line"``, ``"steps"`` that hold until the next date, ``"dots"``, or ``"area"`` down to zero
    """

    name: str
    values: pd.Series
    style: str = "own"
    kind: str = "line"


@dataclass(frozen=True)
class Frame:
    """From values to places in the plot area.

    Attributes
    ----------
    first, last : dates at the left and right edge
    low, high : values at the lower and upper edge
    log : whether the axis of the values is logarithmic
    """

    first: pd.Timestamp
    last: pd.Timestamp
    low: float
    high: float
    log: bool = False

    def across(self, dates: pd.DatetimeIndex) -> np.ndarray:
        """Of dates, from the left."""
        return np.asarray(SIZE * ((dates - self.first) / (self.last - self.first)), float)

    def down(self, values: Any) -> np.ndarray:
        """Of values, from the top."""
        scale: Callable[[Any], Any] = np.log if self.log else np.asarray
        low, high = scale(self.low), scale(self.high)
        return np.asarray(SIZE * (high - scale(np.asarray(values, float))) / (high - low), float)


def time_chart(
    lines: Sequence[Line],
    name: str,
    said: str,
    percent: bool = True,
    log: bool = False,
    zero: bool = False,
    key: bool = True,
) -> Markup:
    """A chart over time.

    Parameters
    ----------
    lines : to draw, the last on top
    name : identity of the chart in the page
    said : in one sentence what it shows, for those who cannot see it
    percent : whether values are written as percentages
    log : whether the axis is logarithmic
    zero : whether the axis begins or ends at zero, or passes it
    key : whether names stand below it
    """
    drawn = [line for line in lines if line.values.notna().any()]
    if not drawn:
        return Markup('<figure class="chart" id="{}"><p class="quiet">Nothing to draw.</p></figure>').format(
            name
        )
    frame, ticks = _framed(drawn, log, zero)
    paths = Markup("").join(_path(line, frame) for line in drawn)
    grid = "".join(f"M0,{y:.0f}H{SIZE}" for y in frame.down(ticks))
    base = frame.down([0.0])[0] if not log and frame.low < 0 < frame.high else None
    axis = Markup("") if base is None else Markup('<path class="axis" d="M0,{}H1000"/>').format(f"{base:.1f}")
    labels = [
        Markup('<span class="y" style="top:{}%">{}</span>').format(f"{y / 10:.2f}", text)
        for y, text in zip(frame.down(ticks), written(ticks, percent), strict=True)
    ]
    for date, text in date_ticks(frame.first, frame.last):
        place = frame.across(pd.DatetimeIndex([date]))[0] / 10
        labels.append(Markup('<span class="x" style="left:{}%">{}</span>').format(f"{place:.2f}", text))
    shown = {line.name: line for line in drawn} if key else {}
    return Markup(
        '<figure class="chart" id="{name}"><div class="plot" role="img" aria-label="{said}" data-first="{first}" '
        'data-last="{last}" data-low="{low}" data-high="{high}" data-log="{log}" data-unit="{unit}">'
        '<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true"><path class="grid" d="{grid}"/>'
        "{axis}{paths}</svg>{labels}</div>{key}</figure>"
    ).format(
        name=name,
        said=said,
        first=f"{frame.first:%Y-%m-%d}",
        last=f"{frame.last:%Y-%m-%d}",
        low=f"{frame.low:.6g}",
        high=f"{frame.high:.6g}",
        log=int(log),
        unit="%" * percent,
        grid=grid,
        axis=axis,
        paths=paths,
        labels=Markup("").join(labels),
        key=chart_key([(line.name, line.style, line.kind) for line in shown.values()]),
    )


def _framed(lines: Sequence[Line], log: bool, zero: bool) -> tuple[Frame, list[float]]:
    """Edges that hold all lines, and the ticks of the values."""
    values = np.concatenate([line.values.dropna().to_numpy(float) for line in lines])
    dates = [date for line in lines for date in (line.values.index[0], line.values.index[-1])]
    first, last = min(dates), max(dates)
    if first == last:
        last = first + pd.Timedelta(days=1)
    low, high = float(values.min()), float(values.max())
    if log:
        low, high = low / 1.03, high * 1.03
        return Frame(first, last, low, high, True), log_ticks(low, high)
    if zero or any(line.kind == "area" for line in lines):
        low, high = min(low, 0.0), max(high, 0.0)
    ticks = round_ticks(low, high)
    return Frame(first, last, ticks[0], ticks[-1]), ticks


def _path(line: Line, frame: Frame) -> Markup:
    values = line.values.dropna() if line.kind in ("dots", "steps") else thinned(line.values, MOST_POINTS)
    x, y = frame.across(pd.DatetimeIndex(values.index)), frame.down(values.to_numpy(float))
    points = [f"{a:.1f},{b:.1f}".replace(".0,", ",").removesuffix(".0") for a, b in zip(x, y, strict=True)]
    if line.kind == "dots":
        d = "".join(f"M{point}h0" for point in points)
    elif line.kind == "steps":
        d = "M" + "".join(
            f"{points[0]}" if k == 0 else f"H{a:.1f}V{b:.1f}"
            for k, (a, b) in enumerate(zip(x, y, strict=True))
        )
        d += f"H{SIZE}"
    else:
        d = "M" + "L".join(points)
    fill = Markup("")
    if line.kind == "area":
        base = frame.down([min(max(0.0, frame.low), frame.high)])[0]
        closed = f"{d}L{x[-1]:.1f},{base:.1f}L{x[0]:.1f},{base:.1f}Z"
        fill = Markup('<path class="fill {}" d="{}"/>').format(line.style, closed)
    kind = "dots" if line.kind == "dots" else "line"
    return fill + Markup('<path class="{} {}" data-name="{}" d="{}"/>').format(kind, line.style, line.name, d)


def chart_key(entries: Sequence[tuple[str, str, str]]) -> Markup:
    """Names, styles and kinds of lines as a list below a chart; nothing without any."""
    if not entries:
        return Markup("")
    items = [
        Markup(
            '<li><svg class="swatch" viewBox="0 0 24 8" aria-hidden="true"><path class="{} {}" d="{}"/></svg>{}</li>'
        ).format(
            "dots" if kind == "dots" else "line", style, "M12,4h0" if kind == "dots" else "M0,4H24", name
        )
        for name, style, kind in entries
    ]
    return Markup('<ul class="key">{}</ul>').format(Markup("").join(items))


@dataclass(frozen=True)
class Interval:
    """A row of an interval chart.

    Attributes
    ----------
    name : of the row
    value, low, high : the estimate and its interval; NaN draws none
    said : the row in words
    style : its class
    """

    name: str
    value: float
    low: float
    high: float
    said: str
    style: str


def interval_chart(
    rows: Sequence[Interval], name: str, left: str, right: str, unit: str = "{:.0%}"
) -> Markup:
    """A dot and a bar a row, beside a line at zero; every row also in words.

    Parameters
    ----------
    rows : from top to bottom
    name : identity of the chart in the page
    left, right : what it means to lie on either side of zero
    """
    known = [x for row in rows for x in (row.value, row.low, row.high) if np.isfinite(x)]
    ticks = round_ticks(min([*known, 0.0]), max([*known, 0.0]))
    low, high = ticks[0], ticks[-1]

    def place(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}"

    grid = Markup("").join(
        Markup('<span class="{}" style="left:{}%"></span>').format(
            "zero" if tick == 0 else "rule", place(tick)
        )
        for tick in ticks
    )
    shown = []
    for row in rows:
        bar = Markup("")
        if np.isfinite(row.low):
            bar = Markup('<span class="bar" style="left:{}%;right:{}%"></span>').format(
                place(row.low), f"{100 - float(place(row.high)):.2f}"
            )
        if np.isfinite(row.value):
            bar += Markup('<span class="dot" style="left:{}%"></span>').format(place(row.value))
        shown.append(
            Markup(
                '<div class="row"><div class="what"><b><i class="chip {}"></i>{}</b><span>{}</span></div>'
                '<div class="track" aria-hidden="true">{}{}</div></div>'
            ).format(row.style, row.name, row.said, grid, bar)
        )
    scale = Markup("").join(
        Markup('<span style="left:{}%">{}</span>').format(place(tick), text)
        for tick, text in zip(ticks, written(ticks), strict=True)
    )
    ends = (f"\N{LEFTWARDS ARROW} {left}" * (low < 0), f"{right} \N{RIGHTWARDS ARROW}" * (high > 0))
    return Markup(
        '<figure class="intervals" id="{}">{}<div class="row scale" aria-hidden="true"><div class="what"></div>'
        '<div class="track">{}</div></div><p class="ends quiet"><span>{}</span><span>{}</span></p></figure>'
    ).format(name, Markup("").join(shown), scale, *ends)


def bars_cell(value: float, most: float) -> Markup:
    """A bar of a table: its length against the longest, to the left of the middle if negative."""
    width = 0.0 if most == 0 else 50 * min(abs(value) / most, 1.0)
    side = "right" if value < 0 else "left"
    return Markup('<span class="meter"><i style="{}:50%;width:{}%"></i></span>').format(side, f"{width:.1f}")


def share_cell(value: float, most: float, light: str | None = None) -> Markup:
    """A bar of a table: how much of a limit, or of the largest value, is reached; in the colour of its light."""
    share = 0.0 if most <= 0 else 100 * min(max(value / most, 0.0), 1.0)
    return Markup('<span class="meter whole"><i class="{}" style="left:0;width:{}%"></i></span>').format(
        light or "", f"{share:.1f}"
    )
