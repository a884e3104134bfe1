"""The manifests among the shared vectors, made and read by the product; on MicroPython too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.crypto.job import finish
from receiver.encoding import cose_sign
from receiver.protocol import firmware
from receiver.protocol.firmware import File, Manifest
from receiver.protocol.signed import AUTHORITY_KID_SIZE
from tests.support.values.vectors import load, parts

if TYPE_CHECKING:
    from typing import Any

    from receiver.crypto.interface import Crypto

VECTORS = load("manifests.json")
PINS = {bytes.fromhex(kid): bytes.fromhex(key) for kid, key in VECTORS["keys"].items()}


def manifest_of(fields: dict[str, Any]) -> Manifest:
    files = [File(path, size, bytes.fromhex(digest)) for path, size, digest in fields["files"]]
    return Manifest(
        fields["release"],
        fields["least_release"],
        fields["board_class"],
        fields["version"],
        bytes.fromhex(fields["git"]),
        tuple(files),
    )


def read(data: bytes, crypto: Crypto) -> Manifest:
    return finish(firmware.read_job(data, PINS, crypto))


def check_manifest(case: dict[str, Any], crypto: Crypto) -> None:
    payload, message = parts(case, "payload", "message")
    manifest = manifest_of(case["fields"])
    assert firmware.encode(manifest) == payload, case
    assert read(message, crypto) == manifest, case
    assert len(message) <= firmware.MANIFEST_MOST
    signatures = cose_sign.parse(message, AUTHORITY_KID_SIZE).signatures
    assert firmware.join(payload, signatures) == message, case
