"""Paths of a universe by blocks, each by its place alone: whoever simulates it, and however many there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import jax
import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams
from riskengine.market import as_weights
from riskengine.risk.paths import Block, CommonVariance, Innovations, run_block
from riskengine.risk.scenario_model import ScenarioModel, mixing_table

Array = np.ndarray
Law = Literal["student-t", "filtered"]

_BLOCK_CELLS = 250_000  # paths times assets of a block: what a day works on stays in the cache
_PART_BLOCKS = 64  # blocks of a call in another process: seconds of work beside a few megabytes that are sent


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


class Beside(Protocol):
    """What a portfolio holds beside its assets and that moves with them: options.

    Attributes
    ----------
    names : of its lines
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Of its lines."""

    def gains(self, growth: Array) -> Array:
        """Since the start, fractions of wealth ``(days, paths, lines)``, of ``growth`` one plus the compounded returns.

        Parameters
        ----------
        growth : (days, paths, assets)
        """


class PathValues(NamedTuple):
    """What a portfolio is worth on some paths.

    Attributes
    ----------
    losses : (paths,) over the horizon, fractions of wealth
    drawdowns : (paths,) largest fall below the highest wealth since the start
    returns : (paths, assets) compounded over the horizon, lines beside the assets last; None where they are not kept
    """

    losses: Array
    drawdowns: Array
    returns: Array | None


@dataclass(frozen=True, eq=False)
class PathBlocks:
    """Monte Carlo simulation of a universe and a portfolio, a block of paths at a time.

    A block depends on the seed and its place alone. So any part of the simulation can be made anywhere, and again.

    Attributes
    ----------
    model : where it starts
    weights : (assets,) of a portfolio, bought at the start and held
    settings : how scenarios are drawn
    shock : of the first day
    beside : what is held beside the assets
    cells : paths times assets of a block, on which the draws depend

    Raises
    ------
    DataError
        If draws of parameters are wanted and none are known.
    """

    model: ScenarioModel
    weights: Array
    settings: Simulation
    shock: Shock | None = None
    beside: Beside | None = None
    cells: int = field(default_factory=lambda: _BLOCK_CELLS)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", checked_weights(self.weights, self.model))
        if self.settings.uncertain and self.model.posterior is None:
            raise DataError("these parameters have no posterior to draw from: calibrate with the network")

    @cached_property
    def size(self) -> int:
        """Paths of a block, the last one's too."""
        return int(np.clip(self.cells // len(self.model.assets), 1, self.settings.paths))

    @property
    def parts(self) -> list[range]:
        """The blocks in lots that are worth a call in another process, the same whoever makes them."""
        count = -(-self.settings.paths // self.size)
        return [range(k, min(k + _PART_BLOCKS, count)) for k in range(0, count, _PART_BLOCKS)]

    def paths_of(self, part: range) -> slice:
        """Which paths a part has."""
        return slice(part.start * self.size, min(part.stop * self.size, self.settings.paths))

    def light(self) -> PathBlocks:
        """Without what the blocks do not need, to be sent to another process."""
        needed = replace(self.model, notes=())
        if self.settings.law == "student-t":
            needed = replace(needed, residuals=np.zeros((0, len(self.model.assets))))
        if not self.settings.uncertain:
            needed = replace(needed, posterior=None)
        return replace(self, model=needed)

    def blocks(self, numbers: Iterable[int] | None = None, keep: bool = False) -> Iterator[Block]:
        """Float32 arrays on the host, one block after the other.

        Blocks are worked on by all of jax's devices at once, and no more of them are held than there are devices.

        Parameters
        ----------
        numbers : of the blocks; all if not given
        keep : whether to hand out all daily returns as well
        """
        model, settings, size = self.model, self.settings, self.size
        devices = jax.local_devices()
        common = (
            jax.tree.map(lambda x: x.astype(np.float32), _source(model, settings)),
            jax.tree.map(np.float32, model.params),
            model.variance.astype(np.float32),
            self.weights.astype(np.float32),
            _common(model),
        )
        placed = [jax.device_put(common, device) for device in devices]
        waiting: deque[tuple[Block, int]] = deque()
        numbers = range(-(-settings.paths // size)) if numbers is None else numbers
        for turn, number in enumerate(numbers):
            device = devices[turn % len(devices)]
            source_there, params, variance, held, together = placed[turn % len(devices)]
            rng = np.random.default_rng([settings.seed, number])
            if settings.uncertain:
                params = jax.device_put(_drawn(model, size, rng), device)
            first = None
            if self.shock is not None:
                first = jax.device_put(conditional_day(model, self.shock, settings.law, size, rng), device)
            key = jax.device_put(jax.random.fold_in(jax.random.key(settings.seed), number), device)
            made = run_block(
                key, source_there, params, variance, held, first, settings.horizon, size, keep, together
            )
            waiting.append((made, min(size, settings.paths - number * size)))
            if len(waiting) == len(devices):
                yield _on_host(*waiting.popleft())
        while waiting:
            yield _on_host(*waiting.popleft())

    def value(self, block: Block, returns: bool = True) -> PathValues:
        """What the portfolio is worth on the paths of a block; with what is beside, of one with all daily returns."""
        wealth = np.asarray(block.wealth, dtype=np.float64)
        grown = np.asarray(block.growth) - np.float32(1)
        # Summed anew: the end of float32 wealth would leave contributions that do not add up to the last digit.
        losses = -(grown.astype(np.float64) @ self.weights)
        ends = [grown] if returns else []
        if self.beside is not None:
            daily = np.asarray(block.returns, dtype=np.float64)
            gains = self.beside.gains(np.cumprod(np.maximum(1 + daily, 0), axis=0))
            wealth, losses = wealth + gains.sum(axis=-1), losses - gains[-1].sum(axis=-1)
            ends += [gains[-1]] if returns else []
        peak = np.maximum(np.maximum.accumulate(wealth, axis=0), 1.0)
        return PathValues(losses, (1 - wealth / peak).max(axis=0), np.hstack(ends) if returns else None)

    def values(self, part: range, returns: bool) -> PathValues:
        """What the portfolio is worth on the paths of a part, with their returns if they are wanted."""
        kept = self.beside is not None
        found = [self.value(block, returns) for block in self.blocks(part, kept)]
        return joined_values(found)

    def tail_returns(self, part: range, tail: Array) -> Array:
        """Sums of the returns of assets, and of lines beside them, over the paths of a part, by their shares of a tail.

        Blocks without any path of the tail are not simulated again.

        Parameters
        ----------
        part : of blocks
        tail : (paths,) of all paths
        """
        shares = [tail[self.paths_of(range(number, number + 1))] for number in part]
        hit = [(number, share) for number, share in zip(part, shares, strict=True) if share.any()]
        lines = 0 if self.beside is None else len(self.beside.names)
        total = np.zeros(len(self.weights) + lines)
        for block, (_, share) in zip(
            self.blocks([number for number, _ in hit], self.beside is not None), hit, strict=True
        ):
            ends = self.value(block).returns
            assert ends is not None
            chosen = share > 0
            total += share[chosen] @ ends[chosen].astype(np.float64)
        return total


def joined_values(parts: Iterable[PathValues]) -> PathValues:
    """Paths one after the other."""
    losses, drawdowns, returns = zip(*parts, strict=True)
    kept = returns[0] is not None
    return PathValues(
        np.concatenate(losses), np.concatenate(drawdowns), np.concatenate(returns) if kept else None
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
    """The universe's part in float32, begun at the variances of the model."""
    begun = model.common_today()
    if begun is None:
        return None
    leaves = CommonVariance(begun.params, begun.state, begun.weight)
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), leaves)


def _drawn(model: ScenarioModel, paths: int, rng: np.random.Generator) -> GarchParams:
    """Parameters of every path, drawn from the posterior; tomorrow's variance and the tails stay as they are."""
    assert model.posterior is not None
    drawn = model.posterior.sample(jax.random.key(int(rng.integers(2**31))), paths)
    return GarchParams(*(np.asarray(leaf, np.float32) for leaf in drawn))


def _on_host(block: Block, paths: int) -> Block:
    growth, wealth = np.asarray(block.growth)[:paths], np.asarray(block.wealth)[:, :paths]
    returns = None if block.returns is None else np.asarray(block.returns)[:, :paths]
    return Block(growth, wealth, returns)
