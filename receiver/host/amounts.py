"""Write amounts as people read them: 1 249,00 kr in Swedish, SEK 1,249.00 in English."""

from __future__ import annotations

from .currencies import decimals
from .wording import Wording

_SWEDISH = {"SEK": "kr"}  # Danes and Norwegians have a krona of their own: letters for all others


def money(amount: int, currency: str) -> Wording:
    """Write `amount`, in minor units of the currency with these ISO 4217 letters."""
    digits = decimals(currency)
    whole, part = divmod(abs(amount), 10**digits)
    sign = "-" if amount < 0 else ""
    english = f"{sign}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    # A common space between thousands: displays and printers often lack the one that never breaks.
    swedish = english.translate({ord(","): " ", ord("."): ","})
    return Wording(f"{swedish} {_SWEDISH.get(currency, currency)}", f"{currency} {english}")
