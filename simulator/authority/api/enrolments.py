"""Enrolment by ticket, the second person's part, revocation and the bridges' own renewals."""

from __future__ import annotations

import asyncio

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.authority import enrolment_messages as wire
from bridge.authority.enrolment_messages import (
    AllReceiversQuery,
    ClientRequest,
    Echo,
    Empty,
    EnrolmentBeginning,
    EnrolmentBegun,
    EnrolmentRequest,
    EnrolmentTerms,
    EnrolmentView,
    FreshCertificate,
    NewTicket,
    OutcomeQuery,
    PendingEnrolment,
    PendingEnrolments,
    ReceiverRows,
    Revoked,
    Stage,
    TicketKind,
    TicketView,
)
from bridge.authority.messages import EnrolmentRefusal, ReceiverId
from receiver.protocol import enrolment, pins, signed
from simulator.authority.accounts import bindings, enrolments, receivers, tickets
from simulator.authority.accounts.enrolment_requests import client_certificate
from simulator.authority.accounts.enrolments import Enrolment
from simulator.authority.accounts.tickets import EnrolmentError, Ticket
from simulator.authority.storage.store import Store, atomic
from simulator.crypto import pki

from . import admin
from .operations import Api, Call
from .requests import RequestError

LOOK_S = 0.25  # between two looks at the books while a caller waits: another process may confirm
FIRST_RELEASE = 0  # of the least firmware for a receiver that never had any

api = Api("ticket", lambda call: call.ticket, (401, 403, 409))
renewals = Api("bridge", lambda call: call.fingerprint, (403, 409))


@api.on("POST", wire.ENROLMENTS, 422, status=201)
def begin_enrolment(call: Call, asked: EnrolmentBeginning) -> EnrolmentBegun:
    """Begin what the ticket is for, or begin it again after a cut."""
    ticket = call.ticket
    found = enrolments.begin(call.store, ticket, asked, call.office.now())
    return EnrolmentBegun(
        wire.EnrolmentId(found.id),
        wire.Challenge(found.challenge),
        _trusted(call).hex(),
        _terms(ticket, found),
        FIRST_RELEASE,
        ticket.expires,
    )


@api.on("POST", wire.REQUEST, 404, 422)
def request_certificate(call: Call, asked: EnrolmentRequest) -> EnrolmentView:
    """Hand in the request, signed by the new key under the challenge; the first one counts."""
    data, now = bytes.fromhex(asked.request), call.office.now()
    found = enrolments.request(call.store, call.ticket, call.id("enrolment_id"), data, now)
    return _view(call, found)


@api.on("GET", wire.ENROLMENT, 404)
async def enrolment_outcome(call: Call, asked: OutcomeQuery) -> EnrolmentView:
    """Wait for the second person's word, at most `wait_s`."""
    clock = asyncio.get_running_loop().time
    until = clock() + asked.wait_s
    while True:
        found = enrolments.outcome(call.store, call.ticket, call.id("enrolment_id"))
        left = until - clock()
        if found.stage not in (Stage.BEGUN, Stage.REQUESTED) or left <= 0:
            return _view(call, found)
        await asyncio.sleep(min(LOOK_S, left))


@api.on("POST", wire.INSTALLED, 404, 422)
def certificate_installed(call: Call, asked: Echo) -> EnrolmentView:
    """Make the certificate live: the receiver signed what it stores, or the bridge calls by it."""
    echo = None if asked.echo is None else bytes.fromhex(asked.echo)
    peer = call.client_certificate
    caller = None if peer is None else pki.fingerprint(peer)
    id_ = call.id("enrolment_id")
    found = enrolments.install(call.store, call.office, call.ticket, id_, echo=echo, caller=caller)
    return _view(call, found)


@admin.api.on("POST", wire.TICKETS, 409, 422, status=201)
def add_ticket(call: Call, asked: NewTicket) -> TicketView:
    """Make a ticket for one enrolment; its word is shown this once."""
    now = call.office.now()
    return TicketView(tickets.add(call.store, asked, now), now + asked.valid_s)


@admin.api.on("GET", wire.PENDING)
def pending_enrolments(call: Call) -> PendingEnrolments:
    """List what waits for a second person to compare the words."""
    found = enrolments.requested(call.store)
    return PendingEnrolments([_pending(call, one, ticket) for one, ticket in found])


@admin.api.on("POST", wire.CONFIRMATION, 404, 409)
def confirm_enrolment(call: Call, asked: Empty) -> EnrolmentView:
    """Confirm that the technician reads the same six words: the certificate is made."""
    office = call.office
    return _known(
        call, enrolments.confirm(call.store, office, call.id("enrolment_id"), office.now())
    )


