"""`riskengine risk`: attribution, factors, active risk, liquidity, limits, stress; before and after proposed trades.

``risk.json`` holds

- ``date``, ``status`` (``clean`` or ``flagged``), ``flags``, ``notes``, ``wealth``, ``period``, ``periods_per_year``
- ``figures``: rows of name, value, unit (``fraction``, ``number``, ``days``); with trades ``before`` and ``change`` too
- ``attribution``: by asset and by each label, rows of name, weight, contributions to volatility (a year), ``var_95``,
  ``var_99`` and ``cvar_97.5`` (of one period); those of each add up to the figure
- ``factors``: by ``statistical``, ``series`` and ``stated``: rows of name, exposure, share of the variance,
  contributions; the last is specific. ``regression``: betas of past returns with Newey-West errors
- ``active``: tracking error, beta, active share, rows of name, active weight and contribution; by label and factor
- ``liquidity``: rows of asset, days and share of the book; ``sold``: by days, as usual and by scenario
- ``stress``: rows of the library: name, source, how, loss, before, options, cost of leaving, the largest losers
- ``limits``: rows of name, side, limit, value, light, reason
- ``provenance``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from riskengine.desk.book_risk import BookRisk
from riskengine.desk.liquidity import HORIZONS
from riskengine.desk.risk_limits import judge_book, unit_of

Array = np.ndarray

SHOWN = (
    "volatility", "var_95", "var_99", "cvar_97.5", "gross", "net", "long", "short", "weight", "tracking_error", "beta",
    "active_share", "days_to_liquidate", "unsold_1", "unsold_5", "unsold_20", "stress",
)  # fmt: skip
"""Measures that a report shows, in this order."""

LEVEL = 0.99
"""Of the VaR and CVaR that are attributed to factors."""

_LOSERS = 4


def risk_content(after: BookRisk, before: BookRisk | None = None) -> dict[str, Any]:
    """The content of the report but for its provenance; ``before`` where trades are proposed.

    Examples
    --------
    ``risk_content(risk)["limits"]`` has a row a limit of the desk; ``["status"]`` is flagged if one of them is broken.
    """
    view = after.view
    limits = judge_book(view.desk, after.measures, None if before is None else before.measures)
    flags = [f"limit {row['reason']}" for row in limits if row["light"] == "red"]
    flags += _flags(after)
    return {
        "date": f"{view.date:%Y-%m-%d}",
        "status": "flagged" if flags else "clean",
        "flags": flags,
        "notes": _notes(after),
        "wealth": after.book.wealth,
        "period": view.period,
        "periods_per_year": view.periods_per_year,
        "figures": _figures(after, before),
        "attribution": _attribution(after, before),
        "factors": {how: _factor_rows(after, how) for how in after.factors},
        "regression": _regression(after),
        "active": _active(after, before),
        "liquidity": _liquidity(after),
        "stress": _stress(after, before),
        "limits": limits,
    }


def _figures(after: BookRisk, before: BookRisk | None) -> list[dict[str, Any]]:
    rows = []
    for name in SHOWN:
        value = after.measures.get(name)
        if value is None or value != value:
            continue
        row: dict[str, Any] = {"name": name, "value": value, "unit": unit_of(name)}
        if before is not None:
            was = before.measures.get(name, float("nan"))
            row |= {"before": was, "change": value - was}
        rows.append(row)
    return rows


def _attribution(after: BookRisk, before: BookRisk | None) -> dict[str, list[dict[str, Any]]]:
    """Rows by kind; with what they were before trades."""
    found = {}
    for kind, own in after.rows.items():
        rows = [dict(row) for row in own]
        if before is not None:
            was = {row["name"]: row for row in before.rows.get(kind, ())}
            nothing = {"weight": 0.0, "volatility": 0.0}
            names = {row["name"] for row in rows}
            rows += [
                {"name": name, **dict.fromkeys(list(was[name])[1:], 0.0)} for name in was if name not in names
            ]
            for row in rows:
                old = was.get(row["name"], nothing)
                row |= {"weight_before": old["weight"], "volatility_before": old["volatility"]}
        found[kind] = rows
    return found


def _factor_rows(risk: BookRisk, how: str) -> list[dict[str, Any]]:
    """Exposures and contributions of one set of factors; the last row is specific."""
    parts = risk.factors[how]
    contributions = parts.contributions(risk.tails["volatility"], LEVEL)
    exposures = [*map(float, parts.exposures), None]
    return [
        {
            "name": name,
            "exposure": exposures[k],
            "share": float(parts.shares[k]),
            **{column: float(values[k]) for column, values in contributions.items()},
        }
        for k, name in enumerate(parts.names)
    ]


def _regression(risk: BookRisk) -> dict[str, Any] | None:
    found = risk.regression
    if found is None:
        return None
    return {
        "alpha": found.alpha * risk.view.periods_per_year,
        "alpha_error": found.alpha_error * risk.view.periods_per_year,
        "r_squared": found.r_squared,
        "days": found.days,
        "lags": found.lags,
        "betas": [
            {"name": name, "beta": float(beta), "error": float(error)}
            for name, beta, error in zip(found.names, found.beta, found.error, strict=True)
        ],
    }


def _active(after: BookRisk, before: BookRisk | None) -> dict[str, Any] | None:
    found = after.active
    if found is None:
        return None
    root = float(np.sqrt(after.view.periods_per_year))
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "weight": float(found.weights[j]),
            "contribution": root * float(found.contributions[j]),
        }
        for j, name in enumerate(after.view.assets)
        if found.weights[j] != 0
    ]
    content = {
        "tracking_error": root * found.tracking_error,
        "beta": None if np.isnan(found.beta) else found.beta,
        "active_share": found.active_share,
        "benchmark_volatility": root * found.volatility,
        "rows": sorted(rows, key=lambda row: -abs(row["contribution"])),
        "factors": {
            how: [
                {
                    "name": name,
                    "exposure": float(parts.exposures[k]) if k < len(parts.exposures) else None,
                    "share": float(parts.shares[k]),
                    "contribution": root * found.tracking_error * float(parts.shares[k]),
                }
                for k, name in enumerate(parts.names)
            ]
            for how, parts in after.active_factors.items()
        },
    }
    for kind, names in _asset_labels(after).items():
        sums: dict[str, list[float]] = {}
        for row in rows:
            one = sums.setdefault(names.get(row["name"], "not held"), [0.0, 0.0])
            one[0], one[1] = one[0] + row["weight"], one[1] + row["contribution"]
        content[f"by_{kind}"] = [
            {"name": name, "weight": weight, "contribution": part}
            for name, (weight, part) in sorted(sums.items())
        ]
    return content


def _asset_labels(risk: BookRisk) -> dict[str, Mapping[str, str]]:
    """Labels by asset, of benchmark and book alike."""
    return {kind: names for kind, names in risk.view.labels.items() if kind in risk.book.labels}


def _liquidity(risk: BookRisk) -> dict[str, Any] | None:
    found = risk.liquidity
    if found is None:
        return None
    total = float(found.value.sum()) or 1.0
    days = found.days
    order = sorted(range(len(days)), key=lambda j: -np.nan_to_num(days[j], nan=np.inf))
    scenarios = {"as usual": found} | {
        move.name: found.stressed(move.scenario.volume)
        for move in risk.view.library
        if move.scenario.volume != 1
    }
    return {
        "take": found.participation,
        "rows": [
            {
                "name": found.assets[j],
                "days": float(days[j]) if np.isfinite(days[j]) else None,
                "share": float(found.value[j]) / total,
            }
            for j in order
        ],
        "sold": [
            {
                "name": name,
                "volume": 1.0 if name == "as usual" else _volume_of(risk, name),
                **{str(day): one.sold(day) for day in HORIZONS},
                "slowest": float(np.nanmax(one.days, initial=0.0)) if np.isfinite(one.days).any() else None,
            }
            for name, one in scenarios.items()
        ],
    }


def _volume_of(risk: BookRisk, name: str) -> float:
    return next(move.scenario.volume for move in risk.view.library if move.name == name)


def _stress(after: BookRisk, before: BookRisk | None) -> list[dict[str, Any]]:
    """A row a scenario of the library, the worst first."""
    rows, book = [], after.book
    plain = len(book.names) - (0 if book.options is None else len(book.options.names))
    turned = float(np.abs(book.weights[:plain][book.invested[:plain]]).sum())
    for move in after.view.library:
        losses = after.stressed(move)
        order = np.argsort(-losses, kind="stable")[:_LOSERS]
        row: dict[str, Any] = {
            "name": move.name,
            "source": move.scenario.source,
            "days": f"{move.scenario.first} to {move.scenario.last}" if move.scenario.first else "",
            "how": "replayed" if move.replayed else "shocks",
            "loss": float(losses.sum()),
            "options": float(losses[plain:].sum()),
            "exit_cost": after.view.desk.cost_rate * move.scenario.spread * turned,
            "losers": {book.names[j]: float(losses[j]) for j in order if losses[j] > 0},
            "still": sorted(move.missing & set(book.assets)),
        }
        if before is not None:
            row["before"] = before.stress_losses[move.name]
        rows.append(row)
    return sorted(rows, key=lambda row: -row["loss"])


def _flags(risk: BookRisk) -> list[str]:
    """What a person has to look at beside limits."""
    known, flags = set(risk.view.assets), []
    gone = sorted({name for name in risk.book.assets if name not in known})
    flags += [f"{name}: held, but without returns; no risk figure knows it" for name in gone]
    if risk.liquidity is not None and risk.liquidity.unknown:
        flags.append(
            f"liquidity: no volume of {', '.join(risk.liquidity.unknown[:5])}; taken as not sold at all"
        )
    if risk.view.exposures is not None:
        bare = sorted(set(risk.book.assets) - set(risk.view.exposures.dropna().index))
        if bare:
            flags.append(f"factors: no stated exposures of {', '.join(bare[:5])}; they count as specific")
    return flags


def _notes(risk: BookRisk) -> list[str]:
    notes = list(risk.view.notes)
    if risk.view.factors is not None:
        notes += risk.view.factors.notes
        if risk.regression is None:
            notes.append(
                "factors: no regression of past returns, too few days have returns of all that is held"
            )
    if risk.book.options is not None:
        notes += [
            *risk.book.options.notes,
            "options: by their deltas in weights and active risk; volatility, VaR and CVaR count what they gain beyond",
        ]
    still = {
        name: sorted(move.missing & set(risk.book.assets))
        for move in risk.view.library
        for name in [move.name]
    }
    for name, assets in still.items():
        if assets:
            notes.append(f"{name}: says nothing of {', '.join(assets[:5])}, which do not move")
    return notes
