"""A record from a bridge, believed only as far as its signatures go (design §5, rule 0)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.errors import Error
from receiver.protocol import identifiers, messages, signed, validation
from simulator.authority.cached_crypto import CRYPTO, REMEMBERED
from simulator.authority.keys import LEAST_APP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.authority.accounts.receivers import Issued

ONLINE_WINDOW_S = 600  # a till's patience, and what its clock and ours may differ


class Evidence(NamedTuple):
    """A record whose every signature and binding holds."""

    approval_id: bytes
    certificate: messages.Certificate
    offer: messages.Offer
    session: bytes
    credential: messages.Credential
    approval: messages.Approval
    context: bytes
    mode: int
    accepted: int
    replaced: int | None  # when the receiver got another certificate
    content: bytes  # hash of the record without how and when it was accepted


def verify(issued: Issued, record: messages.Record, pins: Mapping[bytes, bytes]) -> Evidence:
    """Check a record under the certificate that it names, at its acceptance time; raises Error."""
    trusted = tuple(pins.items())
    holder = _certificate(trusted, issued.data)
    if record.accepted >= holder.expires:
        raise Error(reasons.CERTIFICATE_EXPIRED, f"certificate ended at {holder.expires}")
    offered = validation.offer(CRYPTO, holder, issued.data, record.offer)
    credential = _credential(trusted, record.credential)
    validation.in_time(credential, record.accepted)
    approved = validation.approval(
        CRYPTO, offered, record.credential, credential, record.enc, record.approval, LEAST_APP
    )
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
        signed.digest(context + record.approval),  # the context has hashes of all the rest
    )


@lru_cache(REMEMBERED)
def _certificate(pins: tuple[tuple[bytes, bytes], ...], data: bytes) -> messages.Certificate:
    """The same at every sale; whether it has ended is another question."""
    return validation.certificate(CRYPTO, dict(pins), data, None)


@lru_cache(REMEMBERED)
def _credential(pins: tuple[tuple[bytes, bytes], ...], data: bytes) -> messages.Credential:
    """The same in several sales; the same question."""
    return validation.credential(CRYPTO, dict(pins), data, None)


def check_fresh(evidence: Evidence, now: int) -> None:
    """Raise Error unless this could have happened as it says; only for what is not yet booked."""
    (_check_offline if evidence.mode == messages.OFFLINE else _check_online)(evidence, now)
    offer = evidence.offer
    if offer.issued == 0:  # a receiver that has not heard the time since boot
        return
    age = evidence.accepted - offer.issued
    if not -ONLINE_WINDOW_S <= age <= offer.ttl + ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {age} s after the offer was made")


def check_bound(evidence: Evidence, until: int | None) -> None:
    """Raise Error unless the client spoke for the receiver when this was accepted.

    `until` is when it ceased to. What it would have held online only now was promised to no till.
    """
    if until is None or (evidence.mode == messages.OFFLINE and evidence.accepted < until):
        return
    raise Error(reasons.WRONG_RECEIVER, "the receiver is another client's by now")


def _check_online(evidence: Evidence, now: int) -> None:
    """It happened just now."""
    if evidence.replaced is not None:
        raise Error(reasons.WRONG_RECEIVER, "the receiver has another certificate by now")
    away = abs(now - evidence.accepted)
    if away > ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {away} s from the authority's time")


def _check_offline(evidence: Evidence, now: int) -> None:
    """It happened at any time before, and what counts is how things stood then."""
    if evidence.offer.kind != messages.PURCHASE:
        raise Error(reasons.WRONG_KIND, "only purchases are accepted offline")
    if evidence.accepted > now + ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {evidence.accepted - now} s from now")
    if evidence.replaced is not None and evidence.accepted >= evidence.replaced:
        raise Error(reasons.WRONG_RECEIVER, "the receiver had another certificate by then")
    if evidence.offer.issued == 0:
        raise Error(reasons.STALE_STATE, "a receiver that did not know the time")
