"""The demo in words: each step with its time and source, then a table of latencies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from rich.console import Console
from rich.text import Text

from receiver import reasons
from receiver.host.amounts import money
from receiver.host.currencies import letters
from receiver.host.texts import texts
from receiver.protocol import messages
from simulator.phone.app.visit import Step
from simulator.phone.app.wording import KINDS, reason_texts
from simulator.tools import figures

from .story import Played

Json = Mapping[str, Any]

COLOURS = {
    "till": "cyan",
    "bridge": "blue",
    "receiver": "magenta",
    "phone": "green",
    "authority": "yellow",
}
WHO_WIDTH = 9


class Narrator:
    """A narrator on `console`, in colours where it is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    def receiver(self, hello: Json) -> None:
        """Say what the receiver runs on, in its own words."""
        name = "{interpreter} {version} on {board}, firmware {firmware}".format_map(hello)
        self._console.print(f"The receiver: {name}")

    def title(self, text: str) -> None:
        """Begin a sale: its clock starts at zero."""
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left")
        self._start = time.monotonic()

    def note(self, who: str, text: str, at: float | None = None, style: str = "") -> None:
        """Write one line: milliseconds since the sale began, who, what."""
        elapsed = ((time.monotonic() if at is None else at) - self._start) * 1000
        line = Text(f"{elapsed:7.0f} ms  ")
        line.append(who.ljust(WHO_WIDTH), style=COLOURS[who])
        line.append("  " + text, style=style)
        self._console.print(line, soft_wrap=not self._console.record)

    def step(self, step: Step) -> None:
        """Narrate a step of the phone."""
        text = _PHONE.get(step.name)
        if text is not None:
            self.note("phone", text(step.details), step.at)

    def event(self, event: Json) -> None:
        """Narrate an event of the bridge."""
        if event["event"] == "phone":
            self._buyer(event["what"], event["phone"])
        if event["event"] == "sale":
            self._sale(event["what"], event["from"], event["sale"])

    def outcome(self, played: Played) -> None:
        """Narrate how the sale ended, compared with the expected end."""
        state, reason = played.sale["state"], played.sale["reason"]
        transaction = played.sale["transaction_id"]
        text = f"{state}" + (f": {reason['sv']} / {reason['en']}" if reason else "")
        text += f": transaction {transaction[:8]}…" if transaction else ""
        self.note("till", text, style="bold green" if played.as_it_should else "bold red")

    def table(self, played: list[Played]) -> None:
        """Show the latencies of every sale, and their medians."""
        spans = [name for name, *_ in _SPANS]
        columns = ("sale", *spans, "approval → till")
        table = figures.table(*columns, title="Latencies in milliseconds")
        rows = [_latencies(one) for one in played]
        for number, (one, row) in enumerate(zip(played, rows, strict=True), 1):
            table.add_row(f"{number} {one.sale['state']}", *[_ms(value) for value in row])
        medians = [_median(column) for column in zip(*rows, strict=True)]
        table.add_section()
        table.add_row("median", *[_ms(value) for value in medians])
        self._console.print()
        self._console.print(table)

    def _buyer(self, what: str, phone: Json | None) -> None:
        if what == "left":
            row = texts(reasons.BUYER_SAID_NO)
            self.note("till", f"shows why, and stays open: {row.cashier_sv} / {row.cashier_en}")
        elif phone and what in ("near", "shown"):
            self.note("till", "shows: {sv} / {en}".format_map(phone))

    def _sale(self, what: str, who: str, sale: Json) -> None:
        text = _REFUND.get(what) if "refund_id" in sale else None
        text = text or (_OFFLINE if sale.get("offline") else _SALE).get(what)
        if text is not None:
            self.note(who, text(sale))
        if what == "offered":
            self.note("till", f"shows match code {sale['match_code']}")


def _offer(details: Json) -> str:
    amount = money(details["amount"], letters(details["currency"])).en
    if details["refund"]:
        amount = " / ".join(KINDS[messages.REFUND].values()) + f": {amount}"
    return f"shows {amount} at {details['store']}, till {details['till']}, match code " + str(
        details["match_code"]
    )


def _reason(details: Json) -> str:
    texts = reason_texts(details["reason"], refund=details.get("refund", False))
    return f"{texts['sv']} / {texts['en']}"


_PHONE: dict[str, Callable[[Json], str]] = {
    "scanning": lambda _: "looks for a till",
    "found": lambda d: f"sees till {d['till']}",
    "connected": lambda d: f"connected, MTU {d['mtu']}",
    "shown": _offer,
    "credential_written": lambda _: "the first digit is typed: sends the credential",
    "approval_written": lambda d: f"the last digit is typed: sends {d['size']} bytes of approval",
    "declined": lambda d: f"declined: {_reason(d)}",
    "provisional": lambda d: f"reads the provisional receipt: {_reason(d)}",
    "leave_written": lambda _: "the buyer leaves",
    "done": lambda d: f"ends: {d['result']}",
}
_SALE: dict[str, Callable[[Json], str]] = {
    "rung": lambda s: f"rings up {money(s['amount'], s['currency']).en}",
    "offered": lambda _: "the offer is signed and on the air",
    "claimed": lambda _: "its credential is valid",
    "approval_received": lambda _: "its approval is in the journal",
    "authorisation_sent": lambda _: "every check here passes: the authority is asked at once",
    "verified": lambda _: "the approval is valid there too",
    "recalled": lambda s: f"refused after all: {s['reason']['sv']} / {s['reason']['en']}",
    "recall_reversed": lambda _: "has given back what was held",
    "declined_awaiting_receiver": lambda _: (
        "declined, which waits for the verdict, as authorised does"
    ),
    "mendable": lambda s: f"declined: {s['reason']['sv']} / {s['reason']['en']}",
    "declined": lambda s: f"declined: {s['reason']['sv']} / {s['reason']['en']}",
    "authorised": lambda _: "authorised: holds the money",
}

_REFUND: dict[str, Callable[[Json], str]] = {
    "rung": lambda s: f"orders a refund of {s['amount'] / 100:.2f} {s['currency']}",
    "authorised": lambda _: "authorised: sets the money aside",
    "posted": lambda _: "takes it off the invoice",
}
_OFFLINE: dict[str, Callable[[Json], str]] = {
    "till_notified": lambda _: (
        "the till waits no longer: accepts it within the limits, to be uploaded later"
    ),
    "provisional_receipt": lambda _: "signs a provisional receipt for the phone",
    "uploaded": lambda _: "authorises the uploaded approval",
}

# Named spans between two steps of the phone.
_SPANS = (
    ("scan", "scanning", "found"),
    ("connect", "found", "connected"),
    ("offer", "connected", "shown"),
)


def _latencies(played: Played) -> list[float | None]:
    """Return one value for each column of the table."""
    first = {step.name: step.at for step in reversed(played.steps)}
    spans: list[float | None] = []
    for _, begin, end in _SPANS:
        known = begin in first and end in first
        spans.append((first[end] - first[begin]) * 1000 if known else None)
    return [*spans, played.approval_to_till]


def _median(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
