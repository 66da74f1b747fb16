"""The curves of a smile that a page draws: quotes and models by maturity, GARCH states, the term structure."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskengine.desk.smile import (
    Smile,
    expected_volatility,
    fourier_smile,
    money,
    shown_maturities,
    stressed,
)
from riskengine.options import (
    SabrFit,
    sabr_normal_volatility,
    sabr_volatility,
    ssvi_volatility,
    svi_volatility,
)

Array = np.ndarray

PANELS = 8
"""Maturities shown at most."""
_DIGITS = 6


def smile_curves(smile: Smile) -> dict[str, Any]:
    """Points of the charts of a smile page, by chart.

    Returns
    -------
    ``panels``: a row a shown maturity, with ``quotes`` (strike over forward, volatility, distances to ask and bid) and
    ``models``; ``states``: Heston's smile in every GARCH state at the maturity nearest three months, None without a
    GARCH fit; ``term``: volatility at the money by maturity, by model

    Examples
    --------
    >>> from riskengine.desk import fit_smile
    >>> from riskengine.options import Quotes
    >>> quotes = Quotes.of_volatilities([0.01, 0.02, 0.03], 1.0, [0.009, 0.008, 0.0085], forward=0.02, normal=True)
    >>> curves = smile_curves(fit_smile(quotes))
    >>> len(curves["panels"]), curves["states"], sorted(curves)
    (1, None, ['panels', 'states', 'term'])
    """
    chosen = shown_maturities(smile.sabr.maturity, PANELS)
    return {
        "panels": [_panel(smile, int(k)) for k in chosen],
        "states": None if smile.fit is None else _states(smile),
        "term": _term(smile),
    }


def _panel(smile: Smile, k: int) -> dict[str, Any]:
    """Quotes and models at one maturity, over strike over forward, or the strike where levels may be negative."""
    quotes, sabr, t = smile.quotes, smile.sabr, float(smile.sabr.maturity[k])
    here = np.flatnonzero(quotes.usable & (quotes.maturity == t))
    here = here[np.argsort(quotes.strike[here])]
    strike, volatility, forward = quotes.strike[here], quotes.volatility[here], float(sabr.forward[k])
    widths = np.maximum(quotes.ask[here] - volatility, 0), np.maximum(volatility - quotes.bid[here], 0)
    up, down = (np.where(np.isfinite(width), width, 0) for width in widths)
    fine = np.linspace(strike[0], strike[-1], 61)
    models = {} if smile.heston is None else {
        "Heston": fourier_smile(smile.heston.params, np.log(fine / forward), t)
    }  # fmt: skip
    models["SABR"] = sabr_smile(sabr, k, fine)
    if smile.ssvi is not None:
        models["SSVI"] = ssvi_volatility(smile.ssvi.params, forward, fine, t)
    if smile.svi is not None:
        models["SVI"] = svi_volatility(smile.svi.params, forward, fine, t)
    if smile.bates is not None:
        models["Bates"] = fourier_smile(smile.bates.params, np.log(fine / forward), t)
    plain = smile.heston is not None
    x, drawn = (strike / forward, fine / forward) if plain else (strike, fine)
    return {
        "maturity": t,
        "axis": "strike over forward" if plain else "strike",
        "quotes": {"x": _short(x), "y": _short(volatility), "up": _short(up), "down": _short(down)},
        "models": {name: {"x": _short(drawn), "y": _short(y)} for name, y in models.items()},
    }


def sabr_smile(sabr: SabrFit, k: int, strike: Array) -> Array:
    """SABR's volatilities of maturity ``k`` at these strikes."""
    params, forward, t = (
        type(sabr.params)(*(leaf[k] for leaf in sabr.params)),
        sabr.forward[k],
        sabr.maturity[k],
    )
    if sabr.form == "normal":
        return sabr_normal_volatility(params, forward, strike, t, sabr.shift)
    return sabr_volatility(params, forward, strike, t, sabr.shift, sabr.form)


def _states(smile: Smile) -> dict[str, Any]:
    assert smile.heston is not None, "states are shown of Heston's smile"
    params = smile.heston.params
    t = float(smile.sabr.maturity[np.argmin(np.abs(smile.sabr.maturity - 0.25))])
    x = np.linspace(-0.25, 0.15, 61)
    lines = {
        state.name: _short(fourier_smile(stressed(params, state, smile.states[0]), x, t))
        for state in smile.states
    }
    return {"maturity": t, "x": _short(np.exp(x)), "lines": lines}


def _term(smile: Smile) -> dict[str, Any]:
    t = smile.sabr.maturity
    lines = {"SABR, at the money": money(smile.sabr)}
    if smile.heston is not None:
        params = smile.heston.params
        lines["Heston, at the money"] = np.array(
            [fourier_smile(params, np.zeros(1), float(one))[0] for one in t]
        )
    if smile.fit is not None:
        lines["GARCH, expected (measure P)"] = expected_volatility(smile.fit, t)
    return {"maturity": np.round(t, 4).tolist(), "lines": {name: _short(y) for name, y in lines.items()}}


def _short(values: Array) -> list[float]:
    return [float(value) for value in np.round(np.asarray(values, np.float64), _DIGITS)]
