"""What an ordinary world does to prices: gaps, other calendars, other frequencies, other closing times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from riskengine import EqualWeight, OptimizedStrategy, Panel, WalkForward, load_panel, run_backtest
from riskengine.calibration import MaximumLikelihood, NeuralCalibrator, Status
from riskengine.cli import app
from riskengine.covariance import Asynchronous, Ewma, LedoitWolf, SampleCovariance
from riskengine.errors import DataError, SettingsError
from riskengine.market import Universe
from riskengine.market.frequency import Frequency, periods_in


def walk(dates, assets=5, volatility=0.01, seed=0):
    """Prices of independent random walks."""
    z = np.random.default_rng(seed).standard_normal((len(dates), assets))
    names = [f"A{k}" for k in range(assets)]
    return pd.DataFrame(100 * np.exp(np.cumsum(volatility * z, axis=0)), dates, names)


# Gaps


def test_a_return_spans_a_gap_within_the_staleness_and_a_longer_gap_is_reported():
    prices = walk(pd.bdate_range("2022-01-03", periods=60), 2)
    prices.iloc[20:24, 0] = np.nan  # four closes: spanned
    prices.iloc[40:45, 0] = np.nan  # five: not
    panel = Panel(prices)
    returns = panel.returns["A0"]
    assert returns.iloc[23] == pytest.approx(prices.iloc[24, 0] / prices.iloc[19, 0] - 1, abs=1e-15)
    assert np.isnan(returns.iloc[44])
    gaps = [finding for finding in panel.audit() if finding.kind == "long_gap"]
    assert [(gap.asset, gap.date) for gap in gaps] == [("A0", prices.index[40])]
    assert "5 closes" in gaps[0].detail
    assert not np.isnan(Panel(prices, staleness=6).returns["A0"].iloc[44])
    with pytest.raises(SettingsError, match="staleness"):
        Panel(prices, staleness=0)


def test_a_return_over_dates_that_the_table_lacks_is_none_of_one_day():
    whole = walk(pd.bdate_range("2020-01-01", periods=400), 3)
    panel = Panel(whole.drop(whole.index[200:320]))
    assert panel.returns.iloc[199].isna().all()
    assert panel.returns.notna().all(axis=1).sum() == 278
    assert list(panel.view(250).history) == [249] * 3
    (finding,) = [found for found in panel.audit() if found.kind == "missing_dates"]
    assert finding.serious
    assert finding.date == whole.index[320]
    assert "120 close(s)" in finding.detail
    assert panel.frequency.periods_per_year == 252


@pytest.mark.parametrize("lost", [slice(200, 207), slice(200, 208)])  # a golden week, and the longest holiday
def test_a_return_spans_a_holiday_of_the_whole_market(lost):
    whole = walk(pd.bdate_range("2020-01-01", periods=400), 3)
    panel = Panel(whole.drop(whole.index[lost]))
    assert "missing_dates" not in {found.kind for found in panel.audit()}
    assert panel.returns.notna().all(axis=None)


def test_missing_weeks_are_told_and_many_holes_are_irregular_dates():
    weeks = walk(pd.date_range("2015-01-02", periods=300, freq="W-FRI"), 3)
    few = Panel(weeks.drop(weeks.index[[100, 101]]))
    assert ["2 close(s)" in found.detail for found in few.audit() if found.kind == "skipped_dates"] == [True]
    assert few.returns.notna().all(axis=None)
    days = walk(pd.bdate_range("2010-01-01", periods=3000), 3)
    thin = days[(np.arange(3000) % 60 < 30)]
    assert "irregular_dates" in {found.kind for found in Panel(thin).audit()}


def test_a_name_that_begins_where_another_ends_is_told():
    prices = walk(pd.bdate_range("2022-01-03", periods=100), 3)
    prices["META"] = prices["A0"].where(np.arange(100) >= 60)
    prices["OTHER"] = prices["A1"].where(np.arange(100) >= 20)
    prices["A0"] = prices["A0"].where(np.arange(100) < 60)
    found = [(f.asset, f.detail) for f in Panel(prices).audit() if f.kind == "possible_rename"]
    assert [(asset, "A0" in detail) for asset, detail in found] == [("META", True)]


@pytest.mark.parametrize("days", [1, 3, 7, 30, 59])
def test_windows_of_a_view_are_the_last_rows_of_the_returns_also_where_a_gap_begins_before_them(days):
    prices = walk(pd.bdate_range("2022-01-03", periods=60), 4)
    prices = prices.mask(np.random.default_rng(1).random(prices.shape) < 0.3)
    view = Panel(prices).view(59)
    expected = Panel(prices).returns.to_numpy()
    np.testing.assert_array_equal(view.window(days), expected[-days:])
    np.testing.assert_array_equal(view.returns, expected)
    np.testing.assert_array_equal(view.history, np.sum(~np.isnan(expected), axis=0))


def test_one_missing_print_on_a_decision_day_neither_sells_nor_buys_back():
    prices = walk(pd.bdate_range("2022-01-03", periods=320))
    schedule = WalkForward(train=250, step=21)
    whole = run_backtest(EqualWeight(min_history=200), Panel(prices), schedule)
    prices.iloc[271, 0] = np.nan
    missing = run_backtest(EqualWeight(min_history=200), Panel(prices), schedule)
    pd.testing.assert_frame_equal(missing.targets, whole.targets)


def test_a_universe_keeps_what_is_fresh_and_drops_what_is_stale():
    prices = walk(pd.bdate_range("2022-01-03", periods=60), 3)
    prices.iloc[57:, 0] = np.nan
    prices.iloc[55:, 1] = np.nan
    member = Universe(min_history=10).restrict(Panel(prices).view(59)).member
    assert member.tolist() == [True, False, True]


def test_freshness_counts_closes_of_the_assets_own_calendar():
    dates = pd.date_range("2022-01-03", periods=140)
    prices = walk(dates, 3)
    prices.loc[dates.day_of_week >= 5, "A0"] = np.nan  # a stock
    gone = prices.copy()
    gone.iloc[-9:, 0] = np.nan  # over a weekend: six of its own closes, or seven
    last = len(dates) - 1
    sunday = next(k for k in range(last, 0, -1) if dates[k].day_of_week == 6)
    view = Panel(prices).view(sunday)
    assert view.fresh.tolist() == [True, True, True]
    assert view.tradable.tolist() == [False, True, True]
    assert not Panel(gone).view(last).fresh[0]


# Frequencies


@pytest.mark.parametrize(
    ("dates", "unit", "periods"),
    [
        (pd.bdate_range("2015-01-01", periods=900), "day", 252),
        (pd.bdate_range("2015-01-01", periods=900).delete(range(0, 900, 25)), "day", 252),  # holidays
        (pd.date_range("2015-01-01", periods=900), "day", 365),
        (pd.bdate_range("2015-01-01", periods=900, freq="C", weekmask="Sun Mon Tue Wed Thu"), "day", 252),
        (pd.date_range("2010-01-01", periods=300, freq="W-FRI"), "week", 52),
        (pd.date_range("2000-01-01", periods=200, freq="BME"), "month", 12),
        (pd.date_range("1980-01-01", periods=80, freq="QE"), "quarter", 4),
        (pd.date_range("2024-01-01", periods=2000, freq="h"), "hour", 24 * 365),
        (pd.date_range("2024-01-01", periods=4000, freq="30min"), "30 minutes", 48 * 365),
    ],
)  # fmt: skip
def test_the_frequency_of_usual_dates_is_measured(dates, unit, periods):
    assert Frequency.measured(dates) == Frequency(unit, float(periods))


def test_hours_of_an_exchange_are_seven_bars_a_trading_day():
    days = pd.bdate_range("2022-01-03", periods=200)
    hours = pd.DatetimeIndex([day + pd.Timedelta(hours=h) for day in days for h in range(10, 17)])
    assert Frequency.measured(hours) == Frequency("hour", 7 * 252.0)


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2010-01-01", periods=100, freq="W-FRI").union(pd.bdate_range("2012-01-02", periods=100)),
        pd.DatetimeIndex(np.datetime64("2010-01-01") + np.cumsum(np.random.default_rng(0).integers(1, 40, 100))),
        pd.bdate_range("2015-01-01", periods=900)[np.random.default_rng(0).random(900) < 0.6],
    ],
    ids=["weekly, then daily", "at random", "rows missing"],
)  # fmt: skip
def test_irregular_dates_are_not_annualised_silently(dates):
    panel = Panel(walk(dates, 2))
    assert panel.frequency.doubt
    (found,) = (finding for finding in panel.audit() if finding.kind == "irregular_dates")
    assert found.serious
    assert "state periods_per_year" in found.detail
    stated = Panel(panel.prices, periods_per_year=252)
    assert (
        stated.view(5).periods_per_year == 252 == stated.between(end=str(dates[80].date())).periods_per_year
    )
    assert not [finding for finding in stated.audit() if finding.kind == "irregular_dates"]
    assert stated.hash != panel.hash


def test_lengths_of_time_are_as_many_periods_as_the_frequency_makes_them():
    assert [periods_in("month", p) for p in (252.0, 365.0, 52.0, 12.0, 1764.0)] == [21, 30, 4, 1, 147]
    assert WalkForward(step="month").horizon(52.0) == 4
    weekly = Panel(walk(pd.date_range("2010-01-01", periods=300, freq="W-FRI")))
    strategy = OptimizedStrategy("x", Ewma(), window=200, min_history=100, horizon="month")
    view = weekly.view(299)
    decision, _ = strategy.decide(strategy.init(view), view, np.zeros(5))
    assert (decision.covariance.horizon, decision.covariance.periods_per_year) == (4, 52.0)
    with pytest.raises(SettingsError, match="length of time"):
        OptimizedStrategy("x", Ewma(), horizon="fortnight")


def test_a_panel_refuses_a_frequency_that_is_none():
    with pytest.raises(SettingsError, match="periods_per_year"):
        Panel(walk(pd.bdate_range("2022-01-03", periods=5)), periods_per_year=0)


# One market, seen daily, weekly, monthly, hourly, and on seven days a week

VOLATILITY = 0.16  # a year, of each of four assets with a correlation of 0.3


def market(periods, periods_per_year, seed=0, assets=4, correlation=0.3):
    """Prices of a market with a known volatility a year."""
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((periods, 1)), rng.standard_normal((periods, assets))
    z = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return 100 * np.exp(np.cumsum(VOLATILITY / np.sqrt(periods_per_year) * z, axis=0))


def frame(values, dates):
    return pd.DataFrame(values, dates, [f"A{k}" for k in range(values.shape[1])])


def versions():
    """Panels of one simulated market, of hours, days and weeks of an exchange, its months, and of seven-day closes."""
    days = pd.bdate_range("1950-01-02", periods=252 * 250)
    hours = pd.DatetimeIndex((days.to_numpy()[:, None] + np.arange(10, 17) * np.timedelta64(1, "h")).ravel())
    hourly = frame(market(len(hours), 7 * 252), hours)
    daily = frame(hourly.to_numpy()[6::7], days)
    weekly, monthly = (daily.groupby(days.to_period(word)).last() for word in ("W-FRI", "M"))
    for table in (weekly, monthly):
        table.index = table.index.to_timestamp(how="end").normalize()
    around = pd.date_range("2000-01-01", periods=365 * 20)
    return {
        "hourly": Panel(hourly.iloc[-30_000:]),
        "daily": Panel(daily.iloc[-8_000:]),
        "weekly": Panel(weekly),
        "monthly": Panel(monthly),
        "seven days a week": Panel(frame(market(len(around), 365, seed=1), around)),
    }


@pytest.fixture(scope="module")
def markets():
    return versions()


@pytest.mark.parametrize("which", ["hourly", "daily", "weekly", "monthly", "seven days a week"])
@pytest.mark.slow
def test_annualised_volatility_is_that_of_the_market_whatever_the_frequency_of_its_prices(markets, which):
    panel = markets[which]
    count = len(panel.dates)
    # What the sample itself has; it differs from what was simulated by its error alone.
    sample = np.log(panel.prices).diff().to_numpy()[1:].std() * np.sqrt(panel.periods_per_year)
    assert sample == pytest.approx(VOLATILITY, rel=0.03)

    strategy = OptimizedStrategy("x", SampleCovariance(count), window=count, min_history=100)
    decision, _ = strategy.decide(strategy.init(panel.view(count - 1)), panel.view(count - 1), np.zeros(4))
    covariance = decision.covariance
    forecast = covariance.volatility * np.sqrt(covariance.periods_per_year)
    assert forecast.mean() == pytest.approx(VOLATILITY, rel=0.03)

    train = count // 3
    result = run_backtest(EqualWeight(min_history=100), panel, WalkForward(train=train, step=21))
    truth = VOLATILITY * np.sqrt((1 + 3 * 0.3) / 4)
    realised = result.returns.std() * np.sqrt(result.periods_per_year)
    assert realised == pytest.approx(truth, rel=0.03)


@pytest.mark.parametrize("which", ["hourly", "weekly", "monthly", "seven days a week"])
@pytest.mark.slow
def test_a_calibration_of_dated_returns_is_annualised_by_their_frequency(markets, which):
    panel = markets[which]
    returns = panel.returns.iloc[-900:]
    fit = NeuralCalibrator.pretrained()(returns)
    table = fit.to_frame()
    assert fit.periods_per_year == panel.periods_per_year
    assert table["long_run_volatility"].mean() == pytest.approx(VOLATILITY, rel=0.05)
    taken_over = any("maximum likelihood in place of the network" in note for note in fit.notes)
    assert taken_over == (which != "seven days a week")


# Coins beside stocks


@pytest.fixture(scope="module")
def mixed():
    """Two stocks on weekdays and two coins on all days; correlated, and as risky a trading day as one another."""
    rng = np.random.default_rng(3)
    dates = pd.date_range("2015-01-01", periods=7 * 260)
    common = rng.standard_normal((len(dates), 1))
    z = 0.01 * (0.6 * common + 0.8 * rng.standard_normal((len(dates), 4)))
    prices = pd.DataFrame(100 * np.exp(np.cumsum(z, axis=0)), dates, ["S0", "S1", "C0", "C1"])
    prices.loc[dates.day_of_week >= 5, ["S0", "S1"]] = np.nan
    return Panel(prices)


def test_a_panel_knows_the_calendar_of_each_asset(mixed):
    assert mixed.calendars.kinds == ("five-day", "five-day", "seven-day", "seven-day")
    assert (mixed.periods_per_year, mixed.session_frequency.periods_per_year) == (365.0, 252.0)
    filled = Panel(mixed.prices.ffill())  # as many files have it
    assert filled.calendars.kinds == mixed.calendars.kinds
    np.testing.assert_allclose(
        filled.view(1500).window(100), mixed.view(1500).window(100), rtol=0, atol=1e-15
    )


def test_weekend_moves_of_coins_stand_beside_the_stocks_monday(mixed):
    monday = next(k for k in range(1000, 1010) if mixed.dates[k].day_of_week == 0)
    view = mixed.view(monday)
    prices = mixed.prices.to_numpy()
    np.testing.assert_allclose(view.window(1)[0], prices[monday] / prices[monday - 3] - 1, atol=1e-15)
    for back in (1, 2):  # Sunday and Saturday: as on Friday
        np.testing.assert_array_equal(mixed.view(monday - back).returns, mixed.view(monday - 3).returns)
    assert mixed.view(monday).day == mixed.view(monday - 3).day + 1 == mixed.view(monday - 1).day + 1
    np.testing.assert_array_equal(mixed.session_returns.to_numpy()[: view.day], view.returns)


@pytest.mark.parametrize("kind", ["equal weight", "minimum variance", "kept calibration"])
def test_the_share_decided_for_coins_is_the_same_on_every_weekday(mixed, kind):
    if kind == "equal weight":
        strategy = EqualWeight(min_history=100)
    else:
        refit = 5 if kind == "kept calibration" else 1
        strategy = OptimizedStrategy("x", Ewma(125), window=500, min_history=100, refit=refit)
    result = run_backtest(strategy, mixed, WalkForward(train=700, step=1))
    share = result.targets[["C0", "C1"]].sum(axis=1)
    by_day = share.groupby(share.index.day_of_week).mean()
    assert len(by_day) == 7
    assert by_day.max() - by_day.min() < 0.02
    assert (result.status == "ok").all()


def test_a_forecaster_that_is_updated_gets_each_session_once(mixed):
    strategy = OptimizedStrategy("x", Ewma(60), window=2000, min_history=100, refit=1000)
    state, held = strategy.init(mixed.view(1000)), np.zeros(4)
    for position in range(1000, 1030):
        decision, state = strategy.decide(state, mixed.view(position), held)
    fresh, _ = strategy.decide(strategy.init(mixed.view(1029)), mixed.view(1029), held)
    np.testing.assert_allclose(decision.covariance.matrix(), fresh.covariance.matrix(), rtol=1e-10)


def test_a_holiday_of_a_stated_market_ages_no_price():
    dates = pd.bdate_range("2020-01-01", periods=200)
    prices = walk(dates, 6)
    prices.iloc[150:157, :3] = np.nan  # a week of holidays and two days in Shanghai
    closes = dict.fromkeys(prices.columns[:3], "15:00 Asia/Shanghai")
    assert Panel(prices).view(156).fresh.tolist() == [False] * 3 + [True] * 3
    panel = Panel(prices, closes=closes)
    assert panel.view(156).fresh.all()
    np.testing.assert_allclose(panel.returns.iloc[156, :3], prices.iloc[157, :3] / prices.iloc[149, :3] - 1)


def test_closes_are_a_time_and_a_zone_of_an_asset():
    prices = walk(pd.bdate_range("2020-01-01", periods=20), 2)
    for closes, said in (
        ({"A0": "15:00"}, "time zone"),
        ({"A0": "15:00 Asia/Nowhere"}, "no time zone"),
        ({"A0": "25:00 UTC"}, "time and a time zone"),
        ({"B": "15:00 UTC"}, "no asset"),
    ):
        with pytest.raises(DataError, match=said):
            Panel(prices, closes=closes)


# Closes hours apart


def asynchronous(days=4000, seed=0, correlation=0.6):
    """Daily returns of Tokyo (closing at 6 UTC) and New York (21 UTC), correlated by the hour."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(24 * (days + 1))
    own = rng.standard_normal((24 * (days + 1), 2))
    hourly = 0.002 * (np.sqrt(correlation) * common[:, None] + np.sqrt(1 - correlation) * own)
    tokyo, new_york = (
        hourly[close : close + 24 * days, k].reshape(days, 24).sum(axis=1) for k, close in enumerate((6, 21))
    )
    return np.column_stack([tokyo, new_york])


