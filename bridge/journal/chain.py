"""The hash chain: each entry's hash covers all of it and the hash before."""

from __future__ import annotations

from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from .records import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What a hash covers, by the rule's number. Each value has its length in front, so that no
# two different entries have the same bytes.
RULES = {1: attrgetter("id", "at", "sale_id", "kind", "body", "carried", "sealed")}
HASH_SIZE = sha256().digest_size
RULE = 1  # for new entries, in the order that `link` uses


class BrokenError(Exception):
    """The chain breaks at entry `id`."""

    def __init__(self, id: int) -> None:  # noqa: A002
        super().__init__(f"the hash chain breaks at entry {id}")
        self.id = id


class Head(NamedTuple):
    """The end of a chain: its last entry's number and hash."""

    last: int
    hash: bytes

    def link(
        self, at: int, sale_id: str, kind: str, body: str, *, carried: int = 0, sealed: bytes = b""
    ) -> Row:
        """Make the next entry; the chain itself does not move."""
        values = (self.last + 1, at, sale_id, kind, body, carried, sealed)
        return Row(*values, RULE, _hash(self.hash, values))


GENESIS = Head(0, bytes(HASH_SIZE))  # before the first entry


def head(row: Row) -> Head:
    return Head(row.id, row.hash)


def checked(rows: Iterable[Row], before: Head) -> Iterator[Row]:
    """Yield the rows that follow from the one before; raises BrokenError."""
    for row in rows:
        if row.id != before.last + 1 or row.rule not in RULES:
            raise BrokenError(row.id)
        if row.hash != _hash(before.hash, RULES[row.rule](row)):
            raise BrokenError(row.id)
        before = head(row)
        yield row


def sealed(secret: bytes) -> bytes:
    """Return the part of a secret in the chain, which stays after its erasure."""
    return sha256(secret).digest() if secret else b""


def is_whole(secret: bytes | None, row: Row) -> bool:
    """Return whether this is the secret written with `row`, and not its remains after erasure."""
    return secret is not None and sealed(secret) == row.sealed


def _hash(before: bytes, values: tuple[int | str | bytes, ...]) -> bytes:
    parts = [before]
    for value in values:
        raw = value if isinstance(value, bytes) else str(value).encode()
        parts += (len(raw).to_bytes(4, "big"), raw)
    return sha256(b"".join(parts)).digest()
