"""One visit at one till: pass events between bleak, buyer, authority and conversation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from typing import NamedTuple

from bleak.exc import BleakError

from receiver import reasons
from receiver.protocol import exchange
from simulator.phone.conversation.conversation import Conversation
from simulator.phone.conversation.events import (
    NO_ANSWER,
    Answered,
    Ask,
    Details,
    Gone,
    HangUp,
    Input,
    Outcome,
    Reconnect,
    Show,
    Tell,
    Unreached,
    View,
    Write,
)
from simulator.phone.transport.early import EarlyLink
from simulator.phone.transport.link import CONNECT_S, Link
from simulator.phone.transport.scan import Found

from .authority import PhonesAuthority
from .buyer import Buyer

Observer = Callable[["Step"], None]

_WRITTEN = {
    exchange.KEY: "key_written",
    exchange.CREDENTIAL: "credential_written",
    exchange.APPROVAL: "approval_written",
    exchange.LEAVE: "leave_written",
    exchange.RESUME: "resume_written",
}


class Step(NamedTuple):
    """A step for an observer. `at` is time.monotonic(), seconds."""

    name: str
    at: float
    details: Details


class Visit:
    """A conversation over one link, and over those that follow a lost one.

    `vanish` carries the phone out of range, where possible.
    """

    def __init__(
        self,
        conversation: Conversation,
        buyer: Buyer,
        authority: PhonesAuthority | None,
        observer: Observer,
        vanish: Callable[[], None] | None,
    ) -> None:
        self._conversation = conversation
        self._buyer = buyer
        self._authority = authority
        self._observer = observer
        self._vanish = vanish
        self._events: asyncio.Queue[Input] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._acting: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None

    async def run(self, found: Found, early: EarlyLink, connect_s: float) -> Outcome | None:
        """Visit a till; return the outcome, or None where no connection was made."""
        self._found, self._early = found, early
        self._link = self._take_link(connect_s)
        try:
            async with asyncio.TaskGroup() as self._group:
                try:
                    return await self._converse()
                finally:
                    for task in self._tasks:
                        task.cancel()
        finally:
            await self._link.close()

    async def _converse(self) -> Outcome | None:
        try:
            connected = await self._link.open()
        except (BleakError, TimeoutError) as error:
            self.tell("connect_failed", error=str(error) or type(error).__name__)
            return None
        self.tell("connected", mtu=connected.mtu)
        await self._handle(connected)
        if self._conversation.outcome is None:
            self._start(self._read(self._link))
        while self._conversation.outcome is None:
            await self._turn()
        return self._conversation.outcome

    async def _turn(self) -> None:
        """Handle one event, or the conversation's next deadline."""
        due = self._conversation.deadline()
        try:
            async with asyncio.timeout(None if due is None else max(0, due - now_ms()) / 1000):
                event = await self._events.get()
        except TimeoutError:
            self._conversation.expire(now_ms())
            await self._perform()
            return
        await self._handle(event)

    async def _handle(self, event: Input) -> None:
        self._conversation.handle(event, now_ms())
        await self._perform()

    async def _perform(self) -> None:
        while (action := self._conversation.poll()) is not None:
            if isinstance(action, Write):
                await self._write(action)
            elif isinstance(action, Show):
                self._show(action.view)
            elif isinstance(action, Ask):
                self._start(self._ask(action.approval_id))
            elif isinstance(action, Reconnect):
                self._returning = self._start(self._return())
            elif isinstance(action, HangUp):
                await self._hang_up()
            elif isinstance(action, Tell):
                self._tell_step(action)

    def _take_link(self, connect_s: float) -> Link:
        """Return a link to the till; what it says counts as long as no other has replaced it."""
        link = self._early.take(self._found, connect_s)
        link.on_event = lambda event: self._hear(link, event)
        return link

    def _hear(self, link: Link, event: Input) -> None:
        if link is self._link:
            self._events.put_nowait(event)

    async def _read(self, link: Link) -> None:
        try:
            self._hear(link, await link.read(self._conversation.certificate))
        except BleakError as error:
            self.tell("link_failed", error=str(error))
            self._hear(link, Gone())

    async def _return(self) -> None:
        """Connect to the same till again, without a scan, and read as the first time."""
        await self._link.close()
        tries = min(self._conversation.link.attempts, len(CONNECT_S))
        self._link = link = self._take_link(CONNECT_S[tries - 1])
        try:
            connected = await link.open()
        except (BleakError, TimeoutError) as error:
            self.tell("connect_failed", error=str(error) or type(error).__name__)
            await link.close()
            self._hear(link, Unreached())
            return
        self.tell("reconnected", mtu=connected.mtu)
        self._hear(link, connected)
        await self._read(link)

    def _tell_end(self) -> None:
        """Tell the outcome when the buyer sees it: closing the link takes longer."""
        outcome = self._conversation.outcome
        if outcome is not None:
            self.tell("ended", result=outcome.result, reason=reasons.name(outcome.reason))

    async def _hang_up(self) -> None:
        self._tell_end()
        if self._returning is not None:
            self._returning.cancel()
        await self._link.close()

    async def _write(self, action: Write) -> None:
        kind = action.data[0] if action.data else 0
        issued = time.monotonic()
        try:
            if kind == self._buyer.vanishes_at:
                await self._vanish_during(self._link.write(*action))
                return
            await self._link.write(*action)
        except BleakError as error:
            # At once, before the buyer's queued input: nothing is signed for a dead link.
            self.tell("link_failed", error=str(error))
            self._conversation.handle(Gone(), now_ms())
            return
        name = _WRITTEN.get(kind, "junk_written")
        details = {"size": len(action.data), "acknowledged": time.monotonic()}
        self._observer(Step(name, issued, details))

    async def _vanish_during(self, write: Coroutine[object, None, None]) -> None:
        writing = asyncio.create_task(write)
        await asyncio.sleep(0)  # the write begins
        self.tell("vanished")
        if self._vanish is None:
            await self._link.close()
        else:
            self._vanish()
            self._link.forget()
        writing.cancel()
        with suppress(asyncio.CancelledError, BleakError):
            await writing
        self._conversation.handle(Gone(again=False), now_ms())

    def _show(self, view: View) -> None:
        self.tell(view.kind, **view._asdict())
        if self._acting is not None:
            self._acting.cancel()
        self._acting = self._start(self._act(view))

    def _tell_step(self, step: Tell) -> None:
        """Tell a step; one who is checked in may say that it is the wrong till.

        The number comes from the advertisement: the certificate has none, and no offer is here yet.
        """
        if step.name == "checked_in":
            self.tell(step.name, **step.details, till=self._found.till)
            self._acting = self._start(self._stay())
        else:
            self.tell(step.name, **step.details)

    async def _stay(self) -> None:
        act = await self._buyer.stays(self._found.till)
        if act is not None:
            self._events.put_nowait(act)

    async def _act(self, view: View) -> None:
        async with aclosing(self._buyer.act(view)) as acts:
            async for act in acts:
                self._events.put_nowait(act)

    async def _ask(self, approval_id: bytes) -> None:
        self.tell("asks_authority", approval_id=approval_id.hex())
        answer = Answered(approval_id, NO_ANSWER)
        if self._authority is not None:
            answer = await self._authority.ask(approval_id)
        self.tell("authority_says", state=answer.state)
        self._events.put_nowait(answer)

    def _start(self, work: Coroutine[object, None, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.append(task)
        return task

    def tell(self, name: str, **details: object) -> None:
        self._observer(Step(name, time.monotonic(), details))


def now_ms() -> int:
    """Return monotonic milliseconds."""
    return int(time.monotonic() * 1000)
