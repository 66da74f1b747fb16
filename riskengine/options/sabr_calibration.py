"""Calibration of SABR to quotes, a smile for each maturity, that says what each fit is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack, overload

import numpy as np

from riskengine.errors import SettingsError
from riskengine.options.fit_quality import FitQuality, fit_quality
from riskengine.options.garch_start import SabrStart
from riskengine.options.least_squares import CONVERGED
from riskengine.options.quotes import Quotes
from riskengine.options.sabr import FORMS, SabrParams
from riskengine.options.sabr_density import negative_density
from riskengine.options.sabr_least_squares import (
    SabrSolution,
    Smiles,
    improved,
    model_volatility,
    smiles_of,
    solved,
)
from riskengine.options.sabr_starts import from_coordinates, pull_of, start_of_params, start_of_quotes
from riskengine.options.surface import FitStatus, VolatilityErrors, as_list, condition_number

PARAMETERS = ("alpha", "nu", "rho")


@dataclass(frozen=True, eq=False)
class SabrFit(VolatilityErrors):
    """SABR for each maturity of one surface.

    Attributes
    ----------
    maturity : (maturities,) years
    forward : (maturities,)
    params : leaves ``(maturities,)``
    quotes : that it was fitted to
    volatility : (quotes,) of the model; NaN where the quote was not usable
    iterations : (maturities,) evaluations with derivatives
    condition : (maturities,) condition number of the derivatives by ``log alpha``, ``log nu``, ``rho``
    status : one a maturity
    shift : added to forwards and strikes
    form : of the formula
    quality : one a maturity: errors against bid and ask, at the money, and what is poor
    """

    maturity: np.ndarray
    forward: np.ndarray
    params: SabrParams
    quotes: Quotes
    volatility: np.ndarray
    iterations: np.ndarray
    condition: np.ndarray
    status: tuple[FitStatus, ...]
    shift: float
    form: str
    quality: tuple[FitQuality, ...]


class SabrSettings(TypedDict, total=False):
    """Keywords of :func:`calibrate_sabr`."""

    beta: float
    shift: float | None
    form: str
    weights: str
    prior: SabrStart | None
    most: int


@overload
def calibrate_sabr(
    quotes: Quotes, start: SabrStart | SabrParams | None = ..., **settings: Unpack[SabrSettings]
) -> SabrFit: ...


@overload
def calibrate_sabr(
    quotes: Sequence[Quotes], start: SabrStart | SabrParams | None = ..., **settings: Unpack[SabrSettings]
) -> list[SabrFit]: ...


def calibrate_sabr(
    quotes: Quotes | Sequence[Quotes],
    start: SabrStart | SabrParams | None = None,
    *,
    beta: float = 1.0,
    shift: float | None = None,
    form: str = "hagan",
    weights: str = "volatility",
    prior: SabrStart | None = None,
    most: int = 100,
) -> SabrFit | list[SabrFit]:
    """Least-squares calibration of SABR to implied volatilities, a smile a maturity, all smiles at once.

    Minimises ``sum(weight^2 (model - quoted)^2)`` over ``log alpha``, ``log nu`` and ``rho`` by Levenberg-Marquardt,
    with ``beta`` fixed. A start is read from level, slope and curvature of the smile at the money; where a fit from it
    does not converge or is poor, further ones are tried. Normal volatilities are fitted by
    :func:`sabr_normal_volatility`, for ``beta = 0`` with forwards and strikes of any sign.

    Parameters
    ----------
    quotes : one surface, or many; volatilities are those of the shifted forward where there is a shift
    start : from :func:`sabr_start`, or parameters: scalars, or one a surface; read from the quotes if left out
    beta : fixed, 0 to 1: quotes of one maturity do not tell it from ``rho``. That of ``start`` is not used
    shift : added to forwards and strikes; that of the quotes if left out
    form : "hagan" or "obloj", as in :func:`sabr_volatility`
    weights : "volatility", "vega" or "spread", as in :func:`calibrate_heston`
    prior : what ``log alpha``, ``log nu`` and ``rho`` stay near to, as strongly as the spreads are narrow
    most : iterations at most

    Returns
    -------
    A :class:`SabrFit` for one surface, a list of them for a list. A smile of fewer than three usable quotes without a
    prior keeps its start, and its status says so

    Raises
    ------
    DataError
        If no quote of a single surface is usable, or starts and surfaces are not equally many.
    SettingsError
        If ``beta`` or ``form`` is out of range.

    Examples
    --------
    >>> from riskengine import options
    >>> true = options.SabrParams(alpha=0.2, beta=1.0, nu=0.6, rho=-0.4)
    >>> strike = np.array([80.0, 90.0, 100.0, 110.0, 120.0])
    >>> smile = options.sabr_volatility(true, 100.0, strike, 0.5)
    >>> fit = calibrate_sabr(options.Quotes.of_volatilities(strike, 0.5, smile, spot=100.0))
    >>> [round(float(leaf[0]), 4) for leaf in fit.params], str(fit.status[0])
    ([0.2, 1.0, 0.6, -0.4], 'ok')
    """
    if not 0 <= beta <= 1:
        raise SettingsError(f"beta lies between 0 and 1, not at {beta}")
    if form not in FORMS:
        raise SettingsError(f"a SABR volatility has the form {' or '.join(FORMS)}, not {form!r}")
    surfaces = as_list(quotes)
    smiles = smiles_of(surfaces, shift, weights, beta)
    if start is None:
        u = start_of_quotes(smiles, beta)
    else:
        u = start_of_params(
            start.params if isinstance(start, SabrStart) else start, smiles.owner, len(surfaces)
        )
    centre, pull = (u, np.zeros_like(u)) if prior is None else pull_of(prior, smiles.owner, len(surfaces))
    form = "normal" if smiles.normal else form
    found = improved(solved(smiles, u, centre, pull, form, most), smiles, centre, pull, form, most)
    enough = [prior is not None or len(rows) >= len(PARAMETERS) for rows in smiles.rows]
    for j in np.flatnonzero(~np.array(enough)):
        for leaf, began in zip(found.params, from_coordinates(u[j], beta), strict=True):
            leaf[j] = began
    fits = [_fit(place, one, smiles, found, form, enough) for place, one in enumerate(surfaces)]
    return fits[0] if isinstance(quotes, Quotes) else fits


def _fit(
    place: int, quotes: Quotes, smiles: Smiles, found: SabrSolution, form: str, enough: list[bool]
) -> SabrFit:
    """The fits of one surface's smiles."""
    mine = np.flatnonzero(smiles.owner == place)
    volatility, quality, status = np.full(len(quotes), np.nan), [], []
    for j in mine:
        rows, shift = smiles.rows[j], smiles.shift
        params = SabrParams(*(leaf[j] for leaf in found.params))
        model = model_volatility(params, smiles, int(j), form)
        volatility[rows] = model
        doubts = negative_density(params, smiles.forward[j], smiles.maturity[j], smiles.strikes(int(j)), form)
        shown = tuple(
            f"the density is negative from {low - shift:g} to {high - shift:g}" for low, high in doubts
        )
        alone = quotes.take(rows)
        quality.append(fit_quality(alone, model, shown))
        status.append(_status(found, int(j), params, enough[j], quality[-1]))
    return SabrFit(
        smiles.maturity[mine],
        smiles.forward[mine] - smiles.shift,
        SabrParams(*(leaf[mine] for leaf in found.params)),
        quotes,
        volatility,
        found.iterations[mine],
        np.array([condition_number(found.jacobian[j]) for j in mine]),
        tuple(status),
        smiles.shift,
        form,
        tuple(quality),
    )


def _status(found: SabrSolution, j: int, params: SabrParams, enough: bool, quality: FitQuality) -> FitStatus:
    if not enough:
        return FitStatus.TOO_FEW
    if found.status[j] != CONVERGED:
        return FitStatus.NOT_CONVERGED
    if quality.poor:
        return FitStatus.POOR_FIT
    return FitStatus.AT_BOUND if abs(params.rho) > 0.99 or params.nu < 2e-3 else FitStatus.OK
