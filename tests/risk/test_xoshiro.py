"""The generator against plain integers, and the law of what it makes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.risk.xoshiro import Xoshiro, next_bits, normal, seeded


def reference(state, steps):
    """Blackman and Vigna's C code in Python integers."""
    a, b, c, d = state
    mask, found = 2**32 - 1, []
    for _ in range(steps):
        found.append((a + d) & mask)
        t = (b << 9) & mask
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= t
        d = ((d << 11) | (d >> 21)) & mask
    return found


def test_bits_are_those_of_the_reference():
    state = seeded(jax.random.key(3), (5,))
    starts = np.array(state).T.tolist()
    found = []
    for _ in range(40):
        bits, state = next_bits(state)
        found.append(np.array(bits))
    np.testing.assert_array_equal(np.array(found).T, [reference(start, 40) for start in starts])


def test_draws_are_normal_and_independent_across_cells_and_days():
    state, days = seeded(jax.random.key(0), (400, 50)), []
    step = jax.jit(normal)
    for _ in range(60):
        z, state = step(state)
        days.append(np.array(z, np.float64))
    z = np.array(days)
    n = z.size
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n)
    for cut, share in ((2.0, 0.0455003), (3.5, 4.6526e-4)):
        assert abs(np.mean(np.abs(z) > cut) - share) < 4 * np.sqrt(share / n)
    for neighbours in (z[1:] * z[:-1], z[2:] * z[:-2], z[:, 1:] * z[:, :-1], z[:, :, 1:] * z[:, :, :-1]):
        assert abs(neighbours.mean()) < 4 / np.sqrt(neighbours.size)
    size = np.abs(z) - np.abs(z).mean()
    assert abs((size[1:] * size[:-1]).mean()) < 4 * size.var() / np.sqrt(n)


def test_the_extremes_are_finite_and_symmetric():
    ends = Xoshiro(*(jnp.array(x, jnp.uint32) for x in ([0, 2**32 - 1], [0, 0], [0, 0], [0, 0])))
    z = np.array(normal(ends)[0])
    assert np.isfinite(z).all()
    assert z[0] == -z[1]
    assert 5.3 < z[1] < 5.5
