"""Manifests of firmware releases: who must sign, what is refused, for whom one is."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.crypto import host, portable
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish
from receiver.errors import Error
from receiver.protocol import firmware
from receiver.protocol.firmware import File, Manifest
from tests.support.values import manifest_vectors
from tests.support.values.refusals import refused_as

SEEDS = {bytes((5, epoch)): bytes([epoch]) * 32 for epoch in (1, 2, 3)}
PINS = {kid: host.ed25519_public(seed) for kid, seed in SEEDS.items()}
FILES = (File("firmware/device/boot.mpy", 3, sha256(b"abc").digest()), File("t.mpy", 0, bytes(32)))
MANIFEST = Manifest(7, 3, "esp32c3-littlefs", "1.2.0", bytes(20), FILES)


BACK_ENDS = [pytest.param(host, id="host"), pytest.param(portable, id="chip")]


@pytest.mark.parametrize("crypto", BACK_ENDS)
@pytest.mark.parametrize("case", manifest_vectors.VECTORS["valid"], ids=lambda c: str(c["name"]))
def test_vectors(case: dict[str, Any], crypto: Crypto) -> None:
    manifest_vectors.check_manifest(case, crypto)


@pytest.mark.parametrize("case", manifest_vectors.VECTORS["refused"], ids=lambda c: str(c["why"]))
def test_vectors_refused(case: dict[str, str]) -> None:
    with refused_as(case["reason"]):
        manifest_vectors.read(bytes.fromhex(case["message"]), host)


def signed(*kids: bytes, payload: bytes | None = None, seeds: Any = SEEDS) -> bytes:
    data = firmware.encode(MANIFEST) if payload is None else payload
    return firmware.join(data, [firmware.sign(data, kid, seeds[kid], host) for kid in kids])


def read(data: bytes, pins: dict[bytes, bytes] = PINS, crypto: Crypto = host) -> Manifest:
    return finish(firmware.read_job(data, pins, crypto))


def refusal(data: bytes, pins: dict[bytes, bytes] = PINS) -> int:
    with pytest.raises(Error) as caught:
        read(data, pins)
    return caught.value.code


@pytest.mark.parametrize("crypto", BACK_ENDS)
def test_two_of_three_keys_are_enough(crypto: Crypto) -> None:
    assert read(signed(b"\5\1", b"\5\3"), crypto=crypto) == MANIFEST
    assert read(signed(*SEEDS), crypto=crypto) == MANIFEST


def test_one_key_is_not() -> None:
    assert refusal(signed(b"\5\1")) == reasons.TOO_FEW_SIGNATURES


def test_an_unknown_key_counts_for_nothing() -> None:
    two = {kid: PINS[kid] for kid in (b"\5\1", b"\5\2")}
    assert refusal(signed(b"\5\2", b"\5\3"), two) == reasons.TOO_FEW_SIGNATURES
    assert read(signed(*SEEDS), two) == MANIFEST


def test_a_wrong_signature_spoils_two_right_ones() -> None:
    seeds = {**SEEDS, b"\5\3": bytes(32)}
    assert refusal(signed(*SEEDS, seeds=seeds)) == reasons.BAD_SIGNATURE


def test_a_key_of_another_role_signs_no_firmware() -> None:
    seeds = {**SEEDS, b"\4\1": SEEDS[b"\5\1"]}
    data = signed(b"\4\1", b"\5\2", seeds=seeds)
    assert refusal(data, {**PINS, b"\4\1": PINS[b"\5\1"]}) == reasons.WRONG_ROLE


def test_every_bit_is_signed() -> None:
    data = signed(b"\5\1", b"\5\2")
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(Error):
            read(bytes(changed))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"board_class": "esp32s3-littlefs"}, reasons.WRONG_BOARD),
        ({"release": 6}, reasons.NOT_NEWER),
        ({"release": 5}, reasons.NOT_NEWER),
        ({"least_release": 7}, reasons.TOO_OLD_TO_UPDATE),
    ],
)
def test_a_board_takes_what_is_for_it_and_newer(change: dict[str, Any], code: int) -> None:
    firmware.judge(MANIFEST, "esp32c3-littlefs", 6, 0)
    with pytest.raises(Error) as caught:
        firmware.judge(MANIFEST._replace(**change), "esp32c3-littlefs", 6, 0)
    assert caught.value.code == code


def test_enrolment_may_ask_for_more() -> None:
    firmware.judge(MANIFEST, "esp32c3-littlefs", 6, 7)
    with pytest.raises(Error) as caught:
        firmware.judge(MANIFEST, "esp32c3-littlefs", 6, 8)
    assert caught.value.code == reasons.NOT_NEWER


PLAIN = cbor2.loads(firmware.encode(MANIFEST))


@pytest.mark.parametrize(
    "change",
    [
        {1: 2},
        {1: True},
        {2: -1},
        {2: "7"},
        {3: True},
        {4: ""},
        {4: "x" * 25},
        {5: b"1.2.0"},
        {6: bytes(19)},
        {7: []},
        {7: [["a", 1, bytes(32)]] * 2},
        {7: [[f"{n}", 1, bytes(32)] for n in range(17)]},
        {7: [["a", 1]]},
        {7: [["a", -1, bytes(32)]]},
        {7: [["a", 0x200001, bytes(32)]]},
        {7: [["a", 1, bytes(31)]]},
        {8: 0},
    ],
    ids=str,
)
def test_malformed(change: dict[int, Any]) -> None:
    with pytest.raises(Error) as caught:
        firmware.decode(cbor2.dumps({**PLAIN, **change}, canonical=True))
    assert caught.value.code in (reasons.MALFORMED, reasons.WRONG_VERSION)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        "a/.b",
        "a b",
        "a\\b",
        "å",
        "\u212a",
        "a\0",
        "x" * 65,
    ],
)
def test_no_path_leaves_its_slot(path: str) -> None:
    assert not firmware.is_path(path)
    with pytest.raises(ValueError, match="path"):
        firmware.encode(MANIFEST._replace(files=(File(path, 1, bytes(32)),)))


@given(st.text(max_size=70))
def test_a_path_that_is_taken_stays_below_its_folder(path: str) -> None:
    if firmware.is_path(path):
        parts = path.split("/")
        assert ".." not in parts
        assert "." not in parts
        assert "" not in parts
        assert path.isascii()


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_malformed(data: bytes) -> None:
    with pytest.raises(Error):
        firmware.decode(data)


def test_the_largest_manifest_fits_one_message() -> None:
    files = tuple(File(f"{n:02}" * 32, 0x200000, bytes(32)) for n in range(16))
    payload = firmware.encode(Manifest(2**32 - 1, 2**32 - 1, "x" * 24, "x" * 24, bytes(20), files))
    whole = signed(*SEEDS, payload=payload)
    assert len(whole) <= firmware.MANIFEST_MOST
