"""What a fuzz target is, and what must hold of every input that it is given."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from receiver import reasons
from receiver.errors import Error


class Target(NamedTuple):
    """A decoder of bytes, or a whole machine that takes them.

    `decode` raises `Error` and nothing else, or gives None, for what it refuses. `encode` makes the
    same bytes of what it gave; None for a machine, which asserts its own rules and gives True or
    None. `seeds` are inputs that are taken; `generate` makes more of them; `near` are refused, but
    not by much. `slow`: more than a millisecond an input.
    """

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes] | None
    seeds: Callable[[], list[bytes]]
    generate: Callable[[Random], bytes] | None = None
    near: Callable[[], list[bytes]] = list
    slow: bool = False


def check(target: Target, data: bytes) -> bool:
    """Whether `data` was taken; raises, above all AssertionError, where a rule is broken."""
    try:
        value = target.decode(data)
    except Error as error:
        return _refused(error.code)
    if value is None:
        return False
    if target.encode is not None:
        again = target.encode(value)
        assert again == data, f"taken from {data.hex()}, encodes as {again.hex()}"
    return True


def _refused(code: int) -> bool:
    assert code in reasons.NAMES, f"refused for {code}, which is no reason"
    assert code != reasons.OK, "refused for no reason"
    return False
