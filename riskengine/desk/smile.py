"""A smile and the GARCH state behind it: fits of five models, and what other states would look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration import Calibration
from riskengine.garch import filter_variance, next_variance
from riskengine.options import (
    FIT_RULE,
    BatesFit,
    BatesParams,
    FitStatus,
    HestonFit,
    HestonParams,
    Quotes,
    SabrFit,
    SsviFit,
    SviFit,
    bates_price,
    calibrate_bates,
    calibrate_heston,
    calibrate_sabr,
    calibrate_ssvi,
    calibrate_svi,
    heston_price,
    heston_start,
    implied_volatility,
    sabr_normal_volatility,
    sabr_volatility,
)

Array = np.ndarray
YEAR = 252
FALL = 5.0
"""Fall of one day, in today's standard deviations, of the shocked state."""


@dataclass(frozen=True)
class State:
    """A state of the underlying's GARCH model.

    Attributes
    ----------
    name : what it is
    variance : of a day
    """

    name: str
    variance: float


@dataclass(frozen=True, eq=False)
class Smile:
    """Every model fitted to one day's quotes, and the GARCH states where there are prices.

    Attributes
    ----------
    quotes, heston, sabr : the data and the fits; no Heston of shifted or normal volatilities
    ssvi, svi : surfaces free of arbitrage; not of shifted or normal volatilities, nor of too few quotes
    bates : where it was asked for, or where Heston is not ok; not of fewer than eight quotes
    fit : calibration of the underlying alone, or None
    states : today's first
    quantile : of today's variance among those of the window, or NaN
    cold_iterations : of the Heston fit from a start read from the quotes, for comparison
    """

    quotes: Quotes
    heston: HestonFit | None
    sabr: SabrFit
    ssvi: SsviFit | None = None
    svi: SviFit | None = None
    bates: BatesFit | None = None
    fit: Calibration | None = None
    states: tuple[State, ...] = ()
    quantile: float = float("nan")
    cold_iterations: int = 0


def fit_smile(
    quotes: Quotes,
    returns: Array | None = None,
    fit: Calibration | None = None,
    feller: bool = False,
    weights: str = "volatility",
    beta: float = 1.0,
    jumps: bool | None = None,
) -> Smile:
    """Calibrate all models; with a GARCH fit, from the start that it gives.

    Parameters
    ----------
    quotes : of one underlying
    returns : (days, 1) daily returns of the underlying that ``fit`` was made from
    fit : calibration of that one asset
    feller, weights : see :func:`riskengine.options.calibrate_heston`
    beta : of SABR
    jumps : whether to fit Bates's model; where Heston's fit is not ok if None

    Examples
    --------
    >>> quotes = Quotes.of_volatilities([0.01, 0.02, 0.03], 1.0, [0.009, 0.008, 0.0085], forward=0.02, normal=True)
    >>> smile = fit_smile(quotes)
    >>> smile.sabr.params.rho.shape, smile.heston
    ((1,), None)
    """
    sabr = calibrate_sabr(quotes, beta=beta, weights=weights)
    if quotes.form.normal or quotes.form.shift:
        return Smile(quotes, None, sabr)
    plain = heston = calibrate_heston(quotes, feller=feller, weights=weights)
    if fit is not None and returns is not None:
        heston = calibrate_heston(quotes, heston_start(fit), feller=feller, weights=weights)
    usable = int(quotes.usable.sum())
    ssvi = calibrate_ssvi(quotes, weights) if usable >= len(sabr.maturity) + 3 else None
    svi = None if ssvi is None else calibrate_svi(quotes, ssvi, weights)
    wanted = jumps if jumps is not None else heston.status != FitStatus.OK
    bates = None
    if wanted and usable >= len(BatesParams._fields):
        bates = calibrate_bates(quotes, heston, weights=weights, feller=feller)
    found = Smile(quotes, heston, sabr, ssvi, svi, bates, cold_iterations=plain.iterations)
    if fit is None or returns is None:
        return found
    states, quantile = garch_states(fit, returns)
    return replace(found, fit=fit, states=states, quantile=quantile)


def garch_states(fit: Calibration, returns: Array) -> tuple[tuple[State, ...], float]:
    """Today's variance, calm and stressed ones of the window, and tomorrow's after a fall; where today's stands."""
    with jax.enable_x64(True):
        moved = jnp.asarray(np.asarray(returns, np.float64) - fit.mean)
        path = np.asarray(filter_variance(fit.params, moved, jnp.asarray(fit.presample)).variance)[:, 0]
        today = float(fit.next_variance[0])
        fall = jnp.asarray([-FALL * np.sqrt(today)])
        shocked = float(next_variance(fit.params, jnp.asarray(fit.next_variance), fall)[0])
    calm, tense, worst = (float(np.quantile(path, level)) for level in (0.1, 0.95, 1.0))
    states = (
        State("today", today),
        State("calm: 10% quantile of the window", calm),
        State("tense: 95% quantile of the window", tense),
        State("worst day of the window", worst),
        State(f"after a fall of {FALL:g} standard deviations", shocked),
    )
    return states, float(np.mean(path <= today))


