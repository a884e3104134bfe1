"""Spare Bumble the work of formatting every packet, in colour, for unread debug lines.

And its users the one warning that means nothing here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from bumble import att, hci, host


def quieten() -> None:
    """Make packet names cheap (otherwise a quarter of all time), unless debug logging is on."""
    if logging.getLogger("bumble").isEnabledFor(logging.DEBUG):
        return
    for kind in (*_family(hci.HCI_Packet), *_family(att.ATT_PDU)):
        if "__str__" in vars(kind):
            kind.__str__ = _name_only  # type: ignore[method-assign]
    vars(host)["color"] = _plain
    host.logger.addFilter(_matters)


def _matters(record: logging.LogRecord) -> bool:
    """Leave out the answer to a command whose task was cancelled, as at the end of a world."""
    return "no pending response future" not in str(record.msg)


def _name_only(packet: object) -> str:
    return type(packet).__name__


def _plain(text: str, *_style: object) -> str:
    return text


def _family(kind: type[object]) -> Iterator[type[object]]:
    yield kind
    for child in type.__subclasses__(kind):
        yield from _family(child)
