"""Offline limits over a restart: believed again only as far as they were when they came."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from bridge.authority import cached_limits
from bridge.authority.cached_limits import Kept, KeptLimits
from bridge.books.books import Books
from bridge.domain.verification import Evidence
from bridge.sales.ports import Authority
from bridge.sales.stand_in import StandInHere
from receiver.crypto import host
from receiver.encoding import cbor
from simulator.authority.keys import Keys
from tests.support.values import evidence

NONCE, OTHER = bytes(16), bytes(range(16))
NOBODY, SOMEBODY = cbor.encode([]), cbor.encode([b"cred0001"])
RECEIVER = evidence.seed("receiver")


class Scripted(NamedTuple):
    """An authority that has signed this."""

    kept: Kept

    async def state(self, *_: Any) -> bytes:
        return self.kept.state

    async def revocations(self, *_: Any) -> bytes:
        return self.kept.revocations


class Restarted:
    """A bridge's view of one receiver, as often as it is started."""

    def __init__(self, directory: Path) -> None:
        self.keys = Keys(directory / "authority-keys.json")
        self.file = KeptLimits(directory / "journal.sqlite", evidence.RECEIVER_ID)
        self._certificate = evidence.certificate(self.keys, RECEIVER, int(time.time()))

    def signed(self, age_s: int = 60, revocations: bytes = NOBODY) -> Kept:
        at, named = int(time.time()) - age_s, sha256(revocations).digest()
        return Kept(evidence.state(self.keys, at, revocations=named), revocations)

    def start(self, *, allowed: bool = True) -> tuple[Evidence, StandInHere]:
        known = Evidence(host, self.keys.pins(), self._certificate)
        return known, StandInHere(known, cast("Books", None), allowed, self.file)

    async def heard(self, **more: Any) -> Kept:
        """A bridge that ran, and had heard the authority."""
        kept = self.signed(**more)
        _, here = self.start()
        await here.ask(cast("Authority", Scripted(kept)), NONCE)
        return kept


@pytest.fixture
def bridge(tmp_path: Path) -> Restarted:
    return Restarted(tmp_path)


async def test_the_same_life_of_the_receiver(bridge: Restarted) -> None:
    kept = await bridge.heard(age_s=3600, revocations=SOMEBODY)
    assert bridge.file.read() == kept
    known, here = bridge.start()
    here.recall(NONCE)
    assert known.state is not None
    assert here._revoked == frozenset({b"cred0001"})
    assert time.monotonic() - here._heard >= 3600  # it is as old as it was


async def test_another_life_of_the_receiver(bridge: Restarted) -> None:
    """It has forgotten time and limits, and would sign for nothing."""
    await bridge.heard()
    known, here = bridge.start()
    here.recall(OTHER)
    assert (known.state, here._revoked) == (None, None)


async def test_nothing_newer_is_replaced(bridge: Restarted) -> None:
    await bridge.heard(age_s=3600)
    known, here = bridge.start()
    fresh = known.take_state(NONCE, bridge.signed(0).state)
    here.recall(NONCE)
    assert known.state == fresh


async def test_a_bridge_that_may_not_sell_offline(bridge: Restarted) -> None:
    await bridge.heard()
    known, here = bridge.start(allowed=False)
    here.recall(NONCE)
    assert known.state is None


async def test_a_list_that_was_changed(bridge: Restarted) -> None:
    kept = await bridge.heard(revocations=SOMEBODY)
    bridge.file.write(kept._replace(revocations=NOBODY))
    _, here = bridge.start()
    here.recall(NONCE)
    assert here._revoked is None


async def test_a_state_that_was_changed(bridge: Restarted) -> None:
    kept = await bridge.heard()
    bridge.file.write(kept._replace(state=kept.state[:-1] + bytes([kept.state[-1] ^ 1])))
    known, here = bridge.start()
    here.recall(NONCE)
    assert known.state is None


@pytest.mark.parametrize(
    "data", [b"", b"\xff", cbor.encode([]), cbor.encode([1, 2]), cbor.encode(7), bytes(0x20001)]
)
def test_a_file_of_something_else(bridge: Restarted, data: bytes) -> None:
    bridge.file._path.write_bytes(data)
    assert bridge.file.read() is None
    bridge.start()[1].recall(NONCE)


@pytest.mark.parametrize("name", ["journal.sqlite", "till [7]*.sqlite"])
def test_a_new_journal_knows_nothing_of_them(bridge: Restarted, tmp_path: Path, name: str) -> None:
    """What stands on these limits stood in the old one."""
    kept, other = (KeptLimits(tmp_path / one, evidence.RECEIVER_ID) for one in (name, "other"))
    for file in (kept, other):
        file.write(bridge.signed())
    for _ in range(2):
        cached_limits.forget(tmp_path / name)
        assert kept.read() is None
    assert other.read() is not None


async def test_without_room_nothing_is_kept(
    bridge: Restarted, caplog: pytest.LogCaptureFixture
) -> None:
    bridge.file._path.with_name(bridge.file._path.name + "-new").mkdir()
    await bridge.heard()
    assert bridge.file.read() is None
    assert [record.message for record in caplog.records] == ["limits not cached"]
