"""Histograms as SVG that needs no script, in the manner of :mod:`riskengine.report.svg`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from riskengine.report.svg import SIZE, chart_key
from riskengine.report.ticks import round_ticks, written

Array = np.ndarray


def histogram(values: Mapping[str, Array], name: str, said: str, bins: int = 24) -> Markup:
    """Shares of values by size: the last of the mapping in bars, the others as outlines.

    Parameters
    ----------
    values : name to numbers, fractions; each at least one
    name : identity of the chart in the page
    said : in one sentence what it shows, for those who cannot see it
    bins : at most so many bars between the least and the greatest value
    """
    every = np.concatenate(list(values.values()))
    across = round_ticks(float(every.min()), float(every.max()))
    each = max(1, bins // (len(across) - 1))
    edges = np.linspace(across[0], across[-1], each * (len(across) - 1) + 1)
    shares = {who: np.histogram(x, edges)[0] / len(x) for who, x in values.items()}
    up = round_ticks(0.0, max(float(one.max()) for one in shares.values()))
    places = SIZE * (edges - across[0]) / (across[-1] - across[0])
    own = list(values)[-1]
    paths = Markup("").join(
        _steps(who, places, SIZE * (1 - share / up[-1]), filled=who == own) for who, share in shares.items()
    )
    grid = "".join(f"M0,{SIZE * (1 - tick / up[-1]):.0f}H{SIZE}" for tick in up)
    zero = SIZE * -across[0] / (across[-1] - across[0])
    labels = [
        Markup('<span class="y" style="top:{}%">{}</span>').format(f"{100 * (1 - tick / up[-1]):.2f}", text)
        for tick, text in zip(up, written(up), strict=True)
    ]
    labels += [
        Markup('<span class="x" style="left:{}%">{}</span>').format(
            f"{100 * k / (len(across) - 1):.2f}", text
        )
        for k, text in enumerate(written(across))
    ]
    key = chart_key([(who, "own" if who == own else "rival-0", "line") for who in values])
    return Markup(
        '<figure class="chart" id="{}"><div class="plot" role="img" aria-label="{}">'
        '<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true"><path class="grid" d="{}"/>'
        '<path class="axis" d="M{},0V1000"/>{}</svg>{}</div>{}</figure>'
    ).format(name, said, grid, f"{zero:.1f}", paths, Markup("").join(labels), key)


def _steps(who: str, places: Array, tops: Array, filled: bool) -> Markup:
    """An outline over the bars, and what is below it if it is filled."""
    d = f"M{places[0]:.1f},{SIZE}" + "".join(
        f"V{top:.1f}H{right:.1f}" for top, right in zip(tops, places[1:], strict=True)
    )
    d += f"V{SIZE}"
    style = "own" if filled else "rival-0"
    fill = Markup('<path class="fill own" d="{}Z"/>').format(d) if filled else Markup("")
    return fill + Markup('<path class="line {}" data-name="{}" d="{}"/>').format(style, who, d)
