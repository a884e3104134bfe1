"""What an eavesdropper reads in a sniffer's record: a line for every field, part by part.

The parsers are the project's own and Bumble's; there is no key here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from receiver.errors import Error
from receiver.protocol import exchange, messages, signed
from simulator.hardware.radio.sniffer import (
    ATT,
    TERMINATED,
    Address,
    Advertised,
    Controlled,
    Heard,
    Linked,
    Scanned,
    Sent,
)

from . import attributes as att
from . import field_meanings, plain_fields
from .attributes import Seen
from .plain_fields import Field

PHONE, RECEIVER = "phone", "receiver"

# The parts of a transcript; those of a second offer and its exchange carry a number.
AIR, LINK, CERTIFICATE = "on the air", "on the link", "certificate"
OFFER, EXCHANGE, TIMING = "offer", "exchange", "timing"

# The message from which each is timed, and the name of that time.
_SINCE = {
    exchange.CREDENTIAL: (exchange.KEY, "before the first digit"),
    exchange.APPROVAL: (exchange.CREDENTIAL, "from the first digit to the last"),
    exchange.RESULT: (exchange.APPROVAL, "from the last digit to the answer"),
    exchange.REFUSAL: (exchange.APPROVAL, "from the last digit to the answer"),
}


class HeardField(NamedTuple):
    """One field: its time (seconds), its sender, and what it tells an eavesdropper."""

    at: float
    sender: str
    part: str
    field: str
    value: str | bytes
    learns: str

    @property
    def text(self) -> str:
        """Return the value; bytes as hex."""
        return self.value.hex() if isinstance(self.value, bytes) else self.value


class Eavesdropper:
    """A reader of a record. It finds `messages` of the exchange, `certificates` and `offers`."""

    def __init__(self, records: Iterable[Heard]) -> None:
        self.messages: list[Seen] = []
        self.certificates: list[bytes] = []
        self.offers: list[bytes] = []
        self._parts: dict[str, list[HeardField]] = {}
        self._said: set[tuple[str, str | bytes]] = set()  # fields on the air, where all is repeated
        self._table: dict[int, str] = {}
        self._visits: dict[int, _Visit] = {}
        for record in records:
            self._hear(record)
        for visit in self._visits.values():
            visit.close()

    @property
    def lines(self) -> list[HeardField]:
        """Return the lines part by part, each in the order of time."""
        return [
            line for part in self._parts.values() for line in sorted(part, key=lambda one: one.at)
        ]

    def say(self, at: float, sender: str, part: str, field: Field) -> None:
        self._parts.setdefault(part, []).append(HeardField(at, sender, part, *field))

    def said(self, part: str) -> dict[str, str]:
        """Return the fields of a part and their last values, bytes as hex."""
        return {line.field: line.text for line in self._parts.get(part, [])}

    def _hear(self, record: Heard) -> None:
        if isinstance(record, Advertised):
            self._once(record.at, RECEIVER, plain_fields.air("address", _address(record.sender)))
            self._advertisement(record)
            self.say(record.at, RECEIVER, AIR, plain_fields.air("repeats", _repeats(record)))
        elif isinstance(record, Scanned):
            self._once(
                record.at, PHONE, plain_fields.air("phone's address", _address(record.scanner))
            )
            self._advertisement(record)
        elif isinstance(record, Linked):
            self._visits[record.link] = _Visit(self, self._table, record)
        else:
            self._visits[record.link].hear(record)

    def _advertisement(self, record: Advertised | Scanned) -> None:
        for field in plain_fields.advertisement(record.data):
            self._once(record.at, RECEIVER, field)

    def _once(self, at: float, sender: str, field: Field) -> None:
        """Add a field unless it was added before."""
        if (field.name, field.value) not in self._said:
            self._said.add((field.name, field.value))
            self.say(at, sender, AIR, field)


class _Visit:
    """One phone's link."""

    def __init__(self, book: Eavesdropper, table: dict[int, str], linked: Linked) -> None:
        self._book = book
        self._follower = att.Follower(table)
        self._linked = linked.at
        self._asked: list[float] = []
        self._last: dict[int, float] = {}
        self._offers = 0
        self._offer = b""  # the last one
        self._reference = b""
        parameters = f"every {linked.interval * 1000:g} ms, lost after {linked.timeout:g} s"
        self._say(linked.at, True, plain_fields.air("phone's address", _address(linked.central)))
        self._say(linked.at, True, plain_fields.air("parameters", parameters))

    def hear(self, record: Sent | Controlled) -> None:
        if isinstance(record, Controlled):
            self._controlled(record)
        elif record.channel != ATT:
            self._say(record.at, record.up, plain_fields.air("other", record.data))
        elif (seen := self._follower.read(record)) is not None:
            self._see(seen)

    def close(self) -> None:
        """Close the link; all questions about the table are one line, at the time of the first."""
        if self._asked:
            value = f"{len(self._asked)} questions"
            self._say(self._asked[0], True, plain_fields.air(att.DISCOVERED, value))
            self._asked = []

    def _controlled(self, record: Controlled) -> None:
        ended = record.name == TERMINATED
        value = f"reason {record.data[:1].hex()}" if ended else record.name
        self._say(record.at, record.up, plain_fields.air("end" if ended else "control", value))
        if ended:
            self._time(record.at, self._linked, "on the link")

    def _see(self, seen: Seen) -> None:
        said = seen.what in (att.READ, att.WRITTEN, att.NOTIFIED)
        if seen.what == att.DISCOVERED:
            self._asked.append(seen.at)
        elif said and seen.name == att.CERTIFICATE:
            self._book.certificates.append(seen.data)
            self._tell(seen, CERTIFICATE, plain_fields.certificate(seen.data))
        elif said and seen.name == att.OFFER:
            self._offered(seen)
        elif said and seen.name == att.EXCHANGE:
            self._exchanged(seen)
        elif seen.what in (att.MTU_ASKED, att.MTU_ANSWERED):
            value = str(int.from_bytes(seen.data, "little"))
            self._say(seen.at, seen.up, plain_fields.air(seen.what, value))
        elif seen.what == att.SUBSCRIBED:
            self._say(seen.at, seen.up, plain_fields.air(seen.what, seen.name))
        elif seen.what == att.ACKNOWLEDGED:
            self._acknowledged(seen)
        else:
            self._say(seen.at, seen.up, plain_fields.air("other", seen.data))

    def _acknowledged(self, seen: Seen) -> None:
        """Add the approval's acknowledgement; those of subscriptions tell nothing."""
        if exchange.APPROVAL in self._last:
            self._tell(
                seen, self._numbered(EXCHANGE), [plain_fields.air(seen.what, "write response")]
            )

    def _offered(self, seen: Seen) -> None:
        if not seen.data:
            what = "none yet" if seen.what == att.READ else "withdrawn"
            self._tell(seen, self._numbered(OFFER), [plain_fields.offered(what, "")])
            return
        if seen.data == self._offer:
            return  # read once more, behind the subscriptions
        self._offer = seen.data
        self._offers += 1
        self._last = {}
        self._book.offers.append(seen.data)
        fields = plain_fields.offer(seen.data)
        reference = _reference(seen.data)
        if reference and reference == self._reference:
            fields = [plain_fields.offered("again", reference), *fields]
        self._reference = reference
        self._tell(seen, self._numbered(OFFER), fields)

    def _exchanged(self, seen: Seen) -> None:
        self._book.messages.append(seen)
        self._tell(seen, self._numbered(EXCHANGE), [plain_fields.exchanged(seen.data)])
        kind = seen.data[0] if seen.data else 0
        before, name = _SINCE.get(kind, (0, ""))
        if before in self._last:
            self._time(seen.at, self._last[before], name)
        self._last[kind] = seen.at

    def _numbered(self, part: str) -> str:
        return part if self._offers <= 1 else f"{part} {self._offers}"

    def _tell(self, seen: Seen, part: str, fields: list[Field]) -> None:
        for field in fields:
            self._book.say(seen.at, PHONE if seen.up else RECEIVER, part, field)

    def _say(self, at: float, up: bool, field: Field) -> None:
        self._book.say(at, PHONE if up else RECEIVER, LINK, field)

    def _time(self, at: float, since: float, name: str) -> None:
        field = plain_fields.Field(
            name, f"{(at - since) * 1000:.0f} ms", field_meanings.TIMING[name]
        )
        self._book.say(at, PHONE, self._numbered(TIMING), field)


def _reference(offer: bytes) -> bytes:
    """Return what offers of one sale have in common; nothing where it cannot be read."""
    try:
        reference: bytes = signed.parse(messages.OFFER, offer).value.reference
    except Error:
        return b""
    return reference


def _address(address: Address) -> str:
    return f"{address.text} ({address.kind})"


def _repeats(record: Advertised) -> str:
    if record.times == 1:
        return "once"
    pace = (record.last - record.at) / (record.times - 1)
    return f"{record.times} times, every {pace * 1000:.0f} ms"
