"""Choose the opener of a receiver's URL: the event loop for a socket, else pyserial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import serial_port, socket_port

if TYPE_CHECKING:
    from .serial_port import Opener


def opener(url: str) -> Opener:
    """Return an opener for a pyserial URL: a device path, socket:// or rfc2217://."""
    is_socket = url.startswith(socket_port.SCHEME + "://")
    return socket_port.opener(url) if is_socket else serial_port.opener(url)
