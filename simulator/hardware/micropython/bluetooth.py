"""MicroPython's `bluetooth` module over the simulated radio.

It mimics the peripheral half of the ESP32's interface with all its traps. `radiostream` carries
its questions and the radio's events: sockets on the Unix port, serial ports on the RISC-V machine.
Two methods are not MicroPython's, since the Unix port has no interrupts: `fileno_stream()`,
readable when an event waits, and `pump()`, which runs the handler for each. Runs on MicroPython
only.
"""

import os
import struct
import sys

import radiostream
import radiowire as wire
from radiowire import (  # noqa: F401  # of MicroPython's module
    FLAG_INDICATE,
    FLAG_NOTIFY,
    FLAG_READ,
    FLAG_WRITE,
    FLAG_WRITE_NO_RESPONSE,
)

_GARBAGE = b"\xdd" * 6  # what a kept memoryview shows after the handler has returned
_IRK = b"irk"
_SECRET_OUR_IRK = 10
_SECRET_PEER = 2
_INT_LEAST, _INT_MOST = -(1 << 31), (1 << 31) - 1  # the chip's C integers
_UNLIKELY = 0x0E  # an ATT error
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
            self._stream = None
            self._open = self._on = False
            self._handler = None
            self._firing = False
            self._event = memoryview(bytearray(64))
            self._address = bytearray(6)
        return cls._instance

    # Beyond MicroPython

    def fileno_stream(self):
        """Return a stream, readable when an event waits; None before the first `active(True)`."""
        return self._stream

    def pump(self):
        """Run the handler for every event that has arrived."""
        if self._firing or not self._open:
            return
        while radiostream.waiting():
            self._deliver()

    # General

    def active(self, on=None):
        if on is not None:
            if on and not self._open:
                self._connect()
            if self._open:
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
        if not _INT_LEAST <= interval_us <= _INT_MOST:
            raise OverflowError("overflow converting long int to machine word")
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
        if not self._on:
            return b""
        return self._ask(wire.READ, struct.pack("<H", value_handle))

    def gatts_write(self, value_handle, data, send_update=False):
        head = struct.pack("<HB", value_handle, bool(send_update))
        self._ask(wire.WRITE, head + bytes(data))
        return len(data)

    def gatts_notify(self, conn_handle, value_handle, data=None):
        head = struct.pack("<HHB", conn_handle, value_handle, data is not None)
        self._ask(wire.NOTIFY, head if data is None else head + bytes(data))

    def gatts_set_buffer(self, value_handle, length, append=False):
        self._ask(wire.SET_BUFFER, struct.pack("<HHB", value_handle, length, bool(append)))

    def gattc_exchange_mtu(self, conn_handle):
        self._ask(wire.EXCHANGE_MTU, struct.pack("<H", conn_handle))

    # Settings

    def _get(self, key):
        if key == "mac":
            answer = self._ask(wire.GET_MAC)
            return answer[0], answer[1:]
        if key == "mtu":
            return struct.unpack("<H", self._ask(wire.GET_MTU))[0]
        if key == "gap_name":
            return self._ask(wire.GET_NAME)
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
        if radiostream.hear(self._event) != wire.EVENT:
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
            fits = 0 <= verdict <= 0xFF
            body = struct.pack(
                "<BhB", serial, verdict if fits else _UNLIKELY, self._handler is not None
            )
            radiostream.tell(wire.VERDICT, body)
            if not fits:
                raise ValueError("a verdict is one byte")

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

    def _connect(self):
        radiostream.connect(0)
        token = radiostream.ask(wire.HELLO_ASK, b"")
        radiostream.connect(1)
        radiostream.tell(wire.HELLO_EVENTS, token)
        radiostream.hear(self._event)
        self._stream = radiostream.stream(self.pump)
        self._open = True

    def _ask(self, code, body=b""):
        if not self._open:
            raise OSError(wire.ENODEV)
        return radiostream.ask(code, body)


def _entry(kind, flags, uuid):
    data = bytes(uuid)
    return struct.pack(wire.ENTRY_FORMAT, kind, flags, len(data)) + data
