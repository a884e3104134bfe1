"""Runs inside MicroPython: every vector of the cryptography on the device's back end, in jobs."""

import gc

from receiver.crypto import portable
from receiver.crypto.job import finish
from receiver.crypto.sha512 import sha512
from tests.support.values.vectors import load, parts


def check_digest(case):
    message, digest = parts(case, "message", "digest")
    assert sha512(message) == digest, case


def check_sign(case):
    seed, public, message, signature = parts(case, "seed", "public", "message", "signature")
    assert portable.ed25519_public(seed) == public, case
    assert finish(portable.ed25519_sign_job(seed, message)) == signature, case
    key = finish(portable.ed25519_key_job(public))
    assert finish(portable.ed25519_check_job(key, message, signature)), case


def check_ed25519(case):
    public, message, signature = parts(case, "public", "message", "signature")
    key = finish(portable.ed25519_key_job(public))
    assert key is not None or not case["valid"], case
    assert finish(portable.ed25519_check_job(key, message, signature)) is case["valid"], case


def check_p256_key(case):
    found = finish(portable.p256_key_job(bytes.fromhex(case["public"])))
    assert (found is not None) is case["valid"], case


def check_p256(case):
    public, message, signature = parts(case, "public", "message", "signature")
    key = finish(portable.p256_key_job(public))
    assert key is not None or not case["valid"], case
    assert finish(portable.p256_check_job(key, message, signature)) is case["valid"], case


def check_public(case):
    private, public = parts(case, "private", "public")
    assert finish(portable.x25519_public_job(private)) == public, case


def check_shared(case):
    private, public = parts(case, "private", "public")
    shared = case["shared"] and bytes.fromhex(case["shared"])
    assert finish(portable.x25519_job(private, public)) == shared, case


def check_seal(case):
    key, nonce, aad, message, sealed = parts(case, "key", "iv", "aad", "msg", "sealed")
    opened = portable.chacha_open(key, nonce, sealed, aad)
    assert opened == (message if case["valid"] else None), case
    if case["valid"]:
        assert portable.chacha_seal(key, nonce, message, aad) == sealed, case


CHECKS = (
    ("sha512.json", "digests", check_digest),
    ("ed25519.json", "sign", check_sign),
    ("ed25519.json", "verify", check_ed25519),
    ("wycheproof_ed25519.json", "verify", check_ed25519),
    ("p256.json", "keys", check_p256_key),
    ("p256.json", "verify", check_p256),
    ("wycheproof_p256.json", "verify", check_p256),
    ("x25519.json", "public", check_public),
    ("x25519.json", "shared", check_shared),
    ("wycheproof_x25519.json", "shared", check_shared),
    ("wycheproof_chacha.json", "seal", check_seal),
)


def main():
    count = 0
    for name, table, check in CHECKS:
        gc.collect()  # two of the files at once would fill the heap
        for case in load(name)[table]:
            check(case)
            count += 1
    print(count, "cases")


main()
