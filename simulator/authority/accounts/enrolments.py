"""Enrolments: from a ticket to a live certificate, one stage after the other.

begun → requested → confirmed → done, or rejected by the second person. Every step may be repeated:
the same input gives the same answer, so a cut between two steps costs nothing.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from bridge.authority.enrolment_messages import (
    EnrolmentBeginning,
    Purpose,
    Stage,
    TicketKind,
)
from bridge.authority.messages import EnrolmentRefusal
from receiver.host import words
from receiver.protocol import enrolment, messages, pins, signed
from receiver.protocol.signed import ID_SIZE
from simulator.authority.context import Office
from simulator.authority.storage.store import Store, atomic
from simulator.crypto import pki

from . import bindings, receivers, tickets
from .enrolment_requests import check_echo, client_certificate, receivers_request
from .tickets import EnrolmentError, Ticket

PENDING_MOST = 200  # listed at once: as many boards as a store's tour has on a day

_COLUMNS = "id, ticket, challenge, receiver, stage, changed, request, certificate"
_FOUND = f"SELECT {_COLUMNS} FROM enrolments"


class Enrolment(NamedTuple):
    """An enrolment as the books have it."""

    id: bytes
    ticket: bytes
    challenge: bytes
    receiver: bytes | None
    stage: Stage
    changed: int
    request: bytes | None
    certificate: bytes | None

    def words(self, trusted: bytes) -> list[str]:
        """Return the six words, none before there is a request."""
        return [] if self.request is None else words.six(self.request, trusted)


@atomic
def begin(store: Store, ticket: Ticket, asked: EnrolmentBeginning, now: int) -> Enrolment:
    """Begin a ticket's enrolment, or return the one that it began; raises EnrolmentError."""
    _check_own(ticket, asked)
    _lock(store, ticket)
    found = store.find(Enrolment, f"{_FOUND} WHERE ticket = ?", ticket.hash)
    if found is not None:
        _check_open(found)
        return found
    ticket.check_time(now)
    receiver = None
    if ticket.kind is TicketKind.RECEIVER:
        moves = ticket.purpose is Purpose.MOVE
        receiver = ticket.receiver if moves else secrets.token_bytes(messages.RECEIVER_ID_SIZE)
    store.run(
        "INSERT INTO enrolments (id, ticket, challenge, receiver, stage, changed) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        secrets.token_bytes(ID_SIZE),
        ticket.hash,
        secrets.token_bytes(enrolment.CHALLENGE_SIZE),
        receiver,
        Stage.BEGUN,
        now,
    )
    return _of_ticket(store, ticket)


@atomic
def request(store: Store, ticket: Ticket, id_: bytes, data: bytes, now: int) -> Enrolment:
    """Take the request; the first one counts for good. Raises EnrolmentError."""
    found = _own(store, ticket, id_)
    _check_open(found)
    if found.request is not None:
        if found.request != data:
            raise EnrolmentError(
                EnrolmentRefusal.REQUEST_OTHER,
                "the ticket has another board's request: have that one rejected, "
                "and ask for a new ticket",
            )
        return found
    ticket.check_time(now)
    if ticket.kind is TicketKind.RECEIVER:
        _check_key(store, found, receivers_request(data, found.challenge).key)
    else:
        client_certificate(data, found.challenge)
    _move(store, found, Stage.REQUESTED, now, "request = ?", data)
    return _of_ticket(store, ticket)


@atomic
def confirm(store: Store, office: Office, id_: bytes, now: int) -> Enrolment | None:
    """Make the certificate, as the second person found the same words; None for no such id."""
    found = _locked(store, id_)
    if found is None or found.stage in (Stage.CONFIRMED, Stage.DONE):
        return found
    if found.stage is not Stage.REQUESTED or found.request is None:
        _check_open(found)
        raise EnrolmentError(EnrolmentRefusal.NOT_CONFIRMED, "there is no request yet to confirm")
    ticket = tickets.by_hash(store, found.ticket)
    ticket.check_time(now)
    data = _certificate(store, office, ticket, found, now)
    _move(store, found, Stage.CONFIRMED, now, "certificate = ?", data)
    return _find(store, id_)


@atomic
def reject(store: Store, id_: bytes, now: int) -> Enrolment | None:
    """End an enrolment whose words differ; None for no such id."""
    found = _locked(store, id_)
    if found is None or found.stage is Stage.REJECTED:
        return found
    if found.stage is Stage.DONE:
        raise EnrolmentError(
            EnrolmentRefusal.TICKET_USED, "the certificate is live: revoke the receiver instead"
        )
    if found.certificate is not None and found.receiver is None:
        bindings.withdraw(store, pki.fingerprint(found.certificate), now)
    _move(store, found, Stage.REJECTED, now, "certificate = ?", None)
    return _find(store, id_)


@atomic
def install(
    store: Store,
    office: Office,
    ticket: Ticket,
    id_: bytes,
    *,
    echo: bytes | None,
    caller: str | None,
) -> Enrolment:
    """Make the certificate live, as the receiver has signed that it stores it.

    A bridge proves the same by its call: `caller` is the fingerprint of its TLS certificate.
    Raises EnrolmentError, or Error as `receivers.activate`.
    """
    found, now = _own(store, ticket, id_), office.now()
    if found.stage is Stage.REJECTED:
        _check_open(found)
    if found.certificate is None:
        raise EnrolmentError(
            EnrolmentRefusal.NOT_CONFIRMED, "the second person has not confirmed it yet"
        )
    if ticket.kind is TicketKind.BRIDGE:
        _check_caller(office, found.certificate, caller)
    else:
        key = receivers.value_of(found.certificate).key
        check_echo(echo or b"", key, _echo(found, ticket, pins.encode(office.pins)))
    if found.stage is Stage.DONE:
        return found
    if ticket.kind is TicketKind.RECEIVER:
        _bring_to_life(store, ticket, found.certificate, now)
    _move(store, found, Stage.DONE, now)
    return _of_ticket(store, ticket)


