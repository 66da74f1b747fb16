"""Value and Greeks of several trades together, by underlying, with errors that know what the trades share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from riskengine import options


def trade_totals(
    labels: Sequence[str], quantities: Sequence[float], found: Sequence[options.MonteCarloResult]
) -> dict[str, Any]:
    """Sums over trades of quantity times price, and of each Greek.

    All trades of a file are priced on the same random numbers, so their errors are not independent: a hedge has less
    error than its legs. Each randomisation's total is taken, and the standard error is the spread of those. Greeks of a
    basket are by asset already; all others are of the one underlying of the file.

    Returns
    -------
    ``price`` and ``greeks``, each with ``value`` and ``error``, None where a trade has none; ``notes`` name that trade
    """
    weights = np.asarray(quantities, float)
    names = list(dict.fromkeys(name for one in found for name in one.greeks))
    greeks: dict[str, dict[str, float | None]] = {}
    notes = []
    for name in names:
        lacking = [
            label
            for label, one in zip(labels, found, strict=True)
            if name not in one.greeks or not np.isfinite(one.greeks[name].error)
        ]
        if lacking:
            greeks[name] = {"value": None, "error": None}
            notes.append(f"{name} together: none, since {', '.join(lacking)} has none")
            continue
        greeks[name] = _total(weights, [one.greek_estimates[name] for one in found])
    return {"price": _total(weights, [one.estimates for one in found]), "greeks": greeks, "notes": notes}


def _total(weights: np.ndarray, each: Sequence[Sequence[float]]) -> dict[str, float | None]:
    """Mean of the randomisations' totals, and its standard error."""
    totals = weights @ np.array([list(one) for one in each], float)
    return {"value": float(totals.mean()), "error": float(totals.std(ddof=1) / np.sqrt(len(totals)))}
