"""One measured purchase: rung up, paid by this computer's phone, given back, recorded."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from receiver import reasons
from simulator.authority.storage.schema import PENDING, POSTED
from simulator.phone.app.app import Adapter, PhoneApp
from simulator.phone.app.authority import AuthorityClient
from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.phone.conversation.events import NO_ANSWER, Outcome
from simulator.phone.wallet.wallet import Wallet
from simulator.tools.promise import marks
from simulator.tools.promise.record import NOT_PAID, PAID, UNKNOWN, Mark, Outcomes, Record

from .till_side import TillSays, TillSide
from .typist import MeasuredBuyer

PATIENCE_S = 30.0  # of the buyer; a slow phone pays within ten
APPROVED = (events.APPROVED, events.ACCEPTED)


class Setting(NamedTuple):
    """What all purchases of a measurement have in common."""

    air: str
    profile: str
    wallet: Wallet
    radio: Adapter
    code: str
    typing_s: float


class MeasuredPurchase:
    """A purchase; `checked_in` brings the phone near before it is rung up."""

    def __init__(self, setting: Setting, till: TillSide, number: int, *, checked_in: bool) -> None:
        self._setting = setting
        self._till = till
        self._number = number
        self._checked_in = checked_in
        self._buyer = MeasuredBuyer(setting.code, till.number, setting.typing_s)
        self._steps: list[Step] = []
        self._near = asyncio.Event()

    async def run(self) -> Record:
        """Make it and give it back; raises what the till's side and bleak raise."""
        phone = PhoneApp(self._setting.wallet, self._setting.radio, observer=self._observe)
        if not self._checked_in:
            await self._till.ring_up()
        buying = asyncio.create_task(phone.buy(self._buyer, patience_s=PATIENCE_S))
        said = TillSays(outcome=NOT_PAID)
        try:
            if await self._is_rung(buying):
                try:
                    outcome = await buying
                finally:
                    said = await self._till.ended()
            outcome = await buying
        finally:
            buying.cancel()
        authority = await self._authority_says(outcome)
        await self._till.give_back()
        return self._record(outcome, said, authority)

    async def _is_rung(self, buying: asyncio.Task[Outcome]) -> bool:
        """Ring up once the phone has checked in; return False where it ended before that."""
        if not self._checked_in:
            return True
        await _first(buying, self._near)
        if not self._near.is_set():
            return False
        await self._till.ring_up()
        return True

    def _observe(self, step: Step) -> None:
        self._steps.append(step)
        if step.name == "checked_in":
            self._near.set()

    def _record(self, outcome: Outcome, said: TillSays, authority: str) -> Record:
        buyer, phone = self._buyer, _phone_says(outcome)
        why = reasons.name(outcome.reason) if phone != PAID else ""
        return Record(
            air=self._setting.air,
            profile=self._setting.profile,
            seed=0,
            number=self._number,
            till=self._till.number or (buyer.view.till if buyer.view else 0),
            checked_in=self._near.is_set() and self._checked_in,
            held=self._at("scanning"),
            offered=said.offered,
            asked=buyer.asked,
            shown=buyer.shown,
            first_digit=buyer.first_digit,
            last_digit=buyer.last_digit,
            approved_phone=self._at("ended") if phone == PAID else None,
            approved_till=said.approved,
            lost=self._at("link_lost"),
            resumed=self._at("resumed"),
            authority_s=said.authority_s,
            typed_twice=buyer.typed > 1,
            wrong_till=buyer.wrong is not None,
            wrong_approvable=self._is_approvable(),
            outcomes=Outcomes(phone, said.outcome or authority, authority),
            reason=" ".join(filter(None, [outcome.result if why else "", why, said.reason])),
            steps=self._marks(said),
        )

    def _at(self, name: str) -> float | None:
        """Return when the phone first did this."""
        return next((step.at for step in self._steps if step.name == name), None)

    def _marks(self, said: TillSays) -> list[Mark]:
        own = [mark for step in self._steps for mark in marks.of_phone(step)]
        return sorted([*own, *said.marks], key=lambda mark: mark.at)

    def _is_approvable(self) -> bool:
        wrong, right = self._buyer.wrong, self._buyer.view
        return wrong is not None and right is not None and wrong.match_code == right.match_code

    async def _authority_says(self, outcome: Outcome) -> str:
        """Ask the authority about the approval, as the phone itself could."""
        if not outcome.approval_id:
            return NOT_PAID
        wallet = self._setting.wallet
        async with AuthorityClient(wallet.authority, wallet.ca, wallet.token) as authority:
            state = (await authority.ask(outcome.approval_id)).state
        if state == NO_ANSWER:
            return UNKNOWN
        return PAID if state in (PENDING, POSTED) else NOT_PAID


def _phone_says(outcome: Outcome) -> str:
    if outcome.result in APPROVED:
        return PAID
    return UNKNOWN if outcome.result == events.UNKNOWN else NOT_PAID


async def _first(buying: asyncio.Task[Outcome], near: asyncio.Event) -> None:
    """Wait until the phone has checked in, or has ended without."""
    checking = asyncio.create_task(near.wait())
    try:
        await asyncio.wait([buying, checking], return_when=asyncio.FIRST_COMPLETED)
    finally:
        checking.cancel()
