"""What a receiver refuses, one spoilt thing at a time; the next phone always pays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.core import io, sale_session
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import exchange, gatt, messages, padding, signed
from simulator.authority.keys import Keys
from tests.support.machines.receiver import BOOT_MS, EPOCH, RECEIVER, Phone, World, make_keys
from tests.support.values import evidence

Spoil = Callable[[Phone], dict[str, Any]]


def another_certificate(phone: Phone) -> dict[str, Any]:
    return {"certificate": evidence.certificate(phone.world.keys, RECEIVER, EPOCH, store=9)}


def another_offer(phone: Phone) -> dict[str, Any]:
    return {"offer": evidence.offer(RECEIVER, phone.world.certificate, EPOCH)}


def another_credential(phone: Phone) -> dict[str, Any]:
    """The same key and recipient, but not the credential that was presented."""
    other = evidence.credential(phone.world.keys, phone.seed, EPOCH, offline_floor=100)
    return {"credential": other}


def another_key(phone: Phone) -> dict[str, Any]:
    phone.seed = evidence.seed("thief")
    return {}


APPROVALS: list[tuple[str, Spoil, int]] = [
    ("version", lambda _: {"version": 2}, reasons.WRONG_VERSION),
    ("amount", lambda _: {"amount": evidence.AMOUNT - 1}, reasons.WRONG_AMOUNT),
    ("currency", lambda _: {"currency": 978}, reasons.WRONG_CURRENCY),
    ("recipient", lambda _: {"recipient": 2}, reasons.WRONG_RECIPIENT),
    ("old app", lambda _: {"app": 0}, reasons.OLD_APP),
    ("receiver", another_certificate, reasons.BAD_SIGNATURE),
    ("session", another_offer, reasons.BAD_SIGNATURE),
    ("credential", another_credential, reasons.BAD_SIGNATURE),
    ("key", another_key, reasons.BAD_SIGNATURE),
    ("enc", lambda _: {"enc": evidence.ENC}, reasons.BAD_SIGNATURE),
]
CODES = {reasons.OLD_APP: exchange.OLD_APP}


def is_refused(world: World, phone: Phone, reason: int) -> None:
    """Counted and logged, the phone told no more than it may know, and another phone pays."""
    assert phone.refused == [CODES.get(reason, exchange.REFUSED)]
    assert phone.is_cut()
    assert world.counters == {reason: 1}
    assert world.phone_events()[-1] == (wire.PHONE_REFUSED, reason)
    assert [verdict.reason for verdict in world.sent(wire.VERDICT)] in ([], [reason])
    assert (world.sale.state, world.advert().flags) == (sale_session.OPEN, gatt.FLAG_OPEN)
    phone.vanish()
    Phone(world, phone.link, "next").connect().approve()
    assert world.sale.state == sale_session.CLAIMED


@pytest.fixture
def phone(selling: World) -> Phone:
    """Its credential is presented."""
    return Phone(selling).connect().key().present()


@pytest.mark.parametrize(
    ("spoil", "reason"), [case[1:] for case in APPROVALS], ids=[case[0] for case in APPROVALS]
)
def test_approval(selling: World, spoil: Spoil, reason: int, phone: Phone) -> None:
    phone.sign(**spoil(phone))
    is_refused(selling, phone, reason)


def test_approval_that_is_no_message(selling: World, phone: Phone) -> None:
    phone.hand_over(b"\x84")
    is_refused(selling, phone, reasons.MALFORMED)
    assert len(selling.sent(wire.APPROVAL)) == 1  # of the next phone


def test_app_below_what_the_authority_asks_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.authority.keys.LEAST_APP", evidence.APP + 1)
    world.state()
    world.open()
    assert Phone(world).connect().approve().refused == [exchange.OLD_APP]
    assert world.counters == {reasons.OLD_APP: 1}


# Credentials.


@pytest.mark.parametrize("judged", ["at once", "with the approval"])
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"expires": EPOCH + 10}, reasons.CREDENTIAL_EXPIRED),
        ({"not_before": EPOCH + 11}, reasons.CREDENTIAL_NOT_YET_VALID),
    ],
)
def test_credential_out_of_its_time(
    world: World, judged: str, claims: dict[str, Any], reason: int
) -> None:
    world.state()
    world.pass_time(10_000)
    world.open()
    phone = Phone(world, **claims).connect().key()
    world.lazy = judged == "with the approval"
    phone.present()
    if world.lazy:
        phone.sign()
        world.lazy = False
        world.work()
    is_refused(world, phone, reason)


@pytest.mark.parametrize("claims", [{"expires": EPOCH + 11}, {"not_before": EPOCH + 10}])
def test_credential_just_in_its_time(world: World, claims: dict[str, Any]) -> None:
    world.state()
    world.pass_time(10_000)
    world.open()
    Phone(world, **claims).connect().approve()
    assert world.sale.state == sale_session.CLAIMED


@pytest.mark.parametrize("claims", [{"expires": EPOCH - 1}, {"not_before": EPOCH * 2}])
def test_without_the_authoritys_time_only_the_bridge_judges(
    selling: World, claims: dict[str, Any]
) -> None:
    Phone(selling, **claims).connect().approve()
    assert selling.sale.state == sale_session.CLAIMED


def foreign(world: World, phone: Phone, role: int, epoch: int) -> bytes:
    """A credential under another kid than the authority's own for credentials."""
    value = signed.parse(messages.CREDENTIAL, phone.credential).value
    kind = messages.CREDENTIAL._replace(role=role)
    kid = bytes([role, epoch])
    return signed.encode(kind, value, kid, partial(host.ed25519_sign, evidence.seed("authority")))


