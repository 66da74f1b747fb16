"""Scenarios of a whole universe, streamed over blocks of paths, and what a portfolio loses in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams
from riskengine.garch.common_variance import with_variance
from riskengine.market import as_weights
from riskengine.risk.measures import TailRisk, empirical_tail, tail_weights
from riskengine.risk.paths import Block, CommonVariance, Innovations, run_block
from riskengine.risk.scenario_model import ScenarioModel, mixing_table

Array = np.ndarray
Law = Literal["student-t", "filtered"]

_BLOCK_CELLS = 250_000  # paths times assets of a block: what a day works on stays in the cache
_KEPT_CELLS = 25_000_000  # paths times days times assets, where all returns are kept


@dataclass(frozen=True)
class Simulation:
    """Settings of a simulation of scenarios.

    Attributes
    ----------
    horizon : days
    paths : number of scenarios
    law : of a day's residuals: ``"student-t"`` with the model's correlation and every asset's own tails, or
        ``"filtered"``, whole days of past residuals
    uncertain : whether every path draws its parameters from their posterior
    seed : of the draws
    block : mean days of the stretches in which past days are drawn; 1 draws every day anew
    """

    horizon: int = 21
    paths: int = 10_000
    law: Law = "student-t"
    uncertain: bool = False
    seed: int = 0
    block: float = 10.0

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.paths < 1:
            raise SettingsError(f"horizon and paths are at least 1, not {self.horizon} and {self.paths}")
        if self.law not in ("student-t", "filtered"):
            raise SettingsError(f'a law is "student-t" or "filtered", not {self.law!r}')
        if not self.block >= 1:
            raise SettingsError(f"a stretch of past days is of one day at least, not {self.block}")


class Shock(NamedTuple):
    """A portfolio that is known to return ``size`` on the first day, such as a market that falls by 20%.

    Attributes
    ----------
    weights : (assets,)
    size : its return
    """

    weights: Array
    size: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcomes of a portfolio in simulated or replayed scenarios.

    Attributes
    ----------
    name : of the scenario
    assets : names
    weights : (assets,) at the start; the rest is cash
    horizon : days
    losses : (paths,) over the horizon, fractions of wealth
    drawdowns : (paths,) largest fall below the highest wealth since the start
    returns : (paths, assets) compounded over the horizon
    """

    name: str
    assets: tuple[str, ...]
    weights: Array
    horizon: int
    losses: Array
    drawdowns: Array
    returns: Array

    def tail(self, level: float = 0.99) -> TailRisk:
        """VaR and CVaR over the horizon."""
        return empirical_tail(-self.losses, level, self.horizon)

    def drivers(self, level: float = 0.99) -> Array:
        """Mean loss of each asset ``(assets,)`` in the worst ``1 - level`` of paths; they add up to CVaR."""
        tail = tail_weights(-self.losses, level)
        chosen = tail > 0
        return -(tail[chosen] @ self.returns[chosen].astype(np.float64)) * self.weights + 0.0


