"""Updates of a bridge in virtual time: when they begin, what tills see, what outlives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.authority.client import UnansweredError
from bridge.authority.update_messages import PIECE, Offered, ReleaseId, UpdateOutcome
from bridge.books.event_bus import EventBus
from bridge.config.update_window import Window
from bridge.domain.receipts import Receipts
from bridge.domain.sale import Sale
from bridge.domain.states import State
from bridge.domain.till_decisions import Wish
from bridge.domain.verification import Evidence
from bridge.journal import Journal
from bridge.sales.orders import Order
from bridge.sales.ports import Authority
from bridge.sales.receiver_session import ReceiverSetup
from bridge.sales.sale_service import Service
from bridge.updates.receiver_update import LEFT_S
from bridge.updates.update_memory import FAILURES_MOST
from bridge.updates.update_service import AGAIN_S, ASK_S, LOOK_S, QUIET_S, UpdateService
from receiver import reasons
from receiver.crypto import host
from receiver.encoding import schema
from receiver.link import service_wire, wire
from receiver.link.service_wire import CHUNK_MOST
from simulator.authority.keys import Keys
from simulator.virtual.loop import Loop
from tests.support.bridge.service_device import ServiceDevice
from tests.support.bridge.session import Signing
from tests.support.machines.controller import AT, BRIDGE_ID, RECEIVER, TILL
from tests.support.values import evidence, releases
from tests.support.values.evidence import SEK
from tests.support.values.releases import BOARD, Firmware

PAYLOAD = bytes(range(256)) * 60
CHUNKS = -(-len(PAYLOAD) // CHUNK_MOST)
RELEASE = releases.made(2, files={"a": PAYLOAD})
WINDOW = Window.read("02:00-08:30")
NIGHT, DAY = datetime(2026, 12, 1, 2, 0, 1), datetime(2026, 12, 1, 12, 0)
TAKES_S = 25 + LOOK_S  # an update, with the time that it is watched afterwards


class Publisher(Signing):
    """An authority that also has releases."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self.has: Firmware | None = RELEASE
        self.signed = RELEASE.signed()
        self.payload = RELEASE.payload
        self.away = False
        self.questions: list[tuple[str | None, int | None]] = []
        self.reports: list[tuple[UpdateOutcome, int]] = []
        self.pieces = 0

    async def wanted(
        self, receiver_id: bytes, version: str, board_class: str | None, release: int | None
    ) -> list[Offered]:
        self._must_be_there()
        self.questions.append((board_class, release))
        found = self.has
        if found is None or (release is not None and release >= found.manifest.release):
            return []
        manifest = found.manifest
        size = len(found.payload)
        return [
            Offered(
                ReleaseId(found.id), manifest.release, manifest.board_class, manifest.version, size
            )
        ]

    async def manifest(self, release_id: bytes, receiver_id: bytes) -> bytes:
        self._must_be_there()
        return self.signed

    async def piece(self, release_id: bytes, receiver_id: bytes, start: int) -> bytes:
        self._must_be_there()
        self.pieces += 1
        return self.payload[start : start + PIECE]

    async def report(
        self, release_id: bytes, receiver_id: bytes, outcome: UpdateOutcome, reason: int
    ) -> None:
        self._must_be_there()
        self.reports.append((outcome, reason))

    def _must_be_there(self) -> None:
        if self.away:
            raise UnansweredError("away")


