"""The bridges' operations: authorisations, confirmations, reversals, refunds, states, statements.

Each requires a client certificate that speaks for the receiver. A former client may finish what it
began; the operations that begin a transaction refuse it.
"""

from __future__ import annotations

from bridge.authority import messages as wire
from bridge.authority.messages import (
    Confirmed,
    OfReceiver,
    PositionClaim,
    ReceiverPage,
    ReceiverQuery,
    ReceiversQuery,
    RefundAnswer,
    RefundOutcome,
    RefundRequest,
    Reversed,
    Settled,
    StandingAnswer,
    StateRequest,
    Transaction,
    TransactionId,
    TransactionPage,
    TransactionsQuery,
)
from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.protocol import messages, signed
from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.accounts.bindings import Caller
from simulator.authority.context import Office
from simulator.authority.ledger import journal_positions, ledger, refunds, statements
from simulator.authority.ledger.record_verification import verify
from simulator.authority.storage.schema import POSTED
from simulator.authority.storage.store import Store, atomic

from .operations import Api, Call, Cbor, Cose
from .requests import RequestError

_POSITION: dict[str, object] = {
    "name": wire.POSITION_HEADER,
    "in": "header",
    "required": False,
    "description": "Where the bridge's journal stands: its id, life, run, sequence and hash. A"
    " bridge that may not serve is refused: 409, `journal_behind`.",
    "schema": {"type": "string", "pattern": f"^{wire.POSITION.pattern}$"},
}

api = Api("bridge", lambda call: call.fingerprint, (403, 409), (_POSITION,))
claims = Api("bridge", lambda call: call.fingerprint, (403,))  # name their position in the body


@api.on("POST", wire.AUTHORISATIONS, 422)
def authorise(call: Call, asked: Cbor) -> Cose:
    """Hold the amount of an approval, or decline: the record in, the signed receipt out."""
    record: messages.Record = schema.decode(messages.RECORD, asked, messages.Record)
    return Cose(receipt_for(call, record))


@api.on("POST", wire.CONFIRMATION, 404, 422)
def confirm(call: Call, asked: OfReceiver) -> Confirmed:
    """Post a hold, however late. VOIDED and DECLINED: nothing is posted."""
    name, caller = call.id("approval_id"), _caller(call, asked.receiver_id)
    booked = ledger.confirm(call.store, caller, name, call.office.now())
    return Confirmed(TransactionId(name), Settled(booked.state), booked.late)


@api.on("POST", wire.REVERSAL, 404, 422)
def reverse(call: Call, asked: OfReceiver) -> Reversed:
    """Void a hold, or bar one that never came. POSTED: it stays posted."""
    name, caller = call.id("approval_id"), _caller(call, asked.receiver_id)
    state = ledger.reverse(call.store, caller, name, call.office.now())
    return Reversed(TransactionId(name), Settled(state))


@api.on("POST", wire.REFUND, 404, 422)
def refund(call: Call, asked: RefundRequest) -> RefundAnswer:
    """Refund without a phone, at most what was posted; posted at once, or declined."""
    name, caller = TransactionId(call.id("refund_id")), _caller(call, asked.receiver_id)
    order = refunds.Order(
        name, asked.receiver_id, asked.transaction_id, asked.amount, asked.currency
    )
    booked = refunds.refund(call.store, caller, order, call.office.now())
    if booked.state == POSTED and booked.transaction_id:
        posted = TransactionId(booked.transaction_id)
        return RefundAnswer(name, RefundOutcome.POSTED, None, posted)
    reason = reasons.name(booked.reason or reasons.REVERSED)  # reversed before it came
    return RefundAnswer(name, RefundOutcome.DECLINED, reason, None)


@api.on("GET", wire.TRANSACTION, 404, 422)
def transaction(call: Call, asked: ReceiverQuery) -> Transaction:
    """Return the state of an approval or a refund."""
    caller = _noted(call, _caller(call, asked.receiver_id))
    return statements.one(call.store, caller, call.id("approval_id"))