def simulate_blocks(
    model: ScenarioModel,
    weights: Array,
    settings: Simulation,
    shock: Shock | None = None,
    keep: bool = False,
) -> Iterator[Block]:
    """Monte Carlo simulation by blocks of paths, float32 arrays on the host, one after the other.

    Blocks are worked on by all of jax's devices at once, and no more of them are held than there are devices: the
    memory does not grow with the number of paths. A block depends on the seed and its place alone.

    Parameters
    ----------
    model : where it starts
    weights : (assets,) of a portfolio, bought at the start and held
    settings : see there
    shock : of the first day
    keep : whether to hand out all daily returns as well

    Examples
    --------
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.5), np.full(2, 0.75))
    >>> blocks = simulate_blocks(m, np.array([0.5, 0.5]), Simulation(horizon=10, paths=2000))
    >>> [block.wealth.shape for block in blocks]
    [(10, 2000)]
    """
    weights = checked_weights(weights, model)
    n = len(model.assets)
    if settings.uncertain and model.posterior is None:
        raise DataError("these parameters have no posterior to draw from: calibrate with the network")
    cells = _KEPT_CELLS // settings.horizon if keep else _BLOCK_CELLS
    size = int(np.clip(cells // n, 1, settings.paths))
    devices = jax.local_devices()
    source = jax.tree.map(lambda x: x.astype(np.float32), _source(model, settings))
    common = (
        source,
        jax.tree.map(np.float32, model.params),
        model.variance.astype(np.float32),
        weights.astype(np.float32),
        _common(model),
    )
    placed = [jax.device_put(common, device) for device in devices]
    waiting: deque[tuple[Block, int]] = deque()
    for number, start in enumerate(range(0, settings.paths, size)):
        device = devices[number % len(devices)]
        source_there, params, variance, held, together = placed[number % len(devices)]
        rng = np.random.default_rng([settings.seed, number])
        if settings.uncertain:
            params = jax.device_put(_drawn(model, size, rng), device)
        first = None
        if shock is not None:
            first = jax.device_put(conditional_day(model, shock, settings.law, size, rng), device)
        key = jax.device_put(jax.random.fold_in(jax.random.key(settings.seed), number), device)
        made = run_block(
            key, source_there, params, variance, held, first, settings.horizon, size, keep, together
        )
        waiting.append((made, min(size, settings.paths - start)))
        if len(waiting) == len(devices):
            yield _on_host(*waiting.popleft())
    while waiting:
        yield _on_host(*waiting.popleft())


def simulate(
    model: ScenarioModel,
    weights: Array,
    settings: Simulation | None = None,
    shock: Shock | None = None,
    name: str = "simulated",
    watch: Callable[[Block], None] | None = None,
) -> Outcome:
    """Monte Carlo simulation of a universe, and of a portfolio that is bought at the start and held.

    Parameters
    ----------
    model : calibrated universe, as it is or shocked
    weights : (assets,) fractions of wealth; what they leave of one is cash
    settings : how scenarios are drawn
    shock : of the first day; the other assets follow their conditional law
    name : of the scenario
    watch : called with every block, with all daily returns, to write them say

    Raises
    ------
    DataError
        If weights are not finite or not one an asset, or draws of parameters are wanted and none are known.

    Examples
    --------
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.5), np.full(2, 0.75))
    >>> outcome = simulate(m, np.array([0.5, 0.5]), Simulation(horizon=10, paths=2000))
    >>> bool(0.03 < outcome.tail(0.99).value_at_risk < 0.08), outcome.returns.shape
    (True, (2000, 2))
    """
    settings = settings or Simulation()
    weights = checked_weights(weights, model)
    losses, drawdowns, returns = [], [], []
    for block in simulate_blocks(model, weights, settings, shock, keep=watch is not None):
        if watch is not None:
            watch(block)
        wealth = np.asarray(block.wealth, dtype=np.float64)
        peak = np.maximum(np.maximum.accumulate(wealth, axis=0), 1.0)
        drawdowns.append((1 - wealth / peak).max(axis=0))
        # Summed anew: the end of float32 wealth would leave contributions that do not add up to the last digit.
        grown = np.asarray(block.growth)
        losses.append(-((grown - np.float32(1)).astype(np.float64) @ weights))
        returns.append(grown - np.float32(1))
    return Outcome(
        name,
        model.assets,
        weights,
        settings.horizon,
        np.concatenate(losses),
        np.concatenate(drawdowns),
        np.concatenate(returns),
    )


def conditional_day(
    model: ScenarioModel, shock: Shock, law: Law, paths: int, rng: np.random.Generator
) -> Array:
    """Returns of a day ``(paths, assets)`` on which a portfolio returns exactly what the shock says; float32.

    A day drawn freely is moved along the regression on the portfolio until it fits. For a Gaussian law this is the
    conditional law; for a Student-t the rest is widened as that of an elliptical law is (Ding 2016), with the degrees
    of freedom of the portfolio. A loss ends at minus one, so that a portfolio may fall short of a shock that would
    take an asset below.

    Raises
    ------
    DataError
        If the portfolio has no variance.

    Examples
    --------
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, np.inf)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.8), np.full(2, 0.36))
    >>> day = conditional_day(m, Shock(np.array([1.0, 0.0]), -0.2), "student-t", 1000, np.random.default_rng(0))
    >>> np.unique(day[:, 0]), bool(abs(day[:, 1].mean() + 0.128) < 0.001)
    (array([-0.2], dtype=float32), True)
    """
    f = checked_weights(shock.weights, model)
    pulled, variance = model.pull(f)
    if not variance > 0:
        raise DataError("a portfolio without variance cannot be shocked: give it weights on moving assets")
    deviation = np.sqrt(model.variance)
    if law == "filtered":
        z = model.residuals[rng.integers(len(model.residuals), size=paths)]
    else:
        common = rng.standard_normal((paths, model.loadings.shape[1]))
        own = rng.standard_normal((paths, len(model.assets)))
        z = common @ model.loadings.T + np.sqrt(model.specific) * own
    row = z * deviation
    rest = row - np.outer(row @ f, pulled / variance)
    if law == "student-t":
        share = f**2 * model.variance
        eta = float(share @ (1 / np.asarray(model.params.dof)) / share.sum())
        dof = 1 / max(eta, 1e-9)
        widen = (dof - 2 + shock.size**2 / variance) / (dof + 1 - 2)
        mixing = (dof + 1 - 2) / rng.chisquare(dof + 1, size=(paths, 1)) if eta > 0 else 1.0
        rest = rest * np.sqrt(widen * mixing)
    return np.maximum(rest + shock.size * pulled / variance, -1.0).astype(np.float32)


def checked_weights(weights: Array, model: ScenarioModel) -> Array:
    """Finite float64 weights, one an asset; by name if they have names."""
    return as_weights(weights, model.assets)


def _source(model: ScenarioModel, settings: Simulation) -> Innovations:
    n = len(model.assets)
    renewal = np.asarray(1 / settings.block)
    if settings.law == "filtered":
        return Innovations(model.residuals, renewal, np.zeros((n, 0)), np.zeros(n), np.zeros((0, n)))
    mixing = mixing_table(model.params.dof)
    return Innovations(np.zeros((0, n)), renewal, model.loadings, np.sqrt(model.specific), mixing)


def _common(model: ScenarioModel) -> CommonVariance | None:
    """The universe's part in float32, begun at the variances of the model, whoever has chosen them."""
    if model.common is None:
        return None
    params, state, weight = model.common.params, model.common.state, model.common.weight
    with jax.enable_x64(True):
        begun = with_variance(params, jax.tree.map(jnp.asarray, state), jnp.asarray(model.variance))
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), CommonVariance(params, begun, weight))


def _drawn(model: ScenarioModel, paths: int, rng: np.random.Generator) -> GarchParams:
    """Parameters of every path, drawn from the posterior; tomorrow's variance and the tails stay as they are."""
    assert model.posterior is not None
    drawn = model.posterior.sample(jax.random.key(int(rng.integers(2**31))), paths)
    return GarchParams(*(np.asarray(leaf, np.float32) for leaf in drawn))


def _on_host(block: Block, paths: int) -> Block:
    growth, wealth = np.asarray(block.growth)[:paths], np.asarray(block.wealth)[:, :paths]
    returns = None if block.returns is None else np.asarray(block.returns)[:, :paths]
    return Block(growth, wealth, returns)
