"""Words for the unit of each figure of a result."""

from __future__ import annotations

from riskengine.market import period_name, plural


def summary_units(periods_per_year: float) -> dict[str, str]:
    """Unit, horizon and level of each figure of a summary, by its name."""
    unit = period_name(periods_per_year)
    units = plural(unit)
    year = f"annualised with {periods_per_year:g} {units} a year"
    return {
        "volatility": f"fraction a year: standard deviation of returns net of costs, {year}",
        "return": "fraction a year: compound growth net of costs",
        "cash_return": "fraction a year: compound growth of cash",
        "sharpe": f"mean over standard deviation of returns net of costs less those of cash, {year}",
        "sortino": f"mean over root mean square shortfall of returns net of costs less those of cash, {year}",
        "information_ratio": "of the strategy against this portfolio: mean over standard deviation of the "
        f"difference of their returns net of costs, {year}",
        "max_drawdown": "fraction of the highest wealth so far, zero or negative",
        "turnover": "sum of absolute trades as a multiple of wealth, a year",
        "costs": "fraction of wealth a year",
        "bias": "root mean square of holding-period returns over their forecast volatility; 1 is right",
        "var_99_exceptions": f"number of {units} on which the loss exceeded VaR 99%, one {unit}, by the first method",
        "var_99_expected": f"number of {units} expected to exceed VaR 99%, one {unit}",
        "reduction": "fraction: 1 less the strategy's volatility over this portfolio's; positive if it is calmer",
        "reduction_low": "lower end of the 95% interval of reduction, fraction",
        "reduction_high": "upper end of the 95% interval of reduction, fraction",
        "p_value": "of equal variances, two-sided, 0 to 1",
    }


def result_units(periods_per_year: float) -> dict[str, dict[str, str] | str]:
    """Units of everything in the JSON of a result."""
    unit = period_name(periods_per_year)
    units = plural(unit)
    return {
        "days": f"number of {units}",
        "summary": summary_units(periods_per_year),
        "risk_today": {
            "horizon": f"{units} ahead of the last close",
            "level": "confidence, fraction",
            "var": "positive fraction of wealth that is lost over the horizon",
            "cvar": "positive fraction of wealth that is lost over the horizon, mean beyond VaR",
        },
        "value_at_risk": {
            "level": "confidence, fraction",
            "days": f"number of {units} with a forecast, each one {unit} ahead",
            "expected": f"number of {units}",
            "exceptions": f"number of {units} with a loss beyond VaR",
            "share": f"exceptions as a fraction of {units}",
            "kupiec_p": "p-value of the expected share, 0 to 1",
            "christoffersen_p": "p-value of the expected share without clusters, 0 to 1",
            "verdict": "passes, or the tests that reject at 5%",
        },
        "statuses": "number of decisions",
    }
