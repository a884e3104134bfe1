"""Phrase each reason for cashier and buyer, and a buyer's phone for the cashier: Swedish, English.

The codes and their names are in `receiver.reasons`. Each text says what happened and what to do.
"""

from __future__ import annotations

from typing import NamedTuple

from receiver import reasons as codes


class Texts(NamedTuple):
    """The four texts of one reason."""

    cashier_sv: str
    cashier_en: str
    buyer_sv: str
    buyer_en: str


class Wording(NamedTuple):
    """One text in both languages."""

    sv: str
    en: str


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


def texts(code: int) -> Texts:
    """Return the texts of `code`; an unknown code reads as a technical fault."""
    return TABLE.get(code, _FAULT)


_TILL_CANNOT = (  # the buyer does not need to know why
    "Kassan kan inte ta emot köpet just nu.",
    "This till cannot take the purchase right now.",
)
_FAULT = Texts(
    "Köpet stoppades av ett tekniskt fel. Börja om.",
    "The purchase was stopped by a technical fault. Start again.",
    "Ett tekniskt fel. Försök igen.",
    "A technical fault. Try again.",
)
# Told to a technician or an operator, never in a sale.
_NO_UPDATE = Texts(
    "Mottagaren vägrade en ändring. Den säljer som förut, ring support.",
    "The receiver refused a change. It sells as before, call support.",
    "Kassan kan inte ta emot köpet just nu.",
    "This till cannot take the purchase right now.",
)
_NOT_THIS_SALE = Texts(
    "Telefonens godkännande stämde inte med köpet. Be köparen försöka igen.",
    "The phone's approval did not fit the purchase. Ask the buyer to try again.",
    "Godkännandet stämde inte med köpet. Försök igen.",
    "The approval did not fit the purchase. Try again.",
)
_WRONG_RECEIVER = Texts(
    "Mottagaren i kassan stämmer inte med kassan. Ta betalt på annat sätt och ring support.",
    "The receiver does not belong to this till. Take another payment and call support.",
    *_TILL_CANNOT,
)
_APP = Texts(
    "Köparens app kan inte användas här. Be köparen logga in på nytt i appen.",
    "The buyer's app cannot be used here. Ask the buyer to sign in again in the app.",
    "Logga in på nytt i appen och försök igen.",
    "Sign in again in the app and try again.",
)
_RADIO = Texts(
    "Kontakten med telefonen bröts. Be köparen hålla telefonen vid mottagaren igen.",
    "The phone lost contact. Ask the buyer to hold it to the receiver again.",
    "Kontakten bröts. Håll telefonen vid mottagaren igen.",
    "Contact was lost. Hold the phone to the receiver again.",
)
_ENROL = Texts(
    "Mottagaren behöver ett nytt certifikat. Ta betalt på annat sätt och ring support.",
    "The receiver needs a new certificate. Take another payment and call support.",
    *_TILL_CANNOT,
)

