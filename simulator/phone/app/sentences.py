"""What the phone says to the buyer, step by step, and what may help while nothing happens.

Swedish and English. The texts of reasons are in `receiver.host.texts`.
"""

from __future__ import annotations

from receiver.host.wording import Wording
from simulator.phone.conversation import events
from simulator.phone.transport import choice

SWEDISH, ENGLISH = LANGUAGES = ("sv", "en")


# {…} are details of the step. By its name, or by that and what it says of `why`.
SENTENCES = {
    "scanning": Wording("Söker efter kassan", "Looking for the till"),
    f"found {choice.ALONE}": Wording("Hittade kassa {till}", "Found till {till}"),
    f"found {choice.CLEAR}": Wording(
        "Kassa {till} är klart närmast", "Till {till} is clearly the nearest"
    ),
    f"found {choice.STRONGEST}": Wording(
        "Flera kassor är nära: provar kassa {till}, som hörs bäst",
        "Several tills are near: trying till {till}, which is heard best",
    ),
    f"found {choice.CHOSEN}": Wording("Kassa {till}, som du valde", "Till {till}, as you chose"),
    "moved": Wording(
        "Mobilen hålls mot kassa {till}: byter dit",
        "The phone is held to till {till}: going there",
    ),
    "several": Wording(
        "Flera kassor är nära ({tills}): håll mobilen närmare din, eller välj",
        "Several tills are near ({tills}): hold the phone closer to yours, or choose",
    ),
    "connect_failed": Wording(
        "Kassan svarar inte ({error}): försöker igen",
        "The till does not answer ({error}): trying again",
    ),
    "connected": Wording("Kontakt med kassan, MTU {mtu}", "In contact with the till, MTU {mtu}"),
    "link_failed": Wording("Kontakten bröts: {error}", "Contact was lost: {error}"),
    "link_lost": Wording(
        "Kontakten bröts: söker kassan igen, inget behöver skrivas om",
        "Contact was lost: finding the till again, nothing has to be typed anew",
    ),
    "resumed": Wording("Kontakten är tillbaka", "Contact is back"),
    "checked_in": Wording(
        "Incheckad hos {store}, kassa {till}: beloppet är inte inslaget än",
        "Checked in at {store}, till {till}: the amount is not rung up yet",
    ),
    events.ASKED: Wording("Ett belopp har kommit: öppnar det", "An offer arrived: opening it"),
    events.SHOWN: Wording(
        "{store}, kassa {till}: {money}, kontrollsiffror {match_code}",
        "{store}, till {till}: {money}, match code {match_code}",
    ),
    "credential_written": Wording("Första siffran skriven", "First digit typed, credential sent"),
    "approval_written": Wording("Koden är skriven: väntar på svar", "Code complete, approval sent"),
    events.DECLINED: Wording("Nekat: {sv}", "Declined: {sv} / {en}"),
    "provisional": Wording("{sv}", "{sv} / {en}"),
    "leave_written": Wording("Du avbröt", "Left"),
    "vanished": Wording("Utom räckhåll", "Out of range"),
    "unfit": Wording(
        "Telefonen godtar inte kassan: {why} ({detail})",
        "Not accepted by the phone: {why} ({detail})",
    ),
    "refusal": Wording("Kassan säger nej (kod {code})", "The receiver refuses (code {code})"),
    "unknown": Wording("Inget säkert svar: {why}", "No trusted answer: {why}"),
    "asks_authority": Wording("Frågar efter utfallet", "Asking the authority about {approval_id}"),
    "authority_says": Wording("Svaret är: {state}", "The authority answers: {state}"),
    "not_refilled": Wording("Inga nya behörigheter: {error}", "No new credentials: {error}"),
    "again": Wording("Försöker igen", "Trying again"),
    "again busy": Wording(
        "En annan telefon betalar i kassan: försöker igen när den är klar",
        "Another phone is paying at the till: trying again when it is done",
    ),
}


# What the phone waits for.
PREPARING = "preparing"
SEARCHING = "searching"
CONNECTING = "connecting"
READING = "reading"
RESUMING = "resuming"
BUSY = "busy"
CHECKED_IN = "checked in"
DECIDING = "deciding"
ASKING = "asking"

# The wait that each step begins; after any other step the buyer acts, or nothing is awaited.
WAITS = {
    "preparing": PREPARING,
    "scanning": SEARCHING,
    "found": CONNECTING,
    "connect_failed": CONNECTING,
    "again": CONNECTING,
    "again busy": BUSY,
    "connected": READING,
    "link_lost": RESUMING,
    "checked_in": CHECKED_IN,
    "approval_written": DECIDING,
    "unknown": ASKING,
    "asks_authority": ASKING,
    "authority_says": ASKING,
}
# Steps of the program that a person does not see: they change no wait.
UNSEEN = frozenset({"key_written", "settled", "not_refilled", "refusal", "result_untrusted"})

# What may help, the likeliest first, one after the other; then from the start again.
HELP = {
    PREPARING: (
        Wording(
            "Nätet är långsamt: köpet går vidare utan det om en stund.",
            "The network is slow: the purchase goes on without it in a moment.",
        ),
    ),
    SEARCHING: (
        Wording(
            "Håll mobilens övre kant mot mottagaren, utan metall emellan.",
            "Hold the phone's top edge against the receiver, with no metal between.",
        ),
        Wording(
            "Är Bluetooth på? Är mobilen upplåst, och appen öppen?",
            "Is Bluetooth on? Is the phone unlocked, and the app open?",
        ),
        Wording(
            "Äldre Android: tillåt appen att använda platsen, annars hittar den ingen kassa.",
            "Older Android: let the app use the location, or it finds no till.",
        ),
        Wording(
            "Fråga kassören om kassan är igång.",
            "Ask the cashier whether the till is ready.",
        ),
    ),
    CONNECTING: (
        Wording(
            "Kassan är hittad. Håll mobilen stilla mot mottagaren.",
            "The till is found. Hold the phone still against the receiver.",
        ),
        Wording(
            "Slå av Bluetooth och på igen om det inte hjälper.",
            "If that does not help, turn Bluetooth off and on again.",
        ),
    ),
    READING: (
        Wording(
            "Köpet hämtas. Håll kvar mobilen mot mottagaren.",
            "The purchase is on its way. Keep the phone at the receiver.",
        ),
    ),
    RESUMING: (
        Wording(
            "Håll mobilen mot mottagaren igen: det går vidare där det var.",
            "Hold the phone against the receiver again: it goes on where it was.",
        ),
    ),
    BUSY: (
        Wording(
            "En annan telefon betalar ännu. Din står på tur.",
            "Another phone is still paying. Yours is next.",
        ),
    ),
    CHECKED_IN: (
        Wording(
            "Beloppet visas så snart kassören har slagit in det.",
            "The amount appears as soon as the cashier has rung it up.",
        ),
        Wording(
            "Stämmer kassans nummer? Annars: tryck på Inte min kassa.",
            "Is it the right till number? If not, tap Not my till.",
        ),
    ),
    DECIDING: (
        Wording(
            "Svaret väntas. Håll kvar mobilen mot mottagaren.",
            "Waiting for the answer. Keep the phone at the receiver.",
        ),
    ),
    ASKING: (
        Wording(
            "Appen frågar vidare. Betala inte på annat sätt innan svaret har kommit.",
            "The app goes on asking. Do not pay in another way before the answer.",
        ),
    ),
}


def key_of(name: str, why: object) -> str:
    """Return the key of a step's sentence."""
    special = f"{name} {why}"
    return special if special in SENTENCES else name
