"""Least squares of SABR in implied volatilities: all smiles in one program, further starts where one is doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.least_squares import CONVERGED, LeastSquaresResult, levenberg_marquardt
from riskengine.options.quotes import Quotes
from riskengine.options.sabr import SabrParams, black_volatility, normal_volatility
from riskengine.options.sabr_starts import from_coordinates, further_starts
from riskengine.options.surface import rounded, weights_of

POOR = 0.03
"""Error over the quoted volatility from which on further starts are tried."""


class Smiles(NamedTuple):
    """Usable quotes of every maturity of every surface, shifted; padded with quotes of no weight.

    Attributes
    ----------
    owner : (smiles,) position of the surface
    maturity, forward : (smiles,)
    strike, volatility, weight : (smiles, strikes)
    rows : positions in the surface's quotes
    beta, shift : of all
    normal : whether volatilities are Bachelier's
    """

    owner: np.ndarray
    maturity: np.ndarray
    forward: np.ndarray
    strike: np.ndarray
    volatility: np.ndarray
    weight: np.ndarray
    rows: list[np.ndarray]
    beta: float
    shift: float
    normal: bool

    def strikes(self, j: int) -> np.ndarray:
        """Of smile ``j``, shifted, without the padding."""
        return self.strike[j, : len(self.rows[j])]


class SabrSolution(NamedTuple):
    """Of all smiles, along the first axis of each leaf."""

    params: SabrParams
    u: np.ndarray
    cost: np.ndarray
    jacobian: np.ndarray
    iterations: np.ndarray
    status: np.ndarray


def smiles_of(surfaces: Sequence[Quotes], shift: float | None, weights: str, beta: float) -> Smiles:
    """Shapes are rounded up, so that few programs are compiled.

    Raises
    ------
    DataError
        If no quote is usable, surfaces differ in what their volatilities are of, or a shifted level is not positive.
    """
    forms = {one.form for one in surfaces}
    if len(forms) > 1:
        raise DataError("surfaces of different shifts or kinds of volatility are calibrated apart")
    normal = surfaces[0].form.normal
    shift = surfaces[0].form.shift if shift is None else shift
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
    if (forward <= 0).any() or (strike <= 0).any():
        if not normal:
            raise DataError("a shifted forward or strike is not positive: raise the shift")
        if beta > 0:
            raise DataError(
                "forwards or strikes are not positive: normal volatilities of them take beta = 0, or a shift"
            )
    owner, maturity = np.array([k for k, _ in found]), np.array([t for _, t in found])
    return Smiles(owner, maturity, forward, strike, volatility, weight, rows, beta, shift, normal)


def model_volatility(params: SabrParams, smiles: Smiles, j: int, form: str) -> np.ndarray:
    """The model at the quotes of one smile."""
    with jax.enable_x64(True):
        return np.asarray(
            _volatility(params, smiles.forward[j], smiles.strikes(j), smiles.maturity[j], form), np.float64
        )


def solved(
    smiles: Smiles, u: np.ndarray, centre: np.ndarray, pull: np.ndarray, form: str, most: int
) -> SabrSolution:
    """Solutions of all smiles, which are filled up to a rounded number for the solver."""
    n = len(u)
    tasks = _Task(
        np.full(n, smiles.beta), smiles.forward, smiles.maturity, u, centre, pull,
        smiles.strike, smiles.volatility, smiles.weight,
    )  # fmt: skip
    with jax.enable_x64(True):
        full = _Task(*(np.resize(leaf, (rounded(n, 8), *leaf.shape[1:])) for leaf in tasks))
        found = LeastSquaresResult(*(np.array(leaf)[:n] for leaf in _solve(full, form, most)))
        params = jax.vmap(from_coordinates)(found.u, tasks.beta)
    cost = np.sum(found.residual**2, axis=1)
    return SabrSolution(
        SabrParams(*(np.array(leaf) for leaf in params)), found.u, cost, found.jacobian, found.iterations, found.status
    )  # fmt: skip


def improved(
    first: SabrSolution, smiles: Smiles, centre: np.ndarray, pull: np.ndarray, form: str, most: int
) -> SabrSolution:
    """With what fits better from further starts, of smiles that did not converge, are poor or end at an edge."""
    squares = np.array([np.mean(first_error(first, smiles, j)) for j in range(len(first.u))])
    doubtful = (first.status != CONVERGED) | (squares > POOR) | (np.abs(first.params.rho) > 0.99)
    which = np.flatnonzero(doubtful | (first.params.nu > 10))
    if not len(which):
        return first
    leaves = ("owner", "maturity", "forward", "strike", "volatility", "weight")
    part = smiles._replace(
        **{name: getattr(smiles, name)[which] for name in leaves}, rows=[smiles.rows[j] for j in which]
    )
    for start in further_starts(first.u[which]):
        start[:, 0] = _level(part, form)
        other = solved(part, start, centre[which], pull[which], form, most)
        for place, j in enumerate(which):
            first.iterations[j] += other.iterations[place]
            better = other.cost[place] < first.cost[j] * (1 - 1e-6)
            done = other.status[place] == CONVERGED and first.status[j] != CONVERGED
            if np.isfinite(other.cost[place]) and (
                better or (done and other.cost[place] <= first.cost[j] * (1 + 1e-6))
            ):
                for leaf, new in zip(first.params, other.params, strict=True):
                    leaf[j] = new[place]
                for name in ("u", "cost", "jacobian", "status"):
                    getattr(first, name)[j] = getattr(other, name)[place]
    return first


def first_error(found: SabrSolution, smiles: Smiles, j: int) -> np.ndarray:
    """Root mean square of the weighted residuals of a smile, over the quoted volatility."""
    seen = smiles.weight[j] > 0
    scale = np.mean((smiles.weight[j] * smiles.volatility[j])[seen] ** 2) * seen.sum()
    return np.sqrt(found.cost[j] / np.maximum(scale, 1e-300))


def _level(smiles: Smiles, form: str) -> np.ndarray:
    """Logarithm of ``alpha`` that has the level nearest the money."""
    away = np.where(smiles.weight > 0, np.abs(smiles.strike - smiles.forward[:, None]), np.inf)
    level = np.take_along_axis(smiles.volatility, np.argmin(away, axis=1)[:, None], axis=1)[:, 0]
    if form == "normal":
        return np.log(level) - (smiles.beta * np.log(smiles.forward) if smiles.beta > 0 else 0.0)
    return np.log(level) + (1 - smiles.beta) * np.log(smiles.forward)


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


def _volatility(p: SabrParams, f: Any, k: Any, t: Any, form: str) -> Array:
    if form == "normal":
        return normal_volatility(p, jnp.asarray(f), jnp.asarray(k), t)
    return black_volatility(p, jnp.asarray(f), jnp.asarray(k), t, form)


def _residuals(u: Array, task: _Task, form: str) -> Array:
    p = from_coordinates(u, task.beta)
    model = _volatility(p, task.forward, task.strike, task.maturity, form)
    seen = task.weight > 0
    misses = jnp.where(seen, task.weight * (jnp.where(seen, model, 0.0) - task.volatility), 0.0)
    return jnp.concatenate([misses, task.pull * (u - task.centre)])


@partial(jax.jit, static_argnames="form")
def _solve(tasks: _Task, form: str, most: Any) -> LeastSquaresResult:
    def one(task: _Task) -> LeastSquaresResult:
        def evaluate(u: Array) -> tuple[Array, Array]:
            both = jax.jacfwd(lambda u: (_residuals(u, task, form),) * 2, has_aux=True)(u)
            return both[1], both[0]

        return levenberg_marquardt(evaluate, task.start, len(task.strike) + 3, most)

    return jax.vmap(one)(tasks)
