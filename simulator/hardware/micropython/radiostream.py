"""The streams between `bluetooth` and the radio on the Unix port: two sockets.

TILLSIGN_RADIO names the radio ("tcp:HOST:PORT" or "unix:PATH"). Runs on MicroPython only.
"""

import os
import select
import socket
import struct

import radiowire as wire

_BODY_LIMIT = 1024  # longer than any answer: a value is at most 512 bytes

_header = bytearray(wire.HEADER_SIZE)
_body = memoryview(bytearray(_BODY_LIMIT))
_poll = select.poll()
_streams = []  # of questions, of events


def connect(number):
    """Connect stream 0, of questions, or 1, of events; raises OSError."""
    made = _connect(os.getenv("TILLSIGN_RADIO"))
    _streams.append(made)
    if number:
        _poll.register(made, select.POLLIN)


def ask(code, body):
    """Ask one question and return the answer; raises OSError with the radio's error."""
    _send(_streams[0], code, body)
    _, length = _receive(_streams[0], _body)
    error = struct.unpack_from("<h", _body)[0]
    if error:
        raise OSError(error)
    return bytes(_body[2:length])


def tell(code, body):
    """Send a frame on the stream of events."""
    _send(_streams[1], code, body)


def waiting():
    """Return whether an event waits."""
    return bool(_poll.poll(0))


def hear(body):
    """Receive an event into `body`; return the frame's code."""
    return _receive(_streams[1], body)[0]


def stream(_handler):
    """Return what is readable when an event waits; this port calls no handler."""
    return _streams[1]


def _connect(endpoint):
    kind, place = endpoint.split(":", 1)
    if kind == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(struct.pack("<H", socket.AF_UNIX) + place.encode() + b"\0")
        return made
    host, port = place.rsplit(":", 1)
    made = socket.socket()
    made.connect(socket.getaddrinfo(host, int(port))[0][-1])
    made.setsockopt(6, 1, 1)  # TCP_NODELAY: questions and answers alternate
    return made


def _send(to, code, body):
    to.write(struct.pack(wire.HEADER, len(body) + 1, code) + body)


def _receive(source, body):
    """Read one frame into `body`; return its code and the length of its body."""
    if source.readinto(_header) != wire.HEADER_SIZE:
        raise OSError(wire.ENODEV)  # the radio is gone
    length, code = struct.unpack(wire.HEADER, _header)
    if source.readinto(body[: length - 1]) != length - 1:
        raise OSError(wire.ENODEV)
    return code, length - 1