@pytest.mark.parametrize(
    ("role", "epoch", "reason"),
    [
        (signed.ROLE_CREDENTIAL, 9, reasons.UNKNOWN_ISSUER),
        (signed.ROLE_RECEIPT, 1, reasons.WRONG_ROLE),
        (signed.ROLE_CREDENTIAL, 1, reasons.BAD_SIGNATURE),
    ],
)
def test_credential_by_another_issuer(selling: World, role: int, epoch: int, reason: int) -> None:
    phone = Phone(selling).connect().key()
    phone.credential = foreign(selling, phone, role, epoch)
    phone.present()
    is_refused(selling, phone, reason)


def test_credential_of_another_authority(selling: World, tmp_path: Path) -> None:
    phone = Phone(selling, keys=make_keys(tmp_path)).connect().key().present()
    is_refused(selling, phone, reasons.BAD_SIGNATURE)


# Writes.


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", reasons.WRONG_TYPE),
        (b"\x00", reasons.WRONG_TYPE),
        (b"\x7f" + bytes(20), reasons.WRONG_TYPE),
        (bytes([exchange.RESULT]) + b"receipt", reasons.WRONG_TYPE),
        (bytes([exchange.REFUSAL, 1]), reasons.WRONG_TYPE),
        (bytes([exchange.KEY]), reasons.MALFORMED),
        (bytes([exchange.KEY]) + bytes(padding.ENC_SIZE - 1), reasons.MALFORMED),
        (bytes([exchange.KEY]) + bytes(padding.ENC_SIZE + 1), reasons.MALFORMED),
        (bytes([exchange.CREDENTIAL]), reasons.MALFORMED),
        (bytes([exchange.CREDENTIAL]) + bytes(padding.CREDENTIAL_SEALED - 1), reasons.MALFORMED),
        (bytes([exchange.APPROVAL]) + bytes(padding.APPROVAL_SEALED - 1), reasons.MALFORMED),
        (bytes([exchange.APPROVAL]) + bytes(padding.APPROVAL_SEALED + 1), reasons.MALFORMED),
        (bytes([exchange.LEAVE]), reasons.MALFORMED),
        (bytes([exchange.LEAVE, 1, 1]), reasons.MALFORMED),
        (bytes([exchange.LEAVE, 3]), reasons.MALFORMED),
        (bytes([exchange.CREDENTIAL]) + bytes(182), reasons.OVERSIZE),
        (bytes(512), reasons.OVERSIZE),
    ],
)
def test_write(selling: World, data: bytes, reason: int) -> None:
    phone = Phone(selling).connect()
    phone.raw(data)
    is_refused(selling, phone, reason)


