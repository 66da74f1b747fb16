"""Position files of brokers: what is read of them, and how they are refused."""

from __future__ import annotations

import datetime
from typing import NamedTuple

import pytest

from riskengine.book import BookSettings, completed, read_positions, value_book
from riskengine.errors import DataError


class VendorFile(NamedTuple):
    """A file and what is to be read of it: rows of symbol, account, quantity, price, currency, multiplier, kind."""

    name: str
    text: str
    positions: list[tuple]
    cash: dict[tuple[str, str], float]
    base: str = ""
    flags: int = 0


FILES = [
    VendorFile(
        "interactive_brokers_flex.csv",
        '"ClientAccountID","CurrencyPrimary","AssetClass","FXRateToBase","Symbol","Description","ISIN","Multiplier",'
        '"ReportDate","Quantity","MarkPrice","PositionValue","CostBasisPrice","CostBasisMoney","PercentOfNAV","Side",'
        '"LevelOfDetail","OpenDateTime"\n'
        '"U1","EUR","STK","1","SAP","SAP SE","DE0007164600","1","2024-06-28","100","189.5","18950","150","15000","5",'
        '"Long","SUMMARY",""\n'
        '"U1","EUR","STK","1","SAP","SAP SE","DE0007164600","1","2024-06-28","60","189.5","11370","140","8400","7.5",'
        '"Long","LOT","2022-03-01;101500"\n'
        '"U1","EUR","STK","1","SAP","SAP SE","DE0007164600","1","2024-06-28","40","189.5","7580","165","6600","5",'
        '"Long","LOT","2024-02-01;093000"\n'
        '"U1","USD","STK","0.93","XOM","EXXON","US30231G1022","1","2024-06-28","-50","115.2","-5760","118","-5900",'
        '"-3.8","Short","SUMMARY",""\n'
        '"U1","USD","FUT","0.93","ESU4","E-MINI S&P 500","","50","2024-06-28","-2","5521.5","-552150","5480","-548000",'
        '"0","Short","SUMMARY",""\n'
        '"ClientAccountID","CurrencyPrimary","LevelOfDetail","FromDate","ToDate","StartingCash","EndingCash"\n'
        '"U1","BASE_SUMMARY","BaseCurrency","2024-06-28","2024-06-28","0","11395"\n'
        '"U1","EUR","Currency","2024-06-28","2024-06-28","0","10000"\n'
        '"U1","USD","Currency","2024-06-28","2024-06-28","0","1500"\n',
        [
            ("SAP", "U1", 100.0, 189.5, "EUR", 1.0, "equity"),
            ("XOM", "U1", -50.0, 115.2, "USD", 1.0, "equity"),
            ("ESU4", "U1", -2.0, 5521.5, "USD", 50.0, "future"),
        ],
        {("U1", "EUR"): 10000.0, ("U1", "USD"): 1500.0},
        "EUR",
    ),
    VendorFile(
        "interactive_brokers_activity.csv",
        "Statement,Header,Field Name,Field Value\nStatement,Data,BrokerName,Interactive Brokers LLC\n"
        "Account Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U7654321\n"
        "Account Information,Data,Base Currency,USD\n"
        "Cash Report,Header,Currency Summary,Currency,Total,Securities,Futures,\n"
        "Cash Report,Data,Starting Cash,Base Currency Summary,100,100,0,\n"
        "Cash Report,Data,Ending Cash,Base Currency Summary,2600,2600,0,\n"
        "Cash Report,Data,Ending Cash,EUR,1000,1000,0,\nCash Report,Data,Ending Cash,USD,1520,1520,0,\n"
        "Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,Mult,Cost Price,Cost Basis,"
        "Close Price,Value,Unrealized P/L,Code\n"
        'Open Positions,Data,Summary,Stocks,USD,AAPL,"1,200",1,120.5,144600,210.62,252744,108144,\n'
        "Open Positions,Total,,Stocks,USD,,,,,144600,,252744,108144,\n"
        "Open Positions,Data,Summary,Stocks,EUR,ASML,-10,1,800,-8000,964.2,-9642,-1642,\n"
        "Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,Mult,Cost Price,Cost Basis,"
        "Close Price,Value,Unrealized P/L,Code\n"
        "Open Positions,Data,Summary,Futures,USD,NQU4,1,20,19500,390000,19912,398240,8240,\n"
        "Open Dividend Accruals,Header,Asset Category,Currency,Symbol,Ex Date,Pay Date,Quantity,Tax,Fee,Gross Rate,"
        "Gross Amount,Net Amount,Code\n"
        "Open Dividend Accruals,Data,Stocks,USD,AAPL,2024-05-10,2024-07-16,1200,45,0,0.25,300,255,\n"
        "Open Dividend Accruals,Data,Total,,,,,,45,0,,300,255,\n"
        "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,T. Price\n"
        "Trades,Data,Order,Stocks,USD,AAPL,10,200\n",
        [
            ("AAPL", "U7654321", 1200.0, 210.62, "USD", 1.0, "equity"),
            ("ASML", "U7654321", -10.0, 964.2, "EUR", 1.0, "equity"),
            ("NQU4", "U7654321", 1.0, 19912.0, "USD", 20.0, "future"),
        ],
        {("U7654321", "EUR"): 1000.0, ("U7654321", "USD"): 1520.0},
        "USD",
    ),
    VendorFile(
        "schwab_all_accounts.csv",
        '"Positions for All-Accounts as of 04:05 PM ET, 06/28/2024"\n\n"Individual ...123"\n'
        '"Symbol","Description","Qty (Quantity)","Price","Price Chng % (Price Change %)","Mkt Val (Market Value)",'
        '"Cost Basis","% of Acct (% of Account)","Security Type"\n'
        '"AAPL","APPLE INC","150","$210.62","-1.63%","$31,593.00","$18,000.00","41.2%","Equity"\n'
        '"SCHB","SCHWAB US BROAD","1,000","$63.11","0.1%","$63,110.00","N/A","50%","ETFs & Closed End Funds"\n'
        '"Cash & Cash Investments","--","--","--","--","$4,321.09","--","5.6%","Cash and Money Market"\n'
        '"Account Total","","--","--","--","$99,024.09","$18,000.00","--","--"\n\n"Roth IRA ...456"\n'
        '"Symbol","Description","Qty (Quantity)","Price","Price Chng % (Price Change %)","Mkt Val (Market Value)",'
        '"Cost Basis","% of Acct (% of Account)","Security Type"\n'
        '"AAPL","APPLE INC","50","$210.62","-1.63%","$10,531.00","$9,000.00","100%","Equity"\n'
        '"Cash & Cash Investments","--","--","--","--","$10.00","--","0%","Cash and Money Market"\n'
        '"Account Total","","--","--","--","$10,541.00","$9,000.00","--","--"\n',
        [
            ("AAPL", "Individual ...123", 150.0, 210.62, "", 1.0, "equity"),
            ("SCHB", "Individual ...123", 1000.0, 63.11, "", 1.0, "fund"),
            ("AAPL", "Roth IRA ...456", 50.0, 210.62, "", 1.0, "equity"),
        ],
        {("Individual ...123", ""): 4321.09, ("Roth IRA ...456", ""): 10.0},
    ),
    VendorFile(
        "fidelity.csv",
        "Account Number,Account Name,Symbol,Description,Quantity,Last Price,Last Price Change,Current Value,"
        "Today's Gain/Loss Dollar,Today's Gain/Loss Percent,Percent Of Account,Cost Basis Total,"
        "Average Cost Basis,Type\n"
        "X111,Individual,SPAXX**,HELD IN MONEY MARKET,,,,$2050.17,,,3.1%,,,Cash,\n"
        "X111,Individual,FXAIX,FIDELITY 500 INDEX,88.104,$190.41,+$0.50,$16775.88,+$44.05,+0.26%,25.4%,$12000.00,"
        "$136.20,Cash,\n"
        "X111,Individual,KO,COCA COLA,-20,$63.65,-$0.10,-$1273.00,+$2.00,+0.1%,-1.9%,-$1200.00,$60.00,Margin,\n"
        "X111,Individual,Pending Activity,,,,,$-14.20,,,,,\n\n"
        '"The data and information in this spreadsheet is provided to you solely for your use and is not for '
        'distribution."\n\n"Date downloaded Jun-28-2024 at 9:14 a.m ET"\n',
        [
            ("FXAIX", "X111", 88.104, 190.41, "", 1.0, "equity"),
            ("KO", "X111", -20.0, 63.65, "", 1.0, "equity"),
        ],
        {("X111", ""): 2050.17},
    ),
    VendorFile(
        "custodian.csv",
        "ACCOUNT_ID|AS_OF_DATE|ASSET_TYPE|SECURITY_ID|ISIN|SECURITY_NAME|SHARES_PAR|LOCAL_CCY|LOCAL_PRICE|LOCAL_MV|"
        "BASE_CCY|BASE_MV|ACCRUED_INCOME\n"
        "ACC-9|2024-06-28|EQUITY|NESN|CH0038863350|NESTLE|2,000.000|CHF|91.72|183,440.00|EUR|190,410.72|0.00\n"
        "ACC-9|2024-06-28|EQUITY|7203|JP3633400001|TOYOTA|(1,500)|JPY|3,290|(4,935,000)|EUR|(28,623.00)|(45,000)\n"
        "ACC-9|2024-06-28|CASH|CHF CASH||SWISS FRANC|12,345.67|CHF|1|12,345.67|EUR|12,814.81|0\n"
        "TRAILER|3||||||||||\n",
        [
            ("NESN", "ACC-9", 2000.0, 91.72, "CHF", 1.0, "equity"),
            ("7203", "ACC-9", -1500.0, 3290.0, "JPY", 1.0, "equity"),
        ],
        {("ACC-9", "CHF"): 12345.67},
        "EUR",
    ),
    VendorFile(
        "german_bank.csv",
        "Depotübersicht vom 28.06.2024\n\n"
        "WKN;Bezeichnung;Stück/Nominal;Währung;Kurs;Kurswert;Einstandskurs;Anteil %\n"
        "716460;SAP SE;1.250;EUR;189,50;236.875,00;101,25;61,2\n"
        "865985;APPLE INC;300,5;USD;210,62;63.291,31;98,10;38,8\n"
        "Verrechnungskonto;;;EUR;;1.234,56;;\n"
        "Summe;;;;;301.400,87;;100,0\n",
        [
            ("716460", "", 1250.0, 189.5, "EUR", 1.0, "equity"),
            ("865985", "", 300.5, 210.62, "USD", 1.0, "equity"),
        ],
        {("", "EUR"): 1234.56},
    ),
    VendorFile(
        "vanguard.csv",
        "Account Number,Investment Name,Symbol,Shares,Share Price,Total Value,\n"
        "555,VANGUARD TOTAL STOCK,VTI,40.5,267.51,10834.16,\n"
        "555,VANGUARD BOND,BND,100,72.05,7205.00,\n\n\n"
        "Account Number,Trade Date,Settlement Date,Transaction Type,Transaction Description,Investment Name,Symbol,"
        "Shares,Share Price,Principal Amount,Commissions and Fees,Net Amount,Accrued Interest,Account Type,\n"
        "555,2024-05-01,2024-05-03,Buy,Buy,VANGUARD TOTAL STOCK,VTI,10,250,-2500,0,-2500,0,CASH,\n",
        [
            ("VTI", "555", 40.5, 267.51, "", 1.0, "equity"),
            ("BND", "555", 100.0, 72.05, "", 1.0, "equity"),
        ],
        {},
    ),
    VendorFile(
        "etrade.csv",
        "Account Summary\nAccount,Net Account Value,Total Gain $,Total Gain %\n"
        '"Brokerage -1234",50000.00,100.00,0.2\n\nView Summary - All Positions\nFilters Applied:\n'
        "Symbol,Last Price $,Change $,Change %,Quantity,Price Paid $,Day's Gain $,Total Gain $,Total Gain %,Value $\n"
        "MSFT,446.95,-5.9,-1.3,25,300.10,-147.5,3671.25,48.9,11173.75\n"
        "CASH,,,,,,,,,812.44\nTOTAL,,,,,,-147.5,3671.25,48.9,11986.19\nGenerated at Jun 28 2024 06:01 PM ET\n",
        [("MSFT", "", 25.0, 446.95, "", 1.0, "equity")],
        {("", ""): 812.44},
    ),
    VendorFile(
        "london_broker.tsv",
        "Account\tTicker\tName\tQuantity\tPrice\tCcy\tMarket Value\n"
        "ISA\tVOD\tVODAFONE\t10,000\t69.76\tGBX\t6,976.00\nISA\tCash GBP\t\t250.5\t1\tGBP\t250.5\n"
        "SIPP\tVOD\tVODAFONE\t5,000\t69.76\tGBp\t3,488.00\nTotal\t\t\t\t\t\t10,714.50\n",
        [
            ("VOD", "ISA", 10000.0, 69.76, "GBP", 0.01, "equity"),
            ("VOD", "SIPP", 5000.0, 69.76, "GBP", 0.01, "equity"),
        ],
        {("ISA", "GBP"): 250.5},
        "GBP",
    ),
    VendorFile(
        "prime_broker.csv",
        "Fund,Security,Long/Short,Position,Ccy,Market Price,Market Value Local,Contract Size,Asset Class\n"
        "ALPHA LP,TSLA,Short,\"3,000\",USD,197.88,\"(593,640.00)\",1,Equity\n"
        "ALPHA LP,NVDA,Long,\"2,000\",USD,123.54,\"247,080.00\",1,Equity\n"
        "ALPHA LP,RXU4,Short,15-,EUR,131.62,\"(1,974,300.00)\",1000,Future\n"
        "ALPHA LP,USD,Long,\"1,000,000\",USD,1,\"1,000,000\",1,Cash\n"
        "ALPHA LP,EUR,Long,\"(25,000)\",EUR,1,\"(25,000)\",1,Cash\n",
        [
            ("TSLA", "ALPHA LP", -3000.0, 197.88, "USD", 1.0, "equity"),
            ("NVDA", "ALPHA LP", 2000.0, 123.54, "USD", 1.0, "equity"),
            ("RXU4", "ALPHA LP", -15.0, 131.62, "EUR", 1000.0, "future"),
        ],
        {("ALPHA LP", "USD"): 1_000_000.0, ("ALPHA LP", "EUR"): -25_000.0},
    ),
    VendorFile(
        "tax_lots.csv",
        "Symbol,Open Date,Quantity,Cost/Share,Price\n"
        "KO,2021-02-03,100,50.10,63.65\nKO,2024-01-15,50,59.00,63.65\nXOM,2023-06-30,40,107.25,115.12\n",
        [("KO", "", 150.0, 63.65, "", 1.0, "equity"), ("XOM", "", 40.0, 115.12, "", 1.0, "equity")],
        {},
    ),
    VendorFile(
        "merrill.csv",
        'Symbol ,CUSIP #,Description,Quantity,"Price ($)","Value ($)","Unit Cost ($)",Account\n'
        '="BRK.B",="084670702",BERKSHIRE,"1,000",="406.80",="406800.00",350.10,="77X-12"\n'
        "=cmd|' /C calc'!A0,,odd,1,5,5,,=\"77X-12\"\n"
        "<script>alert(1)</script>,,odder,2,5,10,,=\"77X-12\"\n",
        [
            ("BRK.B", "77X-12", 1000.0, 406.8, "", 1.0, "equity"),
            ("=cmd|' /C calc'!A0", "77X-12", 1.0, 5.0, "", 1.0, "equity"),
            ("<script>alert(1)</script>", "77X-12", 2.0, 5.0, "", 1.0, "equity"),
        ],
        {},
    ),
    VendorFile(
        "options_without_multiplier.csv",
        "Symbol,Security Type,Quantity,Price,Market Value\nAAPL 240719C00200000,Option,5,14.20,\"7,100.00\"\n"
        "AAPL,Stock,100,210.62,\"2,106,200.00\"\nT 4 02/15/34,Bond,\"10,000\",99.1,\"9,910.00\"\n",
        [
            ("AAPL 240719C00200000", "", 5.0, 14.2, "", 100.0, "option"),
            ("AAPL", "", 100.0, 210.62, "", 1.0, "equity"),
            ("T 4 02/15/34", "", 10_000.0, 99.1, "", 0.01, "bond"),
        ],
        {},
        flags=1,
    ),
]  # fmt: skip

