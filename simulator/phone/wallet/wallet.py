"""The phone's storage: keys, credentials, purchases, and approvals with an unknown end."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from receiver import reasons
from receiver.crypto import host
from receiver.errors import Error
from receiver.protocol import messages, pins, signed, validation
from receiver.protocol.messages import Credential, Offer, Provisional, Receipt

from .keys import KINDS, PhoneKey

BATCH = 8  # credentials in one batch
LOW = 4  # one sale may take as many: an offer and three new ones after mendable declines

# The authority books no online record accepted more than ten minutes ago, and an offer is valid two
# minutes and a grace. An approval that it has not received by then cannot be booked, unless a till
# accepted it offline: that may be uploaded at any time.
NEVER_AFTER_S = 900
BOUGHT_MOST = 1000  # the newest purchases: years of a buyer's

_PRIVATE = 0o600
_PENDING_OCTETS = ("reference", "approval_id", "message", "original")


class InvoiceRecipient(NamedTuple):
    """An invoice recipient that the buyer may choose."""

    id: int
    name: str


class Pending(NamedTuple):
    """A sent approval, with the bytes to send again and the content expected of its receipt.

    `original` is what it refunds, b"" for a purchase. `offline`: a till may accept it without the
    authority; `accepted`: this till has, by its provisional receipt.
    """

    reference: bytes
    approval_id: bytes
    counter: int
    message: bytes
    amount: int
    currency: int
    store: int
    till: int
    time: int
    # Files of older versions lack these.
    recipient: int = 0
    original: bytes = b""
    offline: bool = False
    accepted: bool = False


class Bought(NamedTuple):
    """A purchase that the authority approved, and how much of it was refunded since."""

    transaction_id: bytes
    amount: int
    currency: int
    recipient: int
    refunded: int = 0


@dataclass
class Wallet:
    """A wallet in the file `path`, or only in memory. Times in seconds since 1970."""

    key: PhoneKey  # its public half is in the credentials
    code_private: bytes  # P-256
    authority: str  # URL
    ca: str  # PEM of the authority's TLS issuer
    phone_id: int
    token: str
    buyer: str
    authority_code_key: bytes
    pins: dict[bytes, bytes]
    recipients: list[InvoiceRecipient]
    credentials: dict[int, list[bytes]] = field(default_factory=dict)
    counter: int = 1
    pending: dict[bytes, Pending] = field(default_factory=dict)  # by sale reference
    bought: dict[bytes, Bought] = field(default_factory=dict)  # by transaction id, oldest first
    path: Path | None = None

    def stock(self, recipient: int, now: int) -> int:
        """Return how many credentials for `recipient` are valid now."""
        return sum(self._is_good(data, now) for data in self.credentials.get(recipient, []))

    def buys_offline(self, recipient: int, now: int) -> bool:
        """Return whether a till may accept any of these credentials offline."""
        good = (data for data in self.credentials.get(recipient, []) if self._is_good(data, now))
        return any(signed.parse(messages.CREDENTIAL, data).value.offline_floor for data in good)

    def add_credentials(
        self, recipient: int, batch: list[bytes], now: int, *, instead: bool = False
    ) -> None:
        """Store a batch, `instead` of all others where set; raises Error for an invalid one."""
        for data in batch:
            value = validation.credential(host, self.pins, data, now)
            if value.key != self.key.public or value.recipient != recipient:
                raise Error(reasons.WRONG_CREDENTIAL, "a credential for another phone")
        kept = [] if instead else self.credentials.get(recipient, [])
        self.credentials[recipient] = kept + batch
        self.save()

    def take_credential(self, recipient: int, now: int) -> bytes:
        """Take a credential that no till has seen, for one use; raises Error without one."""
        stock = self.credentials.get(recipient, [])
        good = [data for data in stock if self._is_good(data, now)]
        self.credentials[recipient] = good[1:]
        self.save()
        if not good:
            raise Error(reasons.CREDENTIAL_EXPIRED, f"no credential left for {recipient}")
        return good[0]

    def remember(self, pending: Pending) -> None:
        """Store an approval before it leaves the phone; its counter is used up for good."""
        if pending.counter < self.counter:
            raise ValueError("a counter value is signed once")
        self.counter = pending.counter + 1
        self.pending[pending.reference] = pending
        self.save()

    def settle(self, pending: Pending, approved: Receipt | None = None) -> None:
        """Store the known end of this approval: its receipt if approved, or None."""
        if self.pending.get(pending.reference) == pending:
            del self.pending[pending.reference]
            if approved is not None:
                self._book(pending, approved)
            self.save()

    def accept(self, pending: Pending, word: Provisional) -> Pending:
        """Store that the till accepted this approval offline; raises Error."""
        _check(pending, word)
        if pending.original:
            raise Error(reasons.WRONG_KIND, "a refund, provisionally")
        if not pending.offline:
            raise Error(reasons.ABOVE_FLOOR, "more than the credential lets a till accept offline")
        accepted = pending._replace(accepted=True)
        self.pending[pending.reference] = accepted
        self.save()
        return accepted

    def check_receipt(self, pending: Pending, data: bytes) -> Receipt:
        """Verify the authority's receipt for exactly this approval; raises Error."""
        receipt: Receipt = signed.from_authority(messages.RECEIPT, data, self.pins, host)
        _check(pending, receipt)
        return receipt

    def original(self, offer: Offer) -> Bought:
        """Find the purchase of a refund and check the amount; raises Error."""
        bought = self.bought.get(offer.original)
        if bought is None:
            raise Error(reasons.OTHER_BUYER, "a refund of what was not bought with this phone")
        if offer.currency != bought.currency:
            raise Error(reasons.WRONG_CURRENCY, f"a refund in currency {offer.currency}")
        given_back = [one.amount for one in self.pending.values() if one.original == offer.original]
        if offer.amount > bought.amount - bought.refunded - sum(given_back):
            raise Error(reasons.REFUND_EXCEEDS, f"a refund of {offer.amount}")
        return bought

    def save(self) -> None:
        """Replace the file, if there is one, in one step and on disk."""
        if self.path is None:
            return
        unfinished = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.to_json(), file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)

    def to_json(self) -> dict[str, Any]:
        """Convert everything but `path`, secrets included."""
        return {
            "key_kind": self.key.kind,
            "private": self.key.private.hex(),
            "code_private": self.code_private.hex(),
            "authority": self.authority,
            "ca": self.ca,
            "phone_id": self.phone_id,
            "token": self.token,
            "buyer": self.buyer,
            "authority_code_key": self.authority_code_key.hex(),
            "pins": pins.encode(self.pins).hex(),
            "recipients": [recipient._asdict() for recipient in self.recipients],
            "credentials": {
                str(recipient): [data.hex() for data in batch]
                for recipient, batch in self.credentials.items()
            },
            "counter": self.counter,
            "pending": [_to_json(pending) for pending in self.pending.values()],
            "bought": [_to_json(bought) for bought in self.bought.values()],
        }

    def _book(self, pending: Pending, receipt: Receipt) -> None:
        if pending.original in self.bought:
            bought = self.bought[pending.original]
            refunded = bought.refunded + pending.amount
            self.bought[pending.original] = bought._replace(refunded=refunded)
        elif not pending.original:
            name = receipt.transaction_id
            self.bought[name] = Bought(name, pending.amount, pending.currency, pending.recipient)
            for oldest in list(self.bought)[:-BOUGHT_MOST]:
                del self.bought[oldest]

    def _is_good(self, data: bytes, now: int) -> bool:
        value: Credential = signed.parse(messages.CREDENTIAL, data).value
        return value.not_before <= now < value.expires