CLOSES = {"7203.T": "15:00 Asia/Tokyo", "AAPL": "16:00 America/New_York"}


def decided(panel, window, **settings):
    count = len(panel.dates) - 1
    strategy = OptimizedStrategy("x", LedoitWolf(window), window=window, min_history=100, **settings)
    decision, _ = strategy.decide(
        strategy.init(panel.view(count)), panel.view(count), np.zeros(len(panel.assets))
    )
    return decision.covariance


def test_the_correlation_of_asynchronous_closes_is_estimated_with_lags_where_closes_are_stated():
    returns = asynchronous()
    dates = pd.bdate_range("2005-01-03", periods=len(returns) + 1)
    values = 100 * np.vstack([np.ones(2), np.cumprod(1 + returns, axis=0)])
    prices = pd.DataFrame(values, dates, list(CLOSES))
    plain, panel = Panel(prices), Panel(prices, closes=CLOSES)
    assert decided(plain, 4000).correlation()[0, 1] == pytest.approx(0.6 * 9 / 24, abs=0.05)
    found = decided(panel, 4000)
    assert found.correlation()[0, 1] == pytest.approx(0.6, abs=0.05)
    np.testing.assert_allclose(found.volatility, decided(plain, 4000).volatility, rtol=1e-12)
    assert decided(plain, 4000, asynchronous=True).correlation()[0, 1] == pytest.approx(0.6, abs=0.07)
    assert decided(panel, 4000, asynchronous=False).correlation()[0, 1] < 0.3
    (lead,) = (finding for finding in plain.audit() if finding.kind == "asynchronous_close")
    assert lead.asset == "7203.T"
    assert "AAPL" in lead.detail
    assert not [finding for finding in panel.audit() if finding.kind == "asynchronous_close"]


