"""Writes sha512.json, hmac.json, hkdf.json and chacha20poly1305.json.

What is published comes from cryptography_vectors; the rest is computed with hashlib and OpenSSL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from table import Case, published, write

SEALED_SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 182, 191, 192, 193, 256)
POLY_BLOCK = 16  # our Poly1305 takes whole blocks alone, as the AEAD pads


def records(path: str) -> Iterator[Case]:
    """The cases in a file of lines `name = value`: each begins with the name that the file does."""
    found: Case = {}
    for line in published(path).read_text().splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or line[0] in "#[":
            continue
        if found and name == next(iter(found)):
            yield found
            found = {}
        found[name] = value
    yield found


def digests() -> Iterator[Case]:
    """Messages around the ends of the 128-byte blocks, and the short ones of NIST."""
    sizes = (0, 1, 3, 55, 111, 112, 113, 127, 128, 129, 239, 240, 255, 256, 1000)
    for message in [b"abc", *(bytes(i * 7 % 256 for i in range(size)) for size in sizes)]:
        yield {"message": message.hex(), "digest": hashlib.sha512(message).hexdigest()}
    for found in records("hashes/SHA2/SHA512ShortMsg.rsp"):
        yield {"message": found["Msg"][: int(found["Len"]) // 4], "digest": found["MD"]}


def hmac() -> Iterator[Case]:
    """RFC 4231, without case 5, whose code is cut short."""
    for found in records("HMAC/rfc-4231-sha256.txt"):
        yield {"key": found["Key"], "message": found["Msg"], "code": found["MD"]}


def hkdf() -> Iterator[Case]:
    """RFC 5869, appendix A.1 to A.3."""
    for found in records("KDF/rfc-5869-HKDF-SHA256.txt"):
        names = {"salt": "salt", "ikm": "IKM", "info": "info", "secret": "PRK", "expanded": "OKM"}
        yield {ours: found[theirs] for ours, theirs in names.items()}


def chacha20() -> Iterator[Case]:
    """RFC 8439, appendix A.2."""
    for found in records("ciphers/ChaCha20/rfc7539.txt"):
        fields = {"key": found["KEY"], "nonce": found["NONCE"]}
        counter = {"counter": int(found["INITIAL_BLOCK_COUNTER"])}
        yield {**fields, **counter, "in": found["PLAINTEXT"], "out": found["CIPHERTEXT"]}


def poly1305() -> Iterator[Case]:
    """Those of RFC 8439, appendix A.3, that are whole blocks."""
    for found in records("poly1305/rfc7539.txt"):
        if len(found["MSG"]) % (2 * POLY_BLOCK) == 0:
            yield {name.lower(): found[name].lower() for name in ("KEY", "MSG", "TAG")}


def sealed() -> Iterator[Case]:
    """RFC 8439 §2.8.2, appendix A.5, and sizes around the blocks of cipher and authenticator."""
    yield seal(
        "RFC 8439 2.8.2",
        bytes(range(0x80, 0xA0)),
        bytes.fromhex("070000004041424344454647"),
        bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it.",
        tag="1ae10b594f09e26a7e902ecbd0600691",
    )
    found = next(records("ciphers/ChaCha20Poly1305/openssl.txt"))
    fields = [bytes.fromhex(found[name]) for name in ("Key", "IV", "AAD", "Plaintext")]
    yield seal("RFC 8439 A.5", *fields, tag=found["Tag"])
    for size in SEALED_SIZES:
        key, nonce = hashlib.sha256(b"key %d" % size).digest(), b"nonce %6d" % size
        message = bytes(i * 11 % 256 for i in range(size))
        for aad in (b"", message[: size % 37]):
            yield seal(f"{size} and {len(aad)}", key, nonce, aad, message)


def seal(name: str, key: bytes, nonce: bytes, aad: bytes, message: bytes, *, tag: str = "") -> Case:
    whole = ChaCha20Poly1305(key).encrypt(nonce, message, aad).hex()
    assert whole.endswith(tag)
    fields = {"key": key.hex(), "iv": nonce.hex(), "aad": aad.hex(), "msg": message.hex()}
    return {"name": name, **fields, "sealed": whole, "valid": True}


if __name__ == "__main__":
    write("sha512.json", {"digests": [*digests()]})
    write("hmac.json", {"codes": [*hmac()]})
    write("hkdf.json", {"derived": [*hkdf()]})
    ours = {"chacha20": [*chacha20()], "poly1305": [*poly1305()], "seal": [*sealed()]}
    write("chacha20poly1305.json", ours)