@admin.api.on("POST", wire.REJECTION, 404, 409)
def reject_enrolment(call: Call, asked: Empty) -> EnrolmentView:
    """Reject an enrolment: its words differ, or it was not expected."""
    id_ = call.id("enrolment_id")
    return _known(call, enrolments.reject(call.store, id_, call.office.now()))


@admin.api.on("GET", wire.ALL_RECEIVERS)
def all_receivers(call: Call, asked: AllReceiversQuery) -> ReceiverRows:
    """List the receivers, and when their certificates end."""
    return receivers.listed(call.store, asked.after or b"")


@admin.api.on("POST", wire.REVOCATION, 404)
def revoke_receiver(call: Call, asked: Empty) -> Revoked:
    """Revoke a receiver for good: nothing more is authorised, what was sold is still settled."""
    receiver_id = call.id("receiver_id")
    when = receivers.revoke(call.store, receiver_id, call.office.now())
    if when is None:
        raise RequestError(404, "no such receiver")
    return Revoked(ReceiverId(receiver_id), when)


@renewals.on("POST", wire.RECEIVER_CERTIFICATE, 404, 422)
def renew_receiver(call: Call, asked: Empty) -> FreshCertificate:
    """Return the next certificate of a receiver, with the same key and terms.

    Before half of the present one's life that one is returned.
    """
    receiver_id = call.id("receiver_id")
    caller = bindings.caller(call.store, call.fingerprint, receiver_id)
    if caller is None or caller.until is not None:
        raise RequestError(403, "the client certificate does not speak for this receiver")
    data = receivers.renew(call.store, call.office.keys, receiver_id, call.office.now())
    return FreshCertificate(data.hex())


@renewals.on("POST", wire.CLIENT_CERTIFICATE, 422)
def renew_own_certificate(call: Call, asked: ClientRequest) -> FreshCertificate:
    """Return the next client certificate for the key of the one that this call comes over.

    It is the same client, and the old certificate serves to its end.
    """
    request = client_certificate(bytes.fromhex(asked.request), None)
    present = x509.load_der_x509_certificate(call.client_certificate or b"")
    if _key_of(request) != _key_of(present):
        raise EnrolmentError(
            EnrolmentRefusal.REQUEST_INVALID, "a renewal keeps the key; another takes a ticket"
        )
    return FreshCertificate(_renewed(call.store, call, request, present).hex())


@atomic
def _renewed(
    store: Store,
    call: Call,
    request: x509.CertificateSigningRequest,
    present: x509.Certificate,
) -> bytes:
    """Issue one more certificate of a client, or return the one that it has not fetched."""
    now, fingerprint = call.office.now(), call.fingerprint
    client, until = bindings.certificate(store, fingerprint)
    if until is not None:
        raise RequestError(403, "this client certificate was replaced")
    data = bindings.newest_issued(store, client)
    newest = present if data is None else x509.load_der_x509_certificate(data)
    if now < _half_life(newest):
        if data is None or data == call.client_certificate:
            raise EnrolmentError(EnrolmentRefusal.TOO_EARLY, "half of its life is not over")
        return data
    common = present.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = str(common[0].value) if common else "bridge"
    fresh = call.office.ca.sign_client(request, name, now)
    bindings.name(store, fingerprint, client)
    bindings.issue(store, pki.fingerprint(fresh), client, fresh, now)
    return fresh


def _half_life(found: x509.Certificate) -> float:
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    return (begins.timestamp() + ends.timestamp()) / 2


def _key_of(found: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _trusted(call: Call) -> bytes:
    return pins.encode(call.office.pins)


def _terms(ticket: Ticket, found: Enrolment) -> EnrolmentTerms:
    return EnrolmentTerms(
        ticket.store,
        ticket.store_name,
        ticket.invoice_issuer,
        ticket.currency,
        ticket.till,
        None if found.receiver is None else ReceiverId(found.receiver),
        ticket.purpose,
    )


def _view(call: Call, found: Enrolment) -> EnrolmentView:
    return EnrolmentView(
        wire.EnrolmentId(found.id),
        found.stage,
        found.words(_trusted(call)),
        None if found.certificate is None else found.certificate.hex(),
    )


def _known(call: Call, found: Enrolment | None) -> EnrolmentView:
    if found is None:
        raise RequestError(404, "no such enrolment")
    return _view(call, found)


def _pending(call: Call, found: Enrolment, ticket: Ticket) -> PendingEnrolment:
    hardware, board = b"", ""
    if ticket.kind is TicketKind.RECEIVER:
        value: enrolment.Request = signed.parse(enrolment.REQUEST, found.request or b"").value
        hardware, board = value.hardware, value.board
    return PendingEnrolment(
        wire.EnrolmentId(found.id),
        ticket.kind,
        _terms(ticket, found),
        found.words(_trusted(call)),
        found.changed,
        hardware.hex(),
        board,
    )
