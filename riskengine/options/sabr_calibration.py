"""SABR's parameters from quotes, a smile for each maturity: least squares in implied volatilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError, SettingsError
from riskengine.options.bridge import SabrStart
from riskengine.options.least_squares import CONVERGED, Solution, levenberg_marquardt
from riskengine.options.quotes import Quotes
from riskengine.options.sabr import FORMS, SabrParams, black_volatility
from riskengine.options.surface import FitStatus, as_list, rounded, weights_of

PARAMETERS = ("alpha", "nu", "rho")


@dataclass(frozen=True, eq=False)
class SabrFit:
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

    @property
    def errors(self) -> np.ndarray:
        """(quotes,) model's volatility less the quoted one, in volatility points (percent)."""
        return 100 * (self.volatility - self.quotes.volatility)

    @property
    def rmse(self) -> float:
        """Root mean squared error in volatility points."""
        known = np.isfinite(self.errors)
        return float(np.sqrt(np.mean(self.errors[known] ** 2))) if known.any() else float("nan")


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
def _solve(tasks: _Task, form: str, most: Any) -> Solution:
    def one(task: _Task) -> Solution:
        def evaluate(u: Array) -> tuple[Array, Array]:
            both = jax.jacfwd(lambda u: (_residuals(u, task, form),) * 2, has_aux=True)(u)
            return both[1], both[0]

        return levenberg_marquardt(evaluate, task.start, len(task.strike) + 3, most)

    return jax.vmap(one)(tasks)


@overload
def calibrate_sabr(
    quotes: Quotes,
    start: SabrStart | SabrParams | None = ...,
    *,
    beta: float = ...,
    shift: float = ...,
    form: str = ...,
    weights: str = ...,
    prior: SabrStart | None = ...,
    most: int = ...,
) -> SabrFit: ...


@overload
def calibrate_sabr(
    quotes: Sequence[Quotes],
    start: SabrStart | SabrParams | None = ...,
    *,
    beta: float = ...,
    shift: float = ...,
    form: str = ...,
    weights: str = ...,
    prior: SabrStart | None = ...,
    most: int = ...,
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
    """Fit ``alpha``, ``nu`` and ``rho`` to the smile of every maturity, all smiles of all surfaces at once.

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
    smiles = [(k, t) for k, one in enumerate(surfaces) for t in np.unique(one.maturity[one.usable])]
    if not smiles:
        raise DataError(f"no quote is usable ({surfaces[0].counts()}): see Quotes.flags")
    rows = [np.flatnonzero(surfaces[k].usable & (surfaces[k].maturity == t)) for k, t in smiles]
    n, wide = len(smiles), rounded(max(len(r) for r in rows), 16)
    strike, volatility, weight = np.ones((n, wide)), np.full((n, wide), 0.2), np.zeros((n, wide))
    forward = np.empty(n)
    for j, ((k, _), which) in enumerate(zip(smiles, rows, strict=True)):
        one = surfaces[k]
        forward[j] = one.forward[which[0]] + shift
        strike[j] = forward[j]
        strike[j, : len(which)] = one.strike[which] + shift
        volatility[j, : len(which)] = one.volatility[which]
        weight[j, : len(which)] = weights_of(one, weights)[which]
    owner, maturity = np.array([k for k, _ in smiles]), np.array([t for _, t in smiles])
    u = _starts(start, beta, owner, len(surfaces), forward, strike, volatility, weight)
    centre, pull = u, np.zeros_like(u)
    if prior is not None:
        leaves = [_aligned(leaf, len(surfaces))[owner] for leaf in prior.params]
        centre = _to_coordinates(SabrParams(*leaves))
        spread = [np.maximum(_aligned(leaf, len(surfaces))[owner], 1e-6) for leaf in prior.spread]
        pull = 1 / np.stack(
            [spread[0], spread[2], spread[3] / (1 - np.minimum(leaves[3] ** 2, 0.98))], axis=-1
        )
    tasks = _Task(np.full(n, beta), forward, maturity, u, centre, pull, strike, volatility, weight)
    padded = rounded(n, 8)
    with jax.enable_x64(True):
        full = _Task(*(np.resize(leaf, (padded, *leaf.shape[1:])) for leaf in tasks))
        solution = Solution(*(np.asarray(leaf)[:n] for leaf in _solve(full, form, most)))
        found = jax.vmap(_from_coordinates)(solution.u, tasks.beta)
        params = SabrParams(*(np.array(leaf) for leaf in found))
    status, condition = [], np.empty(n)
    for j, which in enumerate(rows):
        good = np.isfinite(solution.jacobian[j]).all()
        condition[j] = np.linalg.cond(solution.jacobian[j]) if good else np.inf
        if prior is None and len(which) < len(PARAMETERS):
            status.append(FitStatus.TOO_FEW)
            for leaf, began in zip(params, _from_coordinates(u[j], beta), strict=True):
                leaf[j] = began
        elif solution.status[j] != CONVERGED:
            status.append(FitStatus.NOT_CONVERGED)
        elif abs(params.rho[j]) > 0.99 or params.nu[j] < 2e-3:
            status.append(FitStatus.AT_BOUND)
        else:
            status.append(FitStatus.OK)
    fits = []
    for place, one in enumerate(surfaces):
        mine = np.flatnonzero(owner == place)
        model = np.full(len(one), np.nan)
        for j in map(int, mine):
            kept = rows[j]
            model[kept] = (
                volatility[j, : len(kept)] + solution.residual[j, : len(kept)] / weight[j, : len(kept)]
            )
        fits.append(
            SabrFit(
                maturity[mine],
                forward[mine] - shift,
                SabrParams(*(leaf[mine] for leaf in params)),
                one,
                model,
                solution.iterations[mine],
                condition[mine],
                tuple(status[j] for j in mine),
                shift,
                form,
            )
        )
    return fits[0] if isinstance(quotes, Quotes) else fits


def _starts(
    start: SabrStart | SabrParams | None,
    beta: float,
    owner: np.ndarray,
    surfaces: int,
    forward: np.ndarray,
    strike: np.ndarray,
    volatility: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Coordinates ``(smiles, 3)``."""
    if start is None:
        distance = np.where(weight > 0, np.abs(np.log(strike / forward[:, None])), np.inf)
        level = np.take_along_axis(volatility, np.argmin(distance, axis=1)[:, None], axis=1)[:, 0]
        level = level * forward ** (1 - beta)
        return _to_coordinates(SabrParams(level, beta, np.full(len(owner), 0.8), np.full(len(owner), -0.3)))
    given = start.params if isinstance(start, SabrStart) else start
    leaves = [_aligned(leaf, surfaces)[owner] for leaf in given]
    return _to_coordinates(SabrParams(*leaves))


def _aligned(leaf: object, n: int) -> np.ndarray:
    values = np.atleast_1d(np.asarray(leaf, np.float64))
    if len(values) not in (1, n):
        raise DataError(f"{len(values)} starts or priors for {n} surface(s): give one, or one for each")
    return np.broadcast_to(values, n)
