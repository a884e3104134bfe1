"""`tillsign authority`: tickets, and the second person's part of an enrolment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.host import currencies, output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

from .ticketed import add_administrator, add_till, administrator, receiver_id, told

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from bridge.authority.enrolment_messages import EnrolmentView, NewTicket, PendingEnrolment

_HOURS = range(1, 169)  # a ticket's life: at most a week, as the authority allows


def _prepare_ticket(parser: ArgumentParser) -> None:
    add_administrator(parser)
    parser.add_argument("--kind", choices=("receiver", "bridge"), required=True)
    parser.add_argument("--store", type=int, required=True, metavar="N")
    parser.add_argument("--store-name", required=True, metavar="NAME", help="as buyers see it")
    parser.add_argument("--invoice-issuer", type=int, metavar="N", help="of a receiver")
    parser.add_argument("--currency", choices=sorted(currencies.NUMBERS), help="of a receiver")
    add_till(parser, required=False)
    parser.add_argument(
        "--client", metavar="FINGERPRINT", help="the bridge that will speak for the receiver"
    )
    parser.add_argument("--receiver", metavar="ID", help="the one to move or exchange")
    parser.add_argument("--purpose", choices=("new", "move", "exchange"), default="new")
    parser.add_argument("--hours", type=int, choices=_HOURS, default=8, metavar="N")
    output.add_json(parser)


def _ticket(arguments: Namespace) -> int:
    asked = _asked(arguments)

    def act() -> Result:
        made = administrator(arguments).add_ticket(asked)
        value = {"ticket": made.ticket, "expires": made.expires}
        return Result(value, [made.ticket])

    return told(arguments, act)


def _asked(arguments: Namespace) -> NewTicket:
    """Read the arguments; raises UsageError."""
    from bridge.authority.enrolment_messages import Fingerprint, NewTicket, Purpose, TicketKind
    from bridge.authority.messages import ReceiverId

    try:
        client = Fingerprint.read(arguments.client) if arguments.client else None
        moved = ReceiverId(receiver_id(arguments.receiver)) if arguments.receiver else None
        return NewTicket(
            TicketKind(arguments.kind),
            arguments.store,
            arguments.store_name,
            arguments.invoice_issuer,
            currencies.NUMBERS[arguments.currency] if arguments.currency else None,
            arguments.till,
            client,
            moved,
            Purpose(arguments.purpose),
            arguments.hours * 3600,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _prepare_pending(parser: ArgumentParser) -> None:
    add_administrator(parser)
    output.add_json(parser)


def _pending(arguments: Namespace) -> int:
    def act() -> Result:
        found = administrator(arguments).pending().enrolments
        value = {"enrolments": [_value(one) for one in found]}
        lines = [line for one in found for line in _lines(one)]
        return Result(value, lines or ["no enrolment waits for a second person"])

    return told(arguments, act)


def _value(one: PendingEnrolment) -> dict[str, object]:
    terms = one.terms
    return {
        "enrolment_id": one.enrolment_id.hex(),
        "kind": one.kind.value,
        "purpose": terms.purpose.value,
        "store": terms.store,
        "store_name": terms.store_name,
        "till": terms.till,
        "receiver_id": terms.receiver_id.hex() if terms.receiver_id else None,
        "words": one.words,
        "board": one.board,
        "hardware": one.hardware,
        "since": one.since,
    }


def _lines(one: PendingEnrolment) -> list[str]:
    terms = one.terms
    till = f", till {terms.till}" if terms.till else ""
    return [
        f"{one.enrolment_id.hex()}  {one.kind} ({terms.purpose}), "
        f"store {terms.store} {terms.store_name}{till} {one.board}".rstrip(),
        f"    {' '.join(one.words)}",
    ]


def _prepare_decision(parser: ArgumentParser) -> None:
    add_administrator(parser)
    parser.add_argument("enrolment", metavar="ID", help="as `tillsign authority pending` shows it")
    output.add_json(parser)


def _confirm(arguments: Namespace) -> int:
    return _decide(arguments, lambda id_: administrator(arguments).confirm(id_))


def _reject(arguments: Namespace) -> int:
    return _decide(arguments, lambda id_: administrator(arguments).reject(id_))


def _decide(arguments: Namespace, decide: Callable[[bytes], EnrolmentView]) -> int:
    from bridge.authority.enrolment_messages import EnrolmentId

    try:
        id_ = EnrolmentId.read(arguments.enrolment)
    except ValueError as error:
        raise UsageError(f"{arguments.enrolment}: {error}") from error

    def act() -> Result:
        view = decide(id_)
        value = {"enrolment_id": id_.hex(), "stage": view.stage.value}
        return Result(value, [f"{id_.hex()} is {view.stage}"])

    return told(arguments, act)


ticket = Command("Make a single-use ticket for one enrolment", _prepare_ticket, _ticket)
pending = Command("List enrolments that wait for a second person", _prepare_pending, _pending)
confirm = Command("Confirm an enrolment whose six words are the same", _prepare_decision, _confirm)
reject = Command("Reject an enrolment", _prepare_decision, _reject)
