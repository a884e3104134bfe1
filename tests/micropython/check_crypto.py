"""Runs inside MicroPython: the SHA-512 and Ed25519 vectors on the portable back end."""

import json

from receiver.crypto import portable

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/"


def load(name):
    with open(VECTORS + name) as file:
        return json.load(file)


def unhex(case, *fields):
    return [bytes.fromhex(case[field]) for field in fields]


def check_digest(case):
    message, digest = unhex(case, "message", "digest")
    assert portable.sha512(message) == digest, case


def check_sign(case):
    seed, public, message, signature = unhex(case, "seed", "public", "message", "signature")
    assert portable.ed25519_public(seed) == public, case
    assert portable.ed25519_sign(seed, message) == signature, case
    assert portable.ed25519_verify(public, message, signature), case


def check_verify(case):
    public, message, signature = unhex(case, "public", "message", "signature")
    assert portable.ed25519_verify(public, message, signature) is case["valid"], case


def main():
    count = 0
    digests = load("sha512.json")["digests"]
    ed25519 = load("ed25519.json")
    for check, cases in (
        (check_digest, digests),
        (check_sign, ed25519["sign"]),
        (check_verify, ed25519["verify"]),
    ):
        for case in cases:
            check(case)
            count += 1
    print(count, "cases")


main()
