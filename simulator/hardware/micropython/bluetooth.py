"""MicroPython's `bluetooth` module for the Unix port, over the simulated radio.

It mimics the peripheral half of the ESP32's interface with all its traps. TILLSIGN_RADIO names
the radio ("tcp:HOST:PORT" or "unix:PATH"). Two methods are not MicroPython's, since this port has
no interrupts: `fileno_stream()`, readable when an event waits, and `pump()`, which runs the
handler for each. Runs on MicroPython only.
"""

import os
import select
import socket
import struct
import sys

import radiowire as wire
from radiowire import (  # noqa: F401  # of MicroPython's module
    FLAG_INDICATE,
    FLAG_NOTIFY,
    FLAG_READ,
    FLAG_WRITE,
    FLAG_WRITE_NO_RESPONSE,
)

_GARBAGE = b"\xdd" * 6  # what a kept memoryview shows after the handler has returned
_BODY_LIMIT = 1024  # longer than any answer: a value is at most 512 bytes
_IRK = b"irk"
_SECRET_OUR_IRK = 10
_SECRET_PEER = 2
_IGNORED = ("bond", "mitm", "io", "le_secure")  # settings about pairing, which is not simulated


class UUID:
    """A 16-bit number, or 128 bits as text or bytes (little-endian)."""

    def __init__(self, value):
        if isinstance(value, int):
            if value > 0xFFFF:
                raise ValueError("invalid UUID")
            self._data = struct.pack("<H", value)
        elif isinstance(value, str):
            digits = value.replace("-", "")
            if len(digits) != 32:
                raise ValueError("UUID too short" if len(digits) < 32 else "UUID too long")
            self._data = bytes(reversed(bytes.fromhex(digits)))
        elif len(value) in (2, 4, 16):
            self._data = bytes(value)
        else:
            raise ValueError("invalid UUID")

    def __iter__(self):
        return iter(self._data)

    def __len__(self):
        return len(self._data)

    def __eq__(self, other):
        return isinstance(other, UUID) and self._data == other._data

    def __hash__(self):
        return hash(self._data)

    def __repr__(self):
        digits = bytes(reversed(self._data)).hex()
        if len(digits) <= 8:
            return "UUID(0x" + digits + ")"
        parts = digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]
        return "UUID('" + "-".join(parts) + "')"


