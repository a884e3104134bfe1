"""A virtual board: what comes while it is busy waits and is not lost, and a reset forgets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.device import ble as names
from firmware.device import slots
from firmware.device.boot import SEQUENCE_FIRST
from receiver.core import io
from receiver.core.identity import SEQUENCE_BLOCK
from receiver.link import wire
from receiver.protocol import gatt, messages, signed
from receiver.protocol.enrolment import STORED_NAME
from simulator.hardware.radio.model.chip import CHIP
from simulator.virtual.board import VirtualBoard
from simulator.virtual.interpreter import BoardFiles, at_work, micropython
from tests.simulator.virtual.conftest import TILLS, Run, Store
from tests.simulator.virtual.hand_radio import LINK, OFFER

if TYPE_CHECKING:
    from receiver.core.io import Event

TILL = TILLS[0]


class Handled:
    """What the core of a board handles, and when."""

    def __init__(self, board: VirtualBoard, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[float, Event]] = []
        assert board.receiver is not None
        handle = board.receiver.handle

        def noted(event: Event, now: int) -> None:
            self.events.append((asyncio.get_running_loop().time(), event))
            handle(event, now)

        monkeypatch.setattr(board.receiver, "handle", noted)

    def times(self, *kinds: type) -> list[float]:
        return [at for at, event in self.events if isinstance(event, kinds)]


def test_a_busy_board_takes_events_late_and_loses_none(
    run: Run, new_store: type[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it signs an offer a phone connects, and the bridge speaks."""

    async def work() -> None:
        store = new_store(CHIP._replace(slice_most=10 * CHIP.slice_most))  # one slice, 40 ms
        async with store.shop as shop:
            board, radio = shop.boards[TILL], store.radios[TILL]
            await asyncio.sleep(2)
            handled = Handled(board, monkeypatch)
            await shop.tills[TILL].ring(1000, 25)
            while board.receiver and not board.receiver.busy():  # noqa: ASYNC110 - virtual
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.005)
            came = asyncio.get_running_loop().time()
            for _ in range(2):
                radio.interrupt(names.IRQ_CENTRAL_CONNECT, LINK)
                radio.interrupt(names.IRQ_MTU_EXCHANGED, LINK, gatt.MTU)
                radio.interrupt(names.IRQ_CENTRAL_DISCONNECT, LINK)
            shop.service.sessions[TILL].link.send(
                wire.IDENTIFY, wire.encode(wire.IDENTIFY, wire.Identify(1))
            )
            await asyncio.sleep(1)
            kinds = (io.Connected, io.MtuAgreed, io.Disconnected)
            taken = handled.times(*kinds)
            assert len(taken) == 6
            assert min(taken) - came > 0.02
            assert min(taken) - came < 0.1
            events = [event for _, event in handled.events if isinstance(event, io.WireMessage)]
            assert wire.IDENTIFY in [event.channel for event in events]
            assert radio.values[OFFER]

    run(work())


def test_a_resting_board_looks_once_a_tick(
    run: Run, new_store: type[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    handling_s = CHIP.ms(CHIP.turn + CHIP.event) / 1000

    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            await asyncio.sleep(2)
            handled = Handled(shop.boards[TILL], monkeypatch)
            late = []
            for number in range(20):
                await asyncio.sleep(0.1037)
                came = asyncio.get_running_loop().time()
                event = names.IRQ_CENTRAL_DISCONNECT if number % 2 else names.IRQ_CENTRAL_CONNECT
                store.radios[TILL].interrupt(event, LINK)
                await asyncio.sleep(0.1)
                late.append(handled.times(io.Connected, io.Disconnected)[-1] - came)
            tick_s = CHIP.tick_ms / 1000
            assert handling_s <= min(late) < handling_s + tick_s / 4
            assert handling_s + 3 * tick_s / 4 < max(late) <= handling_s + tick_s + 1e-4

    run(work())


def test_a_reset_forgets_all_but_the_store(run: Run, new_store: type[Store]) -> None:
    """The bridge has it make another offer, whose number was never used."""

    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            board = shop.boards[TILL]
            sale = await shop.tills[TILL].ring(1000, 25)
            await asyncio.sleep(1)
            before, first = board.receiver, store.radios[TILL].values[OFFER]
            assert before is not None
            kept = board.store[STORED_NAME]
            board.reset()
            assert not board.is_running
            await asyncio.sleep(3)
            after = board.receiver
            assert after is not None
            assert after is not before
            assert after.identity.receiver_id == before.identity.receiver_id
            assert board.store[STORED_NAME] == kept
            assert board.starts == 2
            hello = shop.service.sessions[TILL].link.hello
            assert hello is not None
            assert hello.reset_cause == wire.RESET_POWER
            numbers = [
                signed.parse(messages.OFFER, data).value.sequence
                for data in (first, store.radios[TILL].values[OFFER])
            ]
            assert numbers == [SEQUENCE_FIRST, SEQUENCE_FIRST + SEQUENCE_BLOCK]
            await sale.cancel()
            assert (await sale.ended()).state == "cancelled"

    run(work())


def test_an_ordered_restart_is_a_planned_one(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            link = shop.service.sessions[TILL].link
            link.send(wire.RESTART, wire.encode(wire.RESTART, wire.Restart(0, 0)))
            await asyncio.sleep(3)
            assert shop.boards[TILL].starts == 2
            assert link.hello is not None
            assert link.hello.reset_cause == wire.RESET_PLANNED

    run(work())


class _Board:
    def __init__(self) -> None:
        self.files = BoardFiles()
        self.collections = 0

    def collect(self) -> None:
        self.collections += 1


def test_each_board_has_its_own_files() -> None:
    one, other = _Board(), _Board()
    with micropython(), at_work(one):
        slots.write(slots.CRASHES, "x")
        slots.write(slots.TRIAL, "b")
        slots.settle()
        assert slots.read(slots.SLOT) == "b"
        assert not slots.is_whole(1)
        with at_work(other):
            assert slots.read(slots.CRASHES) == ""
        assert slots.read(slots.CRASHES) == "x"
    assert one.files == {slots.CRASHES: "x", slots.SLOT: "b"}
    assert other.files == {}
