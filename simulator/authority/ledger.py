"""What is held, given back or declined, with the states of a transaction in one table."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from receiver import messages, reasons, table
from receiver.errors import Error

from .rules import BEFORE_CODE, Payer, judge
from .schema import DECLINED, PENDING, POSTED, VOIDED
from .verify import check_fresh

if TYPE_CHECKING:
    from .keys import Keys
    from .store import Store
    from .verify import Evidence

NONE = "none"  # an approval id never heard of

# What can happen to a transaction.
HOLD = "hold"
DECLINE = "decline"
REVERSE = "reverse"

# A declined one stays declined, and what was reversed before it came stays void. What is posted is
# given back by a refund only.
TABLE = {
    NONE: {HOLD: PENDING, DECLINE: DECLINED, REVERSE: VOIDED},
    PENDING: {REVERSE: VOIDED},
    POSTED: {},
    VOIDED: {DECLINE: VOIDED, REVERSE: VOIDED},
    DECLINED: {REVERSE: DECLINED},
}


def authorise(store: Store, keys: Keys, evidence: Evidence, now: int) -> bytes:
    """Hold the amount or decline; the signed receipt, the same bytes for the same approval, but
    that a hold which was given back is `reversed` from then on.

    Raises Error: CONFLICT where the approval id is booked with other content, WRONG_CREDENTIAL for
    a credential that is in no book, and what `check_fresh` raises.
    """
    with store.transaction():
        booked = _find(store, evidence)
        if booked.content is not None:
            if booked.content != evidence.content:
                raise Error(reasons.CONFLICT, "the approval id is booked with other content")
            if booked.state != VOIDED or booked.reason == reasons.REVERSED:
                return booked.receipt
        else:
            check_fresh(evidence, now)
        payer = _payer(store, evidence)
        if booked.state == VOIDED:
            return _bury(store, keys, evidence, payer, now)
        reason = judge(payer, evidence)
        _count_try(store, payer, reason)
        if reason == reasons.OK:
            held = _hold(store, keys, evidence, payer, now)
            if held:
                return held
            reason = reasons.CONFLICT
        return _decline(store, keys, evidence, payer, reason, now)


def reverse(store: Store, receiver_id: bytes, approval_id: bytes, now: int) -> str:
    """Give back what is held; the state it leaves. Raises Error(WRONG_RECEIVER, WRONG_ORDER)."""
    with store.transaction():
        row = store.one(
            "SELECT receiver, state, recipient, amount FROM transactions WHERE approval_id = ?",
            approval_id,
        )
        if row is None:
            state = table.step(TABLE, NONE, REVERSE)
            store.run(
                "INSERT INTO transactions (approval_id, receiver, state, time) VALUES (?, ?, ?, ?)",
                approval_id,
                receiver_id,
                state,
                now,
            )
            return state
        receiver, before, recipient, amount = row
        if receiver != receiver_id:
            raise Error(reasons.WRONG_RECEIVER, "another receiver's approval")
        state = table.step(TABLE, before, REVERSE)
        store.run("UPDATE transactions SET state = ? WHERE approval_id = ?", state, approval_id)
        if before == PENDING:
            store.run(
                "UPDATE recipients SET credit_space = credit_space + ? WHERE id = ?",
                amount,
                recipient,
            )
        return state


class _Booked(NamedTuple):
    """What the books hold under an approval id; `content` is None before the record came."""

    state: str
    content: bytes | None
    receipt: bytes
    reason: int


def _find(store: Store, evidence: Evidence) -> _Booked:
    """Raises Error for another receiver's approval id."""
    row = store.one(
        "SELECT receiver, state, content, receipt, reason FROM transactions WHERE approval_id = ?",
        evidence.approval_id,
    )
    if row is None:
        return _Booked(NONE, None, b"", reasons.OK)
    if row[0] != evidence.certificate.receiver_id:
        raise Error(reasons.CONFLICT, "the approval id is another receiver's")
    return _Booked(*row[1:])


