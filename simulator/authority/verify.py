"""A record from a bridge, believed only as far as its signatures go (design §5, rule 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import checks, layout, messages, reasons, session, signed
from receiver.crypto import host
from receiver.errors import Error

from .keys import LEAST_APP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .receivers import Issued

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
    accepted: int
    current: bool  # whether the certificate is the receiver's latest
    content: bytes  # hash of the record without its acceptance time


def verify(issued: Issued, record: messages.Record, pins: Mapping[bytes, bytes]) -> Evidence:
    """Check a record under the certificate that it names, at its acceptance time; raises Error."""
    holder = checks.certificate(host, pins, issued.data, record.accepted)
    offered = checks.offer(host, holder, issued.data, record.offer)
    credential = checks.credential(host, pins, record.credential, record.accepted)
    approved = checks.approval(
        host, offered, record.credential, credential, record.enc, record.approval, LEAST_APP
    )
    context = session.approval_context(
        offered.certificate_hash, record.offer, record.enc, record.credential
    )
    return Evidence(
        approved.id,
        holder,
        offered.offer,
        session.session_id(record.offer),
        credential,
        approved.approval,
        context,
        record.accepted,
        issued.current,
        _content(record),
    )


def check_fresh(evidence: Evidence, now: int) -> None:
    """Raise Error unless this could have happened just now; only for what is not yet booked."""
    if not evidence.current:
        raise Error(reasons.WRONG_RECEIVER, "the receiver has another certificate by now")
    away = abs(now - evidence.accepted)
    if away > ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {away} s from the authority's time")
    offer = evidence.offer
    if offer.issued == 0:  # a receiver that has not heard the time since boot
        return
    age = evidence.accepted - offer.issued
    if not -ONLINE_WINDOW_S <= age <= offer.ttl + ONLINE_WINDOW_S:
        raise Error(reasons.OFFER_EXPIRED, f"accepted {age} s after the offer was made")


def _content(record: messages.Record) -> bytes:
    return signed.digest(layout.encode(messages.RECORD, record._replace(accepted=0)))
