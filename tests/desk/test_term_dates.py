"""Dates of term sheets: business days, schedules, payment dates, and what is refused."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from riskengine.desk import read_terms
from riskengine.desk.term_dates import TermClock, calendar_of
from riskengine.errors import DataError, RiskEngineError, SettingsError

TODAY = datetime.date(2024, 3, 15)
HEAD = '[model]\nname = "black-scholes"\nvolatility = 0.2\n'


def clock(**changes) -> TermClock:
    pytest.importorskip("holidays", reason="calendars are those of the package holidays")
    return TermClock(TODAY, calendar_of(("NYSE",), range(2023, 2028)), **changes)


def test_dates_move_to_business_days_by_the_convention():
    good_friday, monday, thursday = (datetime.date(2024, 3, day) for day in (29, 31, 28))
    assert clock().business_day(good_friday) == datetime.date(2024, 4, 1)
    assert clock(convention="preceding").business_day(good_friday) == thursday
    assert clock(convention="modified following").business_day(monday) == thursday


def test_years_follow_the_day_count():
    day = datetime.date(2024, 6, 14)
    assert clock().years(day) == 91 / 365
    assert clock(day_count="act/360").years(day) == 91 / 360
    closed = 2  # Good Friday, Memorial Day
    assert clock(day_count="bus/252").years(day) == (65 - closed) / 252


def test_schedules_end_at_maturity_and_skip_holidays():
    now = clock()
    end = now.time("2024-07-05", "maturity")
    daily = [now.dates[t] for t in now.schedule("daily", end)]
    assert datetime.date(2024, 7, 4) not in daily
    assert (daily[0], daily[-1]) == (datetime.date(2024, 3, 18), datetime.date(2024, 7, 5))
    monthly = [now.dates[t] for t in now.schedule("monthly", end)]
    assert monthly == [datetime.date(2024, m, d) for m, d in ((4, 5), (5, 6), (6, 5), (7, 5))]
    assert np.all(np.diff(now.schedule("weekly", end)) > 0)
    assert now.schedule("quarterly", 1.0) == (0.25, 0.5, 0.75, 1.0)  # no date of the maturity is known
    last = now.time("2024-08-30", "maturity")
    assert now.dates[now.schedule("monthly", last)[-2]] == datetime.date(2024, 7, 30)


def test_payments_lag_by_business_days():
    now = clock(payment_lag=3)
    t = now.time("2024-07-02", "maturity")
    ((decided, paid),) = now.payments([t])
    assert decided == t
    assert now.dates[paid] == datetime.date(2024, 7, 8)


@pytest.mark.parametrize(
    ("head", "product", "cause"),
    [
        ("", 'maturity = "2025-01-02"', "give the date of valuation"),
        ('[valuation]\ndate = "2024-03-15"\n', 'maturity = "2024-01-02"', "an expired product has no price"),
        ('[valuation]\ndate = "2024-03-15"\n', 'maturity = "05/06/2025"', "day first or month first"),
        (
            '[valuation]\ndate = "2024-03-15"\ncalendar = "NYZE"\n',
            'maturity = "2025-01-02"',
            "no calendar 'NYZE'",
        ),
        ('[valuation]\ndate = "2024-03-15"\nlag = 2\n', 'maturity = "2025-01-02"', "unknown key 'lag'"),
        (
            '[valuation]\ndate = "2024-03-15"\n',
            'maturity = "2025-01-02"\nfixings = ["2024-02-01", "2025-01-02"]',
            "lies before the valuation",
        ),
    ],
)
def test_what_is_wrong_with_a_date_is_named(head, product, cause, tmp_path):
    path = tmp_path / "terms.toml"
    path.write_text(f'{head}{HEAD}[product]\nname = "asian"\nstrike = 100\n{product}\n')
    with pytest.raises(RiskEngineError, match=cause):
        read_terms(path)


def test_a_rate_in_percent_says_so_or_is_refused(tmp_path):
    path = tmp_path / "terms.toml"
    body = f'{HEAD}[product]\nname = "vanilla"\nstrike = 100\nmaturity = 1\n[underlying]\nrate = '
    path.write_text(body + "5\n")
    with pytest.raises(DataError, match="500% a year"):
        read_terms(path)
    path.write_text(body + '"5%"\n')
    curves = read_terms(path).curves
    assert curves is not None
    assert curves.rate.value == (0.05,)


def test_a_basket_names_what_does_not_fit(tmp_path):
    path = tmp_path / "terms.toml"
    body = f'{HEAD}[product]\nname = "vanilla"\nstrike = 100\nmaturity = 1\n[basket]\nnames = ["A", "B"]\n'
    path.write_text(body + "spot = [1.0]\ncorrelation = 0.5\n")
    with pytest.raises(SettingsError, match=r"basket\.spot has 1 numbers for 2 names"):
        read_terms(path)
    path.write_text(body + "spot = [1.0, 2.0]\n")
    with pytest.raises(SettingsError, match="give one of them"):
        read_terms(path)
    path.write_text(body + "spot = [1.0, 2.0]\ncorrelation = [[1.0, 1.2], [1.2, 1.0]]\n")
    with pytest.raises(DataError, match="contradict"):
        read_terms(path)


def test_correlations_come_from_the_engines_forecast(prices, tmp_path):
    prices.to_csv(tmp_path / "prices.csv")
    first, second = (str(name) for name in prices.columns[:2])
    path = tmp_path / "terms.toml"
    path.write_text(
        f'{HEAD}[product]\nname = "vanilla"\nstrike = 100\nmaturity = 1\n[basket]\nnames = ["{first}", "{second}"]\n'
        'spot = [10.0, 20.0]\nprices = "prices.csv"\n'
    )
    terms = read_terms(path)
    matrix = terms.params.variance_root @ terms.params.variance_root.T
    sample = np.corrcoef(prices.iloc[:, :2].pct_change(fill_method=None).dropna().to_numpy().T)[0, 1]
    assert matrix[0, 1] == pytest.approx(sample, abs=0.35)
    assert "correlation forecast" in terms.notes[0]
