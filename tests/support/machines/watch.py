"""Every secret that a receiver has held for a sale: what it no longer holds must be zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from receiver.core.key_pool import Pair
from receiver.core.sealed_exchange import Sealed
from tests.support.machines.receiver import World


class Watch:
    """Remembers the bytearrays themselves, so that it sees what is left in them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[int, bytearray] = {}
        self.check()

    def check(self) -> None:
        """Look at what is held now; all else that was ever held is erased."""
        live = list(self._live())
        for secret in live:
            assert any(secret)
            self._seen[id(secret)] = secret
        named = {id(secret) for secret in live}
        assert not [each for name, each in self._seen.items() if name not in named and any(each)]

    def check_all(self) -> None:
        """Nothing is held any more."""
        assert self._seen
        assert not [each for each in self._seen.values() if any(each)]

    def _live(self) -> Iterator[bytearray]:
        receiver = self._world.receiver
        pairs = [*receiver.judge.pool._pairs, receiver.sale.pair]
        yield from (secret for pair in pairs for secret in of_pair(pair))
        for peer in (*receiver.air.links, *receiver.air.links.left):
            yield from of_link(peer.sealed)


def is_erased(secrets: list[bytearray]) -> bool:
    return not any(any(secret) for secret in secrets)


def of_pair(pair: Pair | None) -> list[bytearray]:
    return [] if pair is None else [pair.private]


def of_link(held: Sealed) -> list[bytearray]:
    """What an exchange holds: the offer's key, then a context's secrets, the result key's, and
    the key of the proofs."""
    context: Any = held.context
    results: Any = held.results
    proofs: Any = held.proofs
    secrets = [] if held._private is None else [held._private]
    secrets += [] if context is None else [context._key, context._base]
    secrets += [] if context is None else [context._exporter_secret]
    secrets += [] if results is None else [results._key, results._base]
    return secrets + ([] if proofs is None else [proofs._key])
