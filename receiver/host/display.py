"""Phrase every state of a sale for the cashier: what to do now, in Swedish and English.

The first sentence is the display's first line. A reason says more than these, where there is one.
"""

from __future__ import annotations

from receiver import reasons

from .texts import texts
from .wording import Wording

# By whether it is a refund, and the state's name in the till API.
DISPLAYS = {
    (False, "open"): Wording(
        "Be köparen hålla mobilen mot mottagaren. Jämför kontrollsiffrorna.",
        "Ask the buyer to hold the phone to the receiver. Compare the match code.",
    ),
    (False, "claimed"): Wording(
        "Köparen skriver sin kod. Vänta.",
        "The buyer is typing the code. Wait.",
    ),
    (False, "authorising"): Wording(
        "Köpet kontrolleras. Vänta på svaret.",
        "The purchase is being checked. Wait for the answer.",
    ),
    (False, "unknown"): Wording(*texts(reasons.AUTHORITY_UNREACHABLE)[:2]),
    (False, "approved"): Wording(
        "Köpet är godkänt. Vänta tills kassan har registrerat det.",
        "The purchase is approved. Wait until the till has recorded it.",
    ),
    (False, "paid"): Wording("Köpet är betalt.", "The purchase is paid."),
    (False, "declined"): Wording(
        "Köpet nekades. Ta betalt på annat sätt.",
        "The purchase was declined. Take another payment.",
    ),
    (False, "cancelled"): Wording(
        "Köpet avbröts och är inte betalt.",
        "The purchase was cancelled and is not paid.",
    ),
    (True, "open"): Wording(
        "Återbetalning: be köparen hålla mobilen mot mottagaren. Jämför kontrollsiffrorna.",
        "Refund: ask the buyer to hold the phone to the receiver. Compare the match code.",
    ),
    (True, "claimed"): Wording(
        "Köparen skriver sin kod. Vänta.",
        "The buyer is typing the code. Wait.",
    ),
    (True, "authorising"): Wording(
        "Återbetalningen kontrolleras. Vänta på svaret.",
        "The refund is being checked. Wait for the answer.",
    ),
    (True, "unknown"): Wording(*texts(reasons.AUTHORITY_UNREACHABLE, refund=True)[:2]),
    (True, "pending"): Wording(
        "Återbetalningen är beslutad och skickas. Du behöver inte göra något.",
        "The refund is decided and on its way. You need not do anything.",
    ),
    (True, "refunded"): Wording("Beloppet är återbetalat.", "The amount is refunded."),
    (True, "declined"): Wording(
        "Återbetalningen nekades. Inget har återbetalats.",
        "The refund was declined. Nothing has been refunded.",
    ),
    (True, "cancelled"): Wording(
        "Återbetalningen avbröts. Inget har återbetalats.",
        "The refund was cancelled. Nothing has been refunded.",
    ),
}
