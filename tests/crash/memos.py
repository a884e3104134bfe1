"""What comes out the same in every world is computed once: it depends on its arguments alone.

Thousands of worlds have the same keys, certificates, offers and approvals.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from receiver.crypto import host
from receiver.encoding import schema
from receiver.protocol import signed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

KEPT = 4096


def _once(work: Callable[..., Any]) -> Callable[..., Any]:
    return lru_cache(maxsize=KEPT)(work)


_MEMOS: tuple[tuple[object, str, Callable[..., Any]], ...] = (
    (host, "ed25519_sign", _once(host.ed25519_sign)),
    (host, "ed25519_public", _once(host.ed25519_public)),
    (host, "ed25519_key_job", host.at_once(_once(host._ed25519_key))),
    (host, "ed25519_check_job", host.at_once(_once(host._ed25519_check))),
    (schema, "decode", _once(schema.decode)),
    (signed, "parse", _once(signed.parse)),
)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of what they remember."""
    for where, name, memo in _MEMOS:
        monkeypatch.setattr(where, name, memo)
