"""Write the tables of the documents that the code has as tables: reasons, metrics, messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import foreign_code
from bridge.domain import states
from bridge.observability.metrics import METRICS, exposed
from receiver import reasons as numbers
from receiver.encoding import schema
from receiver.host.texts import MENDABLE, texts
from receiver.link import frames, link_states, service_wire, wire

from .markdown import code, table

if TYPE_CHECKING:
    from types import ModuleType

    from receiver.encoding.schema import Field
    from receiver.host.reason_texts import Texts

_CHANNEL_ENDS = {16: "bridge", 32: "receiver", 256: "both"}  # channels below these numbers
_NO_CHANNELS = ("PROTOCOL", "NONCE_SIZE")  # of wire.py, small numbers too
_PREFIXES = ("PHONE_", "RESET_")


def reasons() -> str:
    return table(("code", "name", "mendable", "cashier", "buyer"), map(_reason, numbers.NAMES))


def reasons_of_refunds() -> str:
    """Those that read otherwise than in a purchase."""
    rows = [
        (code(numbers.name(number)), *_both(texts(number, refund=True)))
        for number in numbers.NAMES
        if texts(number, refund=True) != texts(number)
    ]
    return table(("name", "cashier", "buyer"), rows)


def _reason(number: int) -> tuple[object, ...]:
    mendable = "yes" if number in MENDABLE else ""
    return (number, code(numbers.name(number)), mendable, *_both(texts(number)))


def _both(words: Texts) -> tuple[str, str]:
    """Return the cashier's and the buyer's texts, each in both languages."""
    return (
        f"{words.cashier_sv}<br>{words.cashier_en}",
        f"{words.buyer_sv}<br>{words.buyer_en}",
    )


def metrics() -> str:
    rows = [
        (code(exposed(name)), metric.kind, ", ".join(metric.labels), metric.text)
        for name, metric in METRICS.items()
    ]
    return table(("metric", "type", "labels", "meaning"), rows)


def edges() -> str:
    rows = [
        (edge.name, edge.foreign, code(edge.module), _error(edge), edge.policy)
        for edge in foreign_code.TABLE
    ]
    return table(("edge", "foreign code", "module", "its error", "policy"), rows)


def _error(edge: foreign_code.Edge) -> str:
    return edge.error if edge.error == "-" else code(edge.error)


def line_messages() -> str:
    return _messages(wire)


def service_messages() -> str:
    return _messages(service_wire)


def _messages(module: ModuleType) -> str:
    names = {
        value: name
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith(_PREFIXES) and name not in _NO_CHANNELS
        if isinstance(value, int)
    }
    rows = [
        (
            f"{channel} {names[channel]}",
            _sender(channel),
            "<br>".join(map(_field, layout.fields)) or "empty",
        )
        for channel, layout in sorted(module.LAYOUTS.items())
    ]
    return table(("channel", "from", "map"), rows)


def _sender(channel: int) -> str:
    return next(sender for end, sender in _CHANNEL_ENDS.items() if channel < end)


def _field(field: Field) -> str:
    return f"{field.key} {code(field.name)}: {_bounds(field)}"


def _bounds(field: Field) -> str:
    if field.kind == schema.UINT:
        return f"{field.low} to {'2³²-1' if field.high == schema.UINT_MOST else field.high}"
    return f"{field.high} bytes" if field.low == field.high else f"up to {field.high} bytes"


def sale_table() -> dict[str, dict[str, str]]:
    """Return the table of a sale with plain words."""
    return {
        str(state): {str(event): str(after) for event, after in exits.items()}
        for state, exits in states.TABLE.items()
    }


def line_table() -> dict[str, dict[str, str]]:
    """Return the table of the serial link with words for its numbers, without its actions."""
    words = _words((*link_states.STATES, link_states.HOME))
    events = _words(link_states.EVENTS)
    events |= {kind: name.lower() for kind, name in frames.KINDS.items()}
    home = {"at the bridge": "seeking", "at the receiver": "greeting"}
    return {"home": home} | {
        words[state]: {events[event]: words[after] for event, (after, _) in exits.items()}
        for state, exits in link_states.TABLE.items()
    }


def _words(wanted: tuple[int, ...]) -> dict[int, str]:
    """Return the names in `link_states` of these numbers."""
    named = {value: name for name, value in vars(link_states).items() if isinstance(value, int)}
    return {number: named[number].lower().replace("_", " ") for number in wanted}
