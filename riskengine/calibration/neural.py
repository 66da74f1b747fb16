"""The network as a calibrator: one call for a whole universe."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration.arrays import load_arrays
from riskengine.calibration.features import mean_square
from riskengine.calibration.network import Weights, initial_weights, looks
from riskengine.calibration.posterior import Posterior
from riskengine.calibration.result import Calibration, as_matrix
from riskengine.calibration.screening import complete, screen, without_constants
from riskengine.errors import DataError, SettingsError
from riskengine.garch.likelihood import log_likelihood as evaluate
from riskengine.garch.variance import backcast

PRETRAINED = Path(__file__).parent / "pretrained"
WEIGHTS, CARD = "weights.npz", "card.json"


@jax.jit
def _believe(
    stages: list[Weights],
    returns: jax.Array,
    usable: jax.Array,
    prior_mean: jax.Array,
    prior_spread: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Posterior mean and precision factor, and the presample variance; for series of about unit mean square.

    Series that are not usable are replaced by a harmless one; their answers mean nothing.
    """
    harmless = jnp.where(jnp.arange(len(returns)) % 2, 1.0, -1.0).astype(returns.dtype)
    returns = jnp.where(usable, returns, harmless[:, None])
    scale = mean_square(returns)
    returns = returns / jnp.sqrt(scale)
    presample = backcast(returns)
    _, belief = looks(stages, returns, presample, prior_mean, prior_spread)
    return belief.mean.at[:, 0].add(jnp.log(scale)), belief.precision_factor, presample * scale


_evaluate = jax.jit(evaluate)


def _bucket(size: int) -> int:
    """The next of 16, 20, 24, 28, 32, 40, ...: four sizes an octave, so that few shapes are ever compiled."""
    step = max(4, 2 ** (max(size - 1, 1).bit_length() - 3))
    return max(16, -(-size // step) * step)


@dataclass(frozen=True, eq=False)
class NeuralCalibrator:
    """Amortised posterior means of GJR-GARCH(1,1) parameters by a network trained on simulated paths.

    The network is written for one series and applied to all assets of a universe at once. It sees scores
    and information of the likelihood at a few parameters, guesses, looks again at its guess, and corrects
    itself twice (learned Newton steps). It cannot fail to converge.

    Attributes
    ----------
    stages : weights of each stage
    prior_mean, prior_spread : (5,) moments of the training prior in unconstrained coordinates
    mean : ``"zero"``, or ``"sample"`` to take out each asset's mean return first
    card : what is known of the weights: prior, seed, metrics, sha256

    Examples
    --------
    >>> calibrate = NeuralCalibrator.pretrained()
    >>> returns = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> fit = calibrate(returns)
    >>> fit.params.beta.shape, [str(status) for status in fit.status]
    ((3,), ['ok', 'ok', 'ok'])
    """

    stages: list[Weights]
    prior_mean: np.ndarray
    prior_spread: np.ndarray
    mean: Literal["zero", "sample"] = "zero"
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mean not in ("zero", "sample"):
            raise SettingsError(f'mean is "zero" or "sample", not {self.mean!r}')

    @classmethod
    def pretrained(
        cls, folder: Path | str | None = None, mean: Literal["zero", "sample"] = "zero"
    ) -> NeuralCalibrator:
        """Load the shipped weights, or those that ``riskengine pretrain --out FOLDER`` made.

        Raises
        ------
        DataError
            If the files are missing, damaged or of another network.
        """
        folder = PRETRAINED if folder is None else Path(folder)
        try:
            card = json.loads((folder / CARD).read_text())
        except FileNotFoundError as error:
            raise DataError(f"no weights in {folder}: make them with `riskengine pretrain`") from error
        except json.JSONDecodeError as error:
            raise DataError(
                f"{folder / CARD} is damaged ({error}): make it with `riskengine pretrain`"
            ) from error
        prior_mean, prior_spread = (np.asarray(card[name]) for name in ("prior_mean", "prior_spread"))
        blank = jax.ShapeDtypeStruct((4, 2), jnp.float32)
        key = jax.eval_shape(lambda: jax.random.key(0))
        moments = [jax.ShapeDtypeStruct((5,), jnp.float32)] * 2
        like = jax.eval_shape(initial_weights, key, blank, *moments)
        stages = load_arrays(folder / WEIGHTS, like)
        return cls(stages, prior_mean, prior_spread, mean, card)

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns, an array or a DataFrame; NaN means no observation.

        Any length and any gaps. An asset with fewer than 60 observations, without any or with a constant
        price is flagged and falls back (:func:`riskengine.calibration.screening.complete`).
        """
        matrix, assets = as_matrix(returns)
        observations = np.sum(~np.isnan(matrix), axis=0)
        scale, status = screen(matrix)
        usable = np.array([not s.fell_back for s in status])
        mean = np.zeros(len(assets))
        if self.mean == "sample":
            total = np.nansum(matrix, axis=0)
            mean = np.where(usable, total / np.maximum(observations, 1), 0.0)
        data = self._padded((without_constants(matrix, status) - mean) / scale)
        known = np.zeros(data.shape[1], bool)
        known[: len(assets)] = usable
        arrays = (jnp.asarray(self.prior_mean, jnp.float32), jnp.asarray(self.prior_spread, jnp.float32))
        found = _believe(self.stages, data, jnp.asarray(known), *arrays)
        u, factor, before = (np.asarray(leaf, dtype=np.float64)[: len(assets)] for leaf in found)
        whitener = np.linalg.inv(factor)
        covariance = whitener.transpose(0, 2, 1) @ whitener
        u[:, 0] += 2 * np.log(scale)
        u, cholesky = complete(u, np.linalg.cholesky(covariance), scale, observations, status)
        posterior = Posterior(u, cholesky)
        params = posterior.mean_params()
        before = np.where(usable, before * scale**2, params.long_run_variance)
        spare = (0, data.shape[1] - len(assets))
        params32, before32 = jax.tree.map(
            lambda leaf: jnp.asarray(np.pad(leaf, spare, mode="edge"), jnp.float32),
            (params.scaled(1 / scale), before / scale**2),
        )
        found = _evaluate(params32, data, before32)
        total, tomorrow = (np.asarray(leaf, dtype=np.float64)[: len(assets)] for leaf in found)
        return Calibration(
            assets=assets,
            params=params,
            posterior=posterior,
            log_likelihood=total - observations * np.log(scale),
            status=status,
            mean=mean,
            next_variance=tomorrow * scale**2,
            presample=before,
            observations=observations,
        )

    @staticmethod
    def _padded(scaled: np.ndarray) -> jax.Array:
        """Float32 data in a bucketed shape: missing days in front, which the filter waits through."""
        days, assets = scaled.shape
        data = np.full((_bucket(days), _bucket(assets)), np.nan, np.float32)
        data[-days:, :assets] = scaled
        return jnp.asarray(data)
