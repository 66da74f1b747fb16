"""A trained network as files: arrays that execute nothing, and a card that says how they came to be."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine import serialization
from riskengine.calibration.network import Weights, head_shapes, widths
from riskengine.calibration.out_of_distribution import Familiar
from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically

PRETRAINED = Path(__file__).parent / "pretrained"
WIDTH_DAYS = (120, 250, 500, 1000, 2000, 6000)
WEIGHTS, CARD = "weights.npz", "card.json"


class Trained(NamedTuple):
    """All arrays of a trained network; a pytree.

    Attributes
    ----------
    stages : weights of each stage
    familiar : what its training series looked like
    prior_mean, prior_spread : (5,) of the training prior, in unconstrained coordinates
    widths : (lengths, 6) factors on the half-widths of intervals, at :data:`WIDTH_DAYS`; the sixth is that of
        the log variance of tomorrow
    """

    stages: list[Weights]
    familiar: Familiar
    prior_mean: Array
    prior_spread: Array
    widths: Array


def save(folder: Path, trained: Trained, card: dict[str, Any]) -> dict[str, Any]:
    """Write weights and card; returns the card with the sha256 of the weights."""
    save_leaves(folder / WEIGHTS, trained)
    card = {"sha256": sha256(folder / WEIGHTS), **card}
    write_atomically(folder / CARD, (json.dumps(card, indent=2) + "\n").encode())
    return card


def load(folder: Path) -> tuple[Trained, dict[str, Any]]:
    """Read what :func:`save` wrote.

    Raises
    ------
    DataError
        If the files are missing, damaged or of another network.
    """
    try:
        card = json.loads((folder / CARD).read_text())
        robust = bool(card["robust"])
    except FileNotFoundError as error:
        raise DataError(f"no weights in {folder}: make them with `riskengine pretrain`") from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder / CARD} is damaged ({error!r}): make it with `riskengine pretrain`"
        ) from error
    return load_leaves(folder / WEIGHTS, _structure(robust)), card


def save_leaves(path: Path, tree: Any) -> None:
    """Write the arrays of a pytree, named by their place in it; its own classes may be anybody's."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    serialization.save(path, {jax.tree_util.keystr(place): np.asarray(leaf) for place, leaf in leaves})


def load_leaves(path: Path, like: Any) -> Any:
    """What :func:`save_leaves` wrote, in the structure of ``like``.

    Raises
    ------
    DataError
        If the file is missing or damaged, or its names or shapes are not those of ``like``.
    """
    remedy = "with `riskengine pretrain --restart`"
    try:
        found = serialization.load(path)
    except DataError as error:
        raise DataError(f"{error} {remedy}") from error
    places, structure = jax.tree_util.tree_flatten_with_path(like)
    wanted = {jax.tree_util.keystr(place): leaf.shape for place, leaf in places}
    if wanted != jax.tree.map(np.shape, found):
        raise DataError(f"{path} is of another network: train again {remedy}")
    return jax.tree_util.tree_unflatten(structure, [found[name] for name in wanted])


@cache
def _structure(robust: bool) -> Trained:
    """Arrays, or their shapes, as a network has them."""
    inputs = widths(robust)
    five = jnp.zeros(5, jnp.float32)
    familiar = jax.eval_shape(lambda: Familiar.blank(inputs[0]))
    return Trained([*map(head_shapes, inputs)], familiar, five, five, jnp.ones((len(WIDTH_DAYS), 6)))
