"""Find the words for a reason and for what a buyer's phone does: Swedish, English.

The codes and their names are in `receiver.reasons`, the words in `reason_texts` and `refund_texts`.
The first sentence of a cashier's text is the first line of a display.
"""

from __future__ import annotations

from receiver import reasons as codes

from .reason_texts import FAULT, TABLE, Texts
from .refund_texts import of_refund
from .wording import Wording

FIRST_LINE_MOST = 60  # characters: the first line of a cashier's display shows no more

# By the till API's words for what the phone does; `bridge.domain.phones` has their order.
PHONES = {
    "near": Wording("Köparens telefon är nära.", "The buyer's phone is near."),
    "looking": Wording("Köparen ser beloppet.", "The buyer sees the amount."),
    "typing": Wording("Köparen skriver sin kod.", "The buyer is typing the code."),
}

# After these the buyer can try again in the same sale: the bridge makes a new offer.
MENDABLE = frozenset(
    {codes.CODE_WRONG, codes.PURCHASE_LIMIT, codes.CREDIT_SPACE, codes.RECIPIENT_CLOSED}
)


def texts(code: int, *, refund: bool = False) -> Texts:
    """Return the texts of `code`; an unknown code reads as a technical fault."""
    return of_refund(code) if refund else TABLE.get(code, FAULT)
