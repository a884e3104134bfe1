"""An update of an image of ours: built, signed by two, carried in pieces, cut off, tried, kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.cli.main import main
from firmware.device import main as loader
from firmware.device import slots
from firmware.device.ports.partitions import BLOCK, Partitions
from firmware.tools.flash.plan import plan
from firmware.tools.package import file_system
from firmware.tools.package.build import Built, Options, build
from firmware.tools.release import folder
from receiver.crypto import host
from receiver.link import service_wire, wire
from receiver.protocol import pins
from receiver.service.orders import Orders
from tests.support.machines import service
from tests.support.machines.image_chip import (
    ERASURE,
    READ,
    WRITE,
    Chip,
    Flash,
    PowerCutError,
)
from tests.support.world import own_image

pytestmark = pytest.mark.processes

PIECE = 1920  # bytes in one CHUNK, at most
OLD, NEW = own_image.program(), own_image.program(size=own_image.SIZE + 12_345)
LAST = (len(NEW) - 1) // BLOCK


class Releases(NamedTuple):
    """The release that is flashed, the one that is to replace it, and who signs."""

    old: Built
    new: Built
    image: Path  # what the old one was built with
    signed: bytes
    keys: dict[bytes, bytes]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """As three people make them: one builds, two sign."""
    place = tmp_path_factory.mktemp("releases")
    first, old = own_image.released()
    second = own_image.write(place / "image", NEW, own_image.whole(NEW))
    new = build(own_image.C3, place / "release", Options(release=8, dirty=True, image=second))
    public = place / "keys.json"
    for n in (1, 2):
        key = str(place / f"holder-{n}.key")
        words = ["--epoch", str(n), "--key", key, "--public", str(public)]
        assert main(["update", "key", *words]) == 0
        assert main(["update", "sign", "--build", str(new.folder), "--key", key]) == 0
    keys = {
        bytes.fromhex(kid): bytes.fromhex(key)
        for kid, key in json.loads(public.read_text()).items()
    }
    signed = (new.folder / folder.SIGNED).read_bytes()
    return Releases(old, new, first / "firmware.bin", signed, keys)


class Board(service.Board):
    """A board in service mode whose slots are partitions."""

    board_class = "esp32c3-image"

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        super().__init__()

    def boot(self) -> None:
        self.orders = Orders(host, self, Partitions(self.chip), self)

    def begin(self, signed: bytes) -> tuple[int, ...]:
        found: tuple[int, ...] = self.ask(service_wire.UPDATE, wire.Blob(signed))
        return found


@pytest.fixture
def board(releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """A board with the old release in its flash, exactly as `tillsign firmware flash` writes it."""
    data = bytearray(b"\xff" * (4 << 20))
    for segment in plan(releases.image, releases.old.folder, []).segments:
        data[segment.address : segment.end] = segment.data
    for path, content in file_system.unpacked(bytes(data[releases.old.address :])).items():
        (tmp_path / path[1:]).parent.mkdir(exist_ok=True)
        (tmp_path / path[1:]).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    one = Board(Chip(Flash(bytes(data), (OLD, NEW))))
    assert one.chip.start() == "a"
    keys = {service.KID: host.ed25519_public(service.AUTHORITY), **releases.keys}
    install = service.install(one.enrol().key, pins=pins.encode(keys))
    assert one.ask(service_wire.INSTALL, install).data
    return one


def content(board: Board, label: str) -> bytes:
    (partition,) = board.chip.find(Chip.TYPE_APP, label=label)
    return partition.content()


def updated(board: Board, releases: Releases) -> None:
    _, number, offset, verified, _ = board.begin(releases.signed)
    assert (number, verified) == (2, 0)
    assert board.send(NEW, offset, PIECE) == [(8, 2, len(NEW), 1, 0)]
    assert content(board, "ota_1").startswith(NEW)
    assert content(board, "ota_0").startswith(OLD)


def test_a_new_image_is_tested_tried_and_kept(board: Board, releases: Releases) -> None:
    assert folder.read(releases.new.folder).files == NEW
    assert board.identity.release == 7
    updated(board, releases)
    assert slots.order(2, 1)
    assert (board.chip.start(), loader.is_ordered()) == ("b", True)
    board.boot()
    assert board.identity.release == 8
    assert slots.order(2, 0)
    assert (board.chip.start(), loader.is_ordered()) == ("b", False)
    board.chip.mark_app_valid_cancel_rollback()
    slots.settle()
    assert board.chip.start() == board.chip.start() == "b"
    assert Partitions(board.chip).target() == 1


def test_an_image_that_is_not_kept_is_given_up(board: Board, releases: Releases) -> None:
    updated(board, releases)
    assert slots.order(2, 0)
    assert board.chip.start() == "b"
    assert board.chip.start() == board.chip.start() == "a"
    board.boot()
    assert board.identity.release == 7
    assert board.begin(releases.signed) == (8, 2, len(NEW), 1, 0)  # it is there, and whole


@pytest.mark.parametrize("block", [0, 1, 200, LAST])
@pytest.mark.parametrize("what", [ERASURE, WRITE, READ])
def test_power_that_goes_at_a_block(
    board: Board, releases: Releases, what: str, block: int
) -> None:
    """The old image runs, the new one is not tried, and the same update goes on at a block."""
    assert board.begin(releases.signed) == (8, 2, 0, 0, 0)
    board.chip.flash.cut = what, block
    with pytest.raises(PowerCutError):
        board.send(NEW, size=PIECE)
    assert board.chip.start() == "a"
    assert not slots.order(2, 0)
    board.boot()
    _, _, offset, verified, _ = board.begin(releases.signed)
    assert (offset, verified) == ((LAST if what == READ else block) * BLOCK, 0)
    updated(board, releases)
    assert slots.order(2, 0)
    assert board.chip.start() == "b"


def test_a_release_for_a_directory_is_refused(board: Board, releases: Releases) -> None:
    board.board_class = "esp32c3-littlefs"
    assert board.refusal(service_wire.UPDATE, wire.Blob(releases.signed)) == "wrong_board"


def test_an_image_that_does_not_start_is_not_set(board: Board, releases: Releases) -> None:
    """Two signatures vouch for it, and the chip's own check refuses it all the same."""
    updated(board, releases)
    board.chip.flash.good = (OLD,)
    assert slots.order(2, 0)
    assert board.chip.start() == "a"
