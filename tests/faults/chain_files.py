# ruff: noqa: E501  (a case is a row of a table; broken lines would hide what differs between them)
"""Chains of options as exchanges, brokers and vendors write them, sound and broken ones, of one known market.

Each case writes its file and says what must come of it: the market's forwards and volatilities, or a refusal with these
words. Nothing else is right.
"""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from riskengine import options
from riskengine.options.american import american_price

ASOF = datetime.date(2022, 4, 1)
EXPIRIES = (datetime.date(2022, 4, 29), datetime.date(2022, 7, 15), datetime.date(2023, 3, 31))
SPOT, RATE, DIVIDEND = 4545.86, 0.021, 0.013
TICK = 0.05


def volatility(strike: Any, t: Any, forward: Any) -> Any:
    """The market's smile."""
    x = np.log(strike / forward) / np.sqrt(t)
    return 0.2 - 0.06 * x + 0.05 * x * x


@dataclass(frozen=True)
class Option:
    """One row of the market; premiums as they are quoted."""

    expiry: datetime.date
    strike: float
    kind: str
    mid: float
    bid: float
    ask: float
    vol: float

    @property
    def t(self) -> float:
        return (self.expiry - ASOF).days / 365

    def occ(self, root: str = "SPXW") -> str:
        return f"{root}{self.expiry:%y%m%d}{self.kind[0].upper()}{round(self.strike * 1000):08d}"


