"""A board in service mode without I/O: store and slots in memory, and the keys that it trusts."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cose_sign
from receiver.link import service_wire, wire
from receiver.protocol import enrolment, firmware, messages, pins, signed
from receiver.protocol.signed import AUTHORITY_KID_SIZE, ROLE_FIRMWARE, ROLE_RECEIVER
from receiver.service.orders import Orders
from tests.support.values import evidence
from tests.support.values.evidence import SEK

BOARD_CLASS = "check-littlefs"
CHALLENGE = bytes(range(16))
TILL = 7
KID = bytes([ROLE_RECEIVER, 1])
AUTHORITY = evidence.seed("authority")
MAKERS = {bytes([ROLE_FIRMWARE, n]): evidence.seed(f"maker {n}") for n in (1, 2, 3)}
PINS = {kid: host.ed25519_public(seed) for kid, seed in {KID: AUTHORITY, **MAKERS}.items()}
FILES = {"boot.bin": b"boot" * 700, "deep/empty": b"", "deep/long.bin": bytes(range(256)) * 20}


class Board:
    """Store, slots and device in one. `broken` is what an access raises."""

    name, board_class = "check", BOARD_CLASS
    hardware, firmware_hash = b"chip 1", bytes(8)

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.files: dict[tuple[int, str], bytes] = {}
        self.notes: dict[tuple[int, str], bytes] = {}
        self.slot, self.free_slot = 1, 2
        self.space = 1 << 20
        self.broken: OSError | None = None
        self.lies = False  # what is written is not what is read
        self.pressed = False
        self.has_radio = True
        self.now = 0
        self.boot()

    def boot(self) -> None:
        """Start anew: what the machines had in mind is gone."""
        self.orders = Orders(host, self, self, self)

    # A conversation.

    def ask(self, channel: int, value: object) -> Any:
        """Give an order; return its answer, a refusal too, or None."""
        return self.say(channel, service_wire.encode(channel, value))

    def say(self, channel: int, payload: bytes) -> Any:
        self.orders.handle(channel, payload)
        while self.orders.busy():
            self.orders.work()
        answer = self.orders.poll()
        assert self.orders.poll() is None
        return answer and service_wire.decode(*answer)

    def refusal(self, channel: int, value: object) -> str:
        """The name of the reason."""
        found = self.ask(channel, value)
        assert isinstance(found, service_wire.OrderRefused), found
        assert found.channel == channel
        return reasons.name(found.reason)

    def enrol(self, challenge: bytes = CHALLENGE) -> enrolment.Request:
        """Let it make a key; check that it has it."""
        data = self.ask(service_wire.ENROL, service_wire.Enrol(challenge)).data
        parsed = signed.parse(enrolment.REQUEST, data)
        signed.verify(enrolment.REQUEST, parsed, parsed.value.key, host)
        request: enrolment.Request = parsed.value
        return request

    def enrolled(self) -> Board:
        key = self.enrol().key
        assert self.ask(service_wire.INSTALL, install(key)).data
        return self

    @property
    def identity(self) -> service_wire.Identity:
        found: service_wire.Identity = self.ask(service_wire.READ, service_wire.Read())
        return found

    def send(self, data: bytes, offset: int = 0, size: int = 1000) -> list[Any]:
        """Send an update's bytes from that offset on; return every answer."""
        found = []
        for at in range(offset, len(data), size):
            chunk = service_wire.Chunk(at, data[at : at + size])
            found.append(self.ask(service_wire.CHUNK, chunk))
        return [answer for answer in found if answer is not None]

    # Store.

    def get(self, name: str) -> bytes:
        self._access()
        return self.values.get(name, b"")

    def put(self, name: str, data: bytes) -> None:
        self._access()
        self.values[name] = b"other" if self.lies else data

    def erase(self, name: str) -> None:
        self._access()
        self.values.pop(name, None)

    # Slots.

    def running(self) -> int:
        return self.slot

    def target(self) -> int:
        return self.free_slot

    def note(self, number: int, name: str) -> bytes:
        return self.notes.get((number, name), b"")

    def put_note(self, number: int, name: str, data: bytes) -> None:
        self._access()
        self.notes[number, name] = data

    def rename_note(self, number: int, old: str, new: str) -> None:
        self._access()
        self.notes[number, new] = self.notes.pop((number, old))

    def drop(self, number: int) -> None:
        assert number != self.slot
        for found in (self.files, self.notes):
            for key in [key for key in found if key[0] == number]:
                del found[key]

    def room(self) -> int:
        return self.space

    def size(self, number: int, path: str) -> int:
        return len(self.files.get((number, path), b"")) if (number, path) in self.files else -1

    def append(self, number: int, path: str, offset: int, data: bytes | memoryview) -> None:
        self._access()
        before = self.files.get((number, path), b"") if offset else b""
        assert len(before) == offset
        self.files[number, path] = before + (bytes(len(data)) if self.lies else bytes(data))

    def read(self, number: int, path: str, offset: int, buffer: bytearray) -> int:
        piece = self.files.get((number, path), b"")[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    # Device.

    def clock(self) -> int:
        self.now += 1
        return self.now

    def held(self) -> bool:
        return self.pressed

    def start_radio(self) -> bool:
        return self.has_radio

    def entropy(self, size: int) -> bytes:
        self.now += 1
        return sha256(b"%d" % self.now).digest()[:size] if self.has_radio else b""

    def memory(self) -> tuple[int, int]:
        return 50_000, 20_000

    def _access(self) -> None:
        if self.broken is not None:
            raise self.broken


def certificate(key: bytes, authority: bytes = AUTHORITY, kid: bytes = KID) -> bytes:
    """The authority's statement about the receiver with this key."""
    value = messages.Certificate(
        "test", bytes(range(8)), 2_000_000_000, 1_900_000_000, key, 101, "Storgatan 1", 7, SEK
    )
    return signed.encode(messages.CERTIFICATE, value, kid, signing(authority))


def signing(seed: bytes) -> Callable[[bytes], bytes]:
    return lambda message: host.ed25519_sign(seed, message)


def install(key: bytes, **changes: Any) -> service_wire.Install:
    """What INSTALL brings for a key, but for `changes`."""
    return service_wire.Install(certificate(key), pins.encode(PINS), TILL, 0)._replace(**changes)


def manifest(number: int, **changes: Any) -> firmware.Manifest:
    rows = tuple(firmware.File(path, len(x), sha256(x).digest()) for path, x in FILES.items())
    made = firmware.Manifest(number, 0, BOARD_CLASS, f"v{number}", bytes(20), rows)
    return made._replace(**changes)


def release(number: int, makers: int = 2, **changes: Any) -> wire.Blob:
    """A manifest that so many of the pinned keys have signed."""
    payload = firmware.encode(manifest(number, **changes))
    holders = list(MAKERS.items())[:makers]
    return wire.Blob(
        firmware.join(payload, [firmware.sign(payload, kid, seed, host) for kid, seed in holders])
    )


def payload_of(data: bytes) -> bytes:
    return cose_sign.parse(data, AUTHORITY_KID_SIZE).payload


def flip(data: bytes) -> bytes:
    """The same with its last bit changed."""
    return data[:-1] + bytes([data[-1] ^ 1])
