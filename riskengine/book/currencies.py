"""Currencies by their ISO 4217 codes, units of a hundredth, and how vendors name an exchange rate."""

from __future__ import annotations

import re

from riskengine.errors import DataError

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP
PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP
TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""
CODES = frozenset(_CODES.split())
"""ISO 4217, and CNH, the yuan that trades offshore."""

_HUNDREDTHS = {
    "GBX": "GBP",
    "GBp": "GBP",
    "GBPX": "GBP",
    "ZAc": "ZAR",
    "ZAC": "ZAR",
    "ILA": "ILS",
    "ILa": "ILS",
}
"""What exchanges call the hundredth in which they quote, London's penny first, to the currency."""

QUOTED = {"GBP": "GBX", "ZAR": "ZAc", "ILS": "ILA"}
"""Currency to what its hundredth is called in lists of prices."""

_SIGNS = {
    "$": "USD",
    "US$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "C$": "CAD",
    "A$": "AUD",
    "HK$": "HKD",
}


def currency_unit(text: str) -> tuple[str, float]:
    """ISO code of a currency as a file names it, and what one of the units quoted is worth of it.

    Raises
    ------
    DataError
        If no such currency is known.

    Examples
    --------
    >>> currency_unit("usd"), currency_unit("GBX"), currency_unit("€")
    (('USD', 1.0), ('GBP', 0.01), ('EUR', 1.0))
    """
    name = text.strip()
    if name in _HUNDREDTHS:
        return _HUNDREDTHS[name], 0.01
    code = _SIGNS.get(name, name.upper())
    if code in _HUNDREDTHS:
        return _HUNDREDTHS[code], 0.01
    if code not in CODES:
        raise DataError(f"{text!r} is no currency: write its ISO code, EUR or USD; GBX is a hundredth of GBP")
    return code, 1.0


def pair_of(column: str) -> tuple[str, str] | None:
    """The two currencies of a column of exchange rates, ``(of one unit, priced in)``; None for anything else.

    ``EURUSD`` is the price of one euro in dollars, as markets quote it and Reuters, Bloomberg and Yahoo write it.

    Examples
    --------
    >>> pair_of("EURUSD"), pair_of("USD/JPY"), pair_of("GBPUSD=X"), pair_of("JPY=X"), pair_of("EURUSD Curncy")
    (('EUR', 'USD'), ('USD', 'JPY'), ('GBP', 'USD'), ('USD', 'JPY'), ('EUR', 'USD'))
    >>> pair_of("AAPL"), pair_of("CADUSA")
    (None, None)
    """
    text = re.sub(r"(?i)(=X|\s+CURNCY|\.FX|=)$", "", column.strip())
    letters = re.sub(r"[\s/_.\-]", "", text).upper()
    if len(letters) == 3 and text != column.strip() and letters in CODES and letters != "USD":
        return "USD", letters
    first, second = letters[:3], letters[3:]
    known = first in CODES and second in CODES and first != second
    return (first, second) if known else None
