"""Tickets: each begins one enrolment, for one store, till and kind, and ends in hours."""

from __future__ import annotations

from typing import NamedTuple

from bridge.authority.enrolment_messages import NewTicket, Purpose, TicketKind
from bridge.authority.messages import EnrolmentRefusal
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import signed
from simulator.authority.storage.store import Store, atomic

from . import bindings, receivers, secret_word

_COLUMNS = (
    "hash, kind, purpose, store, store_name, invoice_issuer, currency, till, client, receiver, "
    "expires"
)


class EnrolmentError(Exception):
    """A step of an enrolment is refused; the text says what to do."""

    def __init__(self, refusal: EnrolmentRefusal, detail: str) -> None:
        super().__init__(refusal, detail)
        self.refusal = refusal
        self.detail = detail


class Ticket(NamedTuple):
    """A ticket as the books have it; its word is known to its holder alone."""

    hash: bytes
    kind: TicketKind
    purpose: Purpose
    store: int
    store_name: str
    invoice_issuer: int | None
    currency: int | None
    till: int | None
    client: str | None
    receiver: bytes | None
    expires: int

    def terms(self) -> receivers.Terms:
        """Return what the certificate of its receiver will say."""
        issuer, currency = self.invoice_issuer, self.currency
        if issuer is None or currency is None:
            raise ValueError("a bridge's ticket has no terms")
        return receivers.Terms(self.store, self.store_name, issuer, currency)

    def check_time(self, now: int) -> None:
        if now >= self.expires:
            raise EnrolmentError(
                EnrolmentRefusal.TICKET_EXPIRED, "the ticket has expired: ask for a new one"
            )


@atomic
def add(store: Store, asked: NewTicket, now: int) -> str:
    """Make a ticket and return its word.

    Raises Error(RECEIVER_UNKNOWN) for a receiver that is not there or is revoked, and
    Error(CONFLICT) for a client certificate that another one replaced.
    """
    client = None if asked.client_fingerprint is None else asked.client_fingerprint.hex()
    if client is not None and bindings.certificate(store, client).until is not None:
        raise Error(reasons.CONFLICT, "this client certificate was renewed; name its successor")
    if asked.receiver_id is not None and not receivers.is_alive(store, asked.receiver_id):
        raise Error(reasons.RECEIVER_UNKNOWN, "no such receiver, or a revoked one")
    word = secret_word.new()
    values = (
        signed.digest(word.encode()),
        asked.kind,
        asked.purpose,
        asked.store,
        asked.store_name,
        asked.invoice_issuer,
        asked.currency,
        asked.till,
        client,
        asked.receiver_id,
        now + asked.valid_s,
    )
    places = ", ".join("?" * len(values))
    store.run(f"INSERT INTO tickets ({_COLUMNS}) VALUES ({places})", *values)
    return word


def held(store: Store, word: str) -> Ticket:
    """Return the ticket with this word; raises EnrolmentError if there is none."""
    return by_hash(store, signed.digest(word.encode()))


def by_hash(store: Store, hash_: bytes) -> Ticket:
    found = store.find(Ticket, f"SELECT {_COLUMNS} FROM tickets WHERE hash = ?", hash_)
    if found is None:
        raise EnrolmentError(
            EnrolmentRefusal.TICKET_UNKNOWN, "no such ticket: copy it again, or ask for a new one"
        )
    return found