REFUSED = [
    (
        "everything that is wrong is named at once",
        "Symbol,Quantity,Price,Currency\nA,many,5,USD\nB,1,5,XXY\nC,1,5 each,USD\n,7,5,USD\n",
        ("row 2, 'A': 'many' is not a number", "row 3, 'B': 'XXY' is no currency", "row 4, 'C', price: '5 each'",
         "row 5 has a quantity, '7', and no asset"),
    ),
    ("no quantity", "Symbol,Weight\nA,5%\n", ("no column of quantities",)),
    ("no asset", "Fonds,Menge\nA,5\n", ("no column of assets (asset, symbol, ticker) is named",)),
    ("two symbols", "Symbol,Ticker,Quantity\nA,A,1\n", ("both 'Symbol' and 'Ticker' could be",)),
    ("twice in an account", "Account,Symbol,Quantity\nx,A,1\nx,A,2\n", ("'A' in account x again, after row 2",)),
    ("only transactions", "Trade Date,Action,Symbol,Quantity\n2024-01-02,Buy,A,1\n", ("no column of assets",)),
    ("half a page", "<html><body>Please log in</body></html>", ("the answer of a server",)),
]  # fmt: skip


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
def test_a_file_is_read_as_it_is(case, tmp_path):
    path = tmp_path / case.name
    path.write_text(case.text)
    book, _ = read_positions(path)
    found = [
        (
            one.symbol,
            one.account,
            one.quantity,
            one.price,
            one.currency,
            pytest.approx(one.multiplier),
            str(one.kind),
        )
        for one in book.positions
    ]
    assert found == case.positions
    assert {(one.account, one.currency): one.amount for one in book.cash} == pytest.approx(case.cash)
    assert book.base == case.base
    assert len(book.flags) == case.flags, book.flags


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_file_is_refused_with_everything_that_is_wrong(text, said, tmp_path):
    path = tmp_path / "positions.csv"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_positions(path)
    for part in said:
        assert part in str(error.value)