class Shop:
    """A bridge with one receiver; `restart_bridge` lets another process take its place."""

    def __init__(self, folder: Path, begins: datetime, window: Window | None) -> None:
        self.folder, self._begins, self._window = folder, begins, window
        keys = Keys(folder / "authority-keys.json")
        self._pins = {**keys.pins(), **releases.PINS}
        certificate = evidence.certificate(keys, RECEIVER, AT, expires=schema.UINT_MOST)
        self._trusted = Evidence(host, keys.pins(), certificate)
        self.authority = Publisher(keys)
        self.device = ServiceDevice(RECEIVER, certificate, evidence.RECEIVER_ID)
        self.service: Service
        self.updates: UpdateService
        self._sales = 0

    def local(self) -> datetime:
        return self._begins + timedelta(seconds=asyncio.get_running_loop().time())

    @contextmanager
    def bridge(self) -> Iterator[None]:
        """One run of the bridge."""
        journal = Journal.open(self.folder / "journal.sqlite")
        row = ReceiverSetup(TILL, "memory:", self._trusted, self.device)
        service = self.service = Service(
            bridge_id=BRIDGE_ID,
            journal=journal,
            bus=EventBus(),
            authority=cast("Authority", self.authority),
            receivers=[row],
            prove=Receipts(host, self._pins).prove,
        )
        self.updates = UpdateService(
            sessions=service.sessions.values(),
            authority=self.authority,
            folder=self.folder / "updates",
            pins=lambda: self._pins,
            window=self._window,
            local=self.local,
        )
        service.updates = self.updates
        tasks = [asyncio.create_task(work) for work in (service.run(), self.updates.run())]
        try:
            yield
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            journal.close()

    async def up(self) -> None:
        await self.until(lambda: self.service.sessions[TILL].link.hello is not None)

    async def until(self, holds: Callable[[], bool], within_s: float = 600) -> None:
        end = asyncio.get_running_loop().time() + within_s
        while not holds():
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.01)

    def ring(self) -> Sale:
        self._sales += 1
        sale_id = f"sale-0123456789a{self._sales}"
        sale, _ = self.service.ring(Order(sale_id, 24_900, SEK, None, 60, ""))
        return sale

    async def selling(self) -> None:
        """Prove that the till can sell now."""
        await self.up()
        sale = self.ring()
        assert await self.device.offered()
        self.service.decide(sale, Wish.CANCEL)

    @property
    def updated(self) -> bool:
        return self.device.slot.release == 2


