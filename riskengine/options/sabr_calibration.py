"""Calibration of SABR to quotes, a smile for each maturity: least squares in implied volatilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError, SettingsError
from riskengine.options.garch_start import SabrStart
from riskengine.options.least_squares import CONVERGED, LeastSquaresResult, levenberg_marquardt
from riskengine.options.quotes import Quotes
from riskengine.options.sabr import FORMS, SabrParams, black_volatility
from riskengine.options.surface import (
    FitStatus,
    VolatilityErrors,
    aligned,
    as_list,
    condition_number,
    rounded,
    weights_of,
)

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


class SabrSettings(TypedDict, total=False):
    """Keywords of :func:`calibrate_sabr`."""

    beta: float
    shift: float
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
    shift: float = 0.0,
    form: str = "hagan",
    weights: str = "volatility",
    prior: SabrStart | None = None,
    most: int = 100,
) -> SabrFit | list[SabrFit]:
    """Least-squares calibration of SABR to implied volatilities, a smile a maturity, all smiles at once.

    Minimises ``sum(weight^2 (model - quoted)^2)`` over ``log alpha``, ``log nu`` and ``rho`` by Levenberg-Marquardt,
    with ``beta`` fixed.

    Parameters
    ----------
    quotes : one surface, or many; volatilities are those of the shifted forward where there is a shift
    start : from :func:`sabr_start`, or parameters: scalars, or one a surface; read from the quotes if left out
    beta : fixed, 0 to 1: quotes of one maturity do not tell it from ``rho``. That of ``start`` is not used
    shift : added to forwards and strikes
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
    smiles = _smiles(surfaces, shift, weights)
    if start is None:
        u = _start_of_quotes(smiles, beta)
    else:
        u = _start_of_params(start.params if isinstance(start, SabrStart) else start, smiles, len(surfaces))
    centre, pull = (u, np.zeros_like(u)) if prior is None else _pull(prior, smiles, len(surfaces))
    tasks = _Task(
        np.full(len(u), beta), smiles.forward, smiles.maturity, u, centre, pull,
        smiles.strike, smiles.volatility, smiles.weight,
    )  # fmt: skip
    solution, params = _solved(tasks, form, most)
    status = _statuses(solution, params, smiles, prior is not None)
    for j in (j for j, one in enumerate(status) if one == FitStatus.TOO_FEW):
        for leaf, began in zip(params, _from_coordinates(u[j], beta), strict=True):
            leaf[j] = began
    fits = []
    for place, one in enumerate(surfaces):
        mine = np.flatnonzero(smiles.owner == place)
        fits.append(
            SabrFit(
                smiles.maturity[mine],
                smiles.forward[mine] - shift,
                SabrParams(*(leaf[mine] for leaf in params)),
                one,
                _fitted(one, smiles, mine, solution.residual),
                solution.iterations[mine],
                np.array([condition_number(solution.jacobian[j]) for j in mine]),
                tuple(status[j] for j in mine),
                shift,
                form,
            )
        )
    return fits[0] if isinstance(quotes, Quotes) else fits


class _Smiles(NamedTuple):
    """Usable quotes of every maturity of every surface, shifted; padded with quotes of no weight."""

    owner: np.ndarray  # (smiles,) position of the surface
    maturity: np.ndarray
    forward: np.ndarray
    strike: np.ndarray  # (smiles, strikes)
    volatility: np.ndarray
    weight: np.ndarray
    rows: list[np.ndarray]  # positions in the surface's quotes


def _smiles(surfaces: Sequence[Quotes], shift: float, weights: str) -> _Smiles:
    """Shapes are rounded up, so that few programs are compiled."""
    found = [(k, t) for k, one in enumerate(surfaces) for t in np.unique(one.maturity[one.usable])]
    if not found:
        raise DataError(f"no quote is usable ({surfaces[0].counts()}): see Quotes.flags")
    rows = [np.flatnonzero(surfaces[k].usable & (surfaces[k].maturity == t)) for k, t in found]
    forward = np.array([surfaces[k].forward[r[0]] + shift for (k, _), r in zip(found, rows, strict=True)])
    shape = (len(found), rounded(max(len(r) for r in rows), 16))
    strike = np.broadcast_to(forward[:, None], shape).copy()
    volatility, weight = np.full(shape, 0.2), np.zeros(shape)
    for j, ((k, _), which) in enumerate(zip(found, rows, strict=True)):
        strike[j, : len(which)] = surfaces[k].strike[which] + shift
        volatility[j, : len(which)] = surfaces[k].volatility[which]
        weight[j, : len(which)] = weights_of(surfaces[k], weights)[which]
    owner, maturity = np.array([k for k, _ in found]), np.array([t for _, t in found])
    return _Smiles(owner, maturity, forward, strike, volatility, weight, rows)


