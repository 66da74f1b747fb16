"""The ``arch`` package behind the calibrators' contract: the reference that users know. One asset at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from riskengine.calibration.dated import Dated
from riskengine.calibration.padding import lengthened, widened
from riskengine.calibration.posterior import Posterior
from riskengine.calibration.result import Calibration, Status
from riskengine.calibration.status import DEFAULT_SPREAD, complete, screen, without_constants
from riskengine.garch import (
    GarchParams,
    backcast,
    from_unconstrained,
    likelihood,
    log_likelihood,
    to_unconstrained,
)

_EDGE = 1e-8
_backcast, _evaluate, _likelihood = jax.jit(backcast), jax.jit(log_likelihood), jax.jit(likelihood)
_to_unconstrained, _from_unconstrained = jax.jit(to_unconstrained), jax.jit(from_unconstrained)


@dataclass(frozen=True)
class ArchReference:
    """GJR-GARCH(1,1) with Student-t innovations by ``arch``, with its default optimiser and backcast.

    ``arch`` takes no gaps: missing days are left out, as its users do. Parameters on an edge of the
    parameter space are moved inside by 1e-8, so that the long-run variance stays finite.

    Attributes
    ----------
    mean : ``"zero"`` or ``"constant"``

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fit = ArchReference()(0.01 * rng.standard_normal((500, 1)))
    >>> bool(fit.params.persistence[0] < 1)
    True
    """

    mean: Literal["zero", "constant"] = "zero"

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns, an array or a DataFrame; NaN means no observation."""
        table = Dated.read(returns)
        matrix, assets = table.matrix, table.assets
        scale, known = screen(matrix)
        params = np.full((len(assets), 5), np.nan)
        mean = np.zeros(len(assets))
        status = list(known)
        for asset, name in enumerate(known):
            if name.fell_back:
                continue
            column = matrix[~np.isnan(matrix[:, asset]), asset]
            estimate, converged = self._fit(column / scale[asset])
            if estimate is None:
                status[asset] = Status.FAILED
                continue
            mean[asset] = estimate[0] * scale[asset]
            params[asset] = estimate[1:]
            if not converged:
                status[asset] = Status.NOT_CONVERGED
        return table.told(self._collect(matrix, assets, params, mean, tuple(status), scale))

    def _fit(self, column: np.ndarray) -> tuple[np.ndarray | None, bool]:
        """Mean, omega, alpha, gamma, beta, dof of one series of unit mean square; none if ``arch`` gives up."""
        from arch import arch_model

        model = arch_model(
            10 * column, mean=self.mean.capitalize(), vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False
        )
        try:
            found = model.fit(disp="off", show_warning=False)
        except (ValueError, np.linalg.LinAlgError):
            return None, False
        values = np.array(found.params, dtype=np.float64)
        if self.mean == "zero":
            values = np.concatenate([[0.0], values])
        values[0] /= 10
        values[1] /= 100
        if not np.isfinite(values).all():
            return None, False
        return values, found.convergence_flag == 0

    def _collect(
        self,
        matrix: np.ndarray,
        assets: tuple[str, ...],
        params: np.ndarray,
        mean: np.ndarray,
        status: tuple[Status, ...],
        scale: np.ndarray,
    ) -> Calibration:
        matrix = lengthened(matrix)
        usable = np.array([not s.fell_back for s in status])
        omega, alpha, gamma, beta, dof = np.where(usable[:, None], params, [1e-2, 0.05, 0.05, 0.9, 8.0]).T
        alpha, beta = np.maximum(alpha, _EDGE), np.maximum(beta, _EDGE)
        gamma = np.maximum(gamma, _EDGE - alpha)
        news = alpha + gamma / 2  # an optimiser that fails may leave it above one
        shrink = np.minimum(1.0, (1 - 2 * _EDGE) / news)
        alpha, gamma = alpha * shrink, gamma * shrink
        beta = np.minimum(beta, 1 - _EDGE - alpha - gamma / 2)
        inside = GarchParams(np.maximum(omega, _EDGE**2), alpha, gamma, beta, np.clip(dof, 2 + 1e-6, 1e6))
        count = len(assets)
        with jax.enable_x64(True):
            u = _to_unconstrained(GarchParams(*map(widened, inside)))
            data = widened(np.where(usable, (matrix - mean) / scale, np.nan))
            before = np.where(widened(usable), _backcast(data), 1.0)
            information = np.asarray(_likelihood(u, data, before).information)[:count]
            covariance = np.linalg.inv(information + np.diag(DEFAULT_SPREAD**-2.0) / 100)
            centre = np.array(u)[:count]
            centre[:, 0] += 2 * np.log(scale)
            observations = np.sum(~np.isnan(matrix), axis=0)
            factor = np.linalg.cholesky((covariance + covariance.transpose(0, 2, 1)) / 2)
            centre, factor = complete(centre, factor, scale, observations, status)
            presample = np.where(usable, before[:count] * scale**2, np.exp(centre[:, 0]))
            wide = _from_unconstrained(widened(centre, axis=0))
            data = widened(without_constants(matrix, status) - mean)
            total, tomorrow = (np.asarray(leaf)[:count] for leaf in _evaluate(wide, data, widened(presample)))
            final = GarchParams(*(np.asarray(leaf)[:count] for leaf in wide))
        return Calibration(
            assets=assets,
            params=final,
            posterior=Posterior(centre, factor),
            log_likelihood=total,
            status=status,
            mean=mean,
            next_variance=tomorrow,
            presample=presample,
            observations=observations,
        )
