"""Does the GARCH bridge earn its place? Options of an underlying that has few, by the bridge, by peers, or by neither.

    python -m backtests.options.bridge [--data ../shared/data]

Two parts. **Levels**: the implied volatility of each of 20 stocks at month ends from 2012 on is held out and told from
daily prices and the other 19 stocks' implied volatilities of the day, with none, one, three or five older quotes of the
stock itself, a month apart. **Smiles**: the three-month smiles of three index chains, of which none, one, three or five
quotes are known, with the other chains as peers. There are no smiles of single stocks in the data. About five minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.options.precalibration import DAYS, PREMIUM, svi
from backtests.record import Record
from riskengine.calibration import Calibration, NeuralCalibrator, UniverseCalibrator
from riskengine.market import load_panel
from riskengine.options import (
    HestonParams,
    Quotes,
    calibrate_heston,
    heston_price,
    heston_start,
    implied_volatility,
    read_quotes,
)

Array = np.ndarray
KNOWN = (0, 1, 3, 5)
MONTH, TENOR = 21, 30 / 365
DRAWS = 20
RANGED = "2017-11-01"
"""Until when there are open, high and low."""


def main() -> None:
    """Both parts."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the shared data")
    data = parser.parse_args().data
    record = Record(
        "bridge", "The GARCH bridge against peers, for underlyings with few options or none", seed=0
    )
    levels(record, data)
    smiles(record, data)
    record.write()


def levels(record: Record, data: Path) -> None:
    """Held-out implied volatilities of stocks."""
    implied = pd.read_parquet(data / "options/stock_implied_vol_2010_2022.parquet")
    prices = load_panel("data/us_equities_20/prices.parquet")
    folder = data / "ohlc/us_stocks_2000_2017"
    bars = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("high", "low", "close")}
    months = implied.index[implied.index >= "2011-07-01"][::MONTH]
    tables = {"all": list(implied.columns), "ranged": [name for name in implied if name in bars["close"]]}
    logs = np.log(implied.loc[months].to_numpy())
    returns = prices.returns.loc[:, list(implied.columns)]
    priors = {f"realised, {days} days": realised(returns, months, days) for days in (21, 63, 252)}
    network, universe = NeuralCalibrator.pretrained(), UniverseCalibrator.pretrained()
    priors["GARCH bridge (network)"] = bridged(months, lambda day: network(returns.loc[:day].iloc[-DAYS:]))
    priors["GARCH (universe, closes)"] = bridged(months, lambda day: universe(returns.loc[:day].iloc[-DAYS:]))
    rows, pairs = level_rows(logs, priors, range(len(months)))
    record.say(
        f"## Levels\n\n{len(months) - max(KNOWN)} month ends from {months[max(KNOWN)]:%Y-%m} to {months[-1]:%Y-%m} "
        f"of {len(tables['all'])} stocks. An error is the logarithm of the held-out over the predicted implied "
        "volatility: a share of the premium at the money. Root mean squares, with standard errors of 2,000 "
        "bootstraps of the stocks. Each prior is a stock's own volatility from prices times what the other stocks' "
        "implied volatilities of the day are over theirs (mean logarithm); known quotes are the stock's own of so "
        "many months before, whose mean error about the prior is added, by the share that a regression over the "
        "other stocks' months tells. The implied volatilities' tenor is not documented; 30 days are assumed."
    )
    record.table("levels", ["prior", *(f"{n} known" for n in KNOWN)], rows)
    record.table("level_pairs", ["method", "less", "known", "difference"], pairs)
    early = np.flatnonzero(months < RANGED)
    names = tables["ranged"]
    place = [implied.columns.get_loc(name) for name in names]
    spread = np.log(bars["high"][names] / bars["low"][names])
    moves = bars["close"][names].pct_change()

    def ranged(day: pd.Timestamp) -> Calibration:
        known = moves.loc[:day].iloc[-DAYS:]
        return universe(known, ranges=spread.loc[known.index].clip(lower=0).to_numpy())

    few = {name: prior[early][:, place] for name, prior in priors.items()}
    few["GARCH (universe, ranges)"] = bridged(months[early], ranged)
    rows, pairs = level_rows(logs[early][:, place], few, range(len(early)))
    record.say(
        f"The same for the {len(names)} of them that have the day's ranges, to {months[early][-1]:%Y-%m}."
    )
    record.table("ranges", ["prior", *(f"{n} known" for n in KNOWN)], rows)
    record.table("range_pairs", ["method", "less", "known", "difference"], pairs)