def written(tmp_path, name):
    (case,) = [case for case in FILES if case.name == name]
    path = tmp_path / name
    path.write_text(case.text)
    return read_positions(path)[0]


def test_lots_of_a_broker_stand_at_their_position(tmp_path):
    sap, xom, _ = written(tmp_path, "interactive_brokers_flex.csv").positions
    assert [(lot.quantity, lot.cost, lot.opened) for lot in sap.lots] == [
        (60.0, 140.0, datetime.date(2022, 3, 1)),
        (40.0, 165.0, datetime.date(2024, 2, 1)),
    ]
    assert [(lot.quantity, lot.cost, lot.opened) for lot in xom.lots] == [(-50.0, 118.0, None)]
    ko, _ = written(tmp_path, "tax_lots.csv").positions
    assert [lot.cost for lot in ko.lots] == [50.1, 59.0]
    assert ko.lots[0].opened == datetime.date(2021, 2, 3)


def test_accruals_and_rates_of_a_file_are_kept(tmp_path):
    aapl, *_ = written(tmp_path, "interactive_brokers_activity.csv").positions
    assert aapl.accrued == 255.0
    book = written(tmp_path, "custodian.csv")
    assert book.positions[1].accrued == -45_000
    assert book.rates["CHF"] == pytest.approx(190410.72 / 183440)
    assert written(tmp_path, "interactive_brokers_flex.csv").rates == {"EUR": 1.0, "USD": 0.93}


