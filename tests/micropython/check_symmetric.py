"""Runs inside MicroPython: the symmetric vectors, on the kernels compiled for this machine."""

from receiver.crypto import chacha, hkdf
from receiver.crypto.sha512 import sha512
from tests.support.values.vectors import load, parts

CONSTANT = b"expand 32-byte k"


def check_digest(case):
    message, digest = parts(case, "message", "digest")
    assert sha512(message) == digest, case


def check_code(case):
    key, message, code = parts(case, "key", "message", "code")
    assert hkdf.hmac_sha256(hkdf.keyed(key), message) == code, case


def check_derived(case):
    salt, ikm, info, secret, expanded = parts(case, "salt", "ikm", "info", "secret", "expanded")
    assert hkdf.hmac_sha256(hkdf.keyed(salt), ikm) == secret, case
    for length in range(len(expanded) + 1):
        assert hkdf.expand(hkdf.keyed(secret), info, length) == expanded[:length], case
    assert hkdf.expand(hkdf.keyed(bytearray(secret)), info, len(expanded)) == expanded, case


def check_chacha20(case):
    key, nonce, before, after = parts(case, "key", "nonce", "in", "out")
    blocks = (len(before) + 63) // 64
    data = bytearray(before + bytes(64 * blocks - len(before)))
    state = bytearray(CONSTANT + key + case["counter"].to_bytes(4, "little") + nonce)
    chacha.xor(bytearray(b"\xff" * 128), blocks, data, state, 0)
    assert data[: len(before)] == after, case
    assert state[48:52] == (case["counter"] + blocks).to_bytes(4, "little"), case


def check_poly1305(case):
    key, message, tag = parts(case, "key", "msg", "tag")
    work, key = bytearray(b"\xff" * 120), bytearray(key)
    chacha.start(work, key)
    chacha.absorb(len(message) // 16, work, message, 0)
    chacha.finish(work, key)
    assert key[16:] == tag, case


def check_seal(case):
    key, nonce, aad, message, sealed = parts(case, "key", "iv", "aad", "msg", "sealed")
    assert chacha.seal(key, nonce, message, aad) == sealed, case
    assert chacha.seal(bytearray(key), nonce, message, aad) == sealed, case
    assert chacha.open_(key, nonce, sealed, aad) == message, case
    for at in range(len(sealed) - 16, len(sealed)):
        wrong = bytearray(sealed)
        wrong[at] ^= 1 << at % 8
        assert chacha.open_(key, nonce, bytes(wrong), aad) is None, case
    for wrong in (b"", sealed[:15], sealed[:-1], sealed[1:], sealed + b"\0"):
        assert chacha.open_(key, nonce, wrong, aad) is None, case
    assert chacha.open_(key, nonce, sealed, aad + b"\0") is None, case


def check_bounds():
    for attempt in (
        lambda: hkdf.expand(hkdf.keyed(bytes(32)), b"", hkdf.EXPAND_LIMIT + 1),
        lambda: chacha.seal(bytes(31), bytes(12), b"", b""),
        lambda: chacha.open_(bytes(32), bytes(13), bytes(16), b""),
    ):
        try:
            attempt()
        except ValueError:
            continue
        raise AssertionError("it went on")
    assert len(hkdf.expand(hkdf.keyed(bytes(32)), b"", hkdf.EXPAND_LIMIT)) == hkdf.EXPAND_LIMIT


CHECKS = (
    ("sha512.json", "digests", check_digest),
    ("hmac.json", "codes", check_code),
    ("hkdf.json", "derived", check_derived),
    ("chacha20poly1305.json", "chacha20", check_chacha20),
    ("chacha20poly1305.json", "poly1305", check_poly1305),
    ("chacha20poly1305.json", "seal", check_seal),
)


def main():
    count = 1
    check_bounds()
    for name, table, check in CHECKS:
        for case in load(name)[table]:
            check(case)
            count += 1
    print(count, "cases")


main()