TABLE = {
    codes.OK: Texts("Godkänt.", "Approved.", "Godkänt.", "Approved."),
    codes.MALFORMED: _FAULT,
    codes.OVERSIZE: _FAULT,
    codes.BAD_SIGNATURE: _NOT_THIS_SALE,
    codes.WRONG_ORDER: _FAULT,
    codes.WRONG_VERSION: _APP,
    codes.WRONG_AMOUNT: _NOT_THIS_SALE,
    codes.WRONG_CURRENCY: _NOT_THIS_SALE,
    codes.WRONG_RECEIVER: _WRONG_RECEIVER,
    codes.WRONG_SESSION: _NOT_THIS_SALE,
    codes.WRONG_CREDENTIAL: _APP,
    codes.WRONG_RECIPIENT: Texts(
        "Telefonen godkände för en annan fakturamottagare än vald. Be köparen försöka igen.",
        "The phone approved for another invoice recipient than shown. Ask the buyer to try again.",
        "Välj fakturamottagare och försök igen.",
        "Choose the invoice recipient and try again.",
    ),
    codes.WRONG_TILL: _WRONG_RECEIVER,
    codes.WRONG_REFERENCE: _NOT_THIS_SALE,
    codes.WRONG_KIND: _NOT_THIS_SALE,
    codes.WRONG_TYPE: _FAULT,
    codes.WRONG_ROLE: _APP,
    codes.UNKNOWN_ISSUER: _APP,
    codes.BAD_SEAL: _FAULT,
    codes.OFFER_EXPIRED: Texts(
        "Tiden för köpet gick ut. Börja om köpet.",
        "The time for the purchase ran out. Start the purchase again.",
        "Tiden gick ut. Be kassan börja om.",
        "Time ran out. Ask the cashier to start again.",
    ),
    codes.CREDENTIAL_EXPIRED: _APP,
    codes.CREDENTIAL_NOT_YET_VALID: Texts(
        "Köparens behörighet gäller inte ännu. Be köparen öppna appen med nätkontakt.",
        "The buyer's credential is not valid yet. Ask the buyer to open the app while online.",
        "Din behörighet gäller inte ännu. Öppna appen med nätkontakt och försök igen.",
        "Your credential is not valid yet. Open the app while online and try again.",
    ),
    codes.CERTIFICATE_EXPIRED: _ENROL,
    codes.SECOND_APPROVAL: Texts(
        "En andra telefon försökte godkänna samma köp och avvisades. Inget behöver göras.",
        "A second phone tried to approve the same purchase and was refused. Nothing to do.",
        "En annan telefon godkände redan köpet.",
        "Another phone has already approved this purchase.",
    ),
    codes.REPLAY: _NOT_THIS_SALE,
    codes.OLD_APP: Texts(
        "Köparens app är för gammal. Be köparen uppdatera den.",
        "The buyer's app is too old. Ask the buyer to update it.",
        "Appen är för gammal. Uppdatera den och försök igen.",
        "The app is too old. Update it and try again.",
    ),
    codes.SMALL_MTU: Texts(
        "Köparens telefon kan inte användas här. Ta betalt på annat sätt.",
        "The buyer's phone cannot be used here. Take another payment.",
        "Telefonen kan inte användas här.",
        "This phone cannot be used here.",
    ),
    codes.LINK_TIMEOUT: _RADIO,
    codes.CERTIFICATE_RENEWED: _RADIO,
    codes.EVICTED: _RADIO,
    codes.STARVED: _RADIO,
    codes.CROWDED: Texts(
        "Många telefoner kommer och går vid mottagaren. Den säljer som vanligt.",
        "Many phones come and go at the receiver. It sells as usual.",
        *("Håll telefonen vid mottagaren.", "Hold the phone to the receiver."),
    ),
    codes.VERDICT_TIMEOUT: Texts(
        "Mottagaren svarade inte i tid. Be köparen försöka igen.",
        "The receiver did not answer in time. Ask the buyer to try again.",
        "Kassan svarade inte i tid. Försök igen.",
        "The till did not answer in time. Try again.",
    ),
    codes.BUSY: Texts(
        "Mottagaren är upptagen. Vänta ett ögonblick.",
        "The receiver is busy. Wait a moment.",
        "Kassan är upptagen. Vänta ett ögonblick.",
        "The till is busy. Wait a moment.",
    ),
    codes.STALE_STATE: _FAULT,
    codes.NO_CERTIFICATE: _ENROL,
    codes.BAD_KEY: _FAULT,
    codes.STORE_FAILED: Texts(
        "Mottagaren kan inte spara något. Ta betalt på annat sätt och ring support.",
        "The receiver cannot store anything. Take another payment and call support.",
        *_TILL_CANNOT,
    ),
    codes.OUT_OF_MEMORY: Texts(
        "Mottagarens minne räcker inte. Ta betalt på annat sätt och ring support.",
        "The receiver is out of memory. Take another payment and call support.",
        *_TILL_CANNOT,
    ),
    codes.CRASH_LOOP: Texts(
        "Mottagaren startar om gång på gång. Ta betalt på annat sätt och ring support.",
        "The receiver restarts again and again. Take another payment and call support.",
        *_TILL_CANNOT,
    ),
    codes.WRONG_IMAGE: Texts(
        "Mottagaren har fel programvara. Ta betalt på annat sätt och ring support.",
        "The receiver has the wrong firmware. Take another payment and call support.",
        *_TILL_CANNOT,
    ),
    codes.IN_SERVICE: Texts(
        "Mottagaren är tillfälligt ur bruk för service. Ta betalt på annat sätt.",
        "The receiver is out of use for service. Take another payment.",
        *_TILL_CANNOT,
    ),
    codes.NOT_NEWER: _NO_UPDATE,
    codes.TOO_OLD_TO_UPDATE: _NO_UPDATE,
    codes.WRONG_BOARD: _NO_UPDATE,
    codes.TOO_FEW_SIGNATURES: _NO_UPDATE,
    codes.WRONG_HASH: _NO_UPDATE,
    codes.NO_ROOM: _NO_UPDATE,
    codes.NOT_HELD: _NO_UPDATE,
    codes.NOT_ENROLLED: _NO_UPDATE,
    codes.WRONG_OFFSET: _NO_UPDATE,
    codes.NOT_VERIFIED: _NO_UPDATE,
    codes.RADIO_FAILED: _NO_UPDATE,
    codes.CODE_WRONG: Texts(
        "Fel kod. Köparen kan försöka igen direkt, du behöver inte göra något.",
        "Wrong code. The buyer can try again at once, you need not do anything.",
        "Fel kod. Försök igen.",
        "Wrong code. Try again.",
    ),
    codes.CODE_LOCKED: Texts(
        "Köparens kod är spärrad efter för många försök. Ta betalt på annat sätt.",
        "The buyer's code is locked after too many tries. Take another payment.",
        "Koden är spärrad efter för många försök. Lås upp den i appen.",
        "Your code is locked after too many tries. Unlock it in the app.",
    ),
    codes.PURCHASE_LIMIT: Texts(
        "Beloppet är över köparens köpgräns. Organisationen kan höja den, eller dela köpet.",
        "The amount is over the buyer's purchase limit. The organisation can raise it, "
        "or split the purchase.",
        "Beloppet är över din köpgräns. Be din organisation höja den och försök igen.",
        "The amount is over your purchase limit. Ask your organisation to raise it and try again.",
    ),
    codes.CREDIT_SPACE: Texts(
        "Köputrymmet räcker inte. Köparen kan välja en annan fakturamottagare.",
        "The credit space is not enough. The buyer can choose another invoice recipient.",
        "Köputrymmet räcker inte. Välj en annan fakturamottagare.",
        "The credit space is not enough. Choose another invoice recipient.",
    ),
    codes.RECIPIENT_CLOSED: Texts(
        "Fakturamottagaren är stängd för köp. Köparen kan välja en annan.",
        "The invoice recipient is closed for purchases. The buyer can choose another.",
        "Fakturamottagaren är stängd för köp. Välj en annan.",
        "The invoice recipient is closed for purchases. Choose another.",
    ),
    codes.BUYER_BLOCKED: Texts(
        "Köparen får inte handla. Ta betalt på annat sätt.",
        "The buyer may not buy. Take another payment.",
        "Du får inte handla just nu. Kontakta din organisation.",
        "You may not buy right now. Contact your organisation.",
    ),
    codes.CREDENTIAL_REVOKED: Texts(
        "Köparens app är spärrad. Ta betalt på annat sätt.",
        "The buyer's app is blocked. Take another payment.",
        "Appen är spärrad. Logga in på nytt.",
        "The app is blocked. Sign in again.",
    ),
    codes.RECEIVER_UNKNOWN: _WRONG_RECEIVER,
    codes.CONFLICT: Texts(
        "Köpet krockar med ett annat. Kontrollera det förra köpet innan du börjar om.",
        "The purchase conflicts with another. Check the previous purchase before you start again.",
        "Köpet krockar med ett annat. Fråga i kassan.",
        "The purchase conflicts with another. Ask the cashier.",
    ),
    codes.APPROVAL_UNKNOWN: _FAULT,
    codes.NOT_POSTED: Texts(
        "Köpet är inte bokfört, så inget kan återbetalas på det. Kontrollera köpet.",
        "The purchase is not posted, so nothing can be refunded on it. Check the purchase.",
        "Köpet är inte bokfört. Fråga i kassan.",
        "The purchase is not posted. Ask the cashier.",
    ),
    codes.REFUND_EXCEEDS: Texts(
        "Beloppet är mer än vad som är kvar att återbetala på köpet. Ange ett lägre belopp.",
        "The amount is more than is left to refund on the purchase. Enter a lower amount.",
        "Beloppet är mer än vad som kan återbetalas.",
        "The amount is more than can be refunded.",
    ),
    codes.OTHER_BUYER: Texts(
        "Återbetalningen gäller en annan köpare. Be den som köpte att godkänna.",
        "The refund belongs to another buyer. Ask the one who bought to approve.",
        "Återbetalningen gäller en annan köpare eller fakturamottagare.",
        "The refund belongs to another buyer or invoice recipient.",
    ),
    codes.CASHIER_CANCELLED: Texts(
        *("Köpet avbröts i kassan.", "The purchase was cancelled at the till."),
        *("Köpet avbröts i kassan.", "The purchase was cancelled at the till."),
    ),
    codes.BUYER_SAID_NO: Texts(
        "Köparen avböjde. Fråga köparen, eller avbryt köpet.",
        "The buyer said no. Ask the buyer, or cancel the purchase.",
        "Du avböjde köpet.",
        "You declined the purchase.",
    ),
    codes.NOBODY_CAME: Texts(
        "Ingen godkände köpet i tid. Börja om om köparen är kvar.",
        "The purchase was not approved in time. Start again if the buyer is still there.",
        "Tiden gick ut. Be kassan börja om.",
        "Time ran out. Ask the cashier to start again.",
    ),
    codes.RECEIVER_OFFLINE: Texts(
        "Mottagaren svarar inte. Kontrollera kabeln, eller ta betalt på annat sätt.",
        "The receiver does not answer. Check its cable, or take another payment.",
        *_TILL_CANNOT,
    ),
    codes.RECEIVER_UNTRUSTED: Texts(
        "Mottagaren går inte att lita på. Ta betalt på annat sätt och ring support.",
        "The receiver cannot be trusted. Take another payment and call support.",
        "Kassan kan inte ta emot köpet. Du har inte betalat.",
        "This till cannot take the purchase. You have not paid.",
    ),
    codes.AUTHORITY_UNREACHABLE: Texts(
        "Inget svar om köpet ännu. Lämna inte ut varorna innan svaret kommer.",
        "No answer about the purchase yet. Do not hand over the goods before it comes.",
        "Inget svar ännu. Vänta.",
        "No answer yet. Wait.",
    ),
    codes.BRIDGE_RESTARTED: Texts(
        "Kassans betalprogram startade om. Köpet är inte betalt, börja om.",
        "The till's payment program restarted. The purchase is not paid, start again.",
        "Kassan startade om. Be kassan börja om.",
        "The till restarted. Ask the cashier to start again.",
    ),
    codes.REVERSED: Texts(
        "Köpet drogs tillbaka och är inte betalt. Börja om, eller ta betalt på annat sätt.",
        "The purchase was taken back and is not paid. Start again, or take another payment.",
        "Köpet drogs tillbaka. Du har inte betalat.",
        "The purchase was taken back. You have not paid.",
    ),
    codes.WITHDRAWN: Texts(
        *("Köpet gäller inte längre.", "The purchase is no longer open."),
        *("Köpet gäller inte längre.", "The purchase is no longer open."),
    ),
    codes.NOT_TOLD: Texts(
        "Kassan hämtade aldrig svaret, så köpet drogs tillbaka och är inte betalt. Börja om.",
        "The till never fetched the answer, so the purchase was taken back. Start again.",
        "Köpet drogs tillbaka. Du har inte betalat.",
        "The purchase was taken back. You have not paid.",
    ),
    codes.JOURNAL_FULL: Texts(
        "Kassans disk är full, nya köp kan inte tas. Ta betalt på annat sätt och ring support.",
        "The till's disk is full, no new purchase is taken. Take another payment, call support.",
        *_TILL_CANNOT,
    ),
    codes.ACCEPTED_OFFLINE: Texts(
        "Godkänt utan nätkontakt. Köpet skickas in när nätet är tillbaka.",
        "Approved without a network. The purchase is sent when the network is back.",
        "Preliminärt godkänt. Slutligt besked kommer i appen.",
        "Provisionally approved. The final answer comes in the app.",
    ),
    codes.LIABILITY: Texts(
        "Köpet är betalt i kassan men kunde inte bokföras. Det är anmält, gör inget mer.",
        "The purchase is paid at the till but could not be posted. It is reported, do nothing.",
        "Köpet kunde inte bokföras. Din organisation får besked.",
        "The purchase could not be posted. Your organisation will be told.",
    ),
    codes.ABOVE_FLOOR: Texts(
        "Beloppet är för högt för att godkännas utan nätkontakt. Ta betalt på annat sätt.",
        "The amount is too high to be approved without a network. Take another payment.",
        "Beloppet är för högt utan nätkontakt. Betala på annat sätt.",
        "The amount is too high without a network. Pay in another way.",
    ),
    codes.CLOCK_WRONG: Texts(
        "Kassadatorns klocka går fel: inga köp går igenom. Ta betalt på annat sätt, ring support.",
        "The till's clock is wrong: no purchase goes through. Take another payment, call support.",
        *_TILL_CANNOT,
    ),
    codes.JOURNAL_LOCKED: Texts(
        "Ett annat program håller kassans journal. Vänta, eller ta betalt på annat sätt.",
        "Another program holds the till's journal. Wait, or take another payment.",
        *_TILL_CANNOT,
    ),
    codes.JOURNAL_BEHIND: Texts(
        "Kassans journal är en äldre kopia och jämförs med servern. Vänta, och försök igen.",
        "The till's journal is an older copy and is compared with the server. Wait, try again.",
        *_TILL_CANNOT,
    ),
    codes.PAID_AFTER_ALL: Texts(
        "Köpet var redan bokfört och är betalt. Ta inte betalt en gång till.",
        "The purchase was posted already and is paid. Do not take another payment.",
        "Köpet är bokfört och betalt.",
        "The purchase is posted and paid.",
    ),
}
