"""A buyer with a phone, who holds it to a receiver until the purchase went through."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from simulator.crypto import code_proof
from tests.crash.counter import APPROVED, PROVISIONAL
from tests.support.values import evidence

if TYPE_CHECKING:
    from tests.crash.counter import Counter
    from tests.crash.template import Holder

TYPES_S = 2.0
RIGHT, WRONG = "right", "wrong"
_WRONG_K = bytes((0xEE,)) * code_proof.KEY_SIZE


class Buyer:
    """One phone, one credential."""

    def __init__(self, holder: Holder) -> None:
        self.credential = holder.credential
        self.approved: list[bytes] = []  # approval ids, as they were signed
        self._holder = holder
        self._counter = 0

    def approve(self, counter: Counter, code: str = RIGHT) -> tuple[bytes, bytes]:
        """An approval of the offer that is shown, and its id."""
        self._counter += 1
        certificate, offer = counter.certificate, counter.offer
        k = self._holder.k if code == RIGHT else _WRONG_K
        approval = evidence.approval(
            self._holder.seed, certificate, offer, self.credential, k=k, counter=self._counter
        )
        name = evidence.approval_id(certificate, offer, self.credential, approval)
        self.approved.append(name)
        return approval, name

    async def pay(self, counter: Counter, *codes: str, link: int = 0) -> None:
        """Type these codes, one for each offer, and then the right one, until a receipt says yes.

        This phone is as bad as one can be: it does not wait to hear what became of its last
        approval.
        """
        left, seen = list(codes), b""
        while True:
            while not counter.offer or counter.offer == seen:
                await counter.shown.wait()
            seen = counter.offer
            counter.present(link, self)
            await asyncio.sleep(TYPES_S)
            if counter.offer != seen:
                continue
            approval, name = self.approve(counter, left.pop(0) if left else RIGHT)
            if not counter.approve(link, self, approval, name):
                continue
            while counter.offer == seen and name not in counter.told:
                await counter.shown.wait()
            if counter.told.get(name) in (APPROVED, PROVISIONAL):
                return
