"""Everything the engine raises on purpose. Each message names the cause and the remedy."""

import warnings
from collections.abc import Sequence


class RiskEngineError(Exception):
    """Base of all errors that a user of the engine can mend; the command line prints it as one line."""


class DataError(RiskEngineError, ValueError):
    """Prices or returns that cannot be used as they are."""


class ImplausibleError(DataError):
    """Numbers of another unit than is meant: prices for returns, percentages for fractions."""


class SettingsError(RiskEngineError, ValueError):
    """A setting outside its range, or settings that contradict each other."""


class InfeasibleError(RiskEngineError):
    """No portfolio satisfies the limits.

    Attributes
    ----------
    limits
        Names of limits that clash: no portfolio satisfies these together, and dropping any one mends it.
    """

    def __init__(self, limits: tuple[str, ...], message: str | None = None) -> None:
        self.limits = limits
        super().__init__(message or "no portfolio satisfies these limits together: " + "; ".join(limits))


class StrategyError(RiskEngineError):
    """A strategy file that cannot be loaded, or that broke its contract."""


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first ``most`` names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def deprecated(old: str, new: str) -> None:
    """Warn the caller of the function that calls this: ``old`` goes with the next version."""
    warnings.warn(f"{old} is deprecated: use {new}", DeprecationWarning, stacklevel=3)
