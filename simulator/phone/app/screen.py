"""The phone's screen, on a terminal: one line for each step that concerns a person."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from receiver.protocol import messages
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome

from .visit import Step
from .wording import KINDS, money, reason_texts

_SENTENCES = {
    "scanning": "Looking for a till",
    "found": "Found till {till}, {rssi} dBm",
    "connect_failed": "No connection: {error}",
    "connected": "Connected, MTU {mtu}",
    "checked_in": "Checked in at {store}, no offer yet",
    events.ASKED: "An offer arrived: opening it",
    events.SHOWN: "{store}, till {till}: {money}, match code {match_code}",
    "credential_written": "First digit typed, credential sent",
    "approval_written": "Code complete, approval sent",
    events.DECLINED: "Declined: {sv} / {en}",
    "provisional": "{sv} / {en}",
    "leave_written": "Left",
    "vanished": "Out of range",
    "unfit": "Not accepted by the phone: {why} ({detail})",
    "refusal": "The receiver refuses (code {code})",
    "unknown": "No trusted answer: {why}",
    "asks_authority": "Asking the authority about {approval_id}",
    "authority_says": "The authority answers: {state}",
    "not_refilled": "No new credentials: {error}",
    "again": "Trying again",
}
_REFUND = " / ".join(KINDS[messages.REFUND].values())
_ENDINGS = {
    events.APPROVED: ("Approved", "bold green"),
    events.ACCEPTED: ("Provisionally approved", "bold green"),
    events.DECLINED: ("Declined", "bold red"),
    events.LEFT: ("You left", "bold yellow"),
    events.REFUSED: ("No purchase", "bold red"),
    events.LOST: ("No purchase: the link broke", "bold red"),
    events.UNKNOWN: ("Unknown yet: ask again before you pay another way", "bold magenta"),
    events.NO_TILL: ("No till found", "bold red"),
}


def sentence(step: Step) -> str | None:
    """Return a step in English; None for a step that does not concern a person."""
    pattern = _SENTENCES.get(step.name)
    if pattern is None:
        return None
    details = dict(step.details)
    if "amount" in details:
        details["money"] = money(details["amount"], details["currency"])
    if "reason" in details:
        details.update(reason_texts(details["reason"]))
    if details.get("refund"):
        pattern = f"{_REFUND}: {pattern}"
    return pattern.format(**details)


class Screen:
    """A printer of steps as they happen, with the seconds since the first."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._began: float | None = None

    def step(self, step: Step) -> None:
        """Print a step: an observer for `Phone`."""
        if self._began is None:
            self._began = step.at
        text = sentence(step)
        if text is not None:
            when = Text(f"{step.at - self._began:8.3f} s  ", "dim")
            self._console.print(when + Text(text))

    def outcome(self, outcome: Outcome) -> None:
        """Print the outcome."""
        ending, style = _ENDINGS[outcome.result]
        self._console.print(Text(ending, style))
        if outcome.result not in (events.APPROVED, events.LEFT):
            for text in reason_texts(outcome.reason).values():
                self._console.print(Text(f"  {text}"))
        if outcome.view is not None:
            paid = money(outcome.view.amount, outcome.view.currency)
            paid = f"{_REFUND}: {paid}" if outcome.view.refund else paid
            self._console.print(Text(f"  {paid}, {outcome.view.store}, till {outcome.view.till}"))
        if outcome.receipt is not None and outcome.result == events.APPROVED:
            self._console.print(Text(f"  transaction {outcome.receipt.transaction_id.hex()}"))