def realised(returns: pd.DataFrame, months: pd.DatetimeIndex, days: int) -> Array:
    """Log volatilities a year (months, stocks) of the last days."""
    return np.array(
        [np.log(returns.loc[:day].iloc[-days:].std().to_numpy() * np.sqrt(252)) for day in months]
    )


def bridged(months: pd.DatetimeIndex, calibrated: Callable[[pd.Timestamp], Calibration]) -> Array:
    """Log volatilities a year (months, stocks) that the bridge's variance has on average over the tenor."""
    found = []
    for day in months:
        p = heston_start(calibrated(day)).params
        ahead = p.theta + (p.v0 - p.theta) * -np.expm1(-p.kappa * TENOR) / (p.kappa * TENOR)
        found.append(np.log(np.asarray(ahead)) / 2)
    return np.array(found)


def level_rows(
    logs: Array, priors: dict[str, Array], months: range
) -> tuple[list[list[str]], list[list[str]]]:
    """A row a method, root mean squared errors by number of quotes known; and rows of differences between methods."""
    most = max(KNOWN)
    use = np.array([m for m in months if m >= most])
    peers = others_mean(logs)
    methods: dict[str, Callable[[int], Array | None]] = {
        "peers' mean level, nothing of the stock": lambda n: told(logs, peers, use, n),
        "the last known quote": lambda n: logs[use - 1] if n else None,
        "the last known quote, moved as the peers'": lambda n: (
            (logs[use - 1] + peers[use] - peers[use - 1]) if n else None
        ),
    }
    for name, prior in priors.items():
        methods[f"{name}, no premium"] = lambda n, p=prior: None if n else p[use]  # type: ignore[misc]
        joined = prior + others_mean(logs - prior)
        methods[f"{name}, and peers"] = lambda n, p=joined: told(logs, p, use, n)  # type: ignore[misc]
    rows, errors = [], {}
    for name, method in methods.items():
        cells = []
        for n in KNOWN:
            predicted = method(n)
            if predicted is not None:
                errors[name, n] = logs[use] - predicted
            cells.append("" if predicted is None else shown(errors[name, n]))
        rows.append([name, *cells])
    pairs = [
        [one, other, str(n), apart(errors[one, n], errors[other, n])]
        for one, other, known in PAIRS for n in known if (one, n) in errors and (other, n) in errors
    ]  # fmt: skip
    return rows, pairs


PAIRS = (
    ("GARCH (universe, closes), no premium", "realised, 252 days, no premium", (0,)),
    ("GARCH (universe, closes), and peers", "realised, 252 days, and peers", (0, 1)),
    ("GARCH (universe, closes), and peers", "GARCH bridge (network), and peers", (0,)),
    ("GARCH (universe, ranges), and peers", "GARCH (universe, closes), and peers", (0, 1)),
    ("GARCH (universe, closes), and peers", "the last known quote, moved as the peers'", (1, 3, 5)),
    ("GARCH (universe, ranges), and peers", "the last known quote, moved as the peers'", (1, 3, 5)),
)
"""Methods that are compared, and at how many quotes known."""


def apart(one: Array, other: Array) -> str:
    """Difference of root mean squared errors in percent, with its error from bootstraps of both on the same stocks."""
    squares = [np.mean(error**2, axis=0) for error in (one, other)]
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(squares[0]), (2000, len(squares[0])))
    gaps = np.sqrt(squares[0][drawn].mean(axis=1)) - np.sqrt(squares[1][drawn].mean(axis=1))
    return f"{100 * (np.sqrt(squares[0].mean()) - np.sqrt(squares[1].mean())):+.1f} ± {100 * gaps.std():.1f}"


