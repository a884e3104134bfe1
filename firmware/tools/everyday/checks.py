"""Judge what a board says of itself: each function is one line of the doctor's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.crypto import host
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import pins, validation

from . import listing
from .expected import (
    CRYPTO,
    DBM_LEAST,
    DRIFT_MOST,
    FREE_LEAST,
    LARGEST_LEAST,
    RETRANSMITS_MOST,
    STORE_MS_MOST,
)
from .tables import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from receiver.link.service_wire import Identity, Tested

    from .air import HeardTill

DAY_S = 86_400
DAYS_LEAST = 14  # a bridge renews at half life: one that has not by then fails to
_CABLE = "another cable and another USB port, without a hub; then another board"
_ENROL = "tillsign receiver enrol"
_FLASH = "tillsign firmware flash"


def board(hello: wire.ReceiverHello) -> Finding:
    """Judge HELLO as it was when the doctor came."""
    detail = f"{hello.board}, firmware {hello.firmware} {hello.firmware_hash.hex()}"
    detail += f", {hello.interpreter} {hello.interpreter_version}, {listing.state(hello)}"
    ok = hello.fault in (reasons.OK, reasons.IN_SERVICE) and not hello.crashes
    todo = f"look the fault up in docs/technician.md; if it stays: {_FLASH}"
    return Finding("board", ok, detail, "" if ok else todo, {"crashes": hello.crashes})


def serial(counters: Mapping[str, int], trips_ms: Sequence[float], garbage: int) -> Finding:
    """Judge round trips, and what the link counted while they were made."""
    middle = sorted(trips_ms)[len(trips_ms) // 2]
    again = counters["retransmits"]
    detail = f"{len(trips_ms)} round trips, {middle:.0f} ms each"
    detail += f"; {again} repeated, {garbage} pieces of garbage"
    ok = again <= RETRANSMITS_MOST and not garbage
    figures = {"trip_ms": middle, "retransmits": again, "garbage": garbage}
    return Finding("serial line", ok, detail, "" if ok else _CABLE, figures)


def certificate(identity: Identity, now: int) -> Finding:
    """Judge what enrolment has left: whose it is, how long it lasts, and its signature."""
    name = "certificate"
    if not identity.certificate:
        return Finding(name, False, "none: the board was never enrolled", _ENROL)
    try:
        held = validation.certificate(host, pins.decode(identity.pins), identity.certificate, now)
    except Error as error:
        expired = error.code == reasons.CERTIFICATE_EXPIRED
        todo = "start the bridge with the authority in reach: it renews it" if expired else _ENROL
        return Finding(name, False, f"{reasons.name(error.code)}: {error.detail}", todo)
    days = (held.expires - now) / DAY_S
    detail = f"of {held.issuer} for {held.store_name} (store {held.store}), till {identity.till}"
    detail += f", receiver {held.receiver_id.hex()}; {days:.0f} days left; verifies under its pins"
    ok = days >= DAYS_LEAST
    todo = "its bridge has not renewed it: `tillsign bridge check` there, and look at its log"
    return Finding(name, ok, detail, "" if ok else todo, {"days": round(days, 1)})


def crypto(tested: Tested) -> list[Finding]:
    """Judge the self-test's times; a wrong answer is its reason."""
    found = []
    for field, expected in CRYPTO.items():
        took = int(getattr(tested, field))
        ok = took <= expected.most_ms
        detail = f"{took} ms; expected {expected.ms:.0f} ({expected.million:g} million "
        detail += f"instructions), at most {expected.most_ms:.0f}"
        todo = f"the firmware or its image is not this release's: {_FLASH}"
        figures = {"ms": took, "expected_ms": round(expected.ms, 1)}
        found.append(Finding(expected.name, ok, detail, "" if ok else todo, figures))
    wrong = tested.reason in (reasons.BAD_SIGNATURE, reasons.BAD_KEY)
    detail = f"wrong: {reasons.name(tested.reason)}" if wrong else "right"
    todo = f"{_FLASH}; if it stays, the board is defective: do not use it"
    found.append(Finding("known answers", not wrong, detail, todo if wrong else ""))
    return found


def radio(tested: Tested) -> Finding:
    ok = bool(tested.radio)
    todo = f"its image has no Bluetooth, or the module is defective: {_FLASH}"
    return Finding("radio", ok, "came up" if ok else "does not start", "" if ok else todo)


def store(tested: Tested) -> Finding:
    """Judge one value written and read back."""
    ok = tested.reason != reasons.STORE_FAILED and tested.store <= STORE_MS_MOST
    detail = f"a value written and read back in {tested.store} ms, at most {STORE_MS_MOST}"
    if tested.reason == reasons.STORE_FAILED:
        detail = "a value written cannot be read back"
    todo = f"{_FLASH}, then {_ENROL}; if it stays, the flash is worn: another board"
    return Finding("store", ok, detail, "" if ok else todo, {"ms": tested.store})


def memory(tested: Tested) -> Finding:
    ok = tested.largest >= LARGEST_LEAST and tested.free >= FREE_LEAST
    detail = f"{tested.free:,} bytes free, the largest piece {tested.largest:,}"
    detail += f"; at least {FREE_LEAST:,} and {LARGEST_LEAST:,}"
    todo = "this board needs the Tillsign image or one with PSRAM: docs/hardware.md, Two ways"
    figures: dict[str, float] = {"free": tested.free, "largest": tested.largest}
    return Finding("memory", ok, detail, "" if ok else todo, figures)


def sells_again(hello: wire.ReceiverHello) -> Finding:
    """Judge HELLO after the doctor has left."""
    enrolled = bool(listing.receiver_id(hello))
    ok = hello.fault == reasons.OK and enrolled
    todo = "look the fault up in docs/technician.md" if enrolled else _ENROL
    return Finding("sells again", ok, listing.state(hello), "" if ok else todo)


def clock(reports: Sequence[tuple[float, wire.Health]]) -> Finding:
    """Judge two reports of health, each with the laptop's time in seconds at its arrival."""
    name = "clock"
    if len(reports) < 2:
        detail = f"{len(reports)} reports of health in more than two times {wire.HEALTH_MS} ms"
        return Finding(name, False, detail, "the firmware's loop hangs: see its log in `monitor`")
    (began, first), (ended, last) = reports[0], reports[-1]
    passed = ended - began
    drift = (len(reports) - 1) * wire.HEALTH_MS / 1000 / passed - 1
    said = last.uptime - first.uptime
    detail = f"{drift:+.2%} against this laptop over {passed:.1f} s; uptime says {said} s"
    # Uptime is in whole seconds: each end of it may be one off.
    ok = abs(drift) <= DRIFT_MOST and abs(said - passed) <= 1 + DRIFT_MOST * passed
    todo = "its crystal is defective: another board"
    return Finding(name, ok, detail, "" if ok else todo, {"drift": round(drift, 5)})


def signal(heard: HeardTill | None, others: int) -> Finding:
    """Judge how the laptop hears this board; None: not among the `others` that it heard."""
    if heard is None:
        todo = "hold the laptop closer; is the antenna free of metal? `tillsign receiver scan`"
        return Finding("signal", False, f"not in the air; {others} other tills are", todo)
    ok = heard.strength >= DBM_LEAST
    detail = f"{heard.strength} dBm at {heard.address}, {len(heard.rssi)} advertisements"
    todo = f"under {DBM_LEAST} dBm at arm's length: free the antenna of metal, turn the board"
    return Finding("signal", ok, detail, "" if ok else todo, {"dbm": heard.strength})
