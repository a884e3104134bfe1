"""Verify a record from a bridge by its signatures alone (design §5, rule 0)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from receiver import reasons
from receiver.errors import Error
from receiver.protocol import identifiers, messages, signed, validation
from simulator.authority.accounts.receivers import Issued
from simulator.authority.cached_crypto import CRYPTO, REMEMBERED
from simulator.authority.keys import LEAST_APP

ONLINE_WINDOW_S = 600  # a till's patience, plus the difference between its clock and ours


class Evidence(NamedTuple):
    """A record whose every signature and binding is valid."""

    approval_id: bytes
    certificate: messages.Certificate
    offer: messages.Offer
    session: bytes
    credential: messages.Credential
    approval: messages.Approval
    context: bytes
    mode: int
    accepted: int
    replaced: int | None  # from when on the receiver has another certificate
    content: bytes  # hash of the record, without time and mode of its acceptance


def verify(issued: Issued, record: messages.Record, pins: Mapping[bytes, bytes]) -> Evidence:
    """Verify a record under its certificate, at its acceptance time; raises Error."""
    trusted = tuple(pins.items())
    holder = _certificate(trusted, issued.data)
    if record.accepted >= holder.expires:
        raise Error(reasons.CERTIFICATE_EXPIRED, f"certificate ended at {holder.expires}")
    offered = validation.offer(CRYPTO, holder, issued.data, record.offer)
    credential = _credential(trusted, record.credential)
    validation.in_time(credential, record.accepted)
    submission = validation.Submission(record.enc, record.credential, credential, record.approval)
    approved = validation.approval(CRYPTO, offered, submission, LEAST_APP)
    context = identifiers.approval_context(
        offered.certificate_hash, record.offer, record.enc, record.credential
    )
    return Evidence(
        approved.id,
        holder,
        offered.offer,
        identifiers.session_id(record.offer),
        credential,
        approved.approval,
        context,
        record.mode,
        record.accepted,
        issued.replaced,
        signed.digest(context + record.approval),  # the context has hashes of all other parts
    )


@lru_cache(REMEMBERED)
def _certificate(pins: tuple[tuple[bytes, bytes], ...], data: bytes) -> messages.Certificate:
    """Verify a certificate; it comes with every sale. Its expiry is checked elsewhere."""
    return validation.certificate(CRYPTO, dict(pins), data, None)


@lru_cache(REMEMBERED)
def _credential(pins: tuple[tuple[bytes, bytes], ...], data: bytes) -> messages.Credential:
    """Verify a credential; it comes with several sales. Its expiry is checked elsewhere."""
    return validation.credential(CRYPTO, dict(pins), data, None)


def check_fresh(evidence: Evidence, now: int) -> None:
    """Raise Error unless the acceptance is plausible; only for records not yet booked."""
    (_check_offline if evidence.mode == messages.OFFLINE else _check_online)(evidence, now)
    offer = evidence.offer
    if offer.issued == 0:  # a receiver that has not received the time since boot
        return
    age = evidence.accepted - offer.issued
    if not -ONLINE_WINDOW_S <= age <= offer.ttl + ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {age} s after the offer was made")


def check_bound(evidence: Evidence, until: int | None) -> None:
    """Raise Error unless the client spoke for the receiver at the acceptance.

    `until` is when it stopped. A late online hold is refused: no till has relied on it.
    """
    if until is None or (evidence.mode == messages.OFFLINE and evidence.accepted < until):
        return
    raise Error(reasons.WRONG_RECEIVER, "the receiver now belongs to another client")


def _check_online(evidence: Evidence, now: int) -> None:
    """Require that it happened just now."""
    if evidence.replaced is not None and now >= evidence.replaced:
        raise Error(reasons.WRONG_RECEIVER, "the receiver now has another certificate")
    away = abs(now - evidence.accepted)
    if away > ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {away} s from the authority's time")


def _check_offline(evidence: Evidence, now: int) -> None:
    """Require that it could happen offline, by the state of that time."""
    if evidence.offer.kind != messages.PURCHASE:
        raise Error(reasons.WRONG_KIND, "only purchases are accepted offline")
    if evidence.accepted > now + ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {evidence.accepted - now} s in the future")
    if evidence.replaced is not None and evidence.accepted >= evidence.replaced:
        raise Error(reasons.WRONG_RECEIVER, "the receiver had another certificate at that time")
    if evidence.offer.issued == 0:
        raise Error(reasons.STALE_STATE, "a receiver that did not know the time")
