"""Arrays on disk: written atomically, in a format that executes nothing when it is read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from riskengine.errors import DataError


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``; a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def save_arrays(path: Path, tree: Any) -> str:
    """Write the leaves of a pytree as ``.npz``, named by their place; returns the sha256 of the file."""
    named = {
        jax.tree_util.keystr(place): np.asarray(leaf)
        for place, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
    handle, name = tempfile.mkstemp(suffix=".npz")
    os.close(handle)
    try:
        np.savez(name, **named)  # type: ignore[arg-type]
        content = Path(name).read_bytes()
    finally:
        Path(name).unlink()
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


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
    return jax.tree_util.tree_unflatten(structure, [found[jax.tree_util.keystr(place)] for place, _ in places])
