"""Runs inside MicroPython: RFC 9180's vectors, and what a context weighs and leaves behind."""

import gc

from receiver.crypto import hpke, portable
from receiver.crypto.job import finish
from tests.support.values.vectors import load, parts

CONTEXTS = 4  # as many as there are links
# Bytes that a context may keep: 88 of secrets and their three headers, an instance and its map. The
# host's words are twice as wide as the chip's.
WEIGHT = 500


def check_vectors(setup, encryptions, exports):
    info, private, public, ephemeral, enc = parts(setup, "info", "skRm", "pkRm", "skEm", "enc")
    sent, sending = hpke.sender(portable, public, info, ephemeral)
    assert sent == enc
    receiving = finish(hpke.recipient_job(portable, enc, private, public, info))
    for case in encryptions:
        plaintext, aad, sealed = parts(case, "pt", "aad", "ct")
        assert receiving.open(sealed + b"\0", aad) is None, case
        assert receiving.open(sealed[:-1], aad) is None, case
        assert sending.seal(plaintext, aad) == sealed, case
        assert receiving.open(sealed, aad) == plaintext, case
    for case in exports:
        label, value = parts(case, "context", "value")
        assert receiving.export(label, case["length"]) == value, case
        assert sending.export(label, case["length"]) == value, case
    return len(encryptions) + len(exports)


def check_refusals(setup):
    private, public, enc = parts(setup, "skRm", "pkRm", "enc")
    cases = (bytes(32), b"\1" + bytes(31), b"", enc[:31], enc + b"\0")
    for bad in cases:
        assert finish(hpke.recipient_job(portable, bad, private, public, b"")) is None
        assert hpke.sender(portable, bad, b"", private) is None
    return len(cases)


def refused(use):
    try:
        use()
    except ValueError:
        return True
    return False


def check_erasure(setup):
    private, public, enc = parts(setup, "skRm", "pkRm", "enc")
    context = finish(hpke.recipient_job(portable, enc, private, public, b""))
    assert refused(lambda: context.seal(b""))
    secrets = [s for s in context.__dict__.values() if isinstance(s, bytearray)]
    assert len(secrets) == 3
    assert all(any(secret) for secret in secrets)
    context.erase()
    assert not any(any(secret) for secret in secrets)
    assert refused(lambda: context.open(b""))
    assert refused(lambda: context.export(b"", 32))
    return 1


def check_weight(setup):
    private, public, enc = parts(setup, "skRm", "pkRm", "enc")
    contexts = [None] * CONTEXTS
    gc.collect()
    before = gc.mem_alloc()
    for index in range(CONTEXTS):
        contexts[index] = finish(hpke.recipient_job(portable, enc, private, public, b""))
    gc.collect()
    weight = (gc.mem_alloc() - before) // CONTEXTS
    assert weight <= WEIGHT, weight
    print(weight, "bytes a context")
    return 1


def main():
    vectors = load("hpke.json")
    (setup,) = vectors["setup"]
    count = check_vectors(setup, vectors["encryptions"], vectors["exports"])
    count += check_refusals(setup) + check_erasure(setup) + check_weight(setup)
    print(count, "cases")


main()
