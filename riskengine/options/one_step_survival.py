"""One-step survival (Glasserman and Staum 2001): a path that never hits, and the chance of that in place of a jump.

Before each fixing the normal of the step is drawn given that the fixing is survived, and the path is weighted by the
chance of it. Value and weight are smooth in the parameters, so derivatives may be taken along the path (Alm, Harrach,
Harrach and Keller 2013).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr, ndtri

from riskengine.options.dynamics import ConditionalReturn

BEYOND = 12.0
"""Standard deviations from which on a level is out of reach."""


def survived(
    normal: Array, before: Array, law: ConditionalReturn, levels: tuple[Array, Array]
) -> tuple[Array, Array]:
    """The step's normal given survival, and the probability of survival; all ``(paths,)``.

    With ``p`` the probability that ``before + mean + deviation Z`` lies between the levels, the normal ``z`` becomes
    ``N^-1(N(low) + p N(z))``. Each half of the line is taken from its own tail, where single precision is best.

    Examples
    --------
    >>> law = ConditionalReturn(*(jnp.array([x]) for x in (0.0, 0.04, 0.04)))
    >>> z, p = survived(jnp.array([1.0]), jnp.zeros(1), law, (jnp.array(-100.0), jnp.array(0.2)))
    >>> [round(float(x[0]), 4) for x in (z, p)]
    [0.5471, 0.8413]
    """
    deviation = jnp.sqrt(law.variance)
    low, high = (jnp.clip((level - before - law.mean) / deviation, -BEYOND, BEYOND) for level in levels)
    below, above = ndtr(low), ndtr(-high)
    alive = jnp.maximum(1 - below - above, 0)
    tiny = jnp.finfo(normal.dtype).tiny * 1e3
    one = 1 - jnp.finfo(normal.dtype).eps
    lower = ndtri(jnp.clip(below + alive * ndtr(normal), tiny, one))
    upper = -ndtri(jnp.clip(above + alive * ndtr(-normal), tiny, one))
    return jnp.where(normal < 0, lower, upper), alive
