"""Curves of rates and dividends, dividends in cash and payment dates, as a simulation takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskengine.errors import DataError
from riskengine.options.curves import Curve
from riskengine.options.path_kernel import TermStructure

Array = np.ndarray


@dataclass(frozen=True)
class MarketCurves:
    """What goes beyond a flat rate and dividend yield; None or empty where these are all.

    Dividends in cash are taken out of the spot at their present value, and what remains is the model's asset (the
    escrowed-dividend model): products observe that asset and the value of the dividends still to come before the end.

    Attributes
    ----------
    rate : zero rates, continuously compounded
    dividend : dividend yields
    cash : times in years and amounts of dividends
    lag : years from a date that decides a payment to the payment
    payments : times of payment of single dates, in place of the lag

    Examples
    --------
    >>> curves = MarketCurves(rate=Curve((1.0, 2.0), (0.02, 0.03)), cash=((0.5, 2.0),))
    >>> round(curves.escrowed(0.0, 1.0, 0.0), 4)
    1.9801
    """

    rate: Curve | None = None
    dividend: Curve | None = None
    cash: tuple[tuple[float, float], ...] = ()
    lag: float = 0.0
    payments: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not (np.isfinite(self.lag) and self.lag >= 0):
            raise DataError(f"a payment lag is years, finite and not negative, not {self.lag}")
        for time, amount in self.cash:
            if not (np.isfinite(time) and time > 0 and np.isfinite(amount) and amount >= 0):
                raise DataError(
                    "a dividend in cash has a time after today and an amount that is not negative"
                )
        for decided, paid in self.payments:
            if not (np.isfinite(decided) and np.isfinite(paid) and paid >= decided - 1e-9):
                raise DataError(f"a payment at {paid:g} comes before what decides it, at {decided:g}")

    def flat(self, rate: float, dividend: Any, maturity: float) -> tuple[float, Any]:
        """The flat rate and dividend yield that have the same discount and forward at maturity."""
        return (
            rate if self.rate is None else float(self.rate.at(maturity)),
            dividend if self.dividend is None else float(self.dividend.at(maturity)),
        )

    def _discount(self, rate: float, t: Array) -> Array:
        """Exponents ``rate * time`` of discount factors."""
        return rate * t if self.rate is None else self.rate.integral(t)

    def escrowed(self, after: float, until: float, rate: float) -> float:
        """Value at a time of the dividends between it, exclusive, and the end, inclusive."""
        due = [(t, amount) for t, amount in self.cash if after < t <= until]
        base = float(self._discount(rate, np.asarray(after)))
        return float(sum(amount * np.exp(base - self._discount(rate, np.asarray(t))) for t, amount in due))

    def on(self, grid: Array, rate: float, dividend: float) -> TermStructure:
        """On the times of a grid, beside the flat rate and dividend of :meth:`flat`."""
        end = float(grid[-1])
        flat_rate, flat_dividend = self.flat(rate, dividend, end)
        yields = dividend * grid if self.dividend is None else self.dividend.integral(grid)
        growth = self._discount(rate, grid) - yields
        lag = np.full(len(grid) - 1, self.lag)
        for decided, paid in self.payments:
            here = np.abs(grid[1:] - decided) < 1e-6
            lag[here] = paid - decided
        paid_at = grid[1:] + lag
        return TermStructure(
            np.diff(growth - (flat_rate - flat_dividend) * grid),
            lag,
            self._discount(rate, paid_at) - flat_rate * paid_at,
            np.array([self.escrowed(float(t), end, rate) for t in grid])
            if self.cash
            else np.zeros(len(grid)),
        )

    @property
    def bent(self) -> bool:
        """Whether forwards between now and maturity are other than a flat rate's and yield's."""
        return bool(self.cash) or self.rate is not None or self.dividend is not None


def cash_dividends(dividends: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Times and amounts in order of time."""
    return tuple(sorted((float(t), float(amount)) for t, amount in dividends))