Story = Callable[[Shop], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    def play(story: Story, begins: datetime = NIGHT, window: Window | None = WINDOW) -> None:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(told(story, Shop(tmp_path, begins, window)))

    return play


async def told(story: Story, shop: Shop) -> None:
    with shop.bridge():
        await shop.up()
        await story(shop)


def test_in_the_window_by_itself(play: Callable[..., None]) -> None:
    """And the outcome is reported, once; then nothing more is to be done."""

    async def story(shop: Shop) -> None:
        await shop.until(lambda: shop.updated)
        await asyncio.sleep(2 * ASK_S)
        assert shop.authority.reports == [(UpdateOutcome.INSTALLED, reasons.OK)]
        assert shop.device.services == 2  # its old firmware's, and the new one's
        assert shop.authority.questions[0] == (None, None)
        assert shop.authority.questions[-1] == (BOARD, 2)
        [status] = shop.service.receivers()
        assert status.release == 2
        assert status.update is not None
        assert (status.update.phase, status.update.outcome) == ("done", "installed")
        assert (status.update.offset, status.update.size) == (len(PAYLOAD), len(PAYLOAD))
        assert sum(shop.updates.ended.values()) == 1
        await shop.selling()

    play(story)


@pytest.mark.parametrize("window", [WINDOW, None])
def test_by_day_only_by_command(play: Callable[..., None], window: Window | None) -> None:
    async def story(shop: Shop) -> None:
        await asyncio.sleep(3 * ASK_S)
        assert shop.device.services == 0
        assert shop.authority.questions  # it asks all the same: the authority counts what runs
        attempt = shop.updates.order(TILL)
        await shop.until(lambda: shop.updated, TAKES_S)
        await shop.until(lambda: not shop.service.receivers()[0].update_waits)
        update = shop.service.receivers()[0].update
        assert update is not None
        assert update.attempt == attempt

    play(story, DAY, window)


def test_a_command_with_nothing_to_do(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        shop.authority.has = None
        shop.updates.order(TILL)
        await shop.until(lambda: not shop.service.receivers()[0].update_waits)
        assert shop.device.services == 0
        with pytest.raises(LookupError):
            shop.updates.order(TILL + 1)

    play(story, DAY)


def test_never_during_a_sale_nor_just_after_one(tmp_path: Path) -> None:
    async def story() -> None:
        shop = Shop(tmp_path, NIGHT, WINDOW)
        shop.authority.away = True
        with shop.bridge():
            await shop.up()
            await asyncio.sleep(AGAIN_S)
            sale = shop.ring()
            assert await shop.device.offered()
            shop.authority.away = False
            await asyncio.sleep(40)
            assert shop.device.services == 0
            shop.service.decide(sale, Wish.CANCEL)
            ended = asyncio.get_running_loop().time()
            await shop.until(lambda: shop.device.services > 0)
            assert asyncio.get_running_loop().time() - ended >= QUIET_S
            await shop.until(lambda: shop.updated)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(story())


def test_a_new_sale_meanwhile_is_answered_at_once(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        await shop.until(lambda: len(shop.device.written) > 3 * CHUNK_MOST)
        sale = shop.ring()
        assert (sale.state, sale.reason) == (State.DECLINED, reasons.IN_SERVICE)
        await shop.until(lambda: shop.updated)
        await shop.selling()

    play(story)


def test_while_a_board_restarts_too(play: Callable[..., None]) -> None:
    """Then the line is down: without the bridge's own answer the till would wait in vain."""

    async def story(shop: Shop) -> None:
        await shop.until(lambda: shop.device.services > 0)
        shop.device.unplug()
        await asyncio.sleep(0.5)
        sale = shop.ring()
        assert (sale.state, sale.reason) == (State.DECLINED, reasons.IN_SERVICE)
        shop.device.plug()
        await shop.until(lambda: shop.updated)

    play(story)


def test_a_cancelled_update_sells_within_seconds(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        shop.updates.order(TILL)
        await shop.until(lambda: len(shop.device.written) > 3 * CHUNK_MOST)
        shop.updates.cancel(TILL)
        await asyncio.sleep(2)
        await shop.selling()
        assert not shop.updated
        assert shop.authority.reports == []

    play(story, DAY)


@pytest.mark.parametrize("chunk", [0, 3, CHUNKS - 1], ids=["first", "middle", "last"])
def test_power_lost_at_a_chunk(play: Callable[..., None], chunk: int) -> None:
    """The board sells again at once, and the update goes on where it was."""

    async def story(shop: Shop) -> None:
        def cut(offset: int) -> bool:
            return offset == chunk * CHUNK_MOST and shop.device.services == 1

        shop.device.cut_at = cut
        await shop.until(lambda: shop.updated)
        assert shop.device.services == 3
        await asyncio.sleep(TAKES_S)
        assert shop.authority.reports == [(UpdateOutcome.INSTALLED, reasons.OK)]

    play(story)


def test_power_lost_in_the_trial(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        shop.device.deaf_to = {service_wire.SELF_TEST}
        await shop.until(lambda: shop.device.trial is not None)
        await asyncio.sleep(1)
        shop.device.deaf_to = set()
        shop.device.cut_power()
        await shop.until(lambda: shop.updated)
        await asyncio.sleep(TAKES_S)
        assert shop.authority.reports == [(UpdateOutcome.INSTALLED, reasons.OK)]

    play(story)


def test_a_bridge_that_restarts_goes_on_at_once(tmp_path: Path) -> None:
    """By day too: the receiver is in service mode, and its till cannot sell."""

    async def story() -> None:
        shop = Shop(tmp_path, DAY, None)
        with shop.bridge():
            await shop.up()
            shop.updates.order(TILL)
            await shop.until(lambda: len(shop.device.written) > 3 * CHUNK_MOST)
        before = len(shop.device.written)
        pieces = shop.authority.pieces
        with shop.bridge():
            await shop.up()
            await shop.until(lambda: shop.updated, TAKES_S)
            assert len(shop.device.written) > before
            assert shop.authority.pieces == pieces  # from the folder beside the journal
            await shop.until(lambda: bool(shop.authority.reports))

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(story())


def test_an_outcome_is_owed_over_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        shop = Shop(tmp_path, NIGHT, WINDOW)
        with shop.bridge():
            await shop.up()
            await shop.until(lambda: len(shop.device.written) > 3 * CHUNK_MOST)
            shop.authority.away = True
            await asyncio.sleep(2 * TAKES_S)
            assert shop.updated
            assert shop.authority.reports == []
        with shop.bridge():
            await shop.up()
            await asyncio.sleep(1)
            shop.authority.away = False
            await asyncio.sleep(2 * AGAIN_S)
            assert shop.authority.reports == [(UpdateOutcome.INSTALLED, reasons.OK)]

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(story())


def test_what_fails_again_and_again_is_given_up(play: Callable[..., None]) -> None:
    """Each receiver tries a release twice; then only a command does."""

    async def story(shop: Shop) -> None:
        shop.device.bad = True
        await asyncio.sleep(4 * ASK_S)
        assert (
            shop.authority.reports
            == [(UpdateOutcome.WENT_BACK, reasons.NOT_VERIFIED)] * FAILURES_MOST
        )
        await shop.selling()
        shop.device.bad = False
        await asyncio.sleep(QUIET_S)
        shop.updates.order(TILL)
        await shop.until(lambda: shop.updated)

    play(story)


def test_a_refusal_is_reported_with_its_reason(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        shop.device.refuses = {service_wire.UPDATE: reasons.NO_ROOM}
        await shop.until(lambda: bool(shop.authority.reports))
        assert shop.authority.reports[0] == (UpdateOutcome.FAILED, reasons.NO_ROOM)
        await shop.selling()

    play(story)


def damage_payload(authority: Publisher) -> None:
    authority.payload = PAYLOAD[:-1] + b"?"


def shorten_payload(authority: Publisher) -> None:
    authority.payload = PAYLOAD[:-1]


def sign_once(authority: Publisher) -> None:
    authority.signed = RELEASE.signed(releases.KEYS[0])


def sign_by_strangers(authority: Publisher) -> None:
    strangers = [key._replace(seed=sha256(key.seed).digest()) for key in releases.KEYS[:2]]
    authority.signed = RELEASE.signed(*strangers)


def give_another(authority: Publisher) -> None:
    authority.signed = releases.made(1).signed()


def cut_manifest(authority: Publisher) -> None:
    authority.signed = RELEASE.signed()[:-1]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (damage_payload, reasons.WRONG_HASH),
        (shorten_payload, reasons.WRONG_HASH),
        (sign_once, reasons.TOO_FEW_SIGNATURES),
        (sign_by_strangers, reasons.BAD_SIGNATURE),
        (give_another, reasons.WRONG_HASH),
        (cut_manifest, reasons.MALFORMED),
    ],
)
def test_the_bridge_trusts_nobodys_word(
    play: Callable[..., None], harm: Callable[[Publisher], None], reason: int
) -> None:
    """What is false never reaches a board; the till sells on, and the reason is counted."""

    async def story(shop: Shop) -> None:
        harm(shop.authority)
        shop.updates.order(TILL)
        await asyncio.sleep(AGAIN_S)
        assert shop.device.services == 0
        assert shop.service.receivers()[0].refusals[reason] >= 1
        assert not shop.service.receivers()[0].update_waits
        await shop.selling()

    play(story, DAY)


def test_a_receiver_left_in_service_mode_sells_again(play: Callable[..., None]) -> None:
    """The technician's laptop is gone: the till is answered at once, and after a while it sells."""

    async def story(shop: Shop) -> None:
        shop.device.restart(wire.Restart(0, 1))
        await shop.until(lambda: shop.service.receivers()[0].hello is not None)
        await asyncio.sleep(1)
        assert shop.ring().reason == reasons.IN_SERVICE
        await asyncio.sleep(LEFT_S + 5)
        await shop.selling()

    play(story, DAY)


def test_a_line_that_is_lost_for_long(play: Callable[..., None]) -> None:
    """It is no failure of the release: nothing is reported, and it goes on by itself."""

    async def story(shop: Shop) -> None:
        await shop.until(lambda: len(shop.device.written) > 3 * CHUNK_MOST)
        shop.device.unplug()
        await asyncio.sleep(1_000)
        assert shop.authority.reports == []
        shop.device.plug()
        await shop.until(lambda: shop.updated)
        await asyncio.sleep(TAKES_S)
        assert shop.authority.reports == [(UpdateOutcome.INSTALLED, reasons.OK)]

    play(story)


def test_a_folder_that_takes_nothing(play: Callable[..., None]) -> None:
    """Tills sell, and updates wait."""

    async def story(shop: Shop) -> None:
        (shop.folder / "updates").write_bytes(b"a file")
        shop.updates.order(TILL)
        await asyncio.sleep(2 * AGAIN_S)
        assert shop.device.services == 0
        await shop.selling()

    play(story, DAY)
