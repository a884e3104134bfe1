"""Wycheproof's vectors on the chip's own code: RISC-V, 32 bits, kernels as machine code."""

from __future__ import annotations

import json

import pytest

from simulator.hardware.rv32 import program
from simulator.tools.chip import operations
from tests.support.values.vectors import load

pytestmark = [pytest.mark.chip, pytest.mark.usefixtures("machine")]

_POOL = 300_000

# Each line of a file is one case. What is wrong is printed by its name.
_DEVICE = """
import json
from receiver.crypto import portable
from receiver.crypto.job import finish

def parts(case, *names):
    return [bytes.fromhex(case[name]) for name in names]

def ed25519(case):
    public, message, signature = parts(case, "public", "message", "signature")
    key = finish(portable.ed25519_key_job(public))
    return finish(portable.ed25519_check_job(key, message, signature)) is case["valid"]

def p256(case):
    public, message, signature = parts(case, "public", "message", "signature")
    key = finish(portable.p256_key_job(public))
    return finish(portable.p256_check_job(key, message, signature)) is case["valid"]

def x25519(case):
    private, public = parts(case, "private", "public")
    shared = finish(portable.x25519_job(private, public))
    return shared == (case["shared"] and bytes.fromhex(case["shared"]))

def chacha(case):
    key, nonce, aad, message, sealed = parts(case, "key", "iv", "aad", "msg", "sealed")
    opened = portable.chacha_open(key, nonce, sealed, aad)
    if not case["valid"]:
        return opened is None
    return opened == message and portable.chacha_seal(key, nonce, message, aad) == sealed

count = 0
with open("/cases") as file:
    for line in file:
        case = json.loads(line)
        if not KIND(case):
            print(case["name"], "is wrong")
        count += 1
print(count)
"""


@pytest.mark.parametrize(
    ("kind", "table"),
    [("ed25519", "verify"), ("p256", "verify"), ("x25519", "shared"), ("chacha", "seal")],
)
def test_wycheproof(kind: str, table: str) -> None:
    cases = load(f"wycheproof_{kind}.json")[table]
    files = {
        **operations.files(),
        "/cases": "".join([json.dumps(case) + "\n" for case in cases]).encode(),
        "/program.py": _DEVICE.replace("KIND", kind).encode(),
    }
    said = program.run(files, pool=(_POOL,), timeout_s=600)
    assert said.split() == [str(len(cases))]
    assert len(cases) > 100
