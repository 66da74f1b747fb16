"""The network as a calibrator: one call for a whole universe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration.by_width import ByWidth
from riskengine.calibration.dated import Dated
from riskengine.calibration.forward import NetworkOutput, answers
from riskengine.calibration.importance import exact_moments
from riskengine.calibration.maximum_likelihood import MaximumLikelihood
from riskengine.calibration.padding import bucket, period
from riskengine.calibration.pooling import pool
from riskengine.calibration.posterior import Posterior
from riskengine.calibration.pretrained_weights import PRETRAINED, WIDTH_DAYS, Trained, load
from riskengine.calibration.prior import TrainingPrior
from riskengine.calibration.result import Calibration, Status
from riskengine.calibration.status import complete, judge, marked, without_impossible
from riskengine.errors import DataError, SettingsError
from riskengine.garch import log_likelihood

Refinement = Literal["none", "likelihood", "posterior"]
_evaluate = ByWidth(log_likelihood)


_INSTEAD = "maximum likelihood in place of the network"


def takeover(periods_per_year: float) -> str:
    """What a person is told where the network was not trained for the frequency of the returns."""
    return f"returns of {periods_per_year:.4g} periods a year: {_INSTEAD}, which was trained on daily ones"


def takes_over(note: str) -> bool:
    """Whether a note of a calibration says that maximum likelihood took the place of the network.

    Examples
    --------
    >>> takes_over(takeover(52)), takes_over("AAPL: 3 outliers")
    (True, False)
    """
    return _INSTEAD in note


@dataclass(frozen=True, eq=False)
class NeuralCalibrator:
    """Amortised posterior of GJR-GARCH(1,1) parameters by a network trained on simulated paths.

    Neural posterior estimation (Papamakarios and Murray 2016): the point estimates are posterior means under the
    training prior. Any length from 60 days on, any gaps.

    Attributes
    ----------
    trained : arrays of the network
    mean : ``"zero"``, or ``"sample"`` to take out each asset's mean return first
    robust : whether the network is the robust one: trained on contaminated series, its filter bounds the
        news of a day by the probability that it is no outlier
    pooled : shrink every asset towards the universe by empirical Bayes
        (:func:`riskengine.calibration.pooling.pool`)
    refine : ``"likelihood"`` climbs from the network's mean to the maximum of the likelihood;
        ``"posterior"`` replaces the Gaussian by the moments of the exact posterior
        (:mod:`riskengine.calibration.importance`)
    backup : calibrator for series unlike anything in the training, before the universe's median
    card : what is known of the weights: prior, seed, metrics, sha256

    Examples
    --------
    >>> calibrate = NeuralCalibrator.pretrained()
    >>> returns = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> fit = calibrate(returns)
    >>> fit.params.beta.shape, [str(status) for status in fit.status]
    ((3,), ['ok', 'ok', 'ok'])
    """

    trained: Trained
    mean: Literal["zero", "sample"] = "zero"
    robust: bool = False
    pooled: bool = False
    refine: Refinement = "none"
    backup: NeuralCalibrator | None = None
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mean not in ("zero", "sample"):
            raise SettingsError(f'mean is "zero" or "sample", not {self.mean!r}')
        if self.refine not in ("none", "likelihood", "posterior"):
            raise SettingsError(f'refine is "none", "likelihood" or "posterior", not {self.refine!r}')
        if self.refine != "none" and (self.robust or self.pooled):
            raise SettingsError(
                f'refine="{self.refine}" goes by the likelihood of the model alone: '
                "leave robust and pooled away, or refine"
            )

    @classmethod
    def pretrained(
        cls,
        folder: Path | str | None = None,
        mean: Literal["zero", "sample"] = "zero",
        robust: bool = False,
        pooled: bool = False,
        refine: Refinement = "none",
    ) -> NeuralCalibrator:
        """Load the shipped weights, or those that ``riskengine pretrain --out FOLDER`` made.

        Parameters
        ----------
        folder : holds ``plain`` and ``robust``, each with weights and card
        mean, robust, pooled, refine : see the attributes

        Raises
        ------
        DataError
            If the files are missing, damaged or of another network.
        """
        folder = PRETRAINED if folder is None else Path(folder)
        hard, hard_card = load(folder / "robust")
        backup = cls(hard, mean, robust=True, card=hard_card)
        if robust:
            return replace(backup, pooled=pooled, refine=refine)
        soft, card = load(folder / "plain")
        return cls(soft, mean, False, pooled, refine, backup, card)

    def __call__(self, returns: Any, groups: Sequence[Any] | None = None) -> Calibration:
        """Calibrate ``(time, assets)`` returns, an array or a DataFrame; NaN means no observation.

        Assets that fall back do so in this order. Fewer than 60 observations, none at all or a constant
        price: shape of the universe, own level if there is one
        (:func:`riskengine.calibration.status.complete`); a pooled calibration takes the universe's prior.
        Unlike anything in the training, or with many zero returns: the robust network, and if it is unlike that as
        well, the universe. Impossible returns, of a price ten times its neighbours say, count as missing
        (:func:`riskengine.calibration.status.without_impossible`), and their asset as an outlier.

        Parameters
        ----------
        returns : simple daily returns. A DataFrame with dates says how often they come: where the training does not
            hold for that, maximum likelihood takes over, and a note says so
        groups : a label an asset, such as its sector; a pooled calibration then shrinks towards its group
        """
        table = Dated.read(returns)
        other = self.for_frequency(table.frequency.periods_per_year)
        if other is not self:
            assert isinstance(other, MaximumLikelihood)
            fit = other.calibrate(table.matrix, table.assets)
            return table.told(replace(fit, notes=(takeover(table.frequency.periods_per_year),)))
        return table.told(self.calibrate(table.matrix, table.assets, groups))

    @property
    def periods_per_year(self) -> tuple[float, float]:
        """Frequencies of returns for which the training holds; see :class:`~.prior.TrainingPrior`."""
        prior = self.card.get("training", {}).get("prior", {})
        return TrainingPrior.from_json(prior).periods_per_year

    def for_frequency(self, periods_per_year: float) -> NeuralCalibrator | MaximumLikelihood:
        """This calibrator if its training holds for such returns, else maximum likelihood, which needs none.

        Examples
        --------
        >>> calibrate = NeuralCalibrator.pretrained()
        >>> calibrate.for_frequency(365.0) is calibrate, type(calibrate.for_frequency(52.0)).__name__
        (True, 'MaximumLikelihood')
        """
        lowest, highest = self.periods_per_year
        if lowest <= periods_per_year <= highest:
            return self
        return MaximumLikelihood(mean="constant" if self.mean == "sample" else "zero")

    def calibrate(
        self, matrix: np.ndarray, assets: tuple[str, ...], groups: Sequence[Any] | None = None
    ) -> Calibration:
        """What a call does once the input is a checked float matrix ``(time, assets)`` with names."""
        centre = np.zeros(len(assets))
        if self.mean == "sample":
            observed = ~np.isnan(matrix)
            centre = np.where(observed, matrix, 0).sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
            matrix = matrix - centre
        if groups is not None and len(groups) != len(assets):
            raise DataError(f"{len(groups)} group labels for {len(assets)} assets: give one an asset")
        given, matrix = matrix, without_impossible(matrix)
        found = answers(self.trained, matrix, self.robust)
        # For the backup if there is one, whose filter bounds news.
        mark = Status.OUTLIER if self.backup is None else Status.UNFAMILIAR
        status = marked(judge(found, matrix), given, matrix, mark)
        fit = self._plain(found, assets, status, centre)
        if self.backup is not None:
            fit = self._with_backup(fit, matrix)
        if self.pooled:
            scale = np.where(found.varies > 0, found.scale, np.nan)
            prior = (np.asarray(self.trained.prior_mean), np.asarray(self.trained.prior_spread))
            fit = self._refilter(replace(fit, posterior=pool(fit, *prior, scale, groups)), matrix)
        elif any(s.fell_back for s in fit.status):
            scale = np.where(found.varies > 0, found.scale, 1.0)
            completed = complete(
                fit.posterior.mean, fit.posterior.cholesky, scale, fit.observations, fit.status
            )
            stray = np.array([s.fell_back for s in fit.status])
            width = fit.posterior.with_width().width
            assert width is not None
            width = np.where(stray[:, None], 1.0, width)
            fit = self._refilter(replace(fit, posterior=Posterior(*completed, width)), matrix, stray)
        if self.refine == "likelihood":
            return MaximumLikelihood().climb(matrix, fit)
        if self.refine == "posterior":
            return self._exact(fit, matrix)
        return fit

    def _plain(
        self, found: NetworkOutput, assets: tuple[str, ...], status: tuple[Status, ...], centre: np.ndarray
    ) -> Calibration:
        """The network's own answers in the returns' scale."""
        square, usable = found.scale**2, np.array([not s.fell_back for s in status])
        whitener = np.linalg.inv(found.precision_factor)
        knots = np.log(WIDTH_DAYS)
        days = np.log(np.maximum(found.observations, 1))
        width = np.stack([np.interp(days, knots, factor) for factor in np.asarray(self.trained.widths).T], -1)
        u = found.mean + np.where(np.arange(5) == 0, np.log(square)[:, None], 0)
        return Calibration(
            assets=assets,
            params=found.params.scaled(found.scale),
            posterior=Posterior(u, np.linalg.cholesky(whitener.transpose(0, 2, 1) @ whitener), width[:, :5]),
            log_likelihood=found.log_likelihood - found.observations * np.log(found.scale),
            status=status,
            mean=np.where(usable, centre, 0.0),
            next_variance=found.next_variance * square,
            presample=found.presample * square,
            observations=found.observations.astype(int),
            log_variance_spread=found.log_variance_spread * width[:, 5],
            strangeness=found.strangeness,
            contamination=found.contamination if self.robust else None,
        )

    def _with_backup(self, fit: Calibration, matrix: np.ndarray) -> Calibration:
        """Let the backup calibrate what looks like nothing in the training."""
        assert self.backup is not None
        strange = np.flatnonzero([s in (Status.UNFAMILIAR, Status.STALE) for s in fit.status])
        if not len(strange):
            return fit
        other = replace(self.backup, mean="zero")._plain_fit(matrix[:, strange])
        found = tuple(Status.ROBUST if not s.fell_back else s for s in other.status)
        fit = replace(fit, contamination=np.zeros(len(fit.assets)))
        return fit.merged(strange, replace(other, status=found))

    def _plain_fit(self, matrix: np.ndarray) -> Calibration:
        found = answers(self.trained, matrix, self.robust)
        names = tuple(map(str, range(matrix.shape[1])))
        return self._plain(found, names, judge(found, matrix), np.zeros(matrix.shape[1]))

    def _refilter(
        self, fit: Calibration, matrix: np.ndarray, chosen: np.ndarray | None = None
    ) -> Calibration:
        """Parameters, likelihood and tomorrow's variance from a changed posterior, for the chosen assets."""
        index = np.arange(len(fit.assets)) if chosen is None else np.flatnonzero(chosen)
        part = fit.take(index)
        params = part.posterior.mean_params()
        scale = np.sqrt(params.long_run_variance)
        lost = np.array([s.fell_back for s in part.status])
        silent = np.array([s in (Status.CONSTANT, Status.NO_DATA) for s in part.status])
        before = np.where(lost, params.long_run_variance, part.presample)
        rows = np.where(silent, np.nan, matrix[:, index])  # a constant price is no observation of calm
        days, width = period(*rows.shape), bucket(len(index))
        data = np.full((days, width), np.nan, np.float32)
        data[-len(rows) :, : len(index)] = rows / scale
        spare = (0, width - len(index))
        bounded = part.contamination is not None
        inputs = jax.tree.map(
            lambda leaf: jnp.asarray(np.pad(leaf, spare, mode="edge"), jnp.float32),
            (
                params.scaled(1 / scale),
                before / scale**2,
                before if part.contamination is None else part.contamination,
            ),
        )
        total, tomorrow = (
            np.asarray(leaf, dtype=np.float64)[: len(index)]
            for leaf in _evaluate.of(width)(
                inputs[0], jnp.asarray(data), inputs[1], inputs[2] if bounded else None
            )
        )
        return fit.merged(
            index,
            replace(
                part,
                params=params,
                log_likelihood=total - part.observations * np.log(scale),
                next_variance=tomorrow * scale**2,
                presample=before,
            ),
        )

    def _exact(self, fit: Calibration, matrix: np.ndarray) -> Calibration:
        """Moments of the exact posterior for every asset that was calibrated."""
        chosen = np.flatnonzero([not s.fell_back for s in fit.status])
        if not len(chosen):
            return fit
        prior = TrainingPrior.from_json(self.card["training"]["prior"])
        part = fit.take(chosen)
        posterior, params, log_variance, spread, size = exact_moments(
            part.posterior, matrix[:, chosen], part.presample, prior
        )
        part = replace(
            part,
            params=params,
            posterior=posterior,
            next_variance=np.exp(log_variance + spread**2 / 2),
            log_variance_spread=spread,
            effective_sample_size=size,
        )
        blank = np.full(len(fit.assets), np.nan)
        return replace(fit, effective_sample_size=blank).merged(chosen, part)