def from_json(value: dict[str, Any], path: Path | None = None) -> Wallet:
    """Read the result of `Wallet.to_json`; ValueError, KeyError or TypeError for anything else."""
    return Wallet(
        key=_key(value["key_kind"], bytes.fromhex(value["private"])),
        code_private=bytes.fromhex(value["code_private"]),
        authority=value["authority"],
        ca=value["ca"],
        phone_id=value["phone_id"],
        token=value["token"],
        buyer=value["buyer"],
        authority_code_key=bytes.fromhex(value["authority_code_key"]),
        pins=pins.decode(bytes.fromhex(value["pins"])),
        recipients=[InvoiceRecipient(**recipient) for recipient in value["recipients"]],
        credentials={
            int(recipient): [bytes.fromhex(data) for data in batch]
            for recipient, batch in value["credentials"].items()
        },
        counter=value["counter"],
        pending={
            pending.reference: pending for pending in map(_pending_from_json, value["pending"])
        },
        bought={
            bought.transaction_id: bought
            for bought in map(_bought_from_json, value.get("bought", []))
        },
        path=path,
    )


def load(path: Path) -> Wallet:
    """Load a file that `Wallet.save` wrote."""
    return from_json(json.loads(path.read_text()), path)


def _key(kind: str, private: bytes) -> PhoneKey:
    if kind not in KINDS:
        raise ValueError(f"{kind} is not a kind of key")
    return PhoneKey(kind, private)


def _check(pending: Pending, word: Receipt | Provisional) -> None:
    """Raise Error unless this is about exactly this approval."""
    if word.version != messages.VERSION:
        raise Error(reasons.WRONG_VERSION, f"a receipt of version {word.version}")
    if word.approval_id != pending.approval_id:
        raise Error(reasons.WRONG_SESSION, "a receipt for another approval")
    if (word.amount, word.currency) != (pending.amount, pending.currency):
        raise Error(reasons.WRONG_AMOUNT, "a receipt over another amount")
    if (word.store, word.till) != (pending.store, pending.till):
        raise Error(reasons.WRONG_TILL, "a receipt from another till")


def _to_json(value: Pending | Bought) -> dict[str, Any]:
    return {
        name: item.hex() if isinstance(item, bytes) else item
        for name, item in value._asdict().items()
    }


def _pending_from_json(value: dict[str, Any]) -> Pending:
    names = [name for name in _PENDING_OCTETS if name in value]
    return Pending(**{**value, **{name: bytes.fromhex(value[name]) for name in names}})


def _bought_from_json(value: dict[str, Any]) -> Bought:
    return Bought(**{**value, "transaction_id": bytes.fromhex(value["transaction_id"])})
