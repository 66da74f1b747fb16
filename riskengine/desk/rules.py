"""Rules of trading and limits of a desk, from a file of TOML or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from riskengine.schema import did_you_mean, read, table

Array = np.ndarray

LIMITS = (
    "volatility", "var_95", "var_99", "cvar_97.5", "drawdown", "weight", "participation", "turnover", "gross", "net",
    "long", "short", "tracking_error", "beta", "active_share", "days_to_liquidate", "unsold_1", "unsold_5", "unsold_20",
    "stress",
)  # fmt: skip
"""Names of limits that may be set by themselves."""

KINDS = ("group:NAME", "weight:ASSET", "factor:NAME", "stress:SCENARIO", "risk:LABEL:NAME", "LABEL:NAME")
"""Names of limits on one of many; LABEL is a column of the file of labels, sector say."""

_MOST = {
    "volatility": 3.0, "turnover": 2.0, "gross": 20.0, "net": 20.0, "long": 20.0, "short": 20.0, "beta": 10.0,
    "days_to_liquidate": 10_000.0, "factor": 1e6,
}  # fmt: skip
"""Limits above which nothing breaks one; 1 for the others."""

_BOUND = ("weight", "participation", "unsold_1", "unsold_5", "unsold_20", "active_share", "risk", "group")
"""Fractions of which the whole is a limit all the same."""


@dataclass(frozen=True)
class Desk:
    """Rules of trading, and limits, of a desk.

    Attributes
    ----------
    lot : units that an asset trades in; by asset, with ``"*"`` for all others
    minimum_trade : value below which a trade is left undone
    cash : share of wealth that stays in cash
    cost_rate : of the value traded, one way
    volume : units that trade on a day, by asset, for participation
    no_buy, no_sell, no_trade : assets that may not be bought, sold, or either
    groups : group of an asset, a sector say
    limits : upper limits by name, fractions of wealth where nothing else is said. Of every command: volatility
        (per year), var_95, var_99, cvar_97.5 (of one period), weight (the largest), ``group:NAME``, gross (sum of
        absolute exposures, the leverage), net (absolute sum), long, short (sums of either side), ``weight:ASSET``. Of
        `rebalance`: participation (of the daily volume), turnover. Of `rebalance` and `stress`: drawdown. Of `risk`:
        tracking_error (per year), beta (a number), active_share, ``LABEL:NAME`` on what a label of the file of labels
        has (sector:Energy), ``factor:NAME`` (absolute exposure), ``risk:LABEL:NAME`` (share of the volatility;
        risk:asset:AAPL), days_to_liquidate (of the slowest position), unsold_1, unsold_5, unsold_20 (share of the book
        after 1, 5 and 20 days), stress (loss in the worst scenario of the library), ``stress:SCENARIO``
    at_least : lower limits by the same names, of what `risk` sees: beta, net, ``LABEL:NAME``, ``factor:NAME`` (signed)
    take : share of the daily volume that is sold of a position, for liquidity
    """

    lot: Mapping[str, int] = field(default_factory=lambda: {"*": 1})
    minimum_trade: float = 0.0
    cash: float = 0.0
    cost_rate: float = 0.0005
    volume: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    no_buy: tuple[str, ...] = ()
    no_sell: tuple[str, ...] = ()
    no_trade: tuple[str, ...] = ()
    at_least: Mapping[str, float] = field(default_factory=dict)
    take: float = 0.2

    def allowed(self, assets: tuple[str, ...]) -> tuple[Array, Array]:
        """Which assets may be bought, and which sold, ``(assets,)`` each."""
        buy, sell = {*self.no_buy, *self.no_trade}, {*self.no_sell, *self.no_trade}
        return np.array([name not in buy for name in assets]), np.array([name not in sell for name in assets])

    def lots(self, assets: tuple[str, ...]) -> Array:
        """Lot of every asset ``(assets,)``."""
        return np.array([self.lot.get(name, self.lot.get("*", 1)) for name in assets], dtype=np.float64)

    def volumes(self, assets: tuple[str, ...]) -> Array:
        """Daily volume of every asset ``(assets,)``, NaN where it is not known."""
        return np.array([self.volume.get(name, np.nan) for name in assets], dtype=np.float64)


def _of_assets(value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    assets = [*(info.context or {}).get("assets", value), *("*" if info.field_name == "lot" else ())]
    odd = [name for name in value if name not in assets]
    if odd:
        raise ValueError(
            "\n".join(f"{name!r} is not an asset of the prices: {_near(name, assets)}" for name in odd)
        )
    return value


def _listed_assets(value: list[str], info: ValidationInfo) -> tuple[str, ...]:
    _of_assets(dict.fromkeys(value), info)
    return tuple(value)


def _near(name: str, assets: list[str]) -> str:
    said = did_you_mean(name, assets)
    return said if said.startswith("did") else "add its prices, or leave it out"


def _limits(value: dict[str, float], info: ValidationInfo) -> dict[str, float]:
    wrong = []
    groups = info.data.get("groups")  # None if they are wrong themselves
    for name, limit in value.items():
        kind, _, rest = name.partition(":")
        if not rest and name not in LIMITS:
            wrong.append(f"unknown limit {name!r}: {did_you_mean(name, [*LIMITS, *KINDS])}")
            continue
        if kind == "group" and groups is not None and rest not in groups.values():
            wrong.append(f"limit {name!r} is on a group without assets: name them under groups")
        # A limit that nothing can break is a slip, most often a percentage.
        most = _MOST.get(kind, 1.0)
        bound = kind in _BOUND or kind in _MOST or (rest and kind != "stress")
        if info.field_name == "limits" and (limit > most or (limit == 1 and not bound)):
            meant = (
                f"did you mean {limit / 100:g}?"
                if limit <= 100 * most
                else "limits are fractions, 0.05 for 5%"
            )
            wrong.append(f"{name}: {limit:g} means {100 * limit:g}%, which nothing breaks: {meant}")
    if wrong:
        raise ValueError("\n".join(wrong))
    return value


_Names = Annotated[list[str], AfterValidator(_listed_assets), Field(examples=[["AAPL"]])]
_Lot = Annotated[int, Field(ge=1, le=10**9, description="A whole number of units.")]
_Share = Annotated[float, Field(ge=0, le=0.5)]
_AtLeastZero = Annotated[float, Field(ge=0, lt=1e300)]

LimitsFile = table(
    Desk,
    lot=Annotated[
        dict[str, _Lot],
        BeforeValidator(
            lambda value: value if isinstance(value, dict) else {"*": value},
            json_schema_input_type=_Lot | dict[str, _Lot],
        ),
        AfterValidator(_of_assets),
        Field(examples=[{"*": 1}]),
    ],
    minimum_trade=_AtLeastZero,
    cash=_Share,
    cost_rate=_Share,
    volume=Annotated[dict[str, _AtLeastZero], AfterValidator(_of_assets), Field(examples=[{"AAPL": 5e7}])],
    groups=Annotated[
        dict[str, Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]],
        AfterValidator(_of_assets),
        Field(examples=[{"AAPL": "technology", "MSFT": "technology"}]),
    ],
    limits=Annotated[
        dict[str, _AtLeastZero],
        AfterValidator(_limits),
        Field(examples=[{"var_99": 0.04, "weight": 0.2, "group:technology": 0.4, "stress": 0.35}]),
    ],
    no_buy=_Names,
    no_sell=_Names,
    no_trade=_Names,
    at_least=Annotated[dict[str, float], AfterValidator(_limits), Field(examples=[{"net": 0.0}])],
    take=Annotated[float, Field(gt=0, le=1)],
)


def read_desk(path: Path | None, assets: tuple[str, ...] | None) -> Desk:
    """Read the rules of a desk; the defaults of :class:`Desk` where there is no file.

    Without ``assets`` any name passes for one.

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a key, an asset or a limit is unknown, or a number is out of range; see :func:`riskengine.schema.read`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "limits.json"
    ...     _ = path.write_text('{"limits": {"var_99": 0.02}}')
    ...     read_desk(path, ("KO", "PEP")).limits
    {'var_99': 0.02}
    """
    context = None if assets is None else {"assets": assets}
    return Desk() if path is None else Desk(**read(path, LimitsFile, context).given())
