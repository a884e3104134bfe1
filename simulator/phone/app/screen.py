"""The phone's screen, on a terminal: one line for each step that concerns a person."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from receiver.protocol import messages
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome

from .sentences import ENGLISH, SENTENCES, SWEDISH, key_of
from .visit import Step
from .wording import KINDS, money, reason_texts

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


def sentence(step: Step, language: str = ENGLISH) -> str | None:
    """Return a step in words; None for a step that does not concern a person."""
    details = dict(step.details)
    if step.name == "help":
        return str(details[language])
    words = SENTENCES.get(key_of(step.name, details.get("why")))
    if words is None:
        return None
    pattern = words.sv if language == SWEDISH else words.en
    if details.get("till", "") is None:  # its scan response was lost
        details["till"] = "?"
    if "amount" in details:
        details["money"] = money(details["amount"], details["currency"])
    if "reason" in details:
        details.update(reason_texts(details["reason"]))
    if details.get("refund"):
        pattern = f"{_REFUND}: {pattern}"
    return pattern.format(**details)


class Screen:
    """A printer of steps as they happen, with the seconds since the first."""

    def __init__(self, language: str = ENGLISH) -> None:
        self._language = language
        self._console = Console(highlight=False, soft_wrap=True)
        self._began: float | None = None

    def step(self, step: Step) -> None:
        """Print a step: an observer for `Phone`."""
        if self._began is None:
            self._began = step.at
        text = sentence(step, self._language)
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
