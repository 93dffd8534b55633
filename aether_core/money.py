"""Money: whole minor units of one currency, exact from the request to the row.

An amount arrives as decimal text (or as a JSON number, whose text is used as it stands) and
becomes an integer of minor units; it never passes through a binary float. Currencies and their
exponents are those of ISO 4217 that payments are made in: no funds codes, metals, test codes or
retired currencies.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from aether_core.errors import InvalidAmount, UnknownCurrency

MINOR_UNITS_MAX: Final = 10**15
"""Largest amount of one transaction: sums of millions of them stay exact in `numeric`."""

_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB
SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: Final[dict[str, int]] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
"""Decimals of each accepted currency (ISO 4217 list one)."""

# ASCII digits only: int() and Decimal() would take underscores and other scripts' digits.
_PLAIN = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?")
_SCIENTIFIC = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}")


def exponent_of(currency: str) -> int:
    """Return the number of decimals of a currency. Raises UnknownCurrency."""
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        raise UnknownCurrency(
            "This is not an active ISO 4217 currency code in capitals, such as EUR."
        )
    return exponent


def parse_minor_units(text: str, currency: str) -> int:
    """Turn decimal text into minor units: "12.34" of USD is 1234, "500" of JPY is 500.

    text: digits with an optional fraction; a JSON number's exponent form is taken too. Zeros
        beyond the currency's decimals are harmless, other digits there are refused.
    Raises InvalidAmount unless 0 < amount ≤ 10^15 minor units, UnknownCurrency.
    """
    exponent = exponent_of(currency)
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        text = _expanded(text)
        plain = _PLAIN.fullmatch(text)
        if plain is None:
            raise InvalidAmount("The amount is too large or has too many digits.")
    whole, fraction = plain.groups()
    fraction = (fraction or "").rstrip("0")
    if len(fraction) > exponent:
        raise InvalidAmount(f"{currency} has {exponent} decimals; this amount has more.")
    minor_units = int(whole + fraction.ljust(exponent, "0"))
    if minor_units <= 0:
        raise InvalidAmount("The amount must be greater than zero.")
    if minor_units > MINOR_UNITS_MAX:
        raise InvalidAmount(f"The amount must not exceed {MINOR_UNITS_MAX} minor units.")
    return minor_units


def format_minor_units(minor_units: int, currency: str) -> str:
    """Write minor units as exact decimal text with all of the currency's decimals."""
    exponent = EXPONENTS.get(currency, 2)
    if exponent == 0:
        return str(minor_units)
    sign, digits = ("-", -minor_units) if minor_units < 0 else ("", minor_units)
    text = str(digits).rjust(exponent + 1, "0")
    return f"{sign}{text[:-exponent]}.{text[-exponent:]}"


def _expanded(text: str) -> str:
    if _SCIENTIFIC.fullmatch(text) is None:
        if text.startswith("-"):
            raise InvalidAmount("The amount must be greater than zero.")
        raise InvalidAmount('The amount must be a decimal such as "12.34".')
    # At most 20 + 20 digits and an exponent of two digits: cheap and exact.
    return format(Decimal(text), "f")
