"""Make the receiver's key, and take what the authority states about it (docs/enrolment.md).

A power cut leaves the enrolment before or the one after: all of it is one value in the store. The
key of an ENROL stays there beside it, so that a repeated order gets the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import service_wire as wire
from receiver.link.wire import Blob
from receiver.protocol import enrolment, firmware, pins, signed, validation
from receiver.protocol.enrolment import PENDING_NAME, STORED_NAME, Pending, Stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job
    from receiver.encoding.schema import Field

    from .ports import Device, Slots, Store

    T = TypeVar("T")

NO_CHALLENGE = bytes(enrolment.CHALLENGE_SIZE)  # of an INSTALL without an ENROL before it


class Enrolment:
    """The orders READ, ENROL, INSTALL and FACTORY_RESET: each returns its answer or raises."""

    def __init__(self, crypto: Crypto, store: Store, slots: Slots, device: Device) -> None:
        self._crypto = crypto
        self._store = store
        self._slots = slots
        self._device = device

    def stored(self) -> Stored | None:
        """Return the enrolment; raise Error(STORE_FAILED) if it cannot be read."""
        return self._load(STORED_NAME, enrolment.STORED, Stored)

    def release(self) -> int:
        """Return the number of the running release; 0 for firmware that no manifest names."""
        number = self._slots.running()
        data = self._slots.note(number, firmware.WHOLE) if number else b""
        try:
            return firmware.decode(data).release if data else 0
        except Error:  # damaged: the least release of the enrolment holds all the same
            return 0

    def read_job(self, _order: wire.Read) -> Job[wire.Identity]:
        """Tell what is not secret."""
        yield
        return self._identity()

    def enrol_job(self, order: wire.Enrol) -> Job[Blob]:
        """Make and keep a key for this challenge, unless there is one; prove its possession."""
        pending = self._pending()
        if pending is None or pending.challenge != order.challenge:
            seed = self._device.entropy(enrolment.SEED_SIZE)
            if not seed:
                raise Error(reasons.RADIO_FAILED, "no true randomness for a key")
            pending = Pending(order.challenge, seed)
            self._store.put(PENDING_NAME, schema.encode(enrolment.PENDING, pending))
        yield
        device = self._device
        request = enrolment.Request(
            enrolment.VERSION,
            order.challenge,
            self._crypto.ed25519_public(pending.seed),
            device.hardware,
            device.name,
            device.firmware_hash,
        )
        return (yield from self._signed_job(enrolment.REQUEST, request, pending.seed))

    def install_job(self, order: wire.Install) -> Job[Blob]:
        """Store an enrolment whole; answer with a signed echo of what the store has then."""
        before, pending = self.stored(), self._pending()
        key = yield from self._holder_job(order, before)
        seed = self._seed_of(key, pending, before)
        if before is not None and order.least_release < before.least_release:
            raise Error(reasons.NOT_NEWER, "least release %d" % before.least_release)
        made = Stored(seed, order.certificate, order.pins, order.till, order.least_release)
        if made != before:
            self._store.put(STORED_NAME, schema.encode(enrolment.STORED, made))
        yield
        after = self.stored()
        if after != made:
            raise Error(reasons.STORE_FAILED, "another value is read back")
        of_pending = pending is not None and pending.seed == seed
        echo = enrolment.Installed(
            enrolment.VERSION,
            pending.challenge if pending and of_pending else NO_CHALLENGE,
            signed.digest(made.certificate),
            signed.digest(made.pins),
            made.till,
            made.least_release,
        )
        return (yield from self._signed_job(enrolment.INSTALLED, echo, seed))

    def reset_job(self, _order: wire.FactoryReset) -> Job[wire.Identity]:
        """Erase every key while the button is held; a value that cannot be read goes as well."""
        if not self._device.held():
            raise Error(reasons.NOT_HELD, "hold the button")
        for name in (PENDING_NAME, STORED_NAME):
            self._store.erase(name)
        yield
        return self._identity()

    def _identity(self) -> wire.Identity:
        stored = self.stored() or Stored(b"", b"", b"", 0, 0)
        device = self._device
        return wire.Identity(
            stored.certificate,
            stored.pins,
            stored.till,
            self.release(),
            stored.least_release,
            device.board_class,
            int(device.held()),
        )

    def _holder_job(self, order: wire.Install, before: Stored | None) -> Job[bytes]:
        """Return the certificate's key once it verifies; raise Error.

        What is enrolled keeps its pins: a host that brought others could sign firmware with them.
        """
        given = [order.pins]
        if before is not None and before.pins != order.pins:
            given.append(before.pins)
        key = b""
        for data in given:
            ring = signed.Ring(self._crypto, pins.decode(data), ())
            key = (yield from validation.certificate_job(ring, order.certificate, None)).key
        if len(given) > 1:
            raise Error(reasons.NOT_HELD, "other pins: reset to factory state first")
        return key

    def _seed_of(self, key: bytes, pending: Pending | None, before: Stored | None) -> bytes:
        for one in (pending, before):
            if one is not None and self._crypto.ed25519_public(one.seed) == key:
                return one.seed
        raise Error(reasons.WRONG_RECEIVER, "certificate for another key")

    def _pending(self) -> Pending | None:
        return self._load(PENDING_NAME, enrolment.PENDING, Pending)

    def _load(self, name: str, fields: tuple[Field, ...], make: Callable[..., T]) -> T | None:
        data = self._store.get(name)
        if not data:
            return None
        try:
            return schema.decode(fields, data, make)
        except Error as error:
            raise Error(reasons.STORE_FAILED, name + ": " + error.detail) from error

    def _signed_job(self, kind: signed.Kind, value: object, seed: bytes) -> Job[Blob]:
        def sign_job(message: bytes) -> Job[bytes]:
            return self._crypto.ed25519_sign_job(seed, message)

        return Blob((yield from signed.encode_job(kind, value, b"", sign_job)))
