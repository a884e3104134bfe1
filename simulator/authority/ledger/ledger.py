"""Hold, post, void and decline. Every call may be repeated: the same id with the same content
has the same answer."""

from __future__ import annotations

import secrets

from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages
from simulator.authority.accounts import offline
from simulator.authority.accounts.bindings import Caller
from simulator.authority.keys import Keys
from simulator.authority.storage.schema import EXPIRED, PENDING, VOIDED
from simulator.authority.storage.store import AgainError, Store, atomic

from . import journal_positions, refunds, transactions
from .decline_rules import BEFORE_CODE, Case, Payer, judge
from .record_verification import Evidence, check_bound, check_fresh
from .states import CONFIRM, DECLINE, EXPIRE, HOLD, NONE, PENDING_LONG, REVERSE
from .transactions import Booked

ALARM_AFTER_S = 15 * 60  # no till waits that long
EXPIRE_AFTER_S = 7 * 24 * 3600
SWEPT_MOST = 500  # in one sweep

_PAYER = (
    "SELECT p.id, p.buyer, p.k, p.tries, b.blocked, b.purchase_limit, c.revoked, "
    "r.id, r.currency, r.credit_space, r.closed, EXISTS "
    "(SELECT 1 FROM buyer_recipients WHERE buyer = b.id AND recipient = r.id) "
    "FROM credentials c JOIN phones p ON p.id = c.phone "
    "JOIN buyers b ON b.id = p.buyer JOIN recipients r ON r.id = c.recipient "
    "WHERE c.id = ? AND p.key = ? AND r.id = ? FOR NO KEY UPDATE OF p"
)
# Complete the tombstone of an approval that was reversed, perhaps before it came.
_BURY = (
    f"UPDATE transactions SET content = ?, receipt = ?, reason = {reasons.REVERSED}, phone = ?, "
    "till = ? WHERE approval_id = ?"
)


def authorise(store: Store, keys: Keys, caller: Caller, evidence: Evidence, now: int) -> bytes:
    """Hold the amount or decline; return the signed receipt.
    The same approval gets the same bytes, but a hold that was voided is `reversed` from then on.

    Raises Error: CONFLICT where the approval id is booked with other content, WRONG_CREDENTIAL for
    an unknown credential, and the errors of `check_fresh`, `check_bound` and `positions.hear`.
    """
    with transactions.alarmed(store, evidence.approval_id, now):
        return _authorise(store, keys, caller, evidence, now)


@atomic
def confirm(store: Store, caller: Caller, approval_id: bytes, now: int) -> Booked:
    """Post a hold, however late; return its booked state.

    What was voided or declined stays so, with an alarm. Raises Error: APPROVAL_UNKNOWN,
    WRONG_RECEIVER.
    """
    journal_positions.hear(store, caller.client, caller.position, now)
    booked = transactions.find(store, approval_id)
    if booked is None:
        raise Error(reasons.APPROVAL_UNKNOWN, "nothing to confirm")
    transactions.must_be_theirs(booked, caller)
    late = booked.late or booked.state == EXPIRED
    return booked._replace(state=transactions.move(store, CONFIRM, booked, now), late=late)


@atomic
def reverse(store: Store, caller: Caller, approval_id: bytes, now: int) -> str:
    """Void a hold, or bar one that never came; return the new state.

    A posted transaction stays so, with an alarm. Raises Error(WRONG_RECEIVER).
    """
    journal_positions.hear(store, caller.client, caller.position, now)
    booked = transactions.find(store, approval_id)
    if booked is None:
        tombstone = Booked(
            approval_id, caller.receiver, messages.PURCHASE, NONE, client=caller.client
        )
        if not transactions.insert(store, REVERSE, tombstone, now):
            raise AgainError
        return VOIDED
    transactions.must_be_theirs(booked, caller)
    return transactions.move(store, REVERSE, booked, now)


@atomic
def expire(store: Store, approval_id: bytes, now: int) -> None:
    """Give back a hold that is still open."""
    booked = transactions.find(store, approval_id)
    if booked is not None and booked.state == PENDING:
        transactions.move(store, EXPIRE, booked, now)


def sweep(store: Store, now: int) -> int:
    """Expire holds without a confirmation for a week; raise an alarm for those that wait long.

    Returns how many expired; SWEPT_MOST of them may mean that there are more.
    """
    pending = "FROM transactions WHERE state = 'PENDING' AND time <= ?"
    oldest = f"SELECT approval_id {pending} ORDER BY time LIMIT ?"
    late = store.every(bytes, oldest, now - EXPIRE_AFTER_S, SWEPT_MOST)
    for approval_id in late:
        expire(store, approval_id, now)
    store.run(
        f"INSERT INTO alarms (approval_id, kind, time) SELECT approval_id, ?, ? {pending} "
        "ON CONFLICT DO NOTHING",
        PENDING_LONG,
        now,
        now - ALARM_AFTER_S,
    )
    return len(late)