def _start_of_quotes(smiles: _Smiles, beta: float) -> np.ndarray:
    """Coordinates ``(smiles, 3)``: the level nearest the money, the rest fixed."""
    distance = np.where(smiles.weight > 0, np.abs(np.log(smiles.strike / smiles.forward[:, None])), np.inf)
    level = np.take_along_axis(smiles.volatility, np.argmin(distance, axis=1)[:, None], axis=1)[:, 0]
    level, n = level * smiles.forward ** (1 - beta), len(level)
    return _to_coordinates(SabrParams(level, beta, np.full(n, 0.8), np.full(n, -0.3)))


def _start_of_params(params: SabrParams, smiles: _Smiles, surfaces: int) -> np.ndarray:
    """Coordinates ``(smiles, 3)`` of parameters that are scalars, or one a surface."""
    return _to_coordinates(SabrParams(*(aligned(leaf, surfaces)[smiles.owner] for leaf in params)))


def _pull(prior: SabrStart, smiles: _Smiles, surfaces: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and inverse standard deviation of the coordinates ``(smiles, 3)``."""
    rho = aligned(prior.params.rho, surfaces)[smiles.owner]
    spread = [np.maximum(aligned(leaf, surfaces)[smiles.owner], 1e-6) for leaf in prior.spread]
    slope = 1 - np.minimum(rho**2, 0.98)
    pull = 1 / np.stack([spread[0], spread[2], spread[3] / slope], axis=-1)
    return _start_of_params(prior.params, smiles, surfaces), pull


def _solved(tasks: _Task, form: str, most: int) -> tuple[LeastSquaresResult, SabrParams]:
    """Solutions and parameters of all smiles, which are filled up to a rounded number for the solver."""
    n = len(tasks.beta)
    with jax.enable_x64(True):
        full = _Task(*(np.resize(leaf, (rounded(n, 8), *leaf.shape[1:])) for leaf in tasks))
        solution = LeastSquaresResult(*(np.asarray(leaf)[:n] for leaf in _solve(full, form, most)))
        found = jax.vmap(_from_coordinates)(solution.u, tasks.beta)
        return solution, SabrParams(*(np.array(leaf) for leaf in found))


def _statuses(
    solution: LeastSquaresResult, params: SabrParams, smiles: _Smiles, has_prior: bool
) -> list[FitStatus]:
    """One a smile."""
    few = np.array([not has_prior and len(rows) < len(PARAMETERS) for rows in smiles.rows])
    edge = (np.abs(params.rho) > 0.99) | (params.nu < 2e-3)
    status = np.select(
        [few, solution.status != CONVERGED, edge], [FitStatus.TOO_FEW, FitStatus.NOT_CONVERGED, FitStatus.AT_BOUND],
        FitStatus.OK,
    )  # fmt: skip
    return [FitStatus(one) for one in status]


def _fitted(quotes: Quotes, smiles: _Smiles, mine: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """The model's volatilities (quotes,) from the residuals of the surface's smiles."""
    model = np.full(len(quotes), np.nan)
    for j in mine:
        n = len(smiles.rows[j])
        model[smiles.rows[j]] = smiles.volatility[j, :n] + residual[j, :n] / smiles.weight[j, :n]
    return model


class _Task(NamedTuple):
    """One smile: leaves are scalars, or ``(strikes,)`` for the last three."""

    beta: Any
    forward: Any
    maturity: Any
    start: Any
    centre: Any
    pull: Any
    strike: Any
    volatility: Any
    weight: Any


def _from_coordinates(u: Any, beta: Any) -> SabrParams:
    return SabrParams(jnp.exp(u[0]), beta, jnp.exp(u[1]), 0.999 * jnp.tanh(u[2]))


def _to_coordinates(p: SabrParams) -> np.ndarray:
    rho = np.arctanh(np.clip(p.rho, -0.995, 0.995) / 0.999)
    return np.stack([np.log(p.alpha), np.log(np.maximum(p.nu, 1e-3)), rho], axis=-1)


def _residuals(u: Array, task: _Task, form: str) -> Array:
    p = _from_coordinates(u, task.beta)
    model = black_volatility(p, task.forward, task.strike, task.maturity, form)
    return jnp.concatenate([task.weight * (model - task.volatility), task.pull * (u - task.centre)])


@partial(jax.jit, static_argnames="form")
def _solve(tasks: _Task, form: str, most: Any) -> LeastSquaresResult:
    def one(task: _Task) -> LeastSquaresResult:
        def evaluate(u: Array) -> tuple[Array, Array]:
            both = jax.jacfwd(lambda u: (_residuals(u, task, form),) * 2, has_aux=True)(u)
            return both[1], both[0]

        return levenberg_marquardt(evaluate, task.start, len(task.strike) + 3, most)

    return jax.vmap(one)(tasks)
