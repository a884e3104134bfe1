"""The way of one board from any state to a receiver that sells, safe to repeat after any cut.

Every step asks board and authority where they stand; what they have done is not done again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from bridge.authority.enrolment_client import EnrolmentFailedError, UnreachableError
from bridge.authority.enrolment_messages import WAIT_MOST_S, Stage, TicketKind
from firmware.tools.board_line import BoardLineError, BoardLostError
from receiver import reasons
from receiver.host import words
from receiver.link import service_wire
from receiver.protocol import enrolment, signed

from . import bridge_config, proofs
from .label import Label
from .state import EnrolmentState, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.authority.enrolment_client import TicketHolder
    from bridge.authority.enrolment_messages import EnrolmentBegun, EnrolmentView
    from firmware.tools.board_line import BoardLine
    from receiver.link.service_wire import Identity

T = TypeVar("T")

ORDER_TRIES = 3  # a plug that is touched may come off more than once
KEY_S = 20.0  # ENROL starts the radio, draws a key and signs: some 2 s on a chip
INSTALL_S = 20.0  # two checks of signatures, one write, one signature: some 2 s on a chip
SELLING_S = 30.0  # from RESTART to the HELLO of a receiver that sells
AGAIN_S = 2.0  # between two tries to reach the authority
AWAY_S = 120.0  # of an authority without answer: a router that starts anew takes one minute


class Told(Protocol):
    """Who hears how far it is."""

    def step(self, text: str) -> None:
        """Hear what is done next."""

    def compare(self, six: list[str]) -> None:
        """Hear the words that the second person must find at the authority."""


class Asked(NamedTuple):
    """What is to be enrolled, and with which ticket."""

    ticket: str
    store: int
    till: int
    state: Path
    config: Path | None = None  # of the bridge that is to get the receiver


class Enrolled(NamedTuple):
    """A receiver that is enrolled, and what its bridge needs."""

    state: EnrolmentState
    certificate: bytes
    pins: bytes
    words: list[str]
    board: str

    @property
    def receiver_id(self) -> bytes:
        return self.state.begun.terms.receiver_id or b""

    @property
    def label(self) -> Label:
        terms = self.state.begun.terms
        return Label(terms.store, terms.store_name, terms.till or 0, self.receiver_id)


class ReceiverEnrolment:
    """One board, one ticket."""

    def __init__(self, line: BoardLine, holder: TicketHolder, asked: Asked, told: Told) -> None:
        self._line = line
        self._holder = holder
        self._asked = asked
        self._told = told

    async def run(self) -> Enrolled:
        """Enrol; raises BoardLineError or EnrolmentFailedError, and may then be run again."""
        state = await self._begun()
        if self._asked.config is not None:
            bridge_config.check(self._asked.config, bytes.fromhex(state.begun.pins))
        self._told.step("bring the board into service mode, and let it make its key")
        least = await self._least_release(state.begun)
        state, request = await self._requested(state)
        six = words.six(state.request, bytes.fromhex(state.begun.pins))
        view = await self._decided(state, six)
        certificate = bytes.fromhex(view.certificate or "")
        proofs.certificate(certificate, state.begun, request.key)
        self._told.step("install certificate and keys")
        echo = await self._installed(state, request, certificate, least)
        self._told.step("hand the board's signed echo to the authority")
        await self._reached(lambda: self._holder.installed(state.begun.enrolment_id, echo))
        pinned = bytes.fromhex(state.begun.pins)
        return Enrolled(state, certificate, pinned, six, request.board)

    async def sell(self, enrolled: Enrolled) -> None:
        """Start the board anew, and wait until it sells as this receiver."""
        self._told.step("start the board anew, to sell")
        hello = await self._line.restart(service=False, within_s=SELLING_S)
        if hello.receiver_id != enrolled.receiver_id:
            raise BoardLineError("the board says another receiver id than it was given")
        if hello.fault:
            raise BoardLineError(
                f"the board is enrolled but does not sell: {reasons.name(hello.fault)}; "
                "see `tillsign receiver doctor`"
            )

    async def _begun(self) -> EnrolmentState:
        asked = self._asked
        known = EnrolmentState.load(asked.state, asked.ticket)
        if known is not None:
            return known
        self._told.step("show the ticket to the authority")
        begun = await self._reached(
            lambda: self._holder.begin(TicketKind.RECEIVER, asked.store, asked.till)
        )
        state = EnrolmentState(hash_of(asked.ticket), begun)
        state.keep(asked.state)
        return state

    async def _requested(self, state: EnrolmentState) -> tuple[EnrolmentState, enrolment.Request]:
        """Get the board's request; the same challenge gives the same one."""
        order = service_wire.Enrol(bytes(state.begun.challenge))
        answer = await self._ask(service_wire.ENROL, order, service_wire.ENROLMENT, KEY_S)
        data: bytes = answer.data
        value = proofs.request(data, state.begun.challenge)
        if state.request and state.request != data:
            raise BoardLineError(
                "this is another board than the one that the ticket began with, or that one was "
                "reset: plug the first one in, or have the enrolment rejected and take a new ticket"
            )
        if not state.request:
            state = state._replace(request=data)
            state.keep(self._asked.state)
        return state, value

    async def _decided(self, state: EnrolmentState, six: list[str]) -> EnrolmentView:
        """Hand the request in and wait for the second person."""
        id_ = state.begun.enrolment_id
        view = await self._reached(lambda: self._holder.outcome(id_))
        if view.stage is Stage.BEGUN:
            view = await self._reached(lambda: self._holder.request(id_, state.request))
        if view.words != six and view.stage is not Stage.REJECTED:
            raise EnrolmentFailedError(
                "the authority has another board's request under this ticket: "
                "have it rejected, and take a new ticket"
            )
        if view.stage is Stage.REQUESTED:
            self._told.compare(six)
        while view.stage is Stage.REQUESTED:
            view = await self._reached(lambda: self._holder.outcome(id_, WAIT_MOST_S))
        if view.stage is Stage.REJECTED:
            raise EnrolmentFailedError(
                "the second person rejected it: find out why, and ask for a new ticket"
            )
        return view

    async def _least_release(self, begun: EnrolmentBegun) -> int:
        """Return the least firmware for this board, which never goes down.

        Raises BoardLineError for a board that another authority has: it would refuse later.
        """
        found: Identity = await self._ask(
            service_wire.READ, service_wire.Read(), service_wire.IDENTITY, KEY_S
        )
        if found.pins and found.pins != bytes.fromhex(begun.pins):
            raise BoardLineError(
                "the board belongs to another authority, or this one has new keys: reset it "
                "first, `tillsign receiver reset`, with its button held"
            )
        return max(begun.least_release, found.least_release)

    async def _installed(
        self,
        state: EnrolmentState,
        request: enrolment.Request,
        certificate: bytes,
        least: int,
    ) -> bytes:
        """Install everything at once; return the board's signed echo."""
        begun, till = state.begun, state.begun.terms.till or 0
        pinned = bytes.fromhex(begun.pins)
        order = service_wire.Install(certificate, pinned, till, least)
        answer = await self._ask(service_wire.INSTALL, order, service_wire.INSTALLED, INSTALL_S)
        wanted = enrolment.Installed(
            enrolment.VERSION,
            bytes(begun.challenge),
            signed.digest(certificate),
            signed.digest(pinned),
            till,
            least,
        )
        echo: bytes = answer.data
        proofs.echo(echo, request.key, wanted)
        return echo

    async def _ask(self, channel: int, order: object, answer: int, within_s: float) -> Any:
        """Give the board an order in service mode, which it leaves by itself after some minutes.

        Each may be repeated: it is given again where the board started anew in the middle.
        """
        for _ in range(ORDER_TRIES):
            await self._line.into_service()
            try:
                return await self._line.ask(channel, order, answer, within_s)
            except BoardLostError as error:
                lost = error
                self._told.step("the board started anew in the middle; give the order again")
        raise lost

    async def _reached(self, call: Callable[[], T]) -> T:
        """Ask the authority, again while it does not answer; raises EnrolmentFailedError."""
        clock = asyncio.get_running_loop().time
        until, silent = clock() + AWAY_S, False
        while True:
            try:
                return await asyncio.to_thread(call)
            except UnreachableError as error:
                if clock() >= until:
                    raise
                if not silent:
                    self._told.step(f"wait for the authority: {error}")
                silent = True
            await asyncio.sleep(AGAIN_S)
