"""Forecasters for the frequency of the prices at hand."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from riskengine.calibration import NeuralCalibrator, UniverseCalibrator
from riskengine.calibration.neural import takeover

T = TypeVar("T")
_NETWORKS = NeuralCalibrator | UniverseCalibrator


def for_frequency(settings: T, periods_per_year: float) -> tuple[T, tuple[str, ...]]:
    """Forecaster or calibrator for a frequency: maximum likelihood in place of a network that was not trained for it.

    Looks into fields and tuples of dataclasses, so that a wrapped or combined forecaster is adapted inside. What needs
    no change is handed back itself.

    Parameters
    ----------
    settings : a forecaster or calibrator
    periods_per_year : of the returns that it will be handed

    Returns
    -------
    The forecaster, and a note if something was replaced

    Examples
    --------
    >>> from riskengine.covariance import ConstantCorrelation, LedoitWolf
    >>> for_frequency(LedoitWolf(), 52.0)
    (LedoitWolf(window=1250), ())
    >>> found, notes = for_frequency(ConstantCorrelation(), 52.0)
    >>> type(found.calibrator).__name__, len(notes)
    ('MaximumLikelihood', 1)
    """
    known: dict[int, Any] = {}  # experts that share a calibrator go on sharing it
    found = _adapted(settings, periods_per_year, known)
    replaced = any(isinstance(old, _NETWORKS) and new is not old for old, new in known.values())
    return found, (takeover(periods_per_year),) if replaced else ()


def _adapted(value: Any, periods: float, known: dict[int, Any]) -> Any:
    if id(value) in known:
        return known[id(value)][1]
    found = value
    if isinstance(value, _NETWORKS):
        found = value.for_frequency(periods)
    elif isinstance(value, tuple) and not hasattr(value, "_fields"):
        parts = tuple(_adapted(part, periods, known) for part in value)
        found = parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        new = {name: _adapted(part, periods, known) for name, part in fields.items()}
        changed = {name: part for name, part in new.items() if part is not fields[name]}
        found = dataclasses.replace(value, **changed) if changed else value
    known[id(value)] = (value, found)
    return found
