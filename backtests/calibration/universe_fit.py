"""Fit the parameters that all assets of a universe share, and ship them with the package.

    python -m backtests.calibration.universe_fit [--data DIR] [--end YEAR] [--out FILE]

Maximises the mean Student-t log-likelihood of 306 US stocks from the second year on to the end of 2012, through the
filter of :mod:`riskengine.garch.common_variance`, by L-BFGS in single precision; half-lives are fixed. Once from
closes, once with ranges. Five minutes on one core; stopped with Ctrl-C, it writes the best parameters so far.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.flatten_util import ravel_pytree
from scipy.optimize import minimize

from backtests.arguments import study_parser
from riskengine.backtest.provenance import commit
from riskengine.calibration.universe_calibrator import PRETRAINED, params_to_json, young_level
from riskengine.files import write_atomically
from riskengine.garch.common_variance import UniverseParams, filter_universe, start_universe
from riskengine.garch.components import PARKINSON, ComponentParams, component_log_score

PANEL = "ohlc/us_stocks_2000_2017"
NEWS, LEVERAGE, LEVEL = (0.0, 2.0, 8.0, 30.0, 120.0), (0.0, 6.0, 30.0), 250.0
FAST, SLOW, SCALE, TAIL = 3.0, 250.0, 100.0, 500.0
BOUND = {"closes": 16.0, "ranges": 30.0}
WAIT = 260  # days before the first that counts
Array = np.ndarray


def load(root: Path, panel: str = PANEL) -> tuple[pd.DatetimeIndex, Array, Array]:
    """Dates, simple returns and log ranges ``(days, assets)`` of a folder of open, high, low and close."""
    fields = {
        name: pd.read_parquet(root / panel / f"{name}.parquet").ffill() for name in ("high", "low", "close")
    }
    whole = fields["close"].notna().all()
    high, low, close = (fields[name].loc[:, whole].to_numpy(float) for name in ("high", "low", "close"))
    ranges = np.log(np.maximum(high, close) / np.minimum(low, close))
    return pd.DatetimeIndex(fields["close"].index[1:]), close[1:] / close[:-1] - 1, ranges[1:]


def decay(half_lives: tuple[float, ...] | float) -> Array:
    """Decay of a day; a half-life of zero is the day itself."""
    days = np.asarray(half_lives, float)
    return np.where(days > 0, 0.5 ** (1 / np.where(days > 0, days, 1)), 0.0)


def assembled(free: dict[str, Any], bound: float) -> UniverseParams:
    """Parameters from unconstrained numbers."""
    weights = jax.nn.softmax(free["weights"])
    news = len(NEWS)
    own = ComponentParams(
        jnp.asarray(decay(NEWS), weights.dtype)[:, None],
        weights[:news, None],
        jnp.asarray(decay(LEVERAGE), weights.dtype)[:, None],
        weights[news:-1, None],
        jnp.asarray(decay(LEVEL), weights.dtype),
        weights[-1],
        jnp.exp(free["scale"]),
        jnp.asarray(bound, weights.dtype),
        0.5 * jax.nn.sigmoid(free["tail"]),
    )
    fixed = [jnp.asarray(decay(days), weights.dtype) for days in (FAST, SLOW, SCALE, TAIL)]
    return UniverseParams(
        own,
        free["loading"],
        fixed[0],
        fixed[1],
        free["scale_gain"],
        fixed[2],
        100 * free["tail_gain"],
        fixed[3],
    )


def fitted(
    returns: Array, ranges: Array | None, bound: float, held: tuple[str, ...] = ()
) -> tuple[UniverseParams, float]:
    """Parameters and mean log score a stock-day; those named in ``held`` stay at zero."""
    x = jnp.asarray(returns, jnp.float32)
    squares = None if ranges is None else jnp.asarray(ranges**2 / PARKINSON, jnp.float32)
    level, range_level = (jnp.asarray(one, jnp.float32) for one in young_level(returns, ranges))
    first = {"weights": jnp.zeros(len(NEWS) + len(LEVERAGE) + 1)}
    first |= {name: jnp.zeros(()) for name in ("scale", "loading", "scale_gain", "tail_gain")}
    first["tail"] = jnp.asarray(-0.65)
    flat, unravel = ravel_pytree(first)

    def loss(v: jax.Array) -> jax.Array:
        free = unravel(v)
        params = assembled({k: 0 * leaf if k in held else leaf for k, leaf in free.items()}, bound)
        begin = start_universe(params, level, None, range_level)
        variance, eta, _ = filter_universe(params, x, begin, squares)
        own = params.own._replace(eta=eta[WAIT:])
        return -jnp.mean(component_log_score(own, variance[WAIT:], x[WAIT:]))

    slope = jax.jit(jax.value_and_grad(loss))
    best: list[Any] = [np.inf, np.asarray(flat, float)]

    def step(v: Array) -> tuple[float, Array]:
        value, gradient = slope(jnp.asarray(v, jnp.float32))
        if value < best[0]:
            best[:] = [float(value), v.copy()]
            print(f"{-best[0]:.6f}", flush=True)
        return float(value), np.asarray(gradient, float)

    try:
        minimize(step, best[1], jac=True, method="L-BFGS-B", options={"maxiter": 80, "ftol": 1e-8})
    except KeyboardInterrupt:
        print("stopped: the best so far is taken")
    free = {
        k: 0 * leaf if k in held else leaf for k, leaf in unravel(jnp.asarray(best[1], jnp.float32)).items()
    }
    return assembled(free, bound), -best[0]


def main() -> None:
    """Fit and write."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--end", type=int, default=2012, help="last year that is seen")
    parser.add_argument("--out", type=Path, default=PRETRAINED, help="file of the parameters")
    arguments = parser.parse_args()
    dates, returns, ranges = load(arguments.data)
    days = dates.year <= arguments.end
    card: dict[str, Any] = {
        "panel": f"306 US stocks, {dates[days][0]:%F} to {dates[days][-1]:%F}",
        "half_lives": {"news": NEWS, "leverage": LEVERAGE, "level": LEVEL, "fast": FAST, "slow": SLOW,
                       "scale score": SCALE, "tail score": TAIL},
        "commit": commit(),
    }  # fmt: skip
    for name, given in (("ranges", ranges[days]), ("closes", None)):
        params, score = fitted(returns[days], given, BOUND[name])
        card[name] = params_to_json(params)
        card[f"{name}_log_score"] = round(score, 6)
        write_atomically(arguments.out.with_suffix(f".{name}.tmp"), json.dumps(card).encode())
    for name in ("ranges", "closes"):
        arguments.out.with_suffix(f".{name}.tmp").unlink()
    write_atomically(arguments.out, (json.dumps(card, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