def outcome(store: Store, ticket: Ticket, id_: bytes) -> Enrolment:
    """Return how far an enrolment is; raises EnrolmentError."""
    return _own(store, ticket, id_)


def requested(store: Store) -> list[tuple[Enrolment, Ticket]]:
    """List what waits for a second person, oldest first."""
    sql = f"{_FOUND} WHERE stage = ? ORDER BY changed, id LIMIT ?"
    found = store.every(Enrolment, sql, Stage.REQUESTED, PENDING_MOST)
    return [(one, tickets.by_hash(store, one.ticket)) for one in found]


def _certificate(store: Store, office: Office, ticket: Ticket, found: Enrolment, now: int) -> bytes:
    """Sign the certificate that an enrolment asks for."""
    data = found.request or b""
    if found.receiver is None:
        name = f"store-{ticket.store}-{found.id[:4].hex()}"
        issued = office.ca.sign_client(client_certificate(data, found.challenge), name, now)
        fingerprint = pki.fingerprint(issued)
        bindings.issue(store, fingerprint, fingerprint, issued, now)
        return issued
    if ticket.purpose is Purpose.MOVE and not receivers.is_alive(store, found.receiver):
        raise EnrolmentError(
            EnrolmentRefusal.RECEIVER_REVOKED,
            "the receiver was revoked: enrol the board as a new one",
        )
    key = receivers_request(data, found.challenge).key
    _check_key(store, found, key)
    return office.keys.certificate(
        receivers.certificate_for(key, found.receiver, ticket.terms(), now)
    )


def _echo(found: Enrolment, ticket: Ticket, trusted: bytes) -> enrolment.Installed:
    """Return what the receiver has to sign."""
    return enrolment.Installed(
        enrolment.VERSION,
        found.challenge,
        signed.digest(found.certificate or b""),
        signed.digest(trusted),
        ticket.till or 0,
        0,
    )


def _bring_to_life(store: Store, ticket: Ticket, data: bytes, now: int) -> None:
    """Bind the receiver; of an exchange, revoke the one whose place it takes."""
    value = receivers.value_of(data)
    receivers.activate(store, data, value, ticket.client or "", now)
    if ticket.purpose is Purpose.EXCHANGE and ticket.receiver is not None:
        receivers.revoke_locked(store, ticket.receiver, now)


def _check_own(ticket: Ticket, asked: EnrolmentBeginning) -> None:
    """Refuse a ticket for another kind, store or till than the caller believes."""
    for name, wanted, given in (
        ("kind", ticket.kind.value, asked.kind.value),
        ("store", ticket.store, ticket.store if asked.store is None else asked.store),
        ("till", ticket.till, ticket.till if asked.till is None else asked.till),
    ):
        if wanted != given:
            raise EnrolmentError(
                EnrolmentRefusal.TICKET_FOREIGN,
                f"the ticket is for {name} {wanted}, not {given}: take the right ticket",
            )


def _check_open(found: Enrolment) -> None:
    """Refuse a ticket whose enrolment is over."""
    if found.stage is Stage.REJECTED:
        raise EnrolmentError(
            EnrolmentRefusal.REJECTED,
            "the second person rejected it: find out why, and ask for a new ticket",
        )
    if found.stage is Stage.DONE:
        raise EnrolmentError(EnrolmentRefusal.TICKET_USED, "the ticket was used: ask for a new one")


def _check_key(store: Store, found: Enrolment, key: bytes) -> None:
    owner = receivers.owner_of_key(store, key)
    if owner not in (None, found.receiver):
        raise EnrolmentError(EnrolmentRefusal.KEY_TAKEN, "the key is another receiver's")


def _check_caller(office: Office, certificate: bytes, caller: str | None) -> None:
    if caller != pki.fingerprint(certificate):
        raise EnrolmentError(
            EnrolmentRefusal.ECHO_OTHER, "call over the client certificate of this enrolment"
        )


def _own(store: Store, ticket: Ticket, id_: bytes) -> Enrolment:
    """Return the ticket's enrolment, locked; refuse another one's id."""
    found = _locked(store, id_)
    if found is None or found.ticket != ticket.hash:
        raise EnrolmentError(
            EnrolmentRefusal.TICKET_FOREIGN, "the ticket is not of this enrolment: begin again"
        )
    return found


def _lock(store: Store, ticket: Ticket) -> None:
    store.one("SELECT hash FROM tickets WHERE hash = ? FOR NO KEY UPDATE", ticket.hash)


def _locked(store: Store, id_: bytes) -> Enrolment | None:
    """Find an enrolment that no other transaction changes until this one ends."""
    store.one("SELECT id FROM enrolments WHERE id = ? FOR NO KEY UPDATE", id_)
    return _find(store, id_)


def _find(store: Store, id_: bytes) -> Enrolment | None:
    return store.find(Enrolment, f"{_FOUND} WHERE id = ?", id_)


def _of_ticket(store: Store, ticket: Ticket) -> Enrolment:
    [found] = store.every(Enrolment, f"{_FOUND} WHERE ticket = ?", ticket.hash)
    return found


def _move(
    store: Store, found: Enrolment, stage: Stage, now: int, also: str = "", *values: bytes | None
) -> None:
    columns = ", ".join(filter(None, ("stage = ?", "changed = ?", also)))
    store.run(f"UPDATE enrolments SET {columns} WHERE id = ?", stage, now, *values, found.id)