def test_lags_change_nothing_on_synchronous_data_beyond_their_noise_and_stay_positive_semi_definite():
    rng = np.random.default_rng(5)
    x = 0.01 * (rng.standard_normal((1000, 1)) + rng.standard_normal((1000, 30)))
    plain = LedoitWolf(1000)
    before = plain.forecast(plain.init(x))
    for kernel in ("scholes-williams", "newey-west"):
        model = Asynchronous(plain, lags=1, window=1000, kernel=kernel)
        after = model.forecast(model.init(x))
        change = after.correlation() - before.correlation()
        assert np.sqrt(np.mean(change**2)) < 2.5 / np.sqrt(1000)
        assert np.linalg.eigvalsh(after.matrix()).min() >= -1e-18
    none = Asynchronous(plain, lags=0, window=1000)
    np.testing.assert_array_equal(none.forecast(none.init(x)).matrix(), before.matrix())


def test_lagged_correlations_are_streamed_as_they_are_estimated_at_once():
    x = asynchronous(600)
    x = np.column_stack(
        [x, np.where(np.arange(600) % 5 == 4, np.convolve(x[:, 1], np.ones(5))[:600], np.nan)]
    )
    model = Asynchronous(Ewma(60), lags=((0, 1, 1), (0, 0, 0), (5, 4, 0)), window=500)
    state = model.init(x[:500])
    for row in x[500:]:
        state = model.update(state, row)
    batch = model.forecast(model.init(x))
    np.testing.assert_allclose(model.forecast(state).matrix(), batch.matrix(), rtol=1e-7, atol=1e-10)
    assert batch.correlation()[1, 2] > 0.85  # the fund holds New York