class BLE:
    """The radio; all instances share one state."""

    _instance = None

    def __new__(cls):
        if cls._instance is None:
            self = cls._instance = object.__new__(cls)
            self._asking = self._events = None
            self._on = False
            self._handler = None
            self._firing = False
            self._poll = select.poll()
            self._header = bytearray(wire.HEADER_SIZE)
            self._body = memoryview(bytearray(_BODY_LIMIT))
            self._event = memoryview(bytearray(64))
            self._address = bytearray(6)
        return cls._instance

    # Beyond MicroPython

    def fileno_stream(self):
        """Return the socket, readable when an event waits; None before the first `active(True)`."""
        return self._events

    def pump(self):
        """Run the handler for every event that has arrived."""
        if self._firing or self._events is None:
            return
        while self._poll.poll(0):
            self._deliver()

    # General

    def active(self, on=None):
        if on is not None:
            if on and self._asking is None:
                self._open()
            if self._asking is not None:
                self._ask(wire.ACTIVE, bytes([bool(on)]))
            self._on = bool(on)
            if on:
                self._ask(wire.IRQ, bytes([self._handler is not None]))
                self._offer_secrets()
        return self._on

    def config(self, *args, **kwargs):
        if args and kwargs:
            raise TypeError("can't specify pos and kw args")
        if args:
            return self._get(*args)
        for key, value in kwargs.items():
            self._set(key, value)
        return None

    def irq(self, handler):
        if handler is not None and not callable(handler):
            raise ValueError("invalid handler")
        self._handler = handler
        if self._on:
            self._ask(wire.IRQ, bytes([handler is not None]))

    # Advertising and links

    def gap_advertise(self, interval_us=500000, adv_data=None, *, resp_data=None, connectable=True):
        if interval_us is None:
            self._ask(wire.ADVERTISE_STOP)
            return
        body = b""
        lengths = []
        for data in (adv_data, resp_data):
            if data is None:
                lengths.append(wire.KEEP)
            elif len(data) >= wire.KEEP:
                raise OSError(wire.EINVAL)
            else:
                lengths.append(len(data))
                body += bytes(data)
        head = struct.pack(wire.ADVERTISE_FORMAT, interval_us, bool(connectable), *lengths)
        self._ask(wire.ADVERTISE, head + body)

    def gap_disconnect(self, conn_handle):
        self._ask(wire.DISCONNECT, struct.pack("<H", conn_handle))
        return True

    # Values

    def gatts_register_services(self, services):
        body = b""
        counts = []
        for uuid, characteristics in services:
            body += _entry(wire.SERVICE, 0, uuid)
            count = 0
            for characteristic in characteristics:
                body += _entry(wire.CHARACTERISTIC, characteristic[1], characteristic[0])
                count += 1
                for descriptor, flags in characteristic[2] if len(characteristic) > 2 else ():
                    body += _entry(wire.DESCRIPTOR, flags, descriptor)
                    count += 1
            counts.append(count)
        answer = self._ask(wire.REGISTER, body)
        handles = iter(struct.unpack("<%dH" % sum(counts), answer))
        return tuple(tuple(next(handles) for _ in range(count)) for count in counts)

    def gatts_read(self, value_handle):
        return bytes(self._ask(wire.READ, struct.pack("<H", value_handle)))

    def gatts_write(self, value_handle, data, send_update=False):
        head = struct.pack("<HB", value_handle, bool(send_update))
        self._ask(wire.WRITE, head + bytes(data))
        return len(data)

    def gatts_notify(self, conn_handle, value_handle, data=None):
        head = struct.pack("<HHB", conn_handle, value_handle, data is not None)
        self._ask(wire.NOTIFY, head if data is None else head + bytes(data))

    def gatts_set_buffer(self, value_handle, length, append=False):
        self._ask(wire.SET_BUFFER, struct.pack("<HHB", value_handle, length, bool(append)))

    # Settings

    def _get(self, key):
        if key == "mac":
            answer = self._ask(wire.GET_MAC)
            return answer[0], bytes(answer[1:])
        if key == "mtu":
            return struct.unpack("<H", self._ask(wire.GET_MTU))[0]
        if key == "gap_name":
            return bytes(self._ask(wire.GET_NAME))
        raise ValueError("unknown config param")

    def _set(self, key, value):
        if key == "mtu":
            self._ask(wire.SET_MTU, struct.pack("<H", value))
        elif key == "gap_name":
            self._ask(wire.SET_NAME, value.encode() if isinstance(value, str) else bytes(value))
        elif key == "addr_mode":
            self._ask(wire.SET_ADDRESS_MODE, bytes([value]))
        elif key not in _IGNORED:
            raise ValueError("unknown config param")

    # Events

    def _deliver(self):
        code, _ = _receive(self._events, self._header, self._event)
        if code != wire.EVENT:
            raise OSError(wire.ENODEV)
        event, serial = self._event[0], self._event[1]
        layout = wire.FIELDS.get(event)
        if layout is None:
            connection, kind, address = struct.unpack_from(wire.ADDRESS_FIELDS, self._event, 2)
            self._address[:] = address
            data = [connection, kind, memoryview(self._address)]
        else:
            data = list(struct.unpack_from(layout, self._event, 2))
        result = self._fire(event, data)
        self._address[:] = _GARBAGE
        if serial:
            verdict = int(result) if isinstance(result, (int, bool)) else 0
            body = struct.pack("<BhB", serial, verdict, self._handler is not None)
            _send(self._events, wire.VERDICT, body)

    def _fire(self, event, data):
        """Run the handler. Drop it if it raises; clear its data when it returns.

        The data is a list, where MicroPython has a tuple, so that it can be cleared.
        """
        if self._handler is None:
            return None
        self._firing = True
        try:
            return self._handler(event, data)
        except BaseException as error:
            print("Unhandled exception in IRQ callback handler")
            sys.print_exception(error)
            self._handler = None
            return None
        finally:
            self._firing = False
            data.clear()

    def _offer_secrets(self):
        """Ask the handler for our identity key and for bonds, before `active` returns."""
        key = memoryview(bytearray(_IRK))
        if self._fire(wire.IRQ_GET_SECRET, [_SECRET_OUR_IRK, 0, key]) is None:
            value = memoryview(bytearray(os.urandom(16)))
            self._fire(wire.IRQ_SET_SECRET, [_SECRET_OUR_IRK, key, value])
        self._fire(wire.IRQ_GET_SECRET, [_SECRET_PEER, 0, None])

    # Streams

    def _open(self):
        self._asking = _connect(os.getenv("TILLSIGN_RADIO"))
        token = bytes(self._ask(wire.HELLO_ASK))
        self._events = _connect(os.getenv("TILLSIGN_RADIO"))
        _send(self._events, wire.HELLO_EVENTS, token)
        _receive(self._events, self._header, self._event)
        self._poll.register(self._events, select.POLLIN)

    def _ask(self, code, body=b""):
        """Ask one question; the answer's bytes are valid until the next one."""
        if self._asking is None:
            raise OSError(wire.ENODEV)
        _send(self._asking, code, body)
        _, length = _receive(self._asking, self._header, self._body)
        error = struct.unpack_from("<h", self._body)[0]
        if error:
            raise OSError(error)
        return self._body[2:length]


def _entry(kind, flags, uuid):
    data = bytes(uuid)
    return struct.pack(wire.ENTRY_FORMAT, kind, flags, len(data)) + data


def _connect(endpoint):
    kind, place = endpoint.split(":", 1)
    if kind == "unix":
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.connect(struct.pack("<H", socket.AF_UNIX) + place.encode() + b"\0")
        return stream
    host, port = place.rsplit(":", 1)
    stream = socket.socket()
    stream.connect(socket.getaddrinfo(host, int(port))[0][-1])
    stream.setsockopt(6, 1, 1)  # TCP_NODELAY: questions and answers alternate
    return stream


def _send(stream, code, body):
    stream.write(struct.pack(wire.HEADER, len(body) + 1, code) + body)


def _receive(stream, header, body):
    """Read one frame into `body`; return its code and the length of its body."""
    if stream.readinto(header) != wire.HEADER_SIZE:
        raise OSError(wire.ENODEV)  # the radio is gone
    length, code = struct.unpack(wire.HEADER, header)
    if stream.readinto(body[: length - 1]) != length - 1:
        raise OSError(wire.ENODEV)
    return code, length - 1