def fourier_smile(params: HestonParams | BatesParams, x: Array, maturity: float) -> Array:
    """Implied volatilities of Heston or Bates at logs of strike over forward ``x``."""
    strike = np.exp(x)
    kind = np.where(x > 0, "call", "put")
    price_of: Callable[..., Array] = bates_price if isinstance(params, BatesParams) else heston_price
    price = price_of(params, 1.0, strike, maturity, kind=kind, nodes=512)
    return implied_volatility(price, 1.0, strike, maturity, kind)


def stressed(params: HestonParams, state: State, today: State) -> HestonParams:
    """Heston's variance now scaled as the state's is to today's; all else, the premium too, as it is."""
    return params._replace(v0=params.v0 * state.variance / today.variance)


def expected_volatility(fit: Calibration, maturity: Array) -> Array:
    """Root of the variance per year that the GARCH model expects on average up to each maturity (measure P)."""
    days = np.maximum(np.asarray(maturity) * YEAR, 1e-6)
    persistence = float(np.asarray(fit.params.persistence)[0])
    long_run = float(np.asarray(fit.params.long_run_variance)[0])
    decay = -np.expm1(days * np.log(persistence)) / (-days * np.log(persistence))
    return np.sqrt(YEAR * (long_run + (float(fit.next_variance[0]) - long_run) * decay))


def smile_content(smile: Smile, provenance: dict[str, Any]) -> dict[str, Any]:
    """Content of ``smile.json`` and of its page; numbers that do not exist are None.

    Examples
    --------
    >>> quotes = Quotes.of_volatilities([0.01, 0.02, 0.03], 1.0, [0.009, 0.008, 0.0085], forward=0.02, normal=True)
    >>> content = smile_content(fit_smile(quotes), {})
    >>> content["usable"], content["heston"], content["flagged"]
    (3, None, False)
    """
    quotes, heston, sabr = smile.quotes, smile.heston, smile.sabr
    found: dict[str, Any] = {
        "name": quotes.name,
        "quotes": len(quotes),
        "usable": int(quotes.usable.sum()),
        "flags": quotes.counts(),
        "spot": _number(quotes.spot),
        "notes": list(quotes.notes),
        "market": [{key: _finite(value) for key, value in vars(terms).items()} for terms in quotes.market],
        "volatilities": {"shift": quotes.form.shift, "normal": quotes.form.normal},
        "rule": FIT_RULE,
        "heston": None if heston is None else _heston_content(heston),
        "bates": None if smile.bates is None else _bates_content(smile.bates),
        "ssvi": None if smile.ssvi is None else _surface_content(smile.ssvi),
        "svi": None if smile.svi is None else _surface_content(smile.svi),
        "sabr": _sabr_content(sabr),
        "sabr_rmse": sabr.rmse,
        "by_maturity": _by_maturity(smile),
    }
    if smile.fit is not None:
        found |= _garch_content(smile, smile.fit)
    found["flagged"] = (heston is not None and heston.status != FitStatus.OK) or any(
        s != FitStatus.OK for s in sabr.status
    )
    found["provenance"] = provenance
    return found


MODELS = ("heston", "bates", "sabr", "ssvi", "svi")
"""Names of the fits in ``smile.json``."""


def _by_maturity(smile: Smile) -> list[dict[str, Any]]:
    """Errors of each model, a row a maturity, beside half the distance from bid to ask; in volatility points."""
    quotes = smile.quotes
    fits = (smile.heston, smile.bates, smile.sabr, smile.ssvi, smile.svi)
    models = dict(zip(MODELS, fits, strict=True))
    half = np.clip(np.nan_to_num(100 * (quotes.ask - quotes.bid) / 2), 0, None)
    money = {} if smile.heston is None else dict(
        zip(smile.heston.quality.maturity.tolist(), smile.heston.quality.at_the_money.tolist(), strict=True)
    )  # fmt: skip
    rows = []
    for t in smile.sabr.maturity:
        here = quotes.usable & (quotes.maturity == t)
        row: dict[str, Any] = {"maturity": float(t), "quotes": int(here.sum())}
        row["half_spread"] = float(np.sqrt(np.mean(half[here] ** 2)))
        for name, fit in models.items():
            row[name] = None if fit is None else _number(float(np.sqrt(np.mean(fit.errors[here] ** 2))))
        row["heston_at_the_money"] = _number(money.get(float(t), np.nan))
        rows.append(row)
    return rows


