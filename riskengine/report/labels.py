"""Figures and limits in words, for pages and console."""

from __future__ import annotations

RISK_LABELS = {
    "volatility": "volatility",
    "var_95": "VaR 95%",
    "var_99": "VaR 99%",
    "cvar_97.5": "CVaR 97.5%",
}
"""Figures of risk by their names in the content, in words."""


def limit_label(name: str) -> str:
    """What a limit is on, in words.

    Examples
    --------
    >>> limit_label("var_99"), limit_label("group:Staples"), limit_label("weight"), limit_label("risk:asset:KO")
    ('VaR 99%', 'group Staples', 'largest weight', 'share of volatility, asset KO')
    """
    kind, _, rest = name.partition(":")
    if rest:
        said = {"weight": "weight of", "stress": "scenario", "risk": "share of volatility,"}.get(kind, kind)
        return f"{said} {' '.join(rest.split(':', 1)) if kind == 'risk' else rest}"
    return RISK_LABELS.get(name) or _LIMIT_LABELS.get(name, name)


_LIMIT_LABELS = {
    "weight": "largest weight",
    "participation": "largest share of daily volume",
    "gross": "gross exposure, leverage",
    "net": "net exposure",
    "long": "long exposure",
    "short": "short exposure",
    "tracking_error": "tracking error",
    "active_share": "active share",
    "days_to_liquidate": "days to liquidate",
    "unsold_1": "unsold after 1 day",
    "unsold_5": "unsold after 5 days",
    "unsold_20": "unsold after 20 days",
    "stress": "worst scenario",
}
