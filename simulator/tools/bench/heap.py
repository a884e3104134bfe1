"""The receiver's heap with four phones at a sale, in the Unix port's 64-bit words.

On the host a receiver and four phones go through the sale once, and the receiver's events are
recorded; inside MicroPython `replay` feeds them to another receiver, alone in its heap.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from receiver import reasons
from receiver.core import io
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages, padding, pins, validation
from receiver.protocol.validation import Offered
from simulator.authority.accounts import receivers
from simulator.authority.keys import Keys
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.phone.wallet.wallet import InvoiceRecipient, Wallet
from simulator.world.enrolment import INVOICE_ISSUER, SEK, STORE

from .arithmetic_times import run
from .replay import PARTS, Life
from .rows import Figure

CODE = "123456"
SEED = bytes(range(32))
RECEIVER_ID = b"receiver"
REFERENCE = b"saleref1"
AMOUNT, TILL, RECIPIENT = 24_900, 7, 1
NOW, LIFE_S = 1_800_000_000, 3600
_SCRIPT = "from simulator.tools.bench import replay\nreplay.main()"


def measure() -> dict[str, Figure]:
    """Measure the peak during the sale, and a receiver without a sale."""
    sale, _ = recorded()
    seen = json.loads(run(_SCRIPT, "\n".join(map(json.dumps, sale.told)) + "\n"))
    if seen["told"] != sale.life.told.hex():
        raise ValueError("the receiver in MicroPython put out something else")
    return {"heap_four_sessions": Figure(seen["most"] / 1000, seen["idle"] / 1000)}


def recorded() -> tuple[Sale, list[object]]:
    """Return the sale as it went on the host, and all output of its receiver."""
    with TemporaryDirectory(prefix="tillsign-") as directory:
        sale = Sale(Keys(Path(directory) / "keys.json"))
        return sale, sale.play()


class Sale:
    """One receiver on the host; `told` records its events."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._certificate = _certificate(keys)
        given = (SEED, self._certificate, pins.encode(keys.pins()))
        parts = {name: part.hex() for name, part in zip(PARTS, given, strict=True)}
        self.told: list[object] = [parts]
        self.life = Life(parts, host)
        self._put_out()

    def play(self) -> list[object]:
        """Play four phones up to their approvals, and the first one's receipt; return output."""
        offered = self._open()
        phones = [self._come(link, offered) for link in range(gatt.LINKS_MOST)]
        shown = [phone.begin(offered, None, NOW) for phone in phones]
        said = self._write([one.writes for one in shown])
        signed = [
            phone.complete(offered, one.credential, CODE, NOW)
            for phone, one in zip(phones, shown, strict=True)
        ]
        said += self._write([one.writes for one in signed])
        if [verdict.reason for verdict in sent(said, wire.VERDICT)] != [reasons.OK]:
            raise ValueError("the first approval is not valid")
        name = identifiers.session_id(offered.data)
        return said + self._tell(wire.RESULT, wire.Result(name, bytes(padding.RECEIPT_MOST)))

    def _open(self) -> Offered:
        nonce = self.life.receiver.identity.nonce
        self._tell(wire.STATE, wire.Blob(self._keys.state(1, RECEIVER_ID, nonce, NOW)))
        order = wire.Open(REFERENCE, messages.PURCHASE, AMOUNT, SEK, TILL, messages.TTL_MOST_S, b"")
        (opened,) = sent(self._tell(wire.OPEN, order), wire.OFFER)
        holder = validation.certificate(host, self._keys.pins(), self._certificate, NOW)
        return validation.offer(host, holder, self._certificate, opened.offer)

    def _come(self, link: int, offered: Offered) -> Maker:
        """Connect a phone that sends its key; a phone without one makes room for the fourth."""
        phone = Maker(_wallet(self._keys, link))
        self._feed([("Connected", link), ("MtuAgreed", link, gatt.MTU)])
        self._feed([("Written", link, data) for data in phone.show(offered)])
        return phone

    def _tell(self, channel: int, value: object) -> list[object]:
        return self._feed([("WireMessage", channel, wire.encode(channel, value))])

    def _write(self, writes: list[list[bytes]]) -> list[object]:
        """Write for each phone, by link."""
        written = [("Written", link, data) for link, all_ in enumerate(writes) for data in all_]
        return self._feed(written)

    def _feed(self, events: Sequence[tuple[str | int | bytes, ...]]) -> list[object]:
        """Feed events that come together; return all output of the resulting work."""
        spelled = [[v.hex() if isinstance(v, bytes) else v for v in event] for event in events]
        self.told.append(spelled)
        self.life.handle(spelled)
        return self._put_out()

    def _put_out(self) -> list[object]:
        return [item for found in self.life.slices() for item in found]


def sent(outputs: list[object], channel: int) -> list[Any]:
    sends = [item for item in outputs if isinstance(item, io.Send) and item.channel == channel]
    return [wire.decode(channel, item.payload) for item in sends]


def _certificate(keys: Keys) -> bytes:
    name = "x" * messages.STORE_NAME_MOST
    public = host.ed25519_public(SEED)
    terms = receivers.Terms(STORE, name, INVOICE_ISSUER, SEK)
    value = receivers.certificate_for(public, RECEIVER_ID, terms, NOW)
    return keys.certificate(value)


def _wallet(keys: Keys, link: int) -> Wallet:
    """Make a phone's wallet with one credential."""
    key = PhoneKey(P256, bytes([link + 1]) * 32)
    credential = keys.credential(
        messages.Credential(
            expires=NOW + LIFE_S,
            not_before=NOW,
            id=bytes([link]) * 8,
            key=key.public,
            offline_floor=0,
            recipient=RECIPIENT,
            least_app=0,
        )
    )
    theirs = [InvoiceRecipient(RECIPIENT, "")]
    phone = Wallet(key, SEED, keys.code_public, keys.pins(), theirs)
    phone.add_credentials(RECIPIENT, [credential], NOW)
    return phone
