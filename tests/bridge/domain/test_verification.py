"""What holds at one moment and not at a later one: credentials, certificates, the signed state."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bridge.books.books import Books
from bridge.domain import effects
from bridge.domain.offline import Exposure
from bridge.domain.states import State
from bridge.domain.verification import Evidence
from bridge.sales.stand_in import StandInHere
from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import identifiers
from tests.support.machines.controller import AT, PHONE, RECEIVER, ControllerWorld
from tests.support.values import evidence

TYPING_S = 10  # from the phone's credential to its approval
NONCE = bytes(16)
REVOKED = [b"cred0009"]


@pytest.fixture
def known(world: ControllerWorld) -> Evidence:
    """What the bridge can prove, without a desk."""
    return Evidence(host, world.keys.pins(), world.certificate)


@pytest.mark.parametrize(
    ("lasts", "refused"), [(TYPING_S + 1, []), (TYPING_S, [reasons.CREDENTIAL_EXPIRED])]
)
def test_a_credential_that_ends_between_claim_and_approval(
    world: ControllerWorld, lasts: int, refused: list[int]
) -> None:
    """A receiver that has not heard the time calls it good: only the bridge can refuse it."""
    world.begin()
    offer = world.offer()
    credential = evidence.credential(world.keys, PHONE, AT, expires=AT + lasts)
    approval = evidence.approval(PHONE, world.certificate, offer, credential)
    name = evidence.approval_id(world.certificate, offer, credential, approval)
    world.present(offer, credential)
    assert world.sale.state is State.CLAIMED
    world.move(TYPING_S * 1000)
    world.outputs.clear()
    world.approve(offer, approval)
    word = wire.Verdict(identifiers.session_id(offer), name, reasons.CREDENTIAL_EXPIRED)
    assert world.refusals() == refused
    assert len(world.take(effects.RequestAuthorisation)) == 1 - len(refused)
    assert world.sent() == ([(wire.VERDICT, word)] if refused else [])
    world.judge(offer, name)
    assert world.refusals() == []  # the receiver has not lied
    assert world.sale.state is (State.OPEN if refused else State.AUTHORISING)


@pytest.mark.parametrize(("lasts", "good"), [(TYPING_S + 1, True), (TYPING_S, False)])
def test_a_certificate_that_ends_before_the_offer(tmp_path: Path, lasts: int, good: bool) -> None:
    world = ControllerWorld(tmp_path)
    world.certificate = evidence.certificate(world.keys, RECEIVER, AT, expires=AT + lasts)
    known = Evidence(host, world.keys.pins(), world.certificate)
    terms = world.ring().terms
    offer = world.make_offer()
    if good:
        assert known.offer(terms, offer, AT + TYPING_S).data == offer
    else:
        with pytest.raises(Error) as caught:
            known.offer(terms, offer, AT + TYPING_S)
        assert caught.value.code == reasons.CERTIFICATE_EXPIRED


def test_an_older_state_of_the_same_life_changes_nothing(
    world: ControllerWorld, known: Evidence
) -> None:
    """It is as well signed as the newer one, and may come late: a proxy, a second bridge."""
    older = evidence.state(world.keys, AT, version=4, least_app=1, offline_floor=90_000)
    newer = evidence.state(world.keys, AT + 60, version=5, least_app=7, offline_floor=100)
    known.take_state(NONCE, newer)
    with pytest.raises(Error) as caught:
        known.take_state(NONCE, older)
    assert caught.value.code == reasons.STALE_STATE
    assert known.state is not None
    assert (known.state.version, known.state.least_app, known.state.offline_floor) == (5, 7, 100)
    assert known.take_state(NONCE, newer) == known.state  # the same again is no older one


def test_an_older_state_brings_no_revoked_credential_back(
    world: ControllerWorld, known: Evidence
) -> None:
    """Its list goes with it: the newer one stays in use."""
    books = cast("Books", SimpleNamespace(exposure=lambda _: Exposure(0, 0)))
    here = StandInHere(known, books, True)
    before, now = cbor.encode([]), cbor.encode(REVOKED)
    for version, listed in ((4, before), (5, now)):
        named = sha256(listed).digest()
        state = evidence.state(world.keys, AT, version=version, revocations=named)
        known.take_state(NONCE, state)
        here.take_revocations(listed)
    old = evidence.state(world.keys, AT, version=4, revocations=sha256(before).digest())
    with pytest.raises(Error):
        known.take_state(NONCE, old)
    with pytest.raises(Error) as caught:
        here.take_revocations(before)
    assert caught.value.code == reasons.STALE_STATE
    assert here._revoked == frozenset(REVOKED)
