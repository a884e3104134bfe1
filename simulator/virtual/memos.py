"""What many parts of one process compute anew is computed once: it depends on its arguments alone.

Bridge, authority, receiver and phone check the same certificates, credentials and approvals, and
read the same messages. Each would have a processor of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from unittest import mock

from receiver.crypto import host
from receiver.encoding import cose, schema
from receiver.protocol import signed

if TYPE_CHECKING:
    from receiver.encoding.schema import Field
    from receiver.protocol.signed import Kind, Signed

KEPT = 4096

_Decode = Callable[["tuple[Field, ...]", bytes, Callable[..., Any]], Any]
_Parse = Callable[["Kind", bytes, int], "Signed"]


@contextmanager
def remembered() -> Iterator[None]:
    """Remember results in the place of the functions that give them."""
    once = lru_cache(maxsize=KEPT)
    memos = (
        (host, "ed25519_sign", once(host.ed25519_sign)),
        (host, "ed25519_public", once(host.ed25519_public)),
        (host, "ed25519_key_job", host.at_once(once(host._ed25519_key))),
        (host, "ed25519_check_job", host.at_once(once(host._ed25519_check))),
        (schema, "decode", _decoded(schema.decode)),
        (signed, "parse", _parsed(signed.parse)),
    )
    with ExitStack() as stack:
        for where, name, memo in memos:
            stack.enter_context(mock.patch.object(where, name, memo))
        yield


def _decoded(decode: _Decode) -> _Decode:
    """Remember by the table's identity: its hash would take longer than most messages."""
    tables: dict[int, tuple[Field, ...]] = {}

    @lru_cache(maxsize=KEPT)
    def kept(table: int, data: bytes, make: Callable[..., Any]) -> Any:
        return decode(tables[table], data, make)

    def decoded(fields: tuple[Field, ...], data: bytes, make: Callable[..., Any]) -> Any:
        tables[id(fields)] = fields
        return kept(id(fields), data, make)

    return decoded


def _parsed(parse: _Parse) -> _Parse:
    """Remember by the kind's type, of which there is one of each."""
    kinds: dict[str, Kind] = {}

    @lru_cache(maxsize=KEPT)
    def kept(type_: str, data: bytes, alg: int) -> Signed:
        return parse(kinds[type_], data, alg)

    def parsed(kind: Kind, data: bytes, alg: int = cose.ALG_ED25519) -> Signed:
        kinds[kind.type] = kind
        return kept(kind.type, data, alg)

    return parsed
