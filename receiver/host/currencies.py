"""Map ISO 4217: letters in till requests, numbers in certificates and offers."""

from __future__ import annotations

NUMBERS = {
    "CHF": 756,
    "CZK": 203,
    "DKK": 208,
    "EUR": 978,
    "GBP": 826,
    "HUF": 348,
    "ISK": 352,
    "NOK": 578,
    "PLN": 985,
    "RON": 946,
    "SEK": 752,
    "USD": 840,
}
LETTERS = {number: letters for letters, number in NUMBERS.items()}
_WITHOUT_MINOR_UNITS = frozenset({"ISK"})  # ISO 4217: all others here have hundredths


def letters(number: int) -> str:
    """Return the letters of a currency; the number itself for one that is not in the table."""
    return LETTERS.get(number, str(number))


def decimals(currency: str) -> int:
    """Return how many digits of an amount in minor units stand after the point."""
    return 0 if currency in _WITHOUT_MINOR_UNITS else 2
