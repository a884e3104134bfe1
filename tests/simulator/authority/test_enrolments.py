"""A receiver's way from a ticket to a live certificate, and every turn that is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from receiver.host import words
from receiver.protocol import messages, signed
from simulator.authority.accounts import bindings, receivers
from tests.support.shop.authority import World
from tests.support.shop.enrolling import TERMS, Device, Technician, technician, ticket
from tests.support.values import evidence

HOUR = 3600
OTHER = Device(evidence.seed("another receiver"))


async def refused(work: Any) -> str:
    """The reason for which a call is refused."""
    return str((await work)["reason"])


def client(world: World) -> str:
    return world.authority.ca.client("bridge").fingerprint()


def speaker(world: World, receiver_id: str) -> str | None:
    return bindings.client_of(world.authority.office.store, bytes.fromhex(receiver_id))


async def test_a_receiver_is_enrolled(world: World) -> None:
    device, person = Device(), await technician(world)
    begun = await person.begin(store=TERMS["store"], till=TERMS["till"])
    assert begun["terms"]["store_name"] == TERMS["store_name"]
    request = device.request(bytes.fromhex(begun["challenge"]))
    asked = await person.hand_in(request)
    assert asked["stage"] == "requested"
    assert asked["words"] == words.six(request, bytes.fromhex(begun["pins"]))
    [pending] = (await world.admin("GET", "enrolments"))["enrolments"]
    assert (pending["words"], pending["hardware"]) == (asked["words"], "01" * 6)
    data = bytes.fromhex((await person.decided())["certificate"])
    value = signed.parse(messages.CERTIFICATE, data).value
    assert (value.key, value.store, value.store_name) == (device.key, 101, "Storgatan 1")
    assert speaker(world, begun["terms"]["receiver_id"]) is None, "nothing is live before the echo"
    done = await person.installed(device.echo(begun, data))
    assert done["stage"] == "done"
    assert speaker(world, begun["terms"]["receiver_id"]) == client(world)
    assert (await world.admin("GET", "enrolments"))["enrolments"] == []


async def test_every_step_may_be_repeated(world: World) -> None:
    """A laptop that was killed after any of them goes on with the same enrolment."""
    device, person = Device(), await technician(world)
    assert await person.begin() == await person.begin()
    request = device.request(bytes.fromhex(person.begun["challenge"]))
    assert await person.hand_in(request) == await person.hand_in(request)
    confirmed = await person.decided()
    assert confirmed == await person.decided() == await person.outcome()
    assert await person.begin() == person.begun
    echo = device.echo(person.begun, bytes.fromhex(confirmed["certificate"]))
    assert await person.installed(echo) == await person.installed(echo) == await person.outcome()


async def test_the_outcome_is_waited_for(world: World) -> None:
    device, person = Device(), await technician(world)
    await person.begin()
    await person.hand_in(device.request(bytes.fromhex(person.begun["challenge"])))
    assert (await person.outcome())["stage"] == "requested"
    waiting = asyncio.create_task(person.outcome(wait_s=5.0))
    await person.decided()
    assert (await waiting)["stage"] == "confirmed"


async def test_a_rejected_one_is_over(world: World) -> None:
    device, person = Device(), await technician(world)
    data = await person.certificate(device)
    await person.decided("rejection")
    assert (await person.outcome())["stage"] == "rejected"
    assert await refused(person.begin(409)) == "rejected"
    assert await refused(person.installed(device.echo(person.begun, data), 409)) == "rejected"
    assert await refused(person.decided(status=409)) == "rejected"


# Tickets


async def test_a_ticket_is_for_one_enrolment(world: World) -> None:
    person = await technician(world)
    await person.enrol(Device())
    assert await refused(person.begin(409)) == "ticket_used"
    assert await refused(person.decided("rejection", 409)) == "ticket_used"


async def test_a_ticket_expires(world: World) -> None:
    person, late = await technician(world, valid_s=60), await technician(world, valid_s=60)
    await person.begin()
    world.clock.shift = 61
    request = Device().request(bytes.fromhex(person.begun["challenge"]))
    assert await refused(late.begin(409)) == "ticket_expired"
    assert await refused(person.hand_in(request, 409)) == "ticket_expired"


async def test_a_late_confirmation_is_none(world: World) -> None:
    person = await technician(world, valid_s=60)
    await person.begin()
    await person.hand_in(Device().request(bytes.fromhex(person.begun["challenge"])))
    world.clock.shift = 61
    assert await refused(person.decided(status=409)) == "ticket_expired"


async def test_what_is_confirmed_may_be_installed_late(world: World) -> None:
    """The device may have stored it: what it says must count."""
    device, person = Device(), await technician(world, valid_s=60)
    data = await person.certificate(device)
    world.clock.shift = 61
    assert (await person.installed(device.echo(person.begun, data)))["stage"] == "done"


@pytest.mark.parametrize("asked", [{"kind": "bridge"}, {"store": 102}, {"till": 8}])
async def test_a_foreign_ticket(world: World, asked: dict[str, Any]) -> None:
    person = await technician(world)
    assert await refused(person.begin(403, **asked)) == "ticket_foreign"
    assert (await person.begin())["terms"]["till"] == TERMS["till"], "it is as good as before"


async def test_no_ticket(world: World) -> None:
    assert await refused(Technician(world, "never-given").begin(401)) == "ticket_unknown"
    mine, foreign = await technician(world), await technician(world)
    await mine.begin()
    foreign.begun = mine.begun
    await foreign.begin()
    foreign.begun = mine.begun
    request = Device().request(bytes.fromhex(mine.begun["challenge"]))
    assert await refused(foreign.hand_in(request, 403)) == "ticket_foreign"


@pytest.mark.parametrize(
    "changes",
    [
        {"till": None},
        {"store_name": "å" * 21},
        {"purpose": "move"},
        {"receiver_id": "00" * 8},
        {"kind": "bridge"},
        {"valid_s": 8 * 24 * HOUR},
    ],
)
async def test_tickets_that_make_no_sense(world: World, changes: dict[str, Any]) -> None:
    await ticket(world, client(world), 400, **changes)


async def test_tickets_for_what_is_not_there(world: World) -> None:
    moved: dict[str, Any] = {"purpose": "move", "receiver_id": "00" * 8}
    assert (await ticket(world, client(world), 422, **moved))["reason"] == "receiver_unknown"
    fresh = world.authority.ca.client("fresh").fingerprint()
    await world.admin("POST", f"clients/{client(world)}/renewal", {"client_fingerprint": fresh})
    assert (await ticket(world, client(world), 409))["reason"] == "conflict"


# Requests and echoes


async def test_a_request_that_proves_nothing(world: World) -> None:
    device, person = Device(), await technician(world)
    challenge = bytes.fromhex((await person.begin())["challenge"])
    stolen = device.request(challenge, key=OTHER.key)
    assert await refused(person.hand_in(stolen, 422)) == "request_invalid"
    assert await refused(person.hand_in(b"\xff", 422)) == "request_invalid"
    old = device.request(bytes(16))
    assert await refused(person.hand_in(old, 422)) == "challenge_other"
    assert (await person.hand_in(device.request(challenge)))["stage"] == "requested"
    other = OTHER.request(challenge)
    assert await refused(person.hand_in(other, 409)) == "request_other"


async def test_a_key_belongs_to_one_receiver(world: World) -> None:
    await (await technician(world)).enrol(Device())
    person = await technician(world)
    await person.begin()
    request = Device().request(bytes.fromhex(person.begun["challenge"]))
    assert await refused(person.hand_in(request, 409)) == "key_taken"


async def test_nothing_is_installed_unconfirmed(world: World) -> None:
    device, person = Device(), await technician(world)
    await person.begin()
    assert await refused(person.decided(status=409)) == "not_confirmed"
    await person.hand_in(device.request(bytes.fromhex(person.begun["challenge"])))
    assert await refused(person.installed(b"\xff", 409)) == "not_confirmed"


@pytest.mark.parametrize(
    "changes",
    [{"certificate_hash": bytes(32)}, {"pins_hash": bytes(32)}, {"till": 8}],
)
async def test_an_echo_of_something_else(world: World, changes: dict[str, Any]) -> None:
    device, person = Device(), await technician(world)
    data = await person.certificate(device)
    wrong = device.echo(person.begun, data, **changes)
    assert await refused(person.installed(wrong, 422)) == "echo_other"
    old = device.echo(person.begun, data, challenge=bytes(16))
    assert await refused(person.installed(old, 422)) == "challenge_other"
    assert await refused(person.installed(OTHER.echo(person.begun, data), 422)) == "echo_other"
    assert speaker(world, person.begun["terms"]["receiver_id"]) is None


async def test_an_echo_of_another_enrolments_certificate(world: World) -> None:
    device, person, other = Device(), await technician(world), await technician(world)
    await person.certificate(device)
    foreign = await other.certificate(OTHER)
    wrong = device.echo(person.begun, foreign)
    assert await refused(person.installed(wrong, 422)) == "echo_other"


# Moving, exchanging, revoking


async def test_a_receiver_moves(world: World) -> None:
    """The old certificate opens nothing from the echo on, and not before."""
    moved: dict[str, Any] = {"purpose": "move", "receiver_id": evidence.RECEIVER_ID.hex()}
    other = world.authority.ca.client("other").fingerprint()
    person = Technician(world, (await ticket(world, other, store=102, **moved))["ticket"])
    data = await person.certificate(Device())
    assert (await world.buy()).reason == 0
    await person.installed(Device().echo(person.begun, data))
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")
    assert speaker(world, evidence.RECEIVER_ID.hex()) == other
    assert receivers.value_of(data).receiver_id == evidence.RECEIVER_ID


async def test_a_broken_receiver_is_exchanged(world: World) -> None:
    exchanged: dict[str, Any] = {"purpose": "exchange", "receiver_id": evidence.RECEIVER_ID.hex()}
    person = await technician(world, **exchanged)
    data = await person.enrol(Device())
    fresh = receivers.value_of(data).receiver_id
    assert fresh != evidence.RECEIVER_ID
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")
    rows = {row["receiver_id"]: row for row in (await world.admin("GET", "receivers"))["receivers"]}
    old, new = rows[evidence.RECEIVER_ID.hex()], rows[fresh.hex()]
    assert old["revoked"] is not None
    assert old["client_fingerprint"] is None
    assert (new["revoked"], new["client_fingerprint"]) == (None, client(world))
    assert new["expires"] == receivers.value_of(data).expires


async def test_a_revoked_receiver_sells_nothing_and_its_sales_are_settled(world: World) -> None:
    record = world.new_record()
    receipt = await world.receipt(record)
    path = f"receivers/{evidence.RECEIVER_ID.hex()}/revocation"
    first = await world.admin("POST", path, {})
    world.clock.shift = 5
    assert await world.admin("POST", path, {}) == first
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")
    assert (await world.reverse(receipt.approval_id))["state"] == "VOIDED"
    again: dict[str, Any] = {"purpose": "move", "receiver_id": evidence.RECEIVER_ID.hex()}
    assert (await ticket(world, client(world), 422, **again))["reason"] == "receiver_unknown"
    await world.admin("POST", f"receivers/{bytes(8).hex()}/revocation", {}, 404)


async def test_a_receiver_revoked_in_the_middle_of_its_move(world: World) -> None:
    moved: dict[str, Any] = {"purpose": "move", "receiver_id": evidence.RECEIVER_ID.hex()}
    person, late = await technician(world, **moved), await technician(world, **moved)
    data = await person.certificate(Device())
    await late.begin()
    await late.hand_in(OTHER.request(bytes.fromhex(late.begun["challenge"])))
    await world.admin("POST", f"receivers/{evidence.RECEIVER_ID.hex()}/revocation", {})
    echo = Device().echo(person.begun, data)
    assert await refused(person.installed(echo, 422)) == "receiver_unknown"
    assert await refused(late.decided(status=409)) == "receiver_revoked"