def others_mean(values: Array) -> Array:
    """(months, stocks): of each stock, the mean over all others."""
    n = values.shape[1]
    return (values.sum(axis=1, keepdims=True) - values) / (n - 1)


def told(logs: Array, prior: Array, use: Array, n: int) -> Array:
    """The prior, moved by the stock's own errors of the last ``n`` months, as far as those of others have lasted."""
    if n == 0:
        return prior[use]
    error = logs - prior
    past = np.stack([error[use - k] for k in range(1, n + 1)])
    mean = past.mean(axis=0)
    now = error[use]
    moved = np.empty_like(now)
    for j in range(now.shape[1]):  # the share is regressed on the other stocks
        other = np.arange(now.shape[1]) != j
        share = np.sum(mean[:, other] * now[:, other]) / np.sum(mean[:, other] ** 2)
        moved[:, j] = np.clip(share, 0, 1) * mean[:, j]
    return prior[use] + moved


def shown(error: Array) -> str:
    """Root mean squared error in percent, with its bootstrap error over stocks."""
    squares = np.mean(error**2, axis=0)
    rng = np.random.default_rng(0)
    drawn = np.sqrt(squares[rng.integers(0, len(squares), (2000, len(squares)))].mean(axis=1))
    return f"{100 * np.sqrt(squares.mean()):.1f} ± {100 * drawn.std():.1f}"


def smiles(record: Record, data: Path) -> None:
    """Held-out quotes of the three-month smile of three indices."""
    market = pd.read_parquet(data / "factors/ff_daily_1963_2022.parquet")
    column = next(name for name in market.columns if "mkt" in name.lower())
    daily = (market[column] + market["RF"]).dropna()
    chains = {
        "DAX 2002-07-05": (read_quotes(data / "options/dax_2002-07-05.csv"), "2002-07-05"),
        "SPX 2005-09-15": (svi(data / "options/spx_2005-09-15_svi.csv"), "2005-09-15"),
        "SPX 2022-04-01": (read_quotes(data / "options/spx_2022-04-01.csv.gz"), "2022-04-01"),
    }
    slices = {name: three_months(quotes) for name, (quotes, _) in chains.items()}
    calibrator = NeuralCalibrator.pretrained()
    errors: dict[str, dict[int, list[float]]] = {}
    by_chain: dict[str, dict[str, float]] = {}
    for name, (_, day) in chains.items():
        window = daily[:day].to_frame("market").iloc[-DAYS:]
        start = heston_start(calibrator(window))
        volatility = float(window.iloc[-63:].std().iloc[0] * np.sqrt(252))
        peers = [shape(slices[other]) for other in slices if other != name]
        for n in KNOWN:
            one = chain_errors(slices[name], peers, start, volatility, n)
            for method, values in one.items():
                errors.setdefault(method, {}).setdefault(n, []).append(float(np.mean(values**2)))
                by_chain.setdefault(f"{method}, {n} known", {})[name] = float(np.sqrt(np.mean(values**2)))
        print(name, flush=True)
    record.say(
        f"## Smiles\n\nThe quotes of the maturity nearest three months out to two standard deviations, {DRAWS} "
        "draws of the known ones, one near the money first; errors of all others, root mean squares in percent of "
        "the volatility. The peers' smile is the mean of the other two chains' over standardised moneyness, scaled "
        "by the known quotes, or by realised volatility of 63 days times the peers' ratio without any. The bridge "
        "is Heston's with the GARCH prior, widened by the premium, fitted to the known quotes. Three underlyings: "
        "there is no error worth a bootstrap; each is shown. The bridge sees the US market's returns, for the DAX "
        "a stand-in."
    )
    rows = [
        [method, str(n), f"{100 * np.sqrt(np.mean(values)):.1f}",
         *(f"{100 * by_chain[f'{method}, {n} known'][name]:.1f}" for name in chains)]
        for method, each in errors.items() for n, values in each.items()
    ]  # fmt: skip
    record.table("smiles", ["method", "known", "all", *chains], rows)


