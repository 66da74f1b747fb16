"""Exchange rates into one base currency: from columns of the prices, directly, turned round or across a third one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskengine.book.currencies import currency_unit, pair_of
from riskengine.errors import DataError

STALE_FX = 5
"""Closes for which the last rate of a currency is good; an older one is flagged."""


@dataclass(frozen=True, eq=False)
class FxRates:
    """Value of one unit of each currency in the base.

    A column ``EURUSD`` of the prices is the price of one euro in dollars. Of several ways the shortest is taken: a
    column of the two currencies, its inverse, then two columns by way of a third currency, dollars and euros first.

    Attributes
    ----------
    base : ISO code
    history : dates x currencies, from the prices; no base
    given : a constant for a currency that the prices have no rate of; it is known today and says nothing of risk

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=2)
    >>> rates = FxRates.of(pd.DataFrame({"EURUSD": [1.10, 1.25], "USDJPY": [140.0, 150.0]}, days), "EUR")
    >>> rates.rate("USD"), round(rates.rate("JPY"), 6), rates.rate("EUR")
    (0.8, 0.005333, 1.0)
    """

    base: str
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    given: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        prices: pd.DataFrame,
        base: str,
        given: Mapping[str, float] | None = None,
        wanted: Iterable[str] | None = None,
    ) -> FxRates:
        """Rates from a table of prices, dates x names.

        Parameters
        ----------
        prices : of assets and of currencies, told apart by their names, see :func:`~.currencies.pair_of`
        base : ISO code; empty for none, and no rates then
        given : rates by pair, ``EURUSD``, or by currency, value of one unit in the base
        wanted : currencies; all that the columns lead to if not given
        """
        pairs = {name: pair for name in map(str, prices.columns) if (pair := pair_of(name))}
        if not base:
            return cls("")
        codes = {code for pair in pairs.values() for code in pair} if wanted is None else set(wanted)
        found = {}
        for code in sorted(codes - {base, ""}):
            series = _across(prices, pairs, code, base)
            if series is not None:
                found[code] = series
        table = pd.DataFrame(found, index=prices.index, dtype=np.float64)
        stated = {code: rate for code, rate in _given(given or {}, base).items() if code not in table.columns}
        return cls(base, table, stated)

    @property
    def known_codes(self) -> tuple[str, ...]:
        """Currencies with a rate, beside the base."""
        return tuple(dict.fromkeys([*map(str, self.history.columns), *self.given]))

    def known(self, currency: str) -> bool:
        """Whether there is a rate."""
        return currency in ("", self.base) or currency in self.known_codes

    def rate(self, currency: str) -> float:
        """The last rate, a constant that was given if the prices have none.

        Raises
        ------
        DataError
            If there is none; it names the currency and the remedy.
        """
        if currency in ("", self.base):
            return 1.0
        if currency in self.history.columns:
            return float(self.history[currency].ffill().iloc[-1])
        if currency in self.given:
            return self.given[currency]
        raise DataError(missing_rate(currency, self.base))

    def age(self, currency: str) -> int:
        """Closes since the last rate."""
        if currency not in self.history.columns:
            return 0
        seen = self.history[currency].notna().to_numpy()
        return int(np.argmax(seen[::-1]))

    def path(self, currency: str, dates: pd.DatetimeIndex) -> np.ndarray:
        """Rates on dates ``(dates,)``, the last one where a day has none; a constant if given.

        How old the last one is says :meth:`age`.
        """
        if currency in self.history.columns:
            return self.history[currency].ffill().reindex(dates).to_numpy(np.float64)
        return np.full(len(dates), self.rate(currency))


def missing_rate(currency: str, base: str) -> str:
    """What is wrong, and what to do."""
    return (
        f"there is no exchange rate of {currency} into {base}: add a column {currency}{base} to the prices (the price "
        f"of one {currency} in {base}; {base}{currency} will do), or state one in the book's settings, "
        f"fx = {{ {currency}{base} = ... }}"
    )


def _across(
    prices: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], code: str, base: str
) -> pd.Series | None:
    """Value of one ``code`` in ``base``, by one column or two; None if no columns lead there."""
    direct = _between(prices, pairs, code, base)
    if direct is not None:
        return direct
    others = {one for pair in pairs.values() for one in pair} - {code, base}
    for middle in sorted(
        others, key=lambda one: (("USD", "EUR").index(one) if one in ("USD", "EUR") else 2, one)
    ):
        first, second = _between(prices, pairs, code, middle), _between(prices, pairs, middle, base)
        if first is not None and second is not None:
            product = first * second
            if product.notna().any():
                return product
    return None


def _between(
    prices: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], code: str, base: str
) -> pd.Series | None:
    for inverse, wanted in ((False, (code, base)), (True, (base, code))):
        for name, pair in pairs.items():
            if pair == wanted and prices[name].notna().any():
                return 1 / prices[name] if inverse else prices[name]
    return None


def _given(given: Mapping[str, float], base: str) -> dict[str, float]:
    """Constants by currency."""
    found = {}
    for name, value in given.items():
        if not (np.isfinite(value) and value > 0):
            raise DataError(f"fx {name}: a rate is a number above zero, not {value:g}")
        pair = pair_of(name)
        if pair is None:
            found[currency_unit(name)[0]] = float(value)
        elif pair[1] == base:
            found[pair[0]] = float(value)
        elif pair[0] == base:
            found[pair[1]] = 1 / float(value)
        else:
            raise DataError(f"fx {name}: a rate that is stated has {base}, the base currency, on one side")
    return found