# Prices that come seldom, and prices that stand still


def test_a_fund_priced_on_fridays_is_used_with_its_weekly_returns_scaled():
    rng = np.random.default_rng(8)
    dates = pd.bdate_range("2010-01-01", periods=2501)
    z = 0.01 * (rng.standard_normal((2501, 1)) + rng.standard_normal((2501, 3))) / np.sqrt(2)
    prices = pd.DataFrame(100 * np.exp(np.cumsum(z, axis=0)), dates, ["A", "B", "FUND"])
    daily = decided(Panel(prices), 2400)
    prices.loc[dates.day_of_week != 4, "FUND"] = np.nan
    panel = Panel(prices)
    assert panel.calendars.kinds[2] == "every 5"
    found = decided(panel, 2400)
    assert found.volatility[2] == pytest.approx(0.01, rel=0.08)
    assert found.volatility[2] == pytest.approx(daily.volatility[2], rel=0.08)
    np.testing.assert_allclose(found.correlation()[2, :2], 0.5, atol=0.1)
    for position in range(2400, 2410):
        assert panel.view(position).fresh.all()  # also on Thursdays
    (finding,) = (one for one in panel.audit() if one.kind == "sparse_prices")
    assert finding.asset == "FUND"


def test_a_calibration_of_a_fund_priced_on_fridays_says_so_and_has_its_volatility():
    rng = np.random.default_rng(8)
    dates = pd.bdate_range("2010-01-01", periods=2001)
    prices = pd.DataFrame(
        100 * np.exp(np.cumsum(0.01 * rng.standard_normal((2001, 2)), axis=0)), dates, ["A", "FUND"]
    )
    prices.loc[dates.day_of_week != 4, "FUND"] = np.nan
    fit = MaximumLikelihood()(Panel(prices).returns)
    volatility = fit.to_frame()["long_run_volatility"]
    np.testing.assert_allclose(volatility, 0.01 * np.sqrt(252), rtol=0.1)
    assert any(note.startswith("FUND: a return every 5 rows") for note in fit.flags)


