"""Money is exact: text becomes minor units and back without loss, and nothing else is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_core.errors import InvalidAmount, UnknownCurrency
from aether_core.money import EXPONENTS, MINOR_UNITS_MAX, format_minor_units, parse_minor_units


@given(st.integers(1, MINOR_UNITS_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_formatting_undoes_parsing(minor_units: int, currency: str) -> None:
    text = format_minor_units(minor_units, currency)
    assert parse_minor_units(text, currency) == minor_units
    assert text.isascii()


@pytest.mark.parametrize(
    ("text", "currency", "minor_units"),
    [
        ("12.34", "USD", 1234),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.005", "KWD", 1005),
        ("1.500", "USD", 150),
        ("1e2", "EUR", 10_000),
        ("9007199254740.93", "USD", 900719925474093),
        ("0.01", "USD", 1),
    ],
)
def test_amounts_become_minor_units(text: str, currency: str, minor_units: int) -> None:
    assert parse_minor_units(text, currency) == minor_units


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "-1", "-0.00", "NaN", "Infinity", "-Infinity", "", " 1", "1 ", "1_000", "١٢",
     "0.001", "1.005", "0.30000000000000004", "1" + "0" * 30, "9" * 5000, "1e99", "1e-9", "+1",
     "1,00", ".5", "5.", "0x10", "1.0.0", "10000000000000.01"],
)  # fmt: skip
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount) as refused:
        parse_minor_units(text, "USD")
    assert refused.value.field == "amount"


@pytest.mark.parametrize(
    "currency", ["usd", "US", "USDT", "XXX", "XTS", " USD", "\uff35\uff33\uff24", "DEM", ""]
)
def test_only_active_currencies_are_known(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        parse_minor_units("1", currency)
