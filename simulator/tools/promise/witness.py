"""What is seen of a purchase while it is made: its record grows step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from simulator.phone.conversation import events

from . import marks
from .record import PHONE, TILL, Mark, Record

if TYPE_CHECKING:
    from simulator.phone.app.visit import Step
    from simulator.phone.conversation.events import View
    from simulator.virtual.till import VirtualSale

PAYING = (events.APPROVED, events.ACCEPTED)

Said = tuple[float, str]  # when, and by whom what


class PurchaseWitness:
    """Fills the record in. `on_shown` is called when this till's offer is first on the screen."""

    def __init__(
        self, record: Record, offered: Callable[[], float | None], on_shown: Callable[[], None]
    ) -> None:
        self.record = record
        self.typed: Callable[[], int] = lambda: 0  # digits that the buyer has typed
        self._offered = offered
        self._on_shown = on_shown
        self._said: list[Said] = []
        self._wrong: View | None = None  # another till's screen, before this one's

    def step(self, step: Step) -> None:
        """Take a step of the phone's app."""
        record = self.record
        record.steps.extend(marks.of_phone(step))
        self._said.append((step.at, f"phone {step.name} {dict(step.details)}"))
        if step.name == "resumed" and record.lost is not None:
            record.resumed = record.resumed or step.at
        elif step.name == "ended" and step.details["result"] in PAYING:
            record.approved_phone = step.at

    def system(self, name: str) -> None:
        """Take what the phone's own software has done."""
        record, now = self.record, _now()
        record.steps.append(Mark(PHONE, name, now))
        self._said.append((now, f"phone's system {name}"))
        if name == "link_lost" and record.shown is not None and record.approved_phone is None:
            record.lost = record.lost or now

    def buyer(self, what: str, view: View) -> None:
        """Take what the buyer sees and does."""
        record, now = self.record, _now()
        self._said.append((now, f"buyer {what}: till {view.till}, {view.amount}"))
        if what == "foreign" and view.till != record.till and record.shown is None:
            record.wrong_till = True
            self._wrong = self._wrong or view
        elif what == events.ASKED:
            record.asked = record.asked or now
        elif what == events.SHOWN and record.shown is None:
            self._shown(view, now)
        elif what == events.SHOWN and record.lost is not None and not self.typed():
            record.resumed = record.resumed or now
        elif what == "typed again":
            record.typed_twice = True
            record.resumed = None  # with the last digit
        elif what == "first digit":
            record.first_digit = record.first_digit or now
        elif what == "last digit":
            record.last_digit = now
            if record.lost is not None:
                record.resumed = record.resumed or now

    def till_approved(self) -> None:
        self.record.approved_till = _now()
        self.record.steps.append(Mark(TILL, "approved", _now()))

    def end(self, sale: VirtualSale | None, written: Iterable[Mark]) -> None:
        """Add what bridge and receiver know at the end."""
        record = self.record
        if record.lost is not None:  # behind the last digit it goes on by itself, or is asked about
            record.resumed = record.resumed or record.approved_phone
        if sale is not None:
            stamps = sale.steps()
            record.steps.extend(marks.of_bridge(stamps))
            record.authority_s = marks.waited_s(stamps)
        record.steps.extend(written)
        record.steps.sort(key=lambda mark: mark.at)

    def transcript(self, heard: Callable[[float], Iterable[Said]]) -> list[str]:
        """Return what all have done, by time; `heard` yields the receiver's, from a time on."""
        said = [*self._said, *heard(min((at for at, _ in self._said), default=0.0))]
        others = (mark for mark in self.record.steps if mark.by != PHONE)
        said += [(mark.at, f"{mark.by} {mark.name}") for mark in others]
        return [f"{at:10.4f} {text}" for at, text in sorted(said)]

    def _shown(self, view: View, now: float) -> None:
        record, wrong = self.record, self._wrong
        record.shown = now
        record.offered = self._offered()
        record.checked_in = record.asked is not None
        record.wrong_approvable = wrong is not None and wrong.match_code == view.match_code
        self._on_shown()


def _now() -> float:
    return asyncio.get_running_loop().time()
