"""Books of the authority with all that a world needs in them, made once and copied for each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from simulator.authority.accounts import demo_data, people
from simulator.authority.accounts.limits import Limits
from simulator.authority.keys import Keys
from simulator.authority.storage.store import Store
from simulator.crypto import code_proof
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.virtual.clock import BEGAN_S
from simulator.virtual.enrolled import Enrolled, enrol
from simulator.virtual.scratch import scratch
from tests.support.values import evidence

NOW = BEGAN_S  # when each world begins
BRIDGE_ID = b"bridge01"
CLIENT = "client"  # the bridge's certificate
TILLS = (3, 4)
PHONES = 4
LIMITS = Limits(floor=50_000, total=60_000, sales=2, hours=4)


class Holder(NamedTuple):
    """A phone with one credential, and what its code makes with the authority's key."""

    seed: bytes
    credential: bytes
    k: bytes


class Template(NamedTuple):
    """Where the books are, whose keys they were signed with, and who is in them."""

    books: Path
    keys: Keys
    receivers: dict[int, Enrolled]
    phones: tuple[Holder, ...]


@lru_cache
def template() -> Template:
    """The same for all worlds of this process."""
    folder = scratch()
    keys = Keys(folder / "keys.json")
    store = Store(folder / "books.sqlite")
    enrolled = {
        till: enrol(
            store, keys, till, evidence.seed(f"receiver {till}"), CLIENT, now=NOW, limits=LIMITS
        )
        for till in TILLS
    }
    phones = tuple(_register(store, keys, number) for number in range(PHONES))
    store.close()
    return Template(folder / "books.sqlite", keys, enrolled, phones)


def _register(store: Store, keys: Keys, number: int) -> Holder:
    """A phone of the buyer who may buy for everybody, who gave a right code lately."""
    demo = demo_data.seed(store)
    seed, k = evidence.seed(f"phone {number}"), bytes((number,)) * code_proof.KEY_SIZE
    public = PhoneKey(P256, seed).public
    registered = people.register(store, demo.buyers[0].activation, public, bytes(32), k)
    if registered is None:
        raise RuntimeError("the activation is used up")
    store.run("UPDATE buyers SET offline_floor = ?", LIMITS.floor)
    store.run("UPDATE phones SET code_at = ?", NOW)
    recipient = demo.recipients[0]
    [credential] = people.issue_credentials(store, keys, registered[0], recipient, 1, now=NOW)
    return Holder(seed, credential, k)
