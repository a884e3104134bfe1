"""A buyer beside one receiver: a real phone's messages, without a radio and without a screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine

from receiver.core import io
from receiver.crypto import host
from receiver.protocol import exchange, gatt, messages, validation
from receiver.protocol.messages import Receipt
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.wallet import Wallet

from .board import Board
from .http import LoadError

FIRST_DIGIT_S = 0.1  # after the offer is shown
LAST_DIGIT_S = 0.3  # people take longer, with the same result
_LINK = 0  # the only connection


class LoadBuyer:
    """A buyer who approves every offer, always with the phone's one credential."""

    def __init__(
        self,
        board: Board,
        wallet: Wallet,
        spawn: Callable[[Coroutine[None, None, None]], object],
    ) -> None:
        self.receipts: list[Receipt] = []  # of every approval, verified
        self._board = board
        self._maker = Maker(wallet)
        self._wallet = wallet
        self._credential = wallet.take_credential(self._maker.recipient, int(time.time()))
        self._spawn = spawn
        self._certificate = board.identity.certificate_data
        self._holder = validation.certificate(host, wallet.pins, self._certificate, None)
        self._answer: asyncio.Future[bytes] | None = None

    # From the receiver (`board.AirListener`).

    def shown(self, offer: bytes) -> None:
        if offer:
            self._spawn(self._buy(offer))

    def notified(self, data: bytes) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(data)

    def cut(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(LoadError("the receiver cut the phone off"))

    # The visit.

    async def _buy(self, data: bytes) -> None:
        offered = validation.offer(host, self._holder, self._certificate, data)
        self._answer = asyncio.get_running_loop().create_future()
        joined = (io.Connected(_LINK), io.MtuAgreed(_LINK, gatt.MTU_LEAST))
        self._board.feed(*joined, *_written(self._maker.show(offered)))
        await asyncio.sleep(FIRST_DIGIT_S)
        shown = self._maker.seal(offered, exchange.CREDENTIAL, self._credential)
        self._board.feed(*_written([shown]))
        await asyncio.sleep(LAST_DIGIT_S - FIRST_DIGIT_S)
        now = int(time.time())
        done = self._maker.complete(offered, self._credential, DEMO_CODE, now)
        self._board.feed(*_written(done.writes))
        kind, body = _split(await self._answer)
        if kind != exchange.RESULT:
            raise LoadError(f"the receiver refused with code {self._refusal(body)}")
        receipt = self._wallet.check_receipt(done.pending, self._maker.result(body))
        self._wallet.settle(done.pending)
        if receipt.outcome != messages.APPROVED:
            raise LoadError(f"the authority declined: reason {receipt.reason}")
        self.receipts.append(receipt)
        self._board.feed(io.Disconnected(_LINK))

    def _refusal(self, body: bytes) -> int:
        """Return a code of `exchange`: plain before there is a key, else sealed."""
        return body[0] if len(body) == 1 else self._maker.refusal(body)


def _written(writes: list[bytes]) -> list[io.Written]:
    return [io.Written(_LINK, data) for data in writes]


def _split(data: bytes) -> tuple[int, bytes]:
    return data[0], data[1:]
