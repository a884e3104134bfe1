"""Name the channels between receiver and host, in either mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.link import service_wire, wire

if TYPE_CHECKING:
    from types import ModuleType

_OTHERS = ("PHONE_", "RESET_"), ("_MOST", "_SIZE", "_MS")  # numbers of other kinds


def _named(module: ModuleType, channels: dict[int, wire.Layout]) -> dict[int, str]:
    return {
        value: name
        for name, value in vars(module).items()
        if isinstance(value, int) and value in channels
        if name.isupper() and name != "PROTOCOL" and not hasattr(reasons, name)
        if not name.startswith(_OTHERS[0]) and not name.endswith(_OTHERS[1])
    }


LAYOUTS = wire.LAYOUTS | service_wire.LAYOUTS
NAMES = _named(wire, wire.LAYOUTS) | _named(service_wire, service_wire.LAYOUTS)


def name(channel: int) -> str:
    """Return the name of a channel in the code and in docs/wire.md."""
    return NAMES.get(channel, f"channel {channel}")