def test_a_total_cost_is_one_of_a_unit_of_the_contract(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("Symbol,Quantity,Multiplier,Price,Cost Basis\nESU4,-2,50,5500,548000\n")
    (held,) = read_positions(path)[0].positions
    assert held.lots[0].cost == pytest.approx(5480)


def test_days_of_lots_that_can_be_read_in_two_ways_are_left_out_and_flagged(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("Symbol,Quantity,Cost/Share,Open Date\nKO,10,50,05/01/2022\n")
    book, _ = read_positions(path)
    assert book.positions[0].lots[0].opened is None
    assert "lots were opened are not known" in book.flags[0]


def test_what_an_unstated_multiplier_may_be_wrong_by_is_flagged(tmp_path):
    """An option known by its name, a future and a bond without one; not what a column, a value or the book states."""
    rows = [
        "AAPL  230120C00130000,-10,2.5,,,",
        "ESZ4,1,5000,,FUT,",
        "T 4 2030,10000,98.5,,BOND,",
        "AAPL  230120P00120000,-10,1.5,100,OPT,",
        "NQZ4,1,200,,FUT,",
        "T 3 2031,10000,97,,BOND,9700",
        "AAPL,10,125,,STK,",
    ]
    file = tmp_path / "p.csv"
    file.write_text(
        "Symbol,Quantity,Price,Multiplier,Asset Class,Market Value\n" + "\n".join(rows) + "\nCASH,1e6\n"
    )
    book = completed(read_positions(file).book, BookSettings("USD", multiplier={"NQZ4": 20}))
    value = value_book(book)
    told = [flag for flag in value.flags if "nothing says what a price of one is worth" in flag]
    assert [flag.partition(":")[0] for flag in told] == ["AAPL  230120C00130000", "ESZ4", "T 4 2030"]
    assert [line.position.multiplier for line in value.lines] == [1, 1, 1, 100, 20, 0.01, 1]
