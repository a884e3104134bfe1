"""The texts of reasons as they read in a refund: nothing is sold, and no payment is taken.

Most are those of a purchase with another advice: a refund needs no phone and no receiver.
"""

from __future__ import annotations

from receiver import reasons as codes

from .reason_texts import FAULT, TABLE, TILL_CANNOT, Texts

_ADVICE = {
    "Ta betalt på annat sätt": "Återbetala utan telefon",
    "ta betalt på annat sätt": "återbetala utan telefon",
    "Take another payment": "Refund without the phone",
    "take another payment": "refund without the phone",
    TILL_CANNOT[0]: "Kassan kan inte göra återbetalningen just nu.",
    TILL_CANNOT[1]: "This till cannot make the refund right now.",
}
_TILL_CANNOT = (_ADVICE[TILL_CANNOT[0]], _ADVICE[TILL_CANNOT[1]])
_REVERSED = ("Återbetalningen återkallades.", "The refund was reversed.")

# Where the purchase's text would be untrue or not understood.
_OWN = {
    codes.BUSY: Texts(
        *TABLE[codes.BUSY][:2],
        "Ett annat ärende pågår i kassan. Vänta ett ögonblick.",
        "The till is busy. Wait a moment.",
    ),
    codes.CONFLICT: Texts(
        "En annan återbetalning pågår. Kontrollera den innan du börjar om.",
        "Another refund is under way. Check it before you start again.",
        "En annan återbetalning pågår. Fråga i kassan.",
        "Another refund is under way. Ask the cashier.",
    ),
    codes.CASHIER_CANCELLED: Texts(
        *("Återbetalningen avbröts i kassan.", "The refund was cancelled at the till."),
        *("Återbetalningen avbröts i kassan.", "The refund was cancelled at the till."),
    ),
    codes.BUYER_SAID_NO: Texts(
        "Köparen avböjde. Fråga köparen, eller avbryt återbetalningen.",
        "The buyer said no. Ask the buyer, or cancel the refund.",
        "Du avböjde återbetalningen.",
        "You declined the refund.",
    ),
    codes.RECEIVER_UNTRUSTED: Texts(
        "Mottagaren kunde inte verifieras. Återbetala utan telefon och ring supporten.",
        "The receiver could not be verified. Refund without the phone and call support.",
        "Kassan kunde inte verifieras. Inget har återbetalats.",
        "The till could not be verified. Nothing has been refunded.",
    ),
    codes.AUTHORITY_UNREACHABLE: Texts(
        "Inget svar om återbetalningen än. Återbetala inte en gång till.",
        "No answer about the refund yet. Do not refund a second time.",
        *TABLE[codes.AUTHORITY_UNREACHABLE][2:],
    ),
    codes.BRIDGE_RESTARTED: Texts(
        "Kassans betalprogram startade om. Inget har återbetalats. Börja om.",
        "The till's payment program restarted. Nothing has been refunded. Start again.",
        *TABLE[codes.BRIDGE_RESTARTED][2:],
    ),
    codes.REVERSED: Texts(
        "Återbetalningen återkallades. Börja om, eller återbetala utan telefon.",
        "The refund was reversed. Start again, or refund without the phone.",
        *_REVERSED,
    ),
    codes.WITHDRAWN: Texts(
        *("Återbetalningen gäller inte längre.", "The refund was withdrawn."),
        *("Återbetalningen gäller inte längre.", "The refund was withdrawn."),
    ),
    codes.NOT_TOLD: Texts(
        "Kassan hämtade aldrig svaret. Återbetalningen återkallades. Börja om.",
        "The till never fetched the answer. The refund was reversed. Start again.",
        *_REVERSED,
    ),
    codes.JOURNAL_FULL: Texts(
        "Kassans disk är full: inget kan återbetalas. Återbetala senare och ring supporten.",
        "The till's disk is full: nothing can be refunded. Refund later and call support.",
        *_TILL_CANNOT,
    ),
    codes.JOURNAL_LOCKED: Texts(
        "Ett annat program använder kassans journal. Vänta och försök igen.",
        "Another program is using the till's journal. Wait and try again.",
        *_TILL_CANNOT,
    ),
    codes.CLOCK_WRONG: Texts(
        "Kassadatorns klocka går fel: inget kan återbetalas. Återbetala senare och ring supporten.",
        "The till's clock is wrong: nothing can be refunded. Refund later and call support.",
        *_TILL_CANNOT,
    ),
    codes.ACCEPTED_OFFLINE: Texts(
        "Godkänd utan nätkontakt. Återbetalningen skickas in när nätet är tillbaka.",
        "Approved without a network. The refund is sent when the network is back.",
        *TABLE[codes.ACCEPTED_OFFLINE][2:],
    ),
    codes.ABOVE_FLOOR: Texts(
        "Återbetalningen kan inte godkännas utan nätkontakt. Återbetala senare.",
        "The refund cannot be approved without a network. Refund later.",
        "Återbetalningen kan inte godkännas utan nätkontakt.",
        "The refund cannot be approved without a network.",
    ),
    codes.LIABILITY: Texts(
        "Återbetalningen kunde inte bokföras. Felet är rapporterat. Du behöver inte göra något.",
        "The refund could not be posted. The fault is reported. You need not do anything.",
        "Återbetalningen kunde inte bokföras. Din organisation får besked.",
        "The refund could not be posted. Your organisation will be told.",
    ),
    codes.PAID_AFTER_ALL: Texts(
        "Återbetalningen var redan bokförd. Återbetala inte en gång till.",
        "The refund was posted already. Do not refund a second time.",
        "Återbetalningen är bokförd.",
        "The refund is posted.",
    ),
}


def of_refund(code: int) -> Texts:
    """Return the texts of `code` in a refund."""
    return _OWN.get(code) or Texts(*map(_advised, TABLE.get(code, FAULT)))


def _advised(text: str) -> str:
    for purchase, refund in _ADVICE.items():
        text = text.replace(purchase, refund)
    return text