@api.on("GET", wire.TRANSACTIONS, 404)
def transactions(call: Call, asked: TransactionsQuery) -> TransactionPage:
    """List all transactions of a period in pages, for a bridge that lost its journal."""
    caller = _noted(call, _caller(call, call.id("receiver_id")))
    return statements.page(call.store, caller, asked.start, asked.end, asked.after)


@api.on("POST", wire.STATES)
def state(call: Call, asked: StateRequest) -> Cose:
    """Sign time, limits and the hash of the revocations for a receiver's nonce."""
    caller = _todays(call, asked.receiver_id)
    return Cose(_signed_state(call.store, caller, asked.nonce, call.office))


@api.on("GET", wire.REVOCATIONS)
def revocations(call: Call, asked: ReceiverQuery) -> Cbor:
    """List the credentials that no receiver may accept offline: sorted ids, deterministic CBOR."""
    _noted(call, _todays(call, asked.receiver_id))
    return Cbor(offline.revocations(call.store, call.office.now()))


@api.on("GET", wire.RECEIVERS)
def receivers_of_client(call: Call, asked: ReceiversQuery) -> ReceiverPage:
    """List every receiver that is or ever was bound to the client, in pages."""
    client = bindings.certificate(call.store, call.fingerprint).client
    journal_positions.note(call.store, client, call.position, call.office.now())
    return bindings.listed(call.store, call.fingerprint, asked.after or b"")


@claims.on("POST", wire.POSITIONS)
def claim(call: Call, asked: PositionClaim) -> StandingAnswer:
    """Decide whether a bridge may serve with its journal; only `current` changes the books."""
    office, client = call.office, bindings.certificate(call.store, call.fingerprint).client
    return journal_positions.claim(call.store, client, asked, office.now(), office.lease_s)


def receipt_for(call: Call, record: messages.Record) -> bytes:
    """Verify a record and book it; return the signed receipt, approved or declined."""
    office = call.office
    issued, caller = receivers.presented(call.store, record.certificate_hash, call.fingerprint)
    if issued is None:
        raise Error(reasons.RECEIVER_UNKNOWN, "a certificate that was never issued")
    if caller is None:
        raise _foreign()
    caller = caller._replace(position=call.position)
    evidence = verify(issued, record, office.pins)
    return ledger.authorise(call.store, office.keys, caller, evidence, office.now())


def must_speak_for(call: Call, receiver_id: bytes) -> None:
    """Refuse a client that is not the receiver's today."""
    _todays(call, receiver_id)


def _caller(call: Call, receiver_id: bytes) -> Caller:
    """Return the client as it speaks for a receiver, now or earlier."""
    caller = bindings.caller(call.store, call.fingerprint, receiver_id)
    if caller is None:
        raise _foreign()
    return caller._replace(position=call.position)


def _todays(call: Call, receiver_id: bytes) -> Caller:
    """Refuse a client whose receiver has moved to another one: it gets no more terms."""
    caller = _caller(call, receiver_id)
    if caller.until is not None:
        raise _foreign()
    return caller


def _noted(call: Call, caller: Caller) -> Caller:
    """Store the caller's position, for an operation that changes nothing else."""
    journal_positions.note(call.store, caller.client, caller.position, call.office.now())
    return caller


@atomic
def _signed_state(store: Store, caller: Caller, nonce: bytes, office: Office) -> bytes:
    now = office.now()
    journal_positions.hear(store, caller.client, caller.position, now)
    limits, listed = offline.terms(store, caller.receiver, now)
    version = receivers.next_state_version(store)
    return office.keys.state(
        version, caller.receiver, nonce, now, limits=limits, revocations=signed.digest(listed)
    )


def _foreign() -> RequestError:
    return RequestError(403, "the client certificate does not speak for this receiver")
