"""Provisioning of a receiver: its certificate, and the authority's time and limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.authority.client import RefusedError, UnansweredError
from bridge.authority.retry import OUTBOX_MOST_S, Waits
from bridge.observability.logs import Log
from receiver.errors import Error
from receiver.link import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.verification import Evidence
    from bridge.lines.receiver_link import ReceiverLink

    from .ports import Surroundings
    from .stand_in import StandInHere

STATE_LEAST_S = 1.0  # a receiver that sends HELLO all the time causes one request in this time
STATE_AGAIN_S = 3600.0  # between two requests for limits, if purchases may be accepted offline

_log = Log(__name__)


class Provisioning:
    """Provisions one receiver; `refused` gets the reason of a failed request or answer."""

    def __init__(
        self,
        *,
        till: int,
        evidence: Evidence,
        link: ReceiverLink,
        stand_in: StandInHere,
        around: Surroundings,
        refused: Callable[[int, str], None],
    ) -> None:
        self._till = till
        self._evidence = evidence
        self._link = link
        self._stand_in = stand_in
        self._around = around
        self._refused = refused
        self._bringing: asyncio.Task[None] | None = None
        self._brought_at = -STATE_LEAST_S  # when the state was last asked for (monotonic s)

    def begin(self, hello: wire.ReceiverHello) -> None:
        """Begin for a receiver that has come up."""
        self.bring_certificate()
        self._stand_in.recall(hello.nonce)
        if self._bringing:
            self._bringing.cancel()
        self._bringing = self._around.spawn(self._link.serve(self._bring_state, hello))

    def bring_certificate(self) -> None:
        """Send the certificate that its offers are checked against, as it may be a new one."""
        blob = wire.Blob(self._evidence.certificate)
        self._link.send(wire.CERTIFICATE, wire.encode(wire.CERTIFICATE, blob))

    async def _bring_state(self, hello: wire.ReceiverHello) -> None:
        """Send the authority's time and limits to a receiver that came up, and again later."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._brought_at + STATE_LEAST_S - clock())
        self._brought_at = clock()
        while self._link.hello is hello:
            waits = Waits(OUTBOX_MOST_S)
            failure = await self._bring_state_once(hello)
            while failure and self._link.hello is hello:
                await asyncio.sleep(waits.next_s(failure))
                failure = await self._bring_state_once(hello)
            if not self._around.offline:
                return
            await asyncio.sleep(STATE_AGAIN_S)

    async def _bring_state_once(self, hello: wire.ReceiverHello) -> Exception | None:
        """Send the state once; return the failure, None if it is done."""
        try:
            data = await self._stand_in.ask(self._around.authority, hello.nonce)
        except UnansweredError as error:
            if self._link.may_log("no state"):
                _log.info("no state", till=self._till, detail=str(error))
            return error
        except RefusedError as error:
            self._refused(error.reason, "state: " + error.detail)
            return error
        except Error as error:
            self._refused(error.code, "state: " + error.detail)
            return error
        if self._link.hello is hello:
            self._link.send(wire.STATE, wire.encode(wire.STATE, wire.Blob(data)))
        return None
