"""Amounts are written as people read them, in Swedish and in English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.encoding.schema import UINT_MOST
from receiver.host.amounts import money
from receiver.host.currencies import NUMBERS, decimals, letters


@pytest.mark.parametrize(
    ("amount", "currency", "sv", "en"),
    [
        (24_900, "SEK", "249,00 kr", "SEK 249.00"),
        (24_905, "SEK", "249,05 kr", "SEK 249.05"),
        (1, "SEK", "0,01 kr", "SEK 0.01"),
        (123_456_789, "SEK", "1 234 567,89 kr", "SEK 1,234,567.89"),
        (5, "EUR", "0,05 EUR", "EUR 0.05"),
        (1250, "NOK", "12,50 NOK", "NOK 12.50"),
        (1500, "ISK", "1 500 ISK", "ISK 1,500"),
        (-5000, "SEK", "-50,00 kr", "SEK -50.00"),
    ],
)
def test_an_amount(amount: int, currency: str, sv: str, en: str) -> None:
    assert money(amount, currency) == (sv, en)


def test_an_unknown_currency_keeps_its_number() -> None:
    assert letters(752) == "SEK"
    assert letters(999) == "999"
    assert money(100, letters(999)).en == "999 1.00"


@given(st.integers(-UINT_MOST, UINT_MOST), st.sampled_from(sorted(NUMBERS)))
def test_both_languages_name_the_same_amount(amount: int, currency: str) -> None:
    written = money(amount, currency)
    swedish = written.sv.rpartition(" ")[0].replace(" ", "").replace(",", ".")
    english = written.en.partition(" ")[2].replace(",", "")
    assert swedish == english
    assert round(float(english) * 10 ** decimals(currency)) == amount
