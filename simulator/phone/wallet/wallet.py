"""The phone's storage: keys, credentials, purchases, and approvals with an unknown end."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field, json, structs

from receiver import reasons
from receiver.crypto import host
from receiver.errors import Error
from receiver.protocol import identifiers, messages, signed, validation
from receiver.protocol.messages import Credential, Offer, Provisional, Receipt
from simulator.crypto import pki

from .keys import PhoneKey

BATCH = 8  # credentials in one batch
LOW = 4  # one sale may take as many: an offer and three new ones after mendable declines

# The authority books no online record accepted more than ten minutes ago, and an offer is valid two
# minutes and a grace. An approval that it has not received by then cannot be booked, unless a till
# accepted it offline: that may be uploaded at any time.
NEVER_AFTER_S = 900
BOUGHT_MOST = 1000  # the newest purchases: years of a buyer's
CERTIFICATES_MOST = 64  # of receivers, the newest: all tills of the stores that a buyer goes to


class InvoiceRecipient(Struct, frozen=True):
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


class Wallet(Struct):
    """A wallet in the file `path`, or only in memory. Times in seconds since 1970."""

    key: PhoneKey  # its public half is in the credentials
    code_private: bytes  # P-256
    authority_code_key: bytes
    pins: dict[bytes, bytes]
    recipients: list[InvoiceRecipient]
    authority: str = ""  # URL; without one it cannot be called
    ca: str = ""  # PEM of the authority's TLS issuer
    phone_id: int = 0
    token: str = ""
    buyer: str = ""
    credentials: dict[int, list[bytes]] = field(default_factory=dict)
    counter: int = 1
    pending: dict[bytes, Pending] = field(default_factory=dict)  # by sale reference
    bought: dict[bytes, Bought] = field(default_factory=dict)  # by transaction id, oldest first
    certificates: dict[bytes, bytes] = field(default_factory=dict)  # of receivers, by offers' kid
    path: Path | None = None

    def chosen(self, recipient: int | None) -> int:
        """Return the recipient that the buyer chose, by default the first."""
        return self.recipients[0].id if recipient is None else recipient

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

    def certificate(self, offer: bytes) -> bytes | None:
        """Return the certificate that an offer names, if it was seen before."""
        try:
            return self.certificates.get(signed.parse(messages.OFFER, offer).sign1.kid)
        except Error:
            return None

    def know(self, certificate: bytes) -> None:
        """Store a receiver's certificate, once it is verified: the next visit need not read it."""
        kid = identifiers.certificate_hash(certificate)[: messages.OFFER_KID_SIZE]
        if kid not in self.certificates:
            self.certificates[kid] = certificate
            for oldest in list(self.certificates)[:-CERTIFICATES_MOST]:
                del self.certificates[oldest]
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
        if self.path is not None:
            pki.write_private(self.path, json.encode(self.portable()))

    def portable(self) -> Wallet:
        """Return it as another program may have it, secrets included: without its file."""
        return structs.replace(self, path=None)

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


class Handout(Struct):
    """A phone that a world hands out, the endpoint of its radio, and its till API's address."""

    radio: str
    wallet: Wallet | None = None
    till_api: str = ""


def load(path: Path) -> Wallet:
    """Load a file that `Wallet.save` wrote; raises ValueError."""
    loaded = json.decode(path.read_bytes(), type=Wallet)
    loaded.path = path
    return loaded


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