def three_months(quotes: Quotes) -> Quotes:
    """At most 25 quotes of the maturity nearest three months, out to two standard deviations."""
    maturities = np.unique(quotes.maturity[quotes.usable])
    t = maturities[np.argmin(np.abs(maturities - 0.25))]
    here = quotes.take(quotes.usable & (quotes.maturity == t))
    x = np.log(here.strike / here.forward)
    level = here.volatility[np.argmin(np.abs(x))]
    inside = np.flatnonzero(np.abs(x) <= 2 * level * np.sqrt(t))
    inside = inside[np.argsort(x[inside])]
    return here.take(inside[np.unique(np.round(np.linspace(0, len(inside) - 1, 25)).astype(int))])


def shape(quotes: Quotes) -> tuple[Array, Array]:
    """Standardised moneyness, and volatility over that at the money."""
    x = np.log(quotes.strike / quotes.forward)
    level = float(np.interp(0.0, x, quotes.volatility))
    return x / (level * np.sqrt(quotes.maturity)), quotes.volatility / level


def chain_errors(
    quotes: Quotes, peers: list[tuple[Array, Array]], start: object, volatility: float, n: int
) -> dict[str, Array]:
    """Relative errors of the held-out quotes by method."""
    rng = np.random.default_rng(n)
    x, seen = np.log(quotes.strike / quotes.forward), quotes.volatility
    root = np.sqrt(quotes.maturity)
    nearest = int(np.argmin(np.abs(x)))
    found: dict[str, list[Array]] = {}
    drawn = []
    for _ in range(DRAWS if n > 1 else 1):
        rest = rng.permutation(np.delete(np.arange(len(x)), nearest))
        drawn.append(np.array([nearest, *rest[: n - 1]] if n else [], int))
    bridge = prior_smiles([quotes.take(known) for known in drawn], start, quotes)
    for known, model in zip(drawn, bridge, strict=True):
        held = np.setdiff1d(np.arange(len(x)), known)
        level = float(seen[known].mean()) if n else volatility
        smile = level * peer_smile(peers, x / (level * root))
        if n:
            at = level
            for _ in range(5):  # the level at which the peers' smile has the known quotes' mean
                at = float(
                    np.exp(np.mean(np.log(seen[known] / peer_smile(peers, x[known] / (at * root[known])))))
                )
            smile = at * peer_smile(peers, x / (at * root))
        predicted = {"flat": np.full(len(x), level), "peers' smile": smile, "the bridge": model}
        if n:
            near = known[np.argmin(np.abs(x[:, None] - x[known][None]), axis=1)]
            predicted["the nearest known quote"] = seen[near]
        for name, values in predicted.items():
            found.setdefault(name, []).append(np.log(seen[held] / values[held]))
    return {name: np.concatenate(values) for name, values in found.items()}


def peer_smile(peers: list[tuple[Array, Array]], z: Array) -> Array:
    """Mean of the peers' shapes; flat beyond their quotes."""
    return np.mean([np.interp(z, *one) for one in peers], axis=0)


def prior_smiles(thin: list[Quotes], start: object, quotes: Quotes) -> list[Array]:
    """Volatilities at all quotes of Heston fitted to few with the GARCH prior; of the start where there are none."""
    if not len(thin[0]):
        params = [HestonParams(*(float(np.ravel(leaf)[0]) for leaf in start.params))]  # type: ignore[attr-defined]
    else:
        params = [
            calibrate_heston([one], start, prior=start.widened(PREMIUM), several=False)[0].params  # type: ignore[attr-defined, arg-type]
            for one in thin
        ]
    kind = np.where(quotes.strike > quotes.forward, "call", "put")
    ratio = quotes.strike / quotes.forward
    return [
        implied_volatility(
            heston_price(p, 1.0, ratio, quotes.maturity, kind=kind, nodes=512),
            1.0,
            ratio,
            quotes.maturity,
            kind,
        )
        for p in params
    ]


if __name__ == "__main__":
    main()
