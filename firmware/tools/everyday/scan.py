"""Look at the tills in the air as a phone does: what they say, and whether it holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from bleak.exc import BleakError

from receiver import reasons
from receiver.crypto import host
from receiver.errors import Error
from receiver.protocol import gatt, identifiers, messages, signed, validation

from . import air

if TYPE_CHECKING:
    from collections.abc import Mapping

    from receiver.protocol.messages import Certificate, Offer

    from .air import Adapter, HeardTill, Read

FLAGS = {gatt.FLAG_OPEN: "open", gatt.FLAG_BUSY: "busy", gatt.FLAG_REFUND: "refund"}
AGAIN_S = 2.0  # to hear a till once more whose sale has changed since
COLUMNS = ("till", "name", "address", "dBm", "flags", "tag", "store", "offer", "verifies")


class Till(NamedTuple):
    """One till. `problems` is empty where all that could be checked holds."""

    heard: HeardTill
    certificate: Certificate | None
    offer: Offer | None
    checked: tuple[str, ...]  # what holds
    problems: tuple[str, ...]

    def value(self) -> dict[str, object]:
        """Return it for programs."""
        advert, certificate, offer = self.heard.advert, self.certificate, self.offer
        return {
            "address": self.heard.address,
            "name": self.heard.name,
            "rssi": self.heard.strength,
            "till": advert.till if advert else None,
            "flags": flags(self.heard),
            "tag": advert.tag.hex() if advert else None,
            "store": certificate.store if certificate else None,
            "store_name": certificate.store_name if certificate else None,
            "receiver_id": certificate.receiver_id.hex() if certificate else None,
            "offer": {"amount": offer.amount, "currency": offer.currency, "till": offer.till}
            if offer
            else None,
            "checked": self.checked,
            "problems": self.problems,
        }

    def row(self) -> tuple[str, ...]:
        """Return it for people, in the order of COLUMNS."""
        heard, advert = self.heard, self.heard.advert
        tag = advert.tag.hex() if advert and any(advert.tag) else "-"
        till = str(advert.till) if advert else "-"
        store = self.certificate.store_name if self.certificate else "-"
        offer = f"{self.offer.amount} ({self.offer.currency})" if self.offer else "-"
        verdict = "; ".join(self.problems) or ", ".join(self.checked) or "not looked at"
        place = (till, heard.name or "-", heard.address, str(heard.strength))
        return (*place, " ".join(flags(heard)) or "idle", tag, store, offer, verdict)


def flags(heard: HeardTill) -> list[str]:
    """Return the names of what a till advertises."""
    advert = heard.advert
    return [name for flag, name in FLAGS.items() if advert and advert.flags & flag]


async def scan(
    adapter: Adapter, pins: Mapping[bytes, bytes] | None, seconds: float, *, connect: bool
) -> list[Till]:
    """Listen, then read each till in turn unless told not to; raises NoAdapterError."""
    heard = await air.listen(adapter, seconds)
    if not connect:
        return [Till(each, None, None, (), ()) for each in heard]
    return [await _look(each, adapter, pins) for each in heard]


async def _look(heard: HeardTill, adapter: Adapter, pins: Mapping[bytes, bytes] | None) -> Till:
    try:
        read = await air.read(heard.device, adapter)
        if not _is_tagged(heard, read):  # a sale began or ended meanwhile: hear and read it anew
            again = await air.listen(adapter, AGAIN_S)
            heard = next((each for each in again if each.address == heard.address), heard)
            read = await air.read(heard.device, adapter)
    except BleakError as error:
        return Till(heard, None, None, (), (f"cannot be read: {error}",))
    return judge(heard, read, pins, int(time.time()))


def judge(heard: HeardTill, read: Read, pins: Mapping[bytes, bytes] | None, now: int) -> Till:
    """Check certificate, offer and tag. Without pins a certificate's signature is not checked."""
    certificate: Certificate | None = None
    offer: Offer | None = None
    checked, problems = [], []
    try:
        certificate = _certificate(read.certificate, pins, now)
        checked.append("certificate" if pins else "certificate readable, no pins to check it by")
        if read.offer:
            offered = validation.offer(host, certificate, read.certificate, read.offer)
            offer = offered.offer
            checked.append("offer")
    except Error as error:
        problems.append(f"{reasons.name(error.code)}: {error.detail}")
    if _is_tagged(heard, read):
        checked.append("tag")
    else:
        problems.append("the tag is of another offer: hold the phone closer, or scan again")
    return Till(heard, certificate, offer, tuple(checked), tuple(problems))


def _certificate(data: bytes, pins: Mapping[bytes, bytes] | None, now: int) -> Certificate:
    if pins is None:
        value: Certificate = signed.parse(messages.CERTIFICATE, data).value
        return value
    return validation.certificate(host, pins, data, now)


def _is_tagged(heard: HeardTill, read: Read) -> bool:
    """Whether the tag on the air is the offer's; one that was not heard may be."""
    advert = heard.advert
    return advert is None or advert.tag == identifiers.tag(read.offer)
