"""What the phone says to the buyer, step by step, and what may help while nothing happens.

Swedish and English. The texts of reasons are in `receiver.host.texts`.
"""

from __future__ import annotations

from typing import NamedTuple

from simulator.phone.conversation import events
from simulator.phone.transport import choice

SWEDISH, ENGLISH = LANGUAGES = ("sv", "en")


class Words(NamedTuple):
    """One sentence; {…} are details of its step."""

    sv: str
    en: str


# By the step's name, or by its name and what it says of `why`.
SENTENCES = {
    "scanning": Words("Söker efter kassan", "Looking for the till"),
    f"found {choice.ALONE}": Words("Hittade kassa {till}", "Found till {till}"),
    f"found {choice.CLEAR}": Words(
        "Kassa {till} är klart närmast", "Till {till} is clearly the nearest"
    ),
    f"found {choice.STRONGEST}": Words(
        "Flera kassor är nära: provar kassa {till}, som hörs bäst",
        "Several tills are near: trying till {till}, which is heard best",
    ),
    f"found {choice.CHOSEN}": Words("Kassa {till}, som du valde", "Till {till}, as you chose"),
    "moved": Words(
        "Telefonen hålls mot kassa {till}: byter dit",
        "The phone is held to till {till}: going there",
    ),
    "several": Words(
        "Flera kassor är nära ({tills}): håll telefonen närmare din, eller välj",
        "Several tills are near ({tills}): hold the phone closer to yours, or choose",
    ),
    "connect_failed": Words(
        "Kassan svarar inte ({error}): försöker igen",
        "The till does not answer ({error}): trying again",
    ),
    "connected": Words("Kontakt med kassan, MTU {mtu}", "In contact with the till, MTU {mtu}"),
    "link_failed": Words("Kontakten bröts: {error}", "Contact was lost: {error}"),
    "link_lost": Words(
        "Kontakten bröts: söker kassan igen, inget behöver skrivas om",
        "Contact was lost: finding the till again, nothing has to be typed anew",
    ),
    "resumed": Words("Kontakten är tillbaka", "Contact is back"),
    "checked_in": Words(
        "Incheckad hos {store}, kassa {till}: beloppet är inte inslaget än",
        "Checked in at {store}, till {till}: the amount is not rung up yet",
    ),
    events.ASKED: Words("Ett belopp har kommit: öppnar det", "An offer arrived: opening it"),
    events.SHOWN: Words(
        "{store}, kassa {till}: {money}, kontrollsiffror {match_code}",
        "{store}, till {till}: {money}, match code {match_code}",
    ),
    "credential_written": Words("Första siffran skriven", "First digit typed, credential sent"),
    "approval_written": Words("Koden är skriven: väntar på svar", "Code complete, approval sent"),
    events.DECLINED: Words("Nekat: {sv}", "Declined: {sv} / {en}"),
    "provisional": Words("{sv}", "{sv} / {en}"),
    "leave_written": Words("Du avbröt", "Left"),
    "vanished": Words("Utom räckhåll", "Out of range"),
    "unfit": Words(
        "Telefonen godtar inte kassan: {why} ({detail})",
        "Not accepted by the phone: {why} ({detail})",
    ),
    "refusal": Words("Kassan säger nej (kod {code})", "The receiver refuses (code {code})"),
    "unknown": Words("Inget säkert svar: {why}", "No trusted answer: {why}"),
    "asks_authority": Words("Frågar efter utfallet", "Asking the authority about {approval_id}"),
    "authority_says": Words("Svaret är: {state}", "The authority answers: {state}"),
    "not_refilled": Words("Inga nya behörigheter: {error}", "No new credentials: {error}"),
    "again": Words("Försöker igen", "Trying again"),
    "again busy": Words(
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
        Words(
            "Nätet är långsamt: köpet går vidare utan det om en stund.",
            "The network is slow: the purchase goes on without it in a moment.",
        ),
    ),
    SEARCHING: (
        Words(
            "Håll telefonens övre kant mot mottagaren, utan metall emellan.",
            "Hold the phone's top edge against the receiver, with no metal between.",
        ),
        Words(
            "Är Bluetooth på? Är telefonen upplåst, och appen öppen?",
            "Is Bluetooth on? Is the phone unlocked, and the app open?",
        ),
        Words(
            "Äldre Android: tillåt appen att använda platsen, annars hittar den ingen kassa.",
            "Older Android: let the app use the location, or it finds no till.",
        ),
        Words(
            "Fråga kassören om kassan är igång.",
            "Ask the cashier whether the till is ready.",
        ),
    ),
    CONNECTING: (
        Words(
            "Kassan är hittad. Håll telefonen stilla mot mottagaren.",
            "The till is found. Hold the phone still against the receiver.",
        ),
        Words(
            "Slå av Bluetooth och på igen om det inte hjälper.",
            "If that does not help, turn Bluetooth off and on again.",
        ),
    ),
    READING: (
        Words(
            "Köpet hämtas. Håll kvar telefonen vid mottagaren.",
            "The purchase is on its way. Keep the phone at the receiver.",
        ),
    ),
    RESUMING: (
        Words(
            "Håll telefonen mot mottagaren igen: det går vidare där det var.",
            "Hold the phone against the receiver again: it goes on where it was.",
        ),
    ),
    BUSY: (
        Words(
            "En annan telefon betalar ännu. Din står på tur.",
            "Another phone is still paying. Yours is next.",
        ),
    ),
    CHECKED_IN: (
        Words(
            "Beloppet visas så snart kassören har slagit in det.",
            "The amount appears as soon as the cashier has rung it up.",
        ),
        Words(
            "Stämmer kassans nummer? Annars: tryck på Inte min kassa.",
            "Is it the right till number? If not, tap Not my till.",
        ),
    ),
    DECIDING: (
        Words(
            "Svaret väntas. Håll kvar telefonen vid mottagaren.",
            "Waiting for the answer. Keep the phone at the receiver.",
        ),
    ),
    ASKING: (
        Words(
            "Appen frågar vidare. Betala inte på annat sätt innan svaret har kommit.",
            "The app goes on asking. Do not pay in another way before the answer.",
        ),
    ),
}


def key_of(name: str, why: object) -> str:
    """Return the key of a step's sentence."""
    special = f"{name} {why}"
    return special if special in SENTENCES else name