def market(
    spot: float = SPOT, scale: float = 1.0, american: bool = False, tick: float = TICK
) -> list[Option]:
    """Calls and puts of three expiries; the spread is wide in the money."""
    found = []
    for expiry in EXPIRIES:
        t = (expiry - ASOF).days / 365
        forward, discount = spot * np.exp((RATE - DIVIDEND) * t), np.exp(-RATE * t)
        for x in np.arange(-6, 5.5) / 4:
            strike = 5 * scale * round(float(forward * np.exp(x * 0.2 * np.sqrt(t))) / (5 * scale))
            vol = float(volatility(strike, t, forward))
            for kind in ("call", "put"):
                if american:
                    mid = float(american_price(spot, strike, t, vol, RATE, DIVIDEND, kind))
                else:
                    mid = float(discount * options.black_price(forward, strike, t, vol, kind))
                inside = max((forward - strike) * (1 if kind == "call" else -1), 0)
                half = max(tick, round((0.005 * mid + 0.004 * inside) / tick) * tick)
                bid, ask = (max(round((mid + s * half) / tick) * tick, 0.0) for s in (-1, 1))
                found.append(Option(expiry, strike, kind, mid, round(bid, 4), round(ask, 4), vol))
    return found


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes
    ----------
    name, vendor : what is particular about it, and whose layout it has
    write : makes it
    asked : keywords of ``read_quotes``
    refused : words that the refusal must hold, all of them; read if empty
    spot : of the market in it
    precise : whether volatilities are those of the market to a hundredth of a point, or to the tick
    flagged : quotes with these flags, by flag
    noted : words of the notes
    maturities : years, where time of day moves them
    """

    name: str
    vendor: str
    write: Callable[[Path], None]
    asked: dict[str, Any] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    spot: float = SPOT
    precise: bool = False
    flagged: dict[str, int] = field(default_factory=dict)
    noted: str = ""
    maturities: tuple[float, ...] = tuple((e - ASOF).days / 365 for e in EXPIRIES)


def lines(*rows: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_bytes(("\n".join(rows) + "\n").encode(encoding)) and None


def table(
    header: str,
    row: Callable[[Option], str],
    above: tuple[str, ...] = (),
    below: tuple[str, ...] = (),
    only: Callable[[Option], bool] = lambda o: True,
    **kw: Any,
) -> list[str]:
    """Header and a row an option."""
    return [*above, header, *(row(o) for o in market(**kw) if only(o)), *below]


def sides(
    header: str,
    row: Callable[[Option, Option], str],
    above: tuple[str, ...] = (),
    below: tuple[str, ...] = (),
    **kw: Any,
) -> list[str]:
    """Header and a row a strike, call and put."""
    found = market(**kw)
    return [*above, header, *(row(c, p) for c, p in zip(found[::2], found[1::2], strict=True)), *below]


YAHOO = "contractSymbol,lastTradeDate,strike,lastPrice,bid,ask,change,percentChange,volume,openInterest,impliedVolatility,inTheMoney,contractSize,currency"
BARCHART = "Strike,Moneyness,Bid,Mid,Ask,Last,Change,%Chg,Volume,Open Int,IV,Delta,Type,DTE,Exp Date"
CBOE = "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
METRICS = "secid,date,symbol,exdate,cp_flag,strike_price,best_bid,best_offer,volume,impl_volatility,delta,am_settlement"
PLAIN = "strike,expiry,kind,bid,ask"
D = {"asof": "2022-04-01"}
D_SPOT = {**D, "spot": SPOT}


def yahoo(o: Option, root: str = "SPXW") -> str:
    return f"{o.occ(root)},2022-04-01 19:59:58+00:00,{o.strike},{o.mid:.2f},{o.bid},{o.ask},0.5,1.2,10,25,{o.vol:.6f},False,REGULAR,USD"


def barchart(o: Option) -> str:
    return f'"{o.strike:,.2f}","{o.strike / SPOT - 1:+.2%}","{o.bid:,.2f}","{(o.bid + o.ask) / 2:,.2f}","{o.ask:,.2f}","{o.mid:,.2f}",+1.20,+2.1%,"1,204","12,310",{o.vol:.2%},0.5,{o.kind.capitalize()},{(o.expiry - ASOF).days},{o.expiry:%m/%d/%y}'


def cboe(c: Option, p: Option) -> str:
    half = ",".join
    return half(
        [
            f"{c.expiry:%a %b %d %Y}",
            *(
                half(
                    [
                        o.occ(),
                        f"{o.mid:.2f}",
                        "0",
                        f"{o.bid}",
                        f"{o.ask}",
                        "12",
                        f"{o.vol:.4f}",
                        "0.5",
                        "0.001",
                        "30",
                    ]
                )
                + ("," + f"{c.strike:.2f}" if o is c else "")
                for o in (c, p)
            ),
        ]
    )


def metrics(o: Option, am: int = 0) -> str:
    return f"108105,20220401,SPXW {o.expiry:%y%m%d}{o.kind[0].upper()}{round(o.strike * 1000):08d},{o.expiry:%Y%m%d},{o.kind[0].upper()},{round(o.strike * 1000)},{o.bid},{o.ask},12,{o.vol:.6f},0.5,{am}"


def plain(o: Option) -> str:
    return f"{o.strike},{o.expiry},{o.kind},{o.bid},{o.ask}"


def deribit(o: Option) -> str:
    t, coin = o.t, 40000.0
    forward = coin * np.exp((RATE - DIVIDEND) * t)
    scale = np.exp(RATE * t) / forward  # quoted in coins, undiscounted in the future's price
    return f"BTC-{o.expiry:%-d%b%y}-{o.strike:.0f}-{o.kind[0].upper()},{forward:.2f},{o.bid * scale:.6f},{o.ask * scale:.6f},{100 * o.vol:.2f}".upper()


def optionsdx(c: Option, p: Option) -> str:
    return f"1648843200, 2022-04-01 16:00, 2022-04-01, 16.0, {SPOT}, {c.expiry}, 1651262400, {(c.expiry - ASOF).days}.0, 0.5, {c.vol:.5f}, {c.bid}, {c.ask}, {c.strike}, {p.bid}, {p.ask}, -0.5, {p.vol:.5f}"


def schwab(o: Option) -> str:
    stamp = int(datetime.datetime.combine(o.expiry, datetime.time(20), datetime.UTC).timestamp() * 1000)
    return f"{o.kind.upper()},SPXW  {o.expiry:%y%m%d}{o.kind[0].upper()}{round(o.strike * 1000):08d},{o.bid},{o.ask},{o.mid:.2f},{100 * o.vol:.3f},{o.strike},{stamp},{(o.expiry - ASOF).days}"


def nse(c: Option, p: Option) -> str:
    return f'"1,200","10","500","{100 * c.vol:.2f}","{c.mid:,.2f}","3.1","50","{c.bid:,.2f}","{c.ask:,.2f}","75","{c.strike:,.2f}","50","{p.bid:,.2f}","{p.ask:,.2f}","75","1.0","{p.mid:,.2f}","{100 * p.vol:.2f}","120","-","900"'


BLOOMBERG = "Strike,Ticker,Bid,Ask,Last,IVM,Volm,Strike,Ticker,Bid,Ask,Last,IVM,Volm"
TARDIS = "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price"


def bloomberg(c: Option, p: Option) -> str:
    return ",".join(
        f"{o.strike:g},SPXW 4/29/22 {o.kind[0].upper()}{o.strike:g} Index,{o.bid},{o.ask},{o.mid:.2f},{100 * o.vol:.2f},12"
        for o in (c, p)
    )


def tardis(o: Option) -> str:
    forward = 40000.0 * np.exp((RATE - DIVIDEND) * o.t)
    scale = np.exp(RATE * o.t) / forward
    micro = [
        int(datetime.datetime.combine(day, datetime.time(8), datetime.UTC).timestamp() * 1e6)
        for day in (ASOF, o.expiry)
    ]
    name = f"BTC-{o.expiry:%-d%b%y}-{o.strike:.0f}-{o.kind[0].upper()}".upper()
    return f"deribit,{name},{micro[0]},{micro[0] + 5},{o.kind},{o.strike:.0f},{micro[1]},12.5,,{o.bid * scale:.6f},1.0,{100 * o.vol - 1:.2f},{o.ask * scale:.6f},1.0,{100 * o.vol + 1:.2f},{o.mid * scale:.6f},{100 * o.vol:.2f},BTC-{o.expiry:%-d%b%y},{forward:.2f}"


NSE = "OI,CHNG IN OI,VOLUME,IV,LTP,CHNG,BID QTY,BID,ASK,ASK QTY,STRIKE,BID QTY,BID,ASK,ASK QTY,CHNG,LTP,IV,VOLUME,CHNG IN OI,OI"


def broken(rows: list[str], **changes: str) -> list[str]:
    """Rows with the numbers of some lines replaced: ``r5='...'``."""
    return [changes.get(f"r{k}", row) for k, row in enumerate(rows)]


def all_cases() -> list[Case]:
    """Every file."""
    first = EXPIRIES[0]
    out = volatility_rows()
    return [
        Case("calls and puts below each other", "Yahoo", lines(*table(YAHOO, yahoo)), D_SPOT),
        Case("without a spot: parity tells the forward", "Yahoo", lines(*table(YAHOO, yahoo)), D),
        Case("stock options are American: rate and spot are missing", "Yahoo", lines(*table(YAHOO, lambda o: yahoo(o, "AAPL"), scale=0.1, spot=170.0)), D, refused=("the spot, since the options are American", "the rate")),
        Case("American, with rate and spot", "Yahoo", lines(*table(YAHOO, lambda o: yahoo(o, "AAPL"), scale=0.1, spot=170.0, american=True, tick=0.01)), {**D, "spot": 170.0, "rate": RATE}, spot=170.0, noted="American"),
        Case("American, on purpose taken for European", "Yahoo", lines(*table(YAHOO, lambda o: yahoo(o, "AAPL"), scale=0.1, spot=170.0, tick=0.01)), {**D, "spot": 170.0, "american": False}, spot=170.0),
        Case("no date of the quotes", "Yahoo", lines(*table(YAHOO, yahoo)), {}, refused=("date of the quotes",)),
        Case("no bids at night: volatilities of the file", "Yahoo", lines(*table(YAHOO, lambda o: yahoo(o).replace(f",{o.bid},{o.ask},", ",0.0,0.0,"))), {**D_SPOT, "rate": RATE, "dividend": DIVIDEND}, precise=True, noted="no quote has a bid"),
        Case("lines above, sides of the strike, long dates", "CBOE", lines(*sides(CBOE, cboe, ('"S&P 500 INDEX",Last: 4545.86,Change: 15.45', '"Date: April 1, 2022 at 4:00 PM EDT","Bid: 4544.1","Ask: 4549.0","Size: 1x1"'))), {}),
        Case("a day among several", "CBOE DataShop", lines("underlying_symbol,quote_date,root,expiration,strike,option_type,bid_size_1545,bid_1545,ask_size_1545,ask_1545,underlying_bid_1545,underlying_ask_1545,open_interest", *(f"^SPX,{day},SPXW,{o.expiry},{o.strike},{o.kind[0].upper()},10,{o.bid},12,{o.ask},{SPOT},{SPOT},7" for day in ("2022-03-31", "2022-04-01") for o in market())), D),
        Case("several days and none chosen", "CBOE DataShop", lines("underlying_symbol,quote_date,root,expiration,strike,option_type,bid_1545,ask_1545", *(f"^SPX,{day},SPXW,{o.expiry},{o.strike},{o.kind[0].upper()},{o.bid},{o.ask}" for day in ("2022-03-31", "2022-04-01") for o in market())), {}, refused=("2 days", "asof")),
        Case("separators of thousands, percent signs, a footer", "Barchart", lines(*table(BARCHART, barchart, below=('"Downloaded from Barchart.com as of 04-01-2022 05:45pm CDT"',))), D_SPOT, noted="no rows of the table"),
        Case("days to expiry alone", "Barchart", lines(*table(BARCHART, barchart)), {"spot": SPOT}),
        Case("strikes times a thousand, dates without hyphens", "OptionMetrics", lines(*table(METRICS, metrics)), {"spot": SPOT}),
        Case("settled in the morning", "OptionMetrics", lines(*table(METRICS, lambda o: metrics(o, 1))), {"spot": SPOT}, maturities=tuple(((e - ASOF).days - 6.5 / 24) / 365 for e in EXPIRIES), precise=False),
        Case("prices in coins, volatilities in percent", "Deribit", lines(*table("instrument_name,underlying_price,bid_price,ask_price,mark_iv", deribit, spot=40000.0, scale=20.0, tick=1.0)), {"asof": "2022-04-01 08:00"}, spot=40000.0, noted="coins"),
        Case("microseconds, coins, volatilities of both sides", "Tardis", lines(*table(TARDIS, tardis, spot=40000.0, scale=20.0, tick=1.0)), {}, spot=40000.0, noted="coins"),
        Case("calls and puts beside each other, a strike each", "Bloomberg", lines(BLOOMBERG, *(bloomberg(c, p) for c, p in zip(market()[:24:2], market()[1:24:2], strict=True))), {**D, "expiry": str(first)}, maturities=(28 / 365,)),
        Case("brackets and spaces about names", "OptionsDX", lines(*sides("[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [QUOTE_TIME_HOURS], [UNDERLYING_LAST], [EXPIRE_DATE], [EXPIRE_UNIX], [DTE], [C_DELTA], [C_IV], [C_BID], [C_ASK], [STRIKE], [P_BID], [P_ASK], [P_DELTA], [P_IV]", optionsdx)), {}),
        Case("camel case, sides by name", "ORATS", lines(*sides("ticker,tradeDate,expirDate,dte,strike,stockPrice,callBidPrice,callAskPrice,putBidPrice,putAskPrice", lambda c, p: f"SPX,2022-04-01,{c.expiry},{(c.expiry - ASOF).days},{c.strike},{SPOT},{c.bid},{c.ask},{p.bid},{p.ask}")), {}),
        Case("milliseconds, upper case, percent without a sign", "Schwab", lines(*table("putCall,symbol,bid,ask,mark,volatility,strikePrice,expirationDate,daysToExpiration", schwab)), {"asof": "2022-04-01 20:00", "spot": SPOT}),
        Case("sides without an expiry: one is given", "NSE", lines("CALLS,,PUTS", NSE, *(nse(c, p) for c, p in zip(market()[:24:2], market()[1:24:2], strict=True))), {"asof": "2022-04-01 15:30", "expiry": str(first), "spot": SPOT}, maturities=(28 / 365,)),
        Case("sides without an expiry", "NSE", lines("CALLS,,PUTS", NSE, *(nse(c, p) for c, p in zip(market()[:24:2], market()[1:24:2], strict=True))), {}, refused=("maturity (years), days or expiry",)),
        Case("one row an option", "Alpha Vantage", lines(*table("contractID,symbol,expiration,strike,type,last,mark,bid,bid_size,ask,ask_size,volume,open_interest,date,implied_volatility", lambda o: f"{o.occ()},SPX,{o.expiry},{o.strike:.2f},{o.kind},{o.mid:.2f},{o.mid:.2f},{o.bid},12,{o.ask},9,100,200,2022-04-01,{o.vol:.5f}")), {}),
        Case("names of contracts alone", "Polygon", lines(*table("option_symbol,bid,ask", lambda o: f"O:{o.occ()},{o.bid},{o.ask}")), D),
        Case("old feed, gzip", "HistoricalOptionData", lambda path: path.write_bytes(gzip.compress("\n".join(table("underlying,underlying_last,exchange,optionroot,optionext,type,expiration,quotedate,strike,last,bid,ask,volume,openinterest,impliedvol", lambda o: f"SPX,{SPOT},*,{o.occ()},,{o.kind},{o.expiry:%Y-%m-%d},2022-04-01,{o.strike},{o.mid:.2f},{o.bid},{o.ask},10,20,{o.vol:.5f}", spot=SPOT)).encode())) and None, {}),
        Case("volatilities and forwards", "QuantLib", lines("maturity,strike,forward,discount,vol", *(f"{t:.10f},{k},{f:.6f},{np.exp(-RATE * t):.10f},{v:.10f}" for t, k, f, v in out)), {}, precise=True),
        Case("volatilities in percent without a sign", "a desk", lines("T,K,forward,iv", *(f"{t:.10f},{k},{f:.6f},{100 * v:.8f}" for t, k, f, v in out)), {}, precise=True, noted="taken for percentages"),
        Case("volatilities with percent signs", "a desk", lines("T,K,forward,iv", *(f"{t:.10f},{k},{f:.6f},{100 * v:.6f}%" for t, k, f, v in out)), {}, precise=True),
        Case("volatilities that may be either", "a desk", lines("T,K,forward,iv", *(f"{t:.10f},{k},{f:.6f},{12 * v:.6f}" for t, k, f, v in out)), {}, refused=("242%",)),
        Case("semicolons and decimal commas", "a desk", lines(*(row.replace(",", ";").replace(".", ",") for row in table(PLAIN, plain))), D, noted="decimal commas"),
        Case("tabs", "a desk", lines(*(row.replace(",", "\t") for row in table(PLAIN, plain))), D),
        Case("a byte-order mark, signs of currency", "a desk", lines(*table(PLAIN, lambda o: f"${o.strike},{o.expiry},{o.kind},${o.bid},${o.ask}"), encoding="utf-8-sig"), D),
        Case("zero bids, crossed quotes, empty cells", "a desk", lines(*broken(table(PLAIN, plain), r2=f"{market()[1].strike},{first},put,0,0.05", r4=f"{market()[3].strike},{first},put,9.9,1.1", r6=f"{market()[5].strike},{first},put,,")), D, flagged={"no bid": 1, "bid above ask": 1, "not a number": 1}),
        Case("same-day expiries, time of the quotes known", "a desk", lines(*table(PLAIN, plain, below=(f"4545,{ASOF},call,3,3.4", f"4545,{ASOF},put,2.1,2.5"))), {"asof": "2022-04-01 12:00"}, maturities=(4 / 24 / 365, *(((e - ASOF).days + 4 / 24) / 365 for e in EXPIRIES))),
        Case("same-day expiries, time unknown", "a desk", lines(*table(PLAIN, plain, below=(f"4545,{ASOF},call,3,3.4", f"4545,{ASOF},put,2.1,2.5"))), D, flagged={"expired": 1}, noted="time of day"),
        Case("a total below the table", "a desk", lines(*table(PLAIN, plain, below=("Total: 72 options,,,,",))), D, noted="no rows"),
        Case("outliers among the pairs", "a desk", lines(*broken(table(PLAIN, plain), r9=f"{market()[8].strike},{first},call,300,301", r29=f"{market()[28].strike},{EXPIRIES[1]},call,900,901")), D),
        Case("last trades alone", "a desk", lines(*table("strike,expiry,option_type,lastPrice", lambda o: f"{o.strike},{o.expiry},{o.kind},{o.mid:.6f}")), D, precise=True, noted="last trades"),
        Case("two underlyings", "a desk", lines("ticker,strike,expiry,kind,bid,ask", *(f"{name},{plain(o)}" for name in ("AAA", "BBB") for o in market())), D, refused=("2 underlyings", "--name")),
        Case("one of two underlyings", "a desk", lines("ticker,strike,expiry,kind,bid,ask", *(f"{name},{plain(o)}" for name in ("AAA", "BBB") for o in market())), {**D, "name": "BBB", "american": False}),
        Case("dates that two orders allow", "a desk", lines(*table(PLAIN, lambda o: f"{o.strike},{o.expiry:%d}/0{o.expiry:%m},{o.kind},{o.bid},{o.ask}".replace("29/004", "04/05/2022").replace("15/007", "04/05/2022").replace("31/003", "04/05/2022"))), D, refused=("04/05/2022",)),
        Case("a word for a number", "a desk", lines(*broken(table(PLAIN, plain), r3="12a,2022-04-29,call,1,2")), D, refused=("line 4", "'12a'")),
        Case("all that is missing at once", "a desk", lines("strike,volume", "100,5", "110,6"), {}, refused=("maturity (years), days or expiry", "neither volatilities nor prices")),
        Case("no kind and no date", "a desk", lines("strike,expiry,price", "100,2022-06-17,5", "110,2022-06-17,6"), {}, refused=("kind", "asof")),
        Case("no table at all", "a desk", lines("This is a letter.", "It has no quotes."), {}, refused=("column strike",)),
    ]  # fmt: skip


def volatility_rows() -> list[tuple[float, float, float, float]]:
    """Maturity, strike, forward and volatility of the options out of the money."""
    found = []
    for o in market():
        forward = SPOT * float(np.exp((RATE - DIVIDEND) * o.t))
        if (o.strike >= forward) == (o.kind == "call"):
            found.append((o.t, o.strike, forward, float(volatility(o.strike, o.t, forward))))
    return found
