"""What the updates remember over a restart, and what they make of a damaged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.authority.update_messages import UpdateOutcome
from bridge.updates.update_memory import FAILURES_MOST, Known, Owed, UpdateMemory
from receiver import reasons

ID, OTHER, RELEASE = b"receiver", b"another!", bytes(32)
KNOWN = Known("esp32c3-littlefs", 4, b"hash".hex())


def owed(outcome: UpdateOutcome = UpdateOutcome.FAILED, receiver: bytes = ID) -> Owed:
    return Owed(RELEASE.hex(), receiver.hex(), outcome, reasons.NO_ROOM)


def test_it_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "updates" / "state.json"
    before = UpdateMemory(path)
    before.learn(ID, KNOWN)
    before.owe(owed())
    before.set_under_way(ID, True)
    after = UpdateMemory(path)
    assert after.known(ID, b"hash") == KNOWN
    assert after.known(ID, b"other firmware") is None
    assert after.known(OTHER, b"hash") is None
    assert after.board_class(ID) == "esp32c3-littlefs"
    assert after.owed == [owed()]
    assert after.is_under_way(ID)
    assert not after.is_under_way(OTHER)
    after.paid(owed())
    after.set_under_way(ID, False)
    assert UpdateMemory(path).owed == []
    assert not UpdateMemory(path).is_under_way(ID)


def test_failures_are_counted_until_one_is_installed(tmp_path: Path) -> None:
    memory = UpdateMemory(tmp_path / "state.json")
    for _ in range(FAILURES_MOST):
        assert not memory.is_given_up(ID, RELEASE)
        memory.owe(owed())
    assert memory.is_given_up(ID, RELEASE)
    assert not memory.is_given_up(OTHER, RELEASE)
    assert memory.owed == [owed()]  # the latest replaces what was not sent
    memory.owe(owed(UpdateOutcome.INSTALLED))
    assert not memory.is_given_up(ID, RELEASE)
    assert memory.owed == [owed(UpdateOutcome.INSTALLED)]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"owed": [1]}', b'{"known": {"x": {}}}'])
def test_a_damaged_file_is_forgotten(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text)
    memory = UpdateMemory(path)
    assert memory.owed == []
    memory.owe(owed())
    assert UpdateMemory(path).owed == [owed()]


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """It is known until the restart all the same."""
    (tmp_path / "file").touch()
    memory = UpdateMemory(tmp_path / "file" / "state.json")
    memory.owe(owed())
    assert memory.owed == [owed()]
