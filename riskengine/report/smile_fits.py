"""What the fits of a smile are worth, as tables: by model, by maturity, their parameters, and where they are poor."""

from __future__ import annotations

from typing import Any

from riskengine.report.page import Section

NAMES = {"heston": "Heston", "bates": "Bates", "sabr": "SABR", "ssvi": "SSVI", "svi": "SVI"}
KINDS = {
    "heston": "stochastic volatility, one set for all maturities",
    "bates": "the same with jumps",
    "sabr": "a maturity at a time",
    "ssvi": "one surface free of arbitrage",
    "svi": "a maturity at a time, free of arbitrage",
}


def when(maturity: float) -> str:
    """A maturity in words.

    Examples
    --------
    >>> when(0.05), when(0.5), when(2.0)
    ('18 days', '6 months', '2.0 years')
    """
    if maturity < 0.16:
        return f"{maturity * 365:.0f} days"
    return f"{maturity * 12:.0f} months" if maturity < 1.45 else f"{maturity:.1f} years"


def fit_rows(numbers: dict[str, Any]) -> list[list[str]]:
    """Model, error in points, share inside bid and ask, status; of those that were fitted.

    Examples
    --------
    >>> numbers = dict.fromkeys(NAMES) | {"heston": {"rmse": 0.774, "inside_bid_ask": 0.11, "status": "poor fit"}}
    >>> fit_rows(numbers)
    [['Heston', '0.77', '11%', 'poor fit']]
    """
    rows = []
    for name, shown in NAMES.items():
        fit = numbers[name]
        if fit is None:
            continue
        if name == "sabr":
            sound = sum(row["status"] == "ok" for row in fit)
            inside = [
                (row["quotes"], one["inside_bid_ask"])
                for row, one in zip(numbers["by_maturity"], fit, strict=True)
            ]
            told = [(count, share) for count, share in inside if share is not None]
            share = sum(n * x for n, x in told) / sum(n for n, _ in told) if told else None
            rows.append([shown, f"{numbers['sabr_rmse']:.2f}", _share(share), f"{sound} of {len(fit)} ok"])
        else:
            rows.append([shown, f"{fit['rmse']:.2f}", _share(fit["inside_bid_ask"]), fit["status"]])
    return rows


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def models_section(numbers: dict[str, Any]) -> Section:
    """A row a model, and the rule by which a fit is poor."""
    kinds = {shown: KINDS[name] for name, shown in NAMES.items()}
    return Section(
        "How well each model fits",
        f"Root mean squared errors in volatility points. {numbers['rule']}",
        ["model", "", "error", "inside bid-ask", "status"],
        [[row[0], kinds[row[0]], *row[1:]] for row in fit_rows(numbers)],
    )


def errors_section(rows: list[dict[str, Any]]) -> Section:
    """Errors by maturity, of the models that were fitted; the least of each row is marked by a star."""
    models = [name for name in NAMES if any(row[name] is not None for row in rows)]
    table = []
    for row in rows:
        known = [row[name] for name in models if row[name] is not None]
        best = min(known) if known else None
        cells = [
            _points(row[name]) + ("*" if row[name] is not None and row[name] == best else "")
            for name in models
        ]
        money = "" if row["heston_at_the_money"] is None else f"{row['heston_at_the_money']:+.2f}"
        table.append(
            [
                f"{365 * row['maturity']:.0f} days",
                f"{row['quotes']}",
                _points(row["half_spread"]),
                *cells,
                money,
            ]
        )
    return Section(
        "Fit by maturity",
        "Root mean squared errors in volatility points, beside half the distance from bid to ask; the least has a "
        "star, and Heston's at the money its sign.",
        ["maturity", "quotes", "half-spread", *(NAMES[name] for name in models), "Heston at the money"],
        table,
    )


def _points(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}"


def poor(numbers: dict[str, Any]) -> list[str]:
    """A line for each reason why a fit is poor.

    Examples
    --------
    >>> sabr = [{"maturity": 0.5, "reasons": ["5% of the premium at the money"]}]
    >>> poor(dict.fromkeys(NAMES) | {"sabr": sabr})
    ['SABR, 6 months: 5% of the premium at the money']
    """
    found = []
    for name, shown in NAMES.items():
        if name != "sabr" and numbers[name] is not None:
            found += [f"{shown}: {reason}" for reason in numbers[name]["reasons"]]
    for row in numbers["sabr"]:
        found += [f"SABR, {when(row['maturity'])}: {reason}" for reason in row["reasons"]]
    return found


def parameter_sections(numbers: dict[str, Any]) -> list[Section]:
    """Bates, SSVI and SVI, those that were fitted."""
    parts = []
    if numbers["bates"] is not None:
        parts.append(_bates_section(numbers["bates"]))
    if numbers["ssvi"] is not None:
        parts.append(_ssvi_section(numbers["ssvi"]))
    if numbers["svi"] is not None:
        parts.append(_svi_section(numbers["svi"]))
    return parts


def _bates_section(bates: dict[str, Any]) -> Section:
    """Heston's parameters, and those of the jumps."""
    names = ("v0", "kappa", "theta", "sigma", "rho", "intensity", "jump_mean", "jump_deviation")
    edges = f" On an edge: {', '.join(bates['at_bound'])}." if bates["at_bound"] else ""
    return Section(
        "Bates",
        f"Heston with {bates['intensity']:.2f} jumps a year of {bates['jump_mean']:+.1%} give or take "
        f"{bates['jump_deviation']:.1%}; {bates['status']}.{edges}",
        [name.replace("_", " ") for name in names],
        [[f"{bates[name]:.4f}" for name in names]],
    )


def _ssvi_section(ssvi: dict[str, Any]) -> Section:
    """The surface free of arbitrage."""
    rows = [
        [when(t), f"{theta:.5f}", f"{(theta / t) ** 0.5:.2%}"]
        for t, theta in zip(ssvi["maturity"], ssvi["theta"], strict=True)
    ]
    return Section(
        "SSVI",
        "One surface without butterfly or calendar arbitrage; its local volatility prices exotics under all of it. "
        f"rho {ssvi['rho']:.4f}, eta {ssvi['eta']:.4f}, gamma {ssvi['gamma']:.4f}; root mean squared error "
        f"{ssvi['rmse']:.2f} volatility points; {ssvi['status']}.",
        ["maturity", "total variance at the forward", "volatility there"],
        rows,
    )


def _svi_section(svi: dict[str, Any]) -> Section:
    """A row a maturity."""
    names = ("a", "b", "rho", "m", "sigma")
    rows = [[when(t), *(f"{svi[name][k]:.5f}" for name in names)] for k, t in enumerate(svi["maturity"])]
    return Section(
        "SVI",
        "Total variance a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)) at the log k of strike over forward, without "
        "butterfly or calendar arbitrage.",
        ["maturity", *names],
        rows,
    )
