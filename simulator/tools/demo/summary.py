"""What an eavesdropper knows of a purchase at the end, and what not."""

from __future__ import annotations

from receiver.protocol import exchange

from . import field_meanings
from .eavesdropper import CERTIFICATE, OFFER, Eavesdropper


def learnt(heard: Eavesdropper) -> list[str]:
    """Return sentences, the plainest first."""
    certificate, offer = heard.said(CERTIFICATE), heard.said(OFFER)
    if "amount" not in offer:
        return ["that a till is here"]
    store = certificate.get("store_name", "a store whose certificate was not read")
    return [
        f"where: {store}, till {offer['till']}",
        f"what: a {offer['kind']} of {offer['amount']}, match code {offer['match code']}",
        f"when: rung up at {offer['issued']}; when the phone came, typed and left",
        f"how far: {_progress(heard)}",
        "at most the make of the phone's system, by what it asks for and in which order",
    ]


def not_learnt(heard: Eavesdropper) -> dict[str, str]:
    """Return each with its reason. A mendable decline is visible by the next offer."""
    found = dict(field_meanings.NOT_LEARNT)
    if len(heard.offers) > 1:
        found["outcome of the last approval"] = found.pop("outcome")
    return found


def _progress(heard: Eavesdropper) -> str:
    """Describe the progress by the types of the messages, which are plain."""
    kinds = [message.data[0] for message in heard.messages if message.data]
    answers, declined = kinds.count(exchange.RESULT), len(heard.offers) - 1
    if exchange.LEAVE in kinds:
        return "the buyer left"
    if exchange.REFUSAL in kinds:
        return "the receiver refused"
    if not answers:
        return "no approval was answered"
    mended = f", {declined} of them with a decline that the buyer could mend" if declined else ""
    return f"{answers} approval{'s' * (answers > 1)} answered{mended}"
