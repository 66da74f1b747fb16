"""Arrays on disk, in a format that executes nothing when it is read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import jax
import numpy as np

from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically


def save_arrays(path: Path, tree: Any) -> str:
    """Write the leaves of a pytree as ``.npz``, named by their place; returns the sha256 of the file."""
    named = {
        jax.tree_util.keystr(place): np.asarray(leaf)
        for place, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
    buffer = io.BytesIO()
    np.savez(buffer, **named)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())
    return sha256(path)


def load_arrays(path: Path, like: Any) -> Any:
    """Read what :func:`save_arrays` wrote into the structure of ``like``.

    Raises
    ------
    DataError
        If the file is missing, or its names or shapes are not those of ``like``.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist: make it with `riskengine pretrain`")
    places, structure = jax.tree_util.tree_flatten_with_path(like)
    with np.load(path, allow_pickle=False) as stored:
        wanted = {jax.tree_util.keystr(place): leaf.shape for place, leaf in places}
        found = {name: stored[name] for name in stored.files}
    if wanted != {name: leaf.shape for name, leaf in found.items()}:
        raise DataError(
            f"{path} was written for another network: train again with `riskengine pretrain --restart`"
        )
    return jax.tree_util.tree_unflatten(
        structure, [found[jax.tree_util.keystr(place)] for place, _ in places]
    )