BODIES = {
    exchange.KEY: bytes(padding.ENC_SIZE),
    exchange.CREDENTIAL: bytes(padding.CREDENTIAL_SEALED),
    exchange.APPROVAL: bytes(padding.APPROVAL_SEALED),
}
WAY = list(BODIES)
WRONG = [(steps, step) for steps in range(len(WAY)) for step in WAY if WAY[steps] != step]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("steps", "step"), WRONG)
def test_wrong_order(selling: World, steps: int, step: int, lazy: bool) -> None:
    """Whatever does not come next ends the link, whether or not there is a context yet."""
    phone = Phone(selling).connect()
    selling.lazy = lazy
    for go in (phone.key, phone.present)[:steps]:
        go()
    phone.write(step, BODIES[step])
    selling.lazy = False
    selling.work()
    is_refused(selling, phone, reasons.WRONG_ORDER)


@pytest.mark.parametrize("step", WAY)
def test_after_the_approval_only_itself_may_come_again(selling: World, step: int) -> None:
    phone = Phone(selling).connect().approve()
    phone.write(step, BODIES[step])
    assert phone.refused == [exchange.REFUSED]
    second = step == exchange.APPROVAL
    assert selling.counters == {reasons.SECOND_APPROVAL if second else reasons.WRONG_ORDER: 1}
    assert selling.sale.state == sale_session.CLAIMED


@pytest.mark.parametrize("step", WAY)
def test_write_without_an_offer(world: World, step: int) -> None:
    phone = Phone(world).connect()
    phone.write(step, BODIES[step])
    assert phone.is_cut()
    key = step == exchange.KEY  # an honest one may cross a withdrawal
    assert world.counters == {reasons.WITHDRAWN if key else reasons.WRONG_ORDER: 1}
    assert phone.refused == [exchange.EXPIRED if key else exchange.REFUSED]


def test_nothing_is_taken_or_notified_below_the_least_mtu(selling: World) -> None:
    unagreed = Phone(selling, 0).connect(mtu=None).key()
    assert unagreed.is_cut()
    small = Phone(selling, 1).connect(mtu=gatt.MTU_LEAST - 1)
    selling.pass_time(gatt.PART_MS - 1)
    assert not small.is_cut()  # it reads why on its own side
    selling.pass_time(1)
    assert small.is_cut()
    eager = Phone(selling, 2).connect(mtu=gatt.MTU_LEAST - 1).key()
    assert eager.is_cut()
    assert [phone.notified for phone in (unagreed, small, eager)] == [[], [], []]
    assert selling.counters[reasons.SMALL_MTU] == 2


def test_nothing_more_is_heard_of_a_phone_that_was_cut(selling: World) -> None:
    phone = Phone(selling).connect()
    phone.raw(b"?")
    told = len(selling.outputs)
    phone.key().present()
    phone.raw(b"?")
    assert len(selling.outputs) == told


def test_a_second_mtu_exchange_is_ignored(selling: World) -> None:
    phone = Phone(selling).connect().key()
    selling.feed(io.MtuAgreed(phone.link, gatt.MTU))
    phone.present().sign()
    assert selling.sale.state == sale_session.CLAIMED


# State.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": bytes(16)}, reasons.STALE_STATE),
        ({"receiver_id": bytes(8)}, reasons.WRONG_RECEIVER),
        ({"version": 4}, reasons.STALE_STATE),
        ({"version": 5}, reasons.STALE_STATE),
    ],
)
def test_state(world: World, changes: dict[str, Any], reason: int) -> None:
    world.state(version=5)
    world.state(**{"version": 6, "seconds": EPOCH + 100, **changes})
    assert world.counters == {reason: 1}
    assert world.identity.seconds(world.now) == EPOCH


def test_state_of_another_boot(keys: Keys) -> None:
    world, earlier = World(keys), World(keys)
    world.identity.nonce = b"a later boot's n"
    data = keys.state(1, evidence.RECEIVER_ID, earlier.identity.nonce, EPOCH)
    world.send(wire.STATE, wire.Blob(data))
    assert world.counters == {reasons.STALE_STATE: 1}
    assert world.identity.seconds(world.now) is None


def test_state_signed_in_another_role(world: World) -> None:
    world.send(wire.STATE, wire.Blob(world.certificate))
    assert world.counters == {reasons.WRONG_ROLE: 1}


def test_time_runs_from_the_state(world: World) -> None:
    assert world.identity.seconds(BOOT_MS) is None
    world.state()
    assert world.identity.seconds(world.now + 61_999) == EPOCH + 61
