"""The phone's screen, on a terminal: one line for each step that concerns a person."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from receiver.host.amounts import money
from receiver.host.currencies import letters
from receiver.host.wording import Wording
from receiver.protocol import messages
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome

from .sentences import ENGLISH, SENTENCES, SWEDISH, key_of
from .visit import Step
from .wording import KINDS, reason_texts

_REFUND = " / ".join(KINDS[messages.REFUND].values())
_ENDINGS = {
    events.APPROVED: (Wording("Godkänt", "Approved"), "bold green"),
    events.ACCEPTED: (Wording("Preliminärt godkänt", "Provisionally approved"), "bold green"),
    events.DECLINED: (Wording("Nekat", "Declined"), "bold red"),
    events.LEFT: (Wording("Du avbröt", "You left"), "bold yellow"),
    events.REFUSED: (Wording("Inget köp", "No purchase"), "bold red"),
    events.LOST: (
        Wording("Inget köp: kontakten bröts", "No purchase: the link broke"),
        "bold red",
    ),
    events.UNKNOWN: (
        Wording(
            "Inget svar än: fråga igen innan du betalar på annat sätt",
            "Unknown yet: ask again before you pay another way",
        ),
        "bold magenta",
    ),
    events.NO_TILL: (Wording("Hittade ingen kassa", "No till found"), "bold red"),
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
        amount = money(details["amount"], letters(details["currency"]))
        details["money"] = amount.sv if language == SWEDISH else amount.en
    refund = details.get("refund", False)
    if "reason" in details:
        details.update(reason_texts(details["reason"], refund=refund))
    return _of_kind(pattern, refund, language).format(**details)


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
        swedish = self._language == SWEDISH
        ending, style = _ENDINGS[outcome.result]
        self._console.print(Text(ending.sv if swedish else ending.en, style))
        view, receipt = outcome.view, outcome.receipt
        if outcome.result not in (events.APPROVED, events.LEFT):
            refund = view is not None and view.refund
            said = reason_texts(outcome.reason, refund=refund)
            for text in (said[SWEDISH],) if swedish else said.values():
                self._console.print(Text(f"  {text}"))
        if view is not None:
            paid = money(view.amount, letters(view.currency))
            till = f"kassa {view.till}" if swedish else f"till {view.till}"
            amount = _of_kind(paid.sv if swedish else paid.en, view.refund, self._language)
            self._console.print(Text(f"  {amount}, {view.store}, {till}"))
        if receipt is not None and outcome.result == events.APPROVED:
            word = "transaktion" if swedish else "transaction"
            self._console.print(Text(f"  {word} {receipt.transaction_id.hex()}"))


def _of_kind(text: str, refund: bool, language: str) -> str:
    """Return `text` with the word for a refund before it, where it is one."""
    kind = KINDS[messages.REFUND][SWEDISH] if language == SWEDISH else _REFUND
    return f"{kind}: {text}" if refund else text
