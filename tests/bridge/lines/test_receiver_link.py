"""What is put off while a line lives is void in its next life."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from bridge.lines.receiver_link import ReceiverLink
from bridge.lines.reconnect import Reconnect
from receiver import reasons
from receiver.host.backoff import Backoff
from receiver.link import wire
from tests.support.bridge.device import PATIENCE_S, Device
from tests.support.values import evidence


class Heard:
    """The bridge's side: what the receiver said, acknowledged by the test alone."""

    def __init__(self) -> None:
        self.up: asyncio.Queue[wire.ReceiverHello] = asyncio.Queue()
        self.refusals: asyncio.Queue[int] = asyncio.Queue()
        self.said: asyncio.Queue[int] = asyncio.Queue()

    def link_up(self, hello: wire.ReceiverHello) -> None:
        self.up.put_nowait(hello)

    def link_down(self) -> None: ...

    def delivered(self, channel: int) -> None: ...

    def message(self, channel: int, payload: bytes, accept: Callable[[], None]) -> None:
        self.accept = accept
        self.said.put_nowait(channel)

    def refused(self, reason: int, detail: str) -> None:
        self.refusals.put_nowait(reason)


class Line:
    running: asyncio.Task[None]

    def __init__(self) -> None:
        self.heard = Heard()
        self.device = Device(evidence.seed("receiver"), b"", evidence.RECEIVER_ID)
        self.link = ReceiverLink(
            till=3,
            opener=self.device,
            bridge_id=b"bridge01",
            receiver_id=evidence.RECEIVER_ID,
            reconnect=Reconnect(Backoff(1, 1, random.random)),
            listener=self.heard,
        )

    async def says(self) -> int:
        return await asyncio.wait_for(self.heard.said.get(), PATIENCE_S)

    async def lives_again(self) -> None:
        """The receiver restarts: another life of the line, and its SYNC."""
        self.device.reboot()
        await asyncio.wait_for(self.heard.up.get(), PATIENCE_S)
        assert await self.says() == wire.SYNC


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    one = Line()
    one.running = asyncio.create_task(one.link.run())
    await asyncio.wait_for(one.heard.up.get(), PATIENCE_S)
    assert await one.says() == wire.SYNC
    yield one
    assert one.heard.refusals.empty()
    one.running.cancel()
    with suppress(asyncio.CancelledError):
        await one.running


async def test_an_acceptance_is_of_one_message(line: Line) -> None:
    """Said late, it accepts what it was made for, and nothing that came in its place."""
    late = line.heard.accept
    await line.lives_again()
    line.device.send(wire.PHONE, wire.Phone(bytes(32), 0, wire.PHONE_SHOWN, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.device, "write", _unexpected)
        late()
    line.heard.accept()  # the SYNC of this life
    assert await line.says() == wire.PHONE


def _unexpected(data: bytes) -> None:
    raise AssertionError(data)


async def test_what_was_to_be_sent_is_of_one_life(line: Line) -> None:
    """The receiver's SYNC in the next one brings all that it is to know."""
    line.heard.accept()
    cancel = wire.encode(wire.CANCEL, wire.Cancel(bytes(8), 1))
    late = partial(line.link.send_after, line.link.hello, wire.CANCEL, cancel)
    late()
    assert (await line.device.heard(wire.CANCEL)).reason == 1
    await line.lives_again()
    line.heard.accept()
    late()
    line.link.send(wire.CANCEL, wire.encode(wire.CANCEL, wire.Cancel(bytes(8), 2)))
    assert (await line.device.heard(wire.CANCEL)).reason == 2


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"receiver_id": bytes(8), "fault": reasons.CRASH_LOOP}, None),
        ({"receiver_id": bytes(8), "fault": reasons.OK}, reasons.WRONG_RECEIVER),
        ({"receiver_id": b"stranger", "fault": reasons.CRASH_LOOP}, reasons.WRONG_RECEIVER),
    ],
)
async def test_a_receiver_that_does_not_know_who_it_is_may_say_why(
    line: Line, says: dict[str, Any], reason: int | None
) -> None:
    line.device.reboot(**says)
    if reason is None:
        hello = await asyncio.wait_for(line.heard.up.get(), PATIENCE_S)
        assert hello.fault == reasons.CRASH_LOOP
    else:
        assert await asyncio.wait_for(line.heard.refusals.get(), PATIENCE_S) == reason
        assert line.link.hello is None


async def test_the_log_tells_why_it_started_and_warns_of_a_fault(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    for fault, level in ((reasons.OK, "INFO"), (reasons.STORE_FAILED, "WARNING")):
        caplog.clear()
        with caplog.at_level("INFO"):
            line.device.reboot(fault=fault, reset_cause=wire.RESET_BROWN_OUT, crashes=2)
            await asyncio.wait_for(line.heard.up.get(), PATIENCE_S)
        (record,) = (one for one in caplog.records if one.message == "receiver up")
        assert record.levelname == level
        said = record.__dict__["fields"]
        assert (said["cause"], said["crashes"]) == ("brown_out", 2)
        assert (said["fault"], said["board"]) == (reasons.name(fault), "scripted")


async def test_a_port_that_cannot_be_closed_does_not_keep_the_bridge_from_ending(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's error must not take the place of the cancellation: `run` would go on."""

    async def strike() -> None:
        raise SystemError("a driver's")

    monkeypatch.setattr(line.device, "close", strike)
    line.running.cancel()
    await asyncio.wait({line.running}, timeout=PATIENCE_S)
    assert line.running.cancelled()
