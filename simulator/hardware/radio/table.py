"""The receiver's attribute table, in NimBLE's layout, with MicroPython's value buffers."""

from __future__ import annotations

from typing import NamedTuple

from bumble import att, core, gatt, gatt_server

from simulator.hardware.micropython import radiowire as wire

DEFAULT_BUFFER = 20  # MP_BLUETOOTH_DEFAULT_ATTR_LEN

PROPERTIES = 0xFF  # the flags that phones see; the others are about security

CCCD = gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
Permissions = att.Attribute.Permissions


class Entry(NamedTuple):
    """One line of a registration: a service, characteristic or descriptor (see `radiowire`)."""

    kind: int
    flags: int
    uuid: core.UUID


class Buffer:
    """The buffer of one value."""

    def __init__(self) -> None:
        self.data = b""
        self.size = DEFAULT_BUFFER
        self.append = False

    def put(self, data: bytes) -> None:
        """Store a phone's write: cut at the size, silently."""
        self.data = ((self.data if self.append else b"") + data)[: self.size]

    def take(self) -> bytes:
        """Return the value for the firmware; this empties an appending buffer."""
        data = self.data
        if self.append:
            self.data = b""
        return data


class Table(gatt_server.Server):
    """A GATT server whose values live in buffers of a fixed size."""

    buffers: dict[int, Buffer]
    subscriptions: dict[int, int]  # the bits that each client configuration may have
    _first_handle = 1

    def next_handle(self) -> int:
        return self._first_handle + len(self.attributes)

    def clear(self) -> None:
        """Empty the table. Handles count on: NimBLE gives new numbers to a new table."""
        self._first_handle = self.next_handle()
        self.attributes.clear()
        self.attributes_by_handle.clear()
        self.services.clear()
        self.subscribers.clear()
        self.buffers.clear()
        self.subscriptions.clear()

    def add_table(self, entries: list[Entry]) -> list[list[int]]:
        """Add services; return the handles of their values and descriptors, in their order."""
        handles = []
        for service in _split(entries, wire.SERVICE):
            characteristics = [
                self._characteristic(part) for part in _split(service[1:], wire.CHARACTERISTIC)
            ]
            self.add_service(gatt.Service(service[0].uuid, characteristics))
            handles.append([h for c in characteristics for h in self._enter(c)])
        return handles

    def _characteristic(self, part: list[Entry]) -> gatt.Characteristic[bytes]:
        own = part[0]
        descriptors = [gatt.Descriptor(e.uuid, _permissions(e.flags), b"") for e in part[1:]]
        characteristic: gatt.Characteristic[bytes] = gatt.Characteristic(
            own.uuid,
            gatt.Characteristic.Properties(own.flags & PROPERTIES),
            _permissions(own.flags),
            b"",
            descriptors,
        )
        if own.flags & (wire.FLAG_NOTIFY | wire.FLAG_INDICATE):  # NimBLE puts it first
            value = self.make_descriptor_value(characteristic)
            readwrite = Permissions.READABLE | Permissions.WRITEABLE
            characteristic.descriptors = [gatt.Descriptor(CCCD, readwrite, value), *descriptors]
        return characteristic

    def _enter(self, characteristic: gatt.Characteristic[bytes]) -> list[int]:
        """Allocate buffers for a characteristic and its descriptors; return their handles."""
        own = [d for d in characteristic.descriptors if d.type != CCCD]
        for descriptor in characteristic.descriptors:
            if descriptor.type == CCCD:
                self.subscriptions[descriptor.handle] = _subscriptions(characteristic.properties)
        handles = []
        for attribute in (characteristic, *own):
            buffer = self.buffers[attribute.handle] = Buffer()
            attribute.value = att.AttributeValue(read=lambda _peer, buffer=buffer: buffer.data)
            handles.append(attribute.handle)
        return handles


def _subscriptions(properties: gatt.Characteristic.Properties) -> int:
    """Return the bits of a client configuration: 1 to notify, 2 to indicate."""
    bits = 1 if properties & gatt.Characteristic.Properties.NOTIFY else 0
    return bits | (2 if properties & gatt.Characteristic.Properties.INDICATE else 0)


def _permissions(flags: int) -> att.Attribute.Permissions:
    # NimBLE treats the two ways to write alike
    writeable = flags & (wire.FLAG_WRITE | wire.FLAG_WRITE_NO_RESPONSE)
    readable = flags & wire.FLAG_READ
    return (Permissions.READABLE if readable else Permissions(0)) | (
        Permissions.WRITEABLE if writeable else Permissions(0)
    )


def _split(entries: list[Entry], kind: int) -> list[list[Entry]]:
    """Split a list before each entry of a kind."""
    starts = [i for i, entry in enumerate(entries) if entry.kind == kind]
    return [entries[a:b] for a, b in zip(starts, [*starts, len(entries)][1:], strict=True)]
