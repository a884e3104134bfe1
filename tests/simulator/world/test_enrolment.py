"""Receivers and phones of a simulated world, as an authority knows them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.crypto import host
from receiver.protocol import messages, pins, signed
from simulator.authority import Authority
from simulator.authority.accounts import bindings
from simulator.world.enrolment import (
    STORE,
    EnrolledReceiver,
    new_phone,
    new_phone_in_books,
    new_receiver,
)

CLIENT = "a client's fingerprint"


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    async with Authority(tmp_path / "authority") as authority:
        yield authority


def stated(receiver: EnrolledReceiver) -> messages.Certificate:
    value: messages.Certificate = signed.from_authority(
        messages.CERTIFICATE, receiver.certificate, receiver.pins, host
    )
    return value


async def test_each_receiver_is_another(authority: Authority) -> None:
    one, other = new_receiver(authority, CLIENT), new_receiver(authority, CLIENT)
    assert one.seed != other.seed
    assert one.receiver_id != other.receiver_id
    assert bindings.client_of(authority.office.store, one.receiver_id) == CLIENT


async def test_a_certificate_states_what_is_wanted(authority: Authority) -> None:
    receiver = new_receiver(authority, CLIENT, receiver_id=b"receiver", store_name="Kiosken")
    value = stated(receiver)
    assert (value.receiver_id, value.store, value.store_name) == (b"receiver", STORE, "Kiosken")
    assert value.key == host.ed25519_public(receiver.seed)


async def test_a_receiver_is_renewed_under_its_key(authority: Authority) -> None:
    first = new_receiver(authority, CLIENT)
    seed, receiver_id, *_ = first
    second = new_receiver(
        authority, CLIENT, seed=seed, receiver_id=receiver_id, store_name="Ny butik"
    )
    assert stated(second) == stated(first)._replace(
        store_name="Ny butik", issued=stated(second).issued, expires=stated(second).expires
    )


async def test_a_folder_has_all_that_the_firmware_reads(
    authority: Authority, tmp_path: Path
) -> None:
    receiver = new_receiver(authority, CLIENT)
    folder = receiver.keep_in(tmp_path / "receiver")
    pinned = pins.encode(receiver.pins)
    assert folder.stored == (receiver.seed, receiver.certificate, pinned, 0, 0)
    assert (folder.directory / "enrolment").stat().st_mode & 0o777 == 0o600
    assert folder.certificate.read_bytes() == receiver.certificate
    assert pins.decode(folder.pins.read_bytes()) == authority.pins
    assert (folder.directory / (folder.directory / "slot").read_text() / "receiver").is_dir()


async def test_phones_are_alike_however_they_were_enrolled(authority: Authority) -> None:
    buyer = authority.seed_demo().buyers[0]
    slow, fast = await new_phone(authority, buyer.id), new_phone_in_books(authority, buyer.id)
    assert (slow.authority, slow.buyer, slow.pins) == (fast.authority, fast.buyer, fast.pins)
    assert slow.authority_code_key == fast.authority_code_key
    assert slow.phone_id != fast.phone_id
    [recipient] = fast.recipients
    assert recipient in slow.recipients
    assert fast.stock(recipient.id, int(time.time())) == 1
    assert slow.stock(recipient.id, int(time.time())) >= 1
