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