def _payer(store: Store, evidence: Evidence) -> Payer:
    row = store.one(
        "SELECT p.id, p.k, p.tries, b.blocked, b.purchase_limit, c.revoked, "
        "r.id, r.currency, r.credit_space, r.closed, EXISTS "
        "(SELECT 1 FROM buyer_recipients WHERE buyer = b.id AND recipient = r.id) "
        "FROM credentials c JOIN phones p ON p.id = c.phone "
        "JOIN buyers b ON b.id = p.buyer JOIN recipients r ON r.id = c.recipient "
        "WHERE c.id = ? AND p.key = ? AND r.id = ?",
        evidence.credential.id,
        evidence.credential.key,
        evidence.approval.recipient,
    )
    if row is None:
        raise Error(reasons.WRONG_CREDENTIAL, "a credential that is in no book")
    return Payer(*row)


def _count_try(store: Store, payer: Payer, reason: int) -> None:
    """One wrong code more, or the end of a row of them."""
    if reason in BEFORE_CODE:
        return
    tries = payer.tries + 1 if reason == reasons.CODE_WRONG else 0
    if tries != payer.tries:
        store.run("UPDATE phones SET tries = ? WHERE id = ?", tries, payer.phone)


def _hold(store: Store, keys: Keys, evidence: Evidence, payer: Payer, now: int) -> bytes | None:
    """Take the amount from the credit space; None where the database knows such a hold already."""
    transaction_id = secrets.token_bytes(len(messages.NO_TRANSACTION))
    receipt = _receipt(keys, evidence, transaction_id, reasons.OK, now)
    state = table.step(TABLE, NONE, HOLD)
    if not _insert(store, evidence, payer, state, receipt, transaction_id, reasons.OK, now):
        return None
    store.run(
        "UPDATE recipients SET credit_space = credit_space - ? WHERE id = ?",
        evidence.offer.amount,
        payer.recipient,
    )
    return receipt


def _decline(
    store: Store, keys: Keys, evidence: Evidence, payer: Payer, reason: int, now: int
) -> bytes:
    receipt = _receipt(keys, evidence, messages.NO_TRANSACTION, reason, now)
    state = table.step(TABLE, NONE, DECLINE)
    _insert(store, evidence, payer, state, receipt, None, reason, now)
    return receipt


def _bury(store: Store, keys: Keys, evidence: Evidence, payer: Payer, now: int) -> bytes:
    """An approval that was reversed before it came: declined, and the stone says so from now on."""
    receipt = _receipt(keys, evidence, messages.NO_TRANSACTION, reasons.REVERSED, now)
    store.run(
        "UPDATE transactions SET state = ?, content = ?, receipt = ?, reason = ?, phone = ? "
        "WHERE approval_id = ?",
        table.step(TABLE, VOIDED, DECLINE),
        evidence.content,
        receipt,
        reasons.REVERSED,
        payer.phone,
        evidence.approval_id,
    )
    return receipt


def _insert(
    store: Store,
    evidence: Evidence,
    payer: Payer,
    state: str,
    receipt: bytes,
    transaction_id: bytes | None,
    reason: int,
    now: int,
) -> bool:
    """False where a unique index of the schema says no."""
    offer = evidence.offer
    changed = store.run(
        "INSERT INTO transactions (approval_id, receiver, state, time, content, receipt, "
        "transaction_id, reason, phone, recipient, amount, currency, session, receiver_key, "
        "sequence, reference, credential, counter) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        evidence.approval_id,
        evidence.certificate.receiver_id,
        state,
        now,
        evidence.content,
        receipt,
        transaction_id,
        reason,
        payer.phone,
        payer.recipient,
        offer.amount,
        offer.currency,
        evidence.session,
        evidence.certificate.key,
        offer.sequence,
        offer.reference,
        evidence.credential.id,
        evidence.approval.counter,
    )
    return changed == 1


def _receipt(keys: Keys, evidence: Evidence, transaction_id: bytes, reason: int, now: int) -> bytes:
    outcome = messages.APPROVED if reason == reasons.OK else messages.DECLINED
    offer = evidence.offer
    return keys.receipt(
        messages.Receipt(
            messages.VERSION,
            outcome,
            evidence.approval_id,
            offer.amount,
            offer.currency,
            transaction_id,
            now,
            evidence.certificate.store,
            offer.till,
            reason,
        )
    )