@atomic
def _authorise(store: Store, keys: Keys, caller: Caller, evidence: Evidence, now: int) -> bytes:
    journal_positions.hear(store, caller.client, caller.position, now)
    payer = _payer(store, evidence)  # locks the phone's row: its approvals are handled one by one
    booked = transactions.find(store, evidence.approval_id)
    if booked is not None:
        _must_be_same(booked, evidence)
        transactions.must_be_theirs(booked, caller)
    if booked is not None and booked.content is not None:
        if booked.receipt and (booked.state != VOIDED or booked.reason == reasons.REVERSED):
            return booked.receipt
    else:
        check_fresh(evidence, now)
        check_bound(evidence, caller.until)
    if booked is not None:
        transactions.move(store, DECLINE, booked, now)
        buried = _receipt(keys, evidence, reasons.REVERSED, now)
        store.run(_BURY, evidence.content, buried, payer.phone, evidence.offer.till, booked.id)
        return buried
    case = _case(store, payer, caller, evidence)
    reason = judge(case)
    _note_code(store, payer, reason, min(evidence.accepted, now))
    receipt = _book(store, keys, case, reason, now)
    if receipt is None and reason == reasons.OK:  # the database already has such a hold
        receipt = _book(store, keys, case, reasons.CONFLICT, now)
    if receipt is None:
        raise AgainError  # reversed by another transaction meanwhile
    return receipt


def _must_be_same(booked: Booked, evidence: Evidence) -> None:
    if booked.receiver != evidence.certificate.receiver_id:
        raise Error(reasons.CONFLICT, "the approval id is another receiver's")
    if booked.content not in (None, evidence.content):
        raise Error(reasons.CONFLICT, "the approval id is booked with other content")


def _payer(store: Store, evidence: Evidence) -> Payer:
    credential, recipient = evidence.credential, evidence.approval.recipient
    payer = store.find(Payer, _PAYER, credential.id, credential.key, recipient)
    if payer is None:
        raise Error(reasons.WRONG_CREDENTIAL, "unknown credential")
    return payer


def _case(store: Store, payer: Payer, caller: Caller, evidence: Evidence) -> Case:
    """Look up what the rules need besides."""
    floor, original = 0, None
    if evidence.mode == messages.OFFLINE:
        receiver = evidence.certificate.receiver_id
        floor = offline.floor_at(store, receiver, evidence.accepted)
    if evidence.offer.kind == messages.REFUND:
        issuer = evidence.certificate.invoice_issuer
        original = refunds.original(store, caller, issuer, evidence.offer.original)
    return Case(payer, evidence, caller.client, floor, original)


def _note_code(store: Store, payer: Payer, reason: int, when: int) -> None:
    """Count a wrong code; a valid one resets the count."""
    if reason == reasons.CODE_WRONG:
        store.run("UPDATE phones SET tries = tries + 1 WHERE id = ?", payer.phone)
    elif reason not in BEFORE_CODE:
        store.run(
            "UPDATE phones SET tries = 0, code_at = ? WHERE id = ? AND (tries > 0 OR code_at < ?)",
            when,
            payer.phone,
            when,
        )


def _book(store: Store, keys: Keys, case: Case, reason: int, now: int) -> bytes | None:
    """Hold the amount if the reason is OK, else decline; return the receipt.

    None where the database already has such a booking.
    """
    evidence, offer, certificate = case.evidence, case.evidence.offer, case.evidence.certificate
    approved = reason == reasons.OK
    transaction_id = secrets.token_bytes(len(messages.NO_TRANSACTION)) if approved else None
    receipt = _receipt(keys, evidence, reason, now, transaction_id or messages.NO_TRANSACTION)
    row = Booked(
        evidence.approval_id,
        certificate.receiver_id,
        offer.kind,
        NONE,
        evidence.content,
        receipt,
        reason,
        transaction_id,
        case.payer.recipient,
        offer.amount,
        case.original.id if case.original else None,
        client=case.client,
    )
    inserted = transactions.insert(
        store,
        HOLD if approved else DECLINE,
        row,
        now,
        phone=case.payer.phone,
        currency=offer.currency,
        invoice_issuer=certificate.invoice_issuer,
        session=evidence.session,
        receiver_key=certificate.key,
        sequence=offer.sequence,
        reference=offer.reference,
        till=offer.till,
        credential=evidence.credential.id,
        counter=evidence.approval.counter,
        mode=evidence.mode,
        accepted=evidence.accepted,
    )
    return receipt if inserted else None


def _receipt(
    keys: Keys,
    evidence: Evidence,
    reason: int,
    now: int,
    transaction_id: bytes = messages.NO_TRANSACTION,
) -> bytes:
    return keys.receipt(
        messages.Receipt(
            messages.VERSION,
            messages.APPROVED if reason == reasons.OK else messages.DECLINED,
            evidence.approval_id,
            evidence.offer.amount,
            evidence.offer.currency,
            transaction_id,
            now,
            evidence.certificate.store,
            evidence.offer.till,
            reason,
        )
    )