def _heston_content(fit: HestonFit) -> dict[str, Any]:
    """Parameters, and what the fit is worth."""
    return {
        **fit.params._asdict(),
        "feller": float(fit.params.feller),
        "rmse": fit.rmse,
        "largest_error": _number(fit.quality.largest),
        "half_spread": _number(fit.quality.half_spread),
        "inside_bid_ask": _number(fit.quality.inside),
        "at_the_money": [
            {"maturity": float(t), "error": _number(error)}
            for t, error in zip(fit.quality.maturity, fit.quality.at_the_money, strict=True)
        ],
        "reasons": list(fit.quality.reasons),
        "condition": _number(fit.condition),
        "iterations": fit.iterations,
        "starts": fit.starts,
        "nodes": fit.nodes,
        "at_bound": list(fit.at_bound),
        "status": str(fit.status),
    }


def _bates_content(fit: BatesFit) -> dict[str, Any]:
    """Parameters, and what the fit is worth."""
    return {
        **fit.params._asdict(),
        "rmse": fit.rmse,
        "inside_bid_ask": _number(fit.quality.inside),
        "reasons": list(fit.quality.reasons),
        "condition": _number(fit.condition),
        "at_bound": list(fit.at_bound),
        "status": str(fit.status),
    }


def _surface_content(fit: SsviFit | SviFit) -> dict[str, Any]:
    """A surface free of arbitrage, and what the fit is worth."""
    return {
        **{name: np.asarray(leaf).tolist() for name, leaf in fit.params._asdict().items()},
        "rmse": fit.rmse,
        "inside_bid_ask": _number(fit.quality.inside),
        "reasons": list(fit.quality.reasons),
        "status": str(fit.status),
    }


def _sabr_content(fit: SabrFit) -> list[dict[str, Any]]:
    """A row a maturity."""
    return [
        {
            "maturity": float(fit.maturity[k]),
            "forward": float(fit.forward[k]),
            **{name: float(leaf[k]) for name, leaf in fit.params._asdict().items()},
            "rmse": _number(quality.rmse),
            "inside_bid_ask": _number(quality.inside),
            "at_the_money_error": _number(quality.at_the_money[0]) if len(quality.at_the_money) else None,
            "reasons": list(quality.reasons),
            "status": str(fit.status[k]),
        }
        for k, quality in enumerate(fit.quality)
    ]


def _garch_content(smile: Smile, fit: Calibration) -> dict[str, Any]:
    """The start that a GARCH model gave, its states, and what it expects."""
    start = heston_start(fit)
    terms = zip(
        smile.sabr.maturity, money(smile.sabr), expected_volatility(fit, smile.sabr.maturity), strict=True
    )
    return {
        "start": {
            "asset": fit.assets[0],
            "status": str(fit.status[0]),
            "params": {name: float(leaf[0]) for name, leaf in start.params._asdict().items()},
            "spread": {name: float(leaf[0]) for name, leaf in start.spread._asdict().items()},
            "iterations_from_quotes": smile.cold_iterations,
            "quantile_of_today": smile.quantile,
        },
        "term_structure": [
            {"maturity": float(t), "implied": float(i), "expected": float(e)} for t, i, e in terms
        ],
        "states": states_table(smile),
    }


def _finite(value: Any) -> Any:
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def money(sabr: SabrFit) -> Array:
    """SABR's volatility at the forward of each maturity."""
    if sabr.form == "normal":
        return sabr_normal_volatility(sabr.params, sabr.forward, sabr.forward, sabr.maturity, sabr.shift)
    return sabr_volatility(sabr.params, sabr.forward, sabr.forward, sabr.maturity, sabr.shift, sabr.form)


def shown_maturities(maturity: Array, most: int) -> Array:
    """Positions of at most so many maturities, first and last among them."""
    return np.unique(np.round(np.linspace(0, len(maturity) - 1, min(most, len(maturity)))).astype(int))


def states_table(smile: Smile) -> list[dict[str, Any]]:
    """A row a state: GARCH volatility, and Heston's at the money and 10% below, for three maturities."""
    rows = []
    assert smile.heston is not None, "states are shown of Heston's smile"
    maturities = smile.sabr.maturity[shown_maturities(smile.sabr.maturity, 3)]
    for state in smile.states:
        p = stressed(smile.heston.params, state, smile.states[0])
        smiles = [fourier_smile(p, np.log(np.array([0.9, 1.0])), float(t)) for t in maturities]
        rows.append(
            {
                "state": state.name,
                "garch_volatility": float(np.sqrt(YEAR * state.variance)),
                "maturities": [float(t) for t in maturities],
                "at_the_money": [float(s[1]) for s in smiles],
                "skew": [float(s[0] - s[1]) for s in smiles],
            }
        )
    return rows
