"""The table of reasons in words, for cashier and buyer, as they read in a purchase.

Each text says what happened, then what to do. `receiver.host.texts` finds them, also for a refund.
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


TILL_CANNOT = (  # the buyer does not need to know why
    "Kassan kan inte ta emot köpet just nu.",
    "This till cannot take the purchase right now.",
)
FAULT = Texts(
    "Det blev ett tekniskt fel. Börja om.",
    "There was a technical fault. Start again.",
    "Det blev ett tekniskt fel. Försök igen.",
    "There was a technical fault. Try again.",
)
# Told to a technician or an operator, never in a sale.
_NO_UPDATE = Texts(
    "Mottagaren avvisade en ändring. Den fungerar som förut. Ring supporten.",
    "The receiver refused a change. It works as before. Call support.",
    *TILL_CANNOT,
)
_NOT_THIS_SALE = Texts(
    "Telefonens godkännande stämde inte. Be köparen försöka igen.",
    "The phone's approval did not match. Ask the buyer to try again.",
    "Godkännandet stämde inte. Försök igen.",
    "The approval did not match. Try again.",
)
_WRONG_RECEIVER = Texts(
    "Mottagaren hör inte till den här kassan. Ta betalt på annat sätt och ring supporten.",
    "The receiver does not belong to this till. Take another payment and call support.",
    *TILL_CANNOT,
)
_APP = Texts(
    "Köparens app kan inte användas här. Be köparen logga in på nytt i appen.",
    "The buyer's app cannot be used here. Ask the buyer to sign in again in the app.",
    "Logga in på nytt i appen och försök igen.",
    "Sign in again in the app and try again.",
)
_RADIO = Texts(
    "Kontakten bröts. Be köparen hålla mobilen mot mottagaren igen.",
    "The phone lost contact. Ask the buyer to hold it to the receiver again.",
    "Kontakten bröts. Håll mobilen mot mottagaren igen.",
    "Contact was lost. Hold the phone to the receiver again.",
)
_ENROL = Texts(
    "Mottagaren behöver ett nytt certifikat. Ta betalt på annat sätt och ring supporten.",
    "The receiver needs a new certificate. Take another payment and call support.",
    *TILL_CANNOT,
)

TABLE = {
    codes.OK: Texts("Godkänt.", "Approved.", "Godkänt.", "Approved."),
    codes.MALFORMED: FAULT,
    codes.OVERSIZE: FAULT,
    codes.BAD_SIGNATURE: _NOT_THIS_SALE,
    codes.WRONG_ORDER: FAULT,
    codes.WRONG_VERSION: _APP,
    codes.WRONG_AMOUNT: _NOT_THIS_SALE,
    codes.WRONG_CURRENCY: _NOT_THIS_SALE,
    codes.WRONG_RECEIVER: _WRONG_RECEIVER,
    codes.WRONG_SESSION: _NOT_THIS_SALE,
    codes.WRONG_CREDENTIAL: _APP,
    codes.WRONG_RECIPIENT: Texts(
        "Godkännandet gällde en annan fakturamottagare. Be köparen försöka igen.",
        "The approval was for another invoice recipient. Ask the buyer to try again.",
        "Välj fakturamottagare och försök igen.",
        "Choose the invoice recipient and try again.",
    ),
    codes.WRONG_TILL: _WRONG_RECEIVER,
    codes.WRONG_REFERENCE: _NOT_THIS_SALE,
    codes.WRONG_KIND: _NOT_THIS_SALE,
    codes.WRONG_TYPE: FAULT,
    codes.WRONG_ROLE: _APP,
    codes.UNKNOWN_ISSUER: _APP,
    codes.BAD_SEAL: FAULT,
    codes.OFFER_EXPIRED: Texts(
        "Tiden gick ut. Börja om.",
        "Time ran out. Start again.",
        "Tiden gick ut. Be kassan börja om.",
        "Time ran out. Ask the cashier to start again.",
    ),
    codes.CREDENTIAL_EXPIRED: _APP,
    codes.CREDENTIAL_NOT_YET_VALID: Texts(
        "Köparens behörighet gäller inte än. Be köparen öppna appen med nätkontakt.",
        "The buyer's credential is not valid yet. Ask the buyer to open the app while online.",
        "Din behörighet gäller inte än. Öppna appen med nätkontakt och försök igen.",
        "Your credential is not valid yet. Open the app while online and try again.",
    ),
    codes.CERTIFICATE_EXPIRED: _ENROL,
    codes.SECOND_APPROVAL: Texts(
        "Ytterligare en telefon försökte godkänna och avvisades. Du behöver inte göra något.",
        "A second phone tried to approve and was refused. You need not do anything.",
        "En annan telefon har redan godkänt.",
        "Another phone has already approved.",
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
        "Många telefoner kommer och går vid mottagaren. Den fungerar som vanligt.",
        "Many phones come and go at the receiver. It works as usual.",
        *("Håll mobilen mot mottagaren.", "Hold the phone to the receiver."),
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
        "Ett annat köp pågår. Vänta ett ögonblick.",
        "Another purchase is under way. Wait a moment.",
    ),
    codes.STALE_STATE: FAULT,
    codes.NO_CERTIFICATE: _ENROL,
    codes.BAD_KEY: FAULT,
    codes.STORE_FAILED: Texts(
        "Mottagaren kan inte spara något. Ta betalt på annat sätt och ring supporten.",
        "The receiver cannot store anything. Take another payment and call support.",
        *TILL_CANNOT,
    ),
    codes.OUT_OF_MEMORY: Texts(
        "Mottagarens minne är fullt. Ta betalt på annat sätt och ring supporten.",
        "The receiver is out of memory. Take another payment and call support.",
        *TILL_CANNOT,
    ),
    codes.CRASH_LOOP: Texts(
        "Mottagaren startar om gång på gång. Ta betalt på annat sätt och ring supporten.",
        "The receiver restarts again and again. Take another payment and call support.",
        *TILL_CANNOT,
    ),
    codes.WRONG_IMAGE: Texts(
        "Mottagaren har fel programvara. Ta betalt på annat sätt och ring supporten.",
        "The receiver has the wrong firmware. Take another payment and call support.",
        *TILL_CANNOT,
    ),
    codes.IN_SERVICE: Texts(
        "Mottagaren är tillfälligt ur bruk för service. Ta betalt på annat sätt.",
        "The receiver is out of use for service. Take another payment.",
        *TILL_CANNOT,
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
        "Fel kod. Köparen kan försöka igen direkt. Du behöver inte göra något.",
        "Wrong code. The buyer can try again at once. You need not do anything.",
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
        "Beloppet är över köparens köpgräns. Köparen får kontakta sin chef eller administratör.",
        "The amount is over the buyer's purchase limit. "
        "The buyer may contact a manager or administrator.",
        "Beloppet är över din köpgräns. Kontakta din chef eller administratör.",
        "The amount is over your purchase limit. Contact your manager or administrator.",
    ),
    codes.CREDIT_SPACE: Texts(
        "Köputrymmet räcker inte. Köparen kan välja en annan fakturamottagare.",
        "The credit space is not enough. The buyer can choose another invoice recipient.",
        "Köputrymmet räcker inte. Välj en annan fakturamottagare.",
        "The credit space is not enough. Choose another invoice recipient.",
    ),
    codes.RECIPIENT_CLOSED: Texts(
        "Fakturamottagaren är spärrad för köp. Köparen kan välja en annan.",
        "The invoice recipient is blocked for purchases. The buyer can choose another.",
        "Fakturamottagaren är spärrad för köp. Välj en annan.",
        "The invoice recipient is blocked for purchases. Choose another.",
    ),
    codes.BUYER_BLOCKED: Texts(
        "Köparen är spärrad för köp. Ta betalt på annat sätt.",
        "The buyer is blocked for purchases. Take another payment.",
        "Du är spärrad för köp. Kontakta din organisation.",
        "You are blocked for purchases. Contact your organisation.",
    ),
    codes.CREDENTIAL_REVOKED: Texts(
        "Köparens app är spärrad. Ta betalt på annat sätt.",
        "The buyer's app is blocked. Take another payment.",
        "Appen är spärrad. Logga in på nytt.",
        "The app is blocked. Sign in again.",
    ),
    codes.RECEIVER_UNKNOWN: _WRONG_RECEIVER,
    codes.CONFLICT: Texts(
        "Ett annat köp pågår. Kontrollera det förra köpet innan du börjar om.",
        "Another purchase is under way. Check the previous purchase before you start again.",
        "Ett annat köp pågår. Fråga i kassan.",
        "Another purchase is under way. Ask the cashier.",
    ),
    codes.APPROVAL_UNKNOWN: FAULT,
    codes.NOT_POSTED: Texts(
        "Köpet är inte bokfört och kan därför inte återbetalas. Kontrollera köpet.",
        "The purchase is not posted, so it cannot be refunded. Check the purchase.",
        "Köpet är inte bokfört och kan därför inte återbetalas. Fråga i kassan.",
        "The purchase is not posted, so it cannot be refunded. Ask the cashier.",
    ),
    codes.REFUND_EXCEEDS: Texts(
        "Beloppet är större än det som återstår att återbetala. Ange ett lägre belopp.",
        "The amount is more than is left to refund. Enter a lower amount.",
        "Beloppet är större än det som återstår att återbetala.",
        "The amount is more than is left to refund.",
    ),
    codes.OTHER_BUYER: Texts(
        "Återbetalningen gäller en annan köpare. Be den som gjorde köpet godkänna.",
        "The refund belongs to another buyer. Ask the person who made the purchase to approve.",
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
        "Ingen godkände i tid. Är köparen kvar? Börja om.",
        "Not approved in time. Is the buyer still there? Start again.",
        "Tiden gick ut. Be kassan börja om.",
        "Time ran out. Ask the cashier to start again.",
    ),
    codes.RECEIVER_OFFLINE: Texts(
        "Mottagaren svarar inte. Kontrollera kabeln, eller ta betalt på annat sätt.",
        "The receiver does not answer. Check its cable, or take another payment.",
        *TILL_CANNOT,
    ),
    codes.RECEIVER_UNTRUSTED: Texts(
        "Mottagaren kunde inte verifieras. Ta betalt på annat sätt och ring supporten.",
        "The receiver could not be verified. Take another payment and call support.",
        "Kassan kunde inte verifieras. Du har inte betalat.",
        "The till could not be verified. You have not paid.",
    ),
    codes.AUTHORITY_UNREACHABLE: Texts(
        "Inget svar om köpet än. Lämna inte ut varorna och ta inte betalt igen.",
        "No answer about the purchase yet. Keep the goods, and take no other payment.",
        "Inget svar än. Vänta.",
        "No answer yet. Wait.",
    ),
    codes.BRIDGE_RESTARTED: Texts(
        "Kassans betalprogram startade om. Köpet är inte betalt. Börja om.",
        "The till's payment program restarted. The purchase is not paid. Start again.",
        "Kassan startade om. Be kassan börja om.",
        "The till restarted. Ask the cashier to start again.",
    ),
    codes.REVERSED: Texts(
        "Köpet återkallades och är inte betalt. Börja om, eller ta betalt på annat sätt.",
        "The purchase was reversed and is not paid. Start again, or take another payment.",
        "Köpet återkallades. Du har inte betalat.",
        "The purchase was reversed. You have not paid.",
    ),
    codes.WITHDRAWN: Texts(
        *("Köpet gäller inte längre.", "The purchase was withdrawn."),
        *("Köpet gäller inte längre.", "The purchase was withdrawn."),
    ),
    codes.NOT_TOLD: Texts(
        "Kassan hämtade aldrig svaret. Köpet återkallades och är inte betalt. Börja om.",
        "The till never fetched the answer. The purchase was reversed. Start again.",
        "Köpet återkallades. Du har inte betalat.",
        "The purchase was reversed. You have not paid.",
    ),
    codes.JOURNAL_FULL: Texts(
        "Kassans disk är full: nya köp kan inte tas emot. "
        "Ta betalt på annat sätt och ring supporten.",
        "The till's disk is full: no new purchases. Take another payment and call support.",
        *TILL_CANNOT,
    ),
    codes.ACCEPTED_OFFLINE: Texts(
        "Godkänt utan nätkontakt. Köpet skickas in när nätet är tillbaka.",
        "Approved without a network. The purchase is sent when the network is back.",
        "Preliminärt godkänt. Slutligt besked kommer i appen.",
        "Provisionally approved. The final answer comes in the app.",
    ),
    codes.LIABILITY: Texts(
        "Köpet är betalt i kassan men kunde inte bokföras. "
        "Felet är rapporterat. Du behöver inte göra något.",
        "The purchase is paid here but could not be posted. "
        "The fault is reported. You need not do anything.",
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
        "Kassadatorns klocka går fel: inga köp går igenom. "
        "Ta betalt på annat sätt och ring supporten.",
        "The till's clock is wrong: no purchases. Take another payment and call support.",
        *TILL_CANNOT,
    ),
    codes.JOURNAL_LOCKED: Texts(
        "Ett annat program använder kassans journal. Vänta, eller ta betalt på annat sätt.",
        "Another program is using the till's journal. Wait, or take another payment.",
        *TILL_CANNOT,
    ),
    codes.JOURNAL_BEHIND: Texts(
        "Kassans journal är en äldre kopia och kontrolleras. Vänta och försök igen.",
        "The till's journal is an older copy and is being checked. Wait and try again.",
        *TILL_CANNOT,
    ),
    codes.PAID_AFTER_ALL: Texts(
        "Köpet var redan bokfört och är betalt. Ta inte betalt en gång till.",
        "The purchase was posted already and is paid. Do not take another payment.",
        "Köpet är bokfört och betalt.",
        "The purchase is posted and paid.",
    ),
}