@pytest.mark.parametrize("name", ["network", "maximum likelihood"])
def test_zeros_of_a_grid_of_ticks_are_no_stale_prices(name):
    x = 0.02 * np.random.default_rng(1).standard_normal((1000, 3))
    exact = 20 * np.exp(np.cumsum(x, axis=0))
    tick = 0.5 * np.quantile(exact, 0.5, axis=0) * 0.02
    prices = np.round(exact / tick) * tick
    returns = prices[1:] / prices[:-1] - 1
    assert (np.mean(returns == 0, axis=0) > 0.15).all()
    calibrator = NeuralCalibrator.pretrained() if name == "network" else MaximumLikelihood()
    assert not calibrator(returns).flags


@pytest.mark.parametrize("name", ["network", "maximum likelihood"])
def test_zero_returns_do_not_double_the_long_run_volatility_and_are_flagged_with_their_share(name):
    rng = np.random.default_rng(2)
    x = 0.01 * rng.standard_normal((1000, 4))
    x[:, 3] *= rng.random(1000) >= 0.6
    calibrator = NeuralCalibrator.pretrained() if name == "network" else MaximumLikelihood()
    fit = calibrator(x)
    root = np.sqrt(np.mean(x**2, axis=0))
    np.testing.assert_allclose(np.sqrt(fit.params.long_run_variance), root, rtol=0.1)
    assert [status is Status.STALE for status in fit.status] == [False] * 3 + [True]
    (flag,) = fit.flags
    assert flag.startswith(f"3: fallback: stale prices: {np.mean(x[:, 3] == 0):.0%} of its returns are zero")
    assert "of its returns are zero" in flag


