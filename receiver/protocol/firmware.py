"""The manifest of a firmware release: what it holds, for which boards, and who vouches for it.

COSE_Sign over a CBOR map; two of the pinned keys with the role *firmware* must have signed. The
release number only grows. `docs/updates.md` has the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.crypto.job import finish
from receiver.encoding import cbor, cose, cose_sign
from receiver.errors import Error

from .messages import HASH_SIZE
from .signed import AUTHORITY_KID_SIZE, ROLE_FIRMWARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job

FORMAT = 1
WHOLE = "manifest"  # in a slot, written last: the payload of what is there and verified
PART = "manifest.part"  # the same while an update is written
SIGNATURES_LEAST = 2  # of three keys: one lost or stolen key neither stops updates nor makes one
MANIFEST_MOST = 2040  # bytes, signatures and all: one message of the link holds it
BOARD_CLASS_MOST = 24  # bytes
PATH_MOST = 64  # bytes of a file's path in its slot
FILES_MOST = 16  # a slot has about ten: kernels, the rest, the starter, service mode
FILE_MOST = 0x200000  # bytes: an image for one OTA partition is the largest
GIT_SIZE = 20
NAME_MOST = 24  # bytes of a version, as HELLO carries it

# Files are in the order in which an update carries them. An OTA partition has one, its image.
File = NamedTuple("File", [("path", str), ("size", int), ("hash", bytes)])

Manifest = NamedTuple(
    "Manifest",
    [
        ("release", int),  # grows with each release
        ("least_release", int),  # the least that a board must run to take this one
        ("board_class", str),  # the chip, and the way its firmware lies on it
        ("version", str),  # for people, as in HELLO
        ("git", bytes),  # the commit's hash
        ("files", "tuple[File, ...]"),
    ],
)

_FORMAT, _RELEASE, _LEAST, _CLASS, _NAME, _GIT, _FILES = range(1, 8)


def size(manifest: Manifest) -> int:
    """Return the bytes of all files together."""
    return sum(file.size for file in manifest.files)


def encode(manifest: Manifest) -> bytes:
    """Return the payload of a manifest; raise ValueError for one that no board would take."""
    files: list[cbor.Encodable] = [[file.path, file.size, file.hash] for file in manifest.files]
    payload = cbor.encode(
        {
            _FORMAT: FORMAT,
            _RELEASE: manifest.release,
            _LEAST: manifest.least_release,
            _CLASS: manifest.board_class,
            _NAME: manifest.version,
            _GIT: manifest.git,
            _FILES: files,
        }
    )
    try:
        decode(payload)
    except Error as error:
        raise ValueError(error.detail) from error
    return payload


def decode(payload: bytes) -> Manifest:
    """Parse strictly what `encode` wrote; raise Error(MALFORMED, WRONG_FORMAT)."""
    value: Any = cbor.decode(payload)
    if not isinstance(value, dict) or sorted(value) != list(range(_FORMAT, _FILES + 1)):
        raise _malformed("keys")
    version, release, least, board_class, name, git, rows = [
        value[key] for key in range(_FORMAT, _FILES + 1)
    ]
    if not _is_number(version) or version != FORMAT:
        raise Error(reasons.WRONG_VERSION, "manifest of another version")
    if not _is_number(release) or not _is_number(least):
        raise _malformed("release")
    if not _is_text(board_class, BOARD_CLASS_MOST) or not _is_text(name, NAME_MOST):
        raise _malformed("text")
    if not isinstance(git, bytes) or len(git) != GIT_SIZE:
        raise _malformed("git")
    if not isinstance(rows, list) or not 1 <= len(rows) <= FILES_MOST:
        raise _malformed("files")
    files = tuple([_file(row) for row in rows])
    if len({file.path for file in files}) != len(files):
        raise _malformed("a path twice")
    return Manifest(release, least, board_class, name, git, files)


def sign(payload: bytes, kid: bytes, seed: bytes, crypto: Crypto) -> cose_sign.Signature:
    """Return one key holder's signature of a payload."""
    message = cose_sign.to_be_signed(cose.FIRMWARE, b"", kid, payload)
    return cose_sign.Signature(kid, finish(crypto.ed25519_sign_job(seed, message)))


def join(payload: bytes, signatures: Sequence[cose_sign.Signature]) -> bytes:
    """Return the signed manifest."""
    return cose_sign.join(payload, signatures)


def read_job(data: bytes, pins: Mapping[bytes, bytes], crypto: Crypto) -> Job[Manifest]:
    """Return the manifest in `data` once enough pinned keys have signed it; raise Error.

    Every signature under a pinned key must hold; those of unknown keys count for nothing.
    """
    signed = cose_sign.parse(data, AUTHORITY_KID_SIZE)
    manifest = decode(signed.payload)
    good = 0
    for kid, signature in signed.signatures:
        if kid[0] != ROLE_FIRMWARE:
            raise Error(reasons.WRONG_ROLE, "manifest under role %d" % kid[0])
        if kid not in pins:
            continue
        message = cose_sign.to_be_signed(cose.FIRMWARE, b"", kid, signed.payload)
        ready = yield from crypto.ed25519_key_job(pins[kid])
        holds = ready is not None and (
            yield from crypto.ed25519_check_job(ready, message, signature)
        )
        if not holds:
            raise Error(reasons.BAD_SIGNATURE, "manifest under kid %s" % kid.hex())
        good += 1
    if good < SIGNATURES_LEAST:
        raise Error(reasons.TOO_FEW_SIGNATURES, "%d of %d" % (good, SIGNATURES_LEAST))
    return manifest


def judge(manifest: Manifest, board_class: str, release: int, least_release: int) -> None:
    """Raise Error unless a board of this class, running `release`, may take the manifest.

    `least_release` is the least that its enrolment allows.
    """
    if manifest.board_class != board_class:
        raise Error(reasons.WRONG_BOARD, "for " + manifest.board_class)
    if manifest.release <= release or manifest.release < least_release:
        raise Error(reasons.NOT_NEWER, "release %d, running %d" % (manifest.release, release))
    if release < manifest.least_release:
        raise Error(reasons.TOO_OLD_TO_UPDATE, "needs release %d" % manifest.least_release)


def _file(row: Any) -> File:
    if not isinstance(row, list) or len(row) != 3:
        raise _malformed("file")
    path, length, digest = row
    if not isinstance(path, str) or not is_path(path) or path in (WHOLE, PART):
        raise _malformed("path")
    if not _is_number(length) or not 0 <= length <= FILE_MOST:
        raise _malformed("size")
    if not isinstance(digest, bytes) or len(digest) != HASH_SIZE:
        raise _malformed("hash")
    return File(path, length, digest)


def is_path(path: str) -> bool:
    """Whether a path stays in its slot: names of letters, digits, `_`, `-` and inner dots."""
    return 1 <= len(path.encode()) <= PATH_MOST and all(_is_name(x) for x in path.split("/"))


def _is_name(name: str) -> bool:
    if not name or name[0] == ".":
        return False
    return all("a" <= x <= "z" or "A" <= x <= "Z" or "0" <= x <= "9" or x in "_-." for x in name)


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 1 <= len(value.encode()) <= most


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _malformed(detail: str) -> Error:
    return Error(reasons.MALFORMED, "manifest: " + detail)