def test_a_weekend_is_no_gap_of_a_market_that_is_shut():
    days = pd.date_range("2018-01-01", periods=200)
    moves = np.random.default_rng(3).standard_normal((200, 2)) * 0.01
    prices = pd.DataFrame(100 * np.exp(moves.cumsum(axis=0)), days, ["stock", "coin"])
    prices.loc[days.day_of_week >= 5, "stock"] = np.nan
    assert not [one for one in Panel(prices).audit() if one.kind in ("gap", "early_end")]
    prices.loc["2018-03-13":"2018-03-15", "stock"] = np.nan  # from Tuesday to Thursday
    (gap,) = [one for one in Panel(prices).audit() if one.kind == "gap"]
    assert (gap.asset, str(gap.date.date())) == ("stock", "2018-03-13")
    assert gap.detail.startswith("3 day(s)")
    assert "3 at a stretch" in gap.detail


def test_a_frequency_in_doubt_can_be_stated_on_the_command_line(tmp_path):
    """Daily prices for two years, weekly ones after: no one number of periods a year follows from the dates."""
    days = pd.bdate_range("2018-01-01", "2019-12-31").append(
        pd.date_range("2020-01-03", periods=160, freq="W-FRI")
    )
    moves = np.random.default_rng(5).standard_normal((len(days), 2)) * 0.01
    prices = pd.DataFrame(100 * np.exp(moves.cumsum(axis=0)), days, ["A", "B"])
    file = tmp_path / "prices.csv"
    prices.to_csv(file, index_label="date")
    (finding,) = [one for one in load_panel(file).audit() if one.kind == "irregular_dates"]
    assert "--periods-per-year" in finding.detail
    panel = load_panel(file, periods_per_year=252)
    assert panel.periods_per_year == 252
    assert not [one for one in panel.audit() if one.kind == "irregular_dates"]
    arguments = ["calibrate", "--prices", str(file), "--method", "mle", "--window", "500", "--json"]
    assert CliRunner().invoke(app, arguments).exit_code == 3
    done = CliRunner().invoke(app, [*arguments, "--periods-per-year", "252"])
    assert done.exit_code == 0, done.output
    refused = CliRunner().invoke(app, [*arguments, "--periods-per-year", "-1"])
    assert isinstance(refused.exception, SettingsError)
