"""The attribute protocol of one link, followed from outside (Core, Vol 3 Part F)."""

from __future__ import annotations

from typing import NamedTuple

from bumble import att

from receiver.protocol import gatt
from simulator.hardware.radio.sniffer import Sent

CERTIFICATE, OFFER, EXCHANGE = "certificate", "offer", "exchange"

# The visible events.
MTU_ASKED, MTU_ANSWERED = "mtu asked", "mtu answered"
DISCOVERED, SUBSCRIBED = "discovery", "subscription"
READ, WRITTEN, ACKNOWLEDGED, NOTIFIED = "read", "written", "acknowledged", "notified"
OTHER = "other"

_NAMES = {
    gatt.uuid_bytes(gatt.CERTIFICATE): CERTIFICATE,
    gatt.uuid_bytes(gatt.OFFER): OFFER,
    gatt.uuid_bytes(gatt.EXCHANGE): EXCHANGE,
}
_QUESTIONS = (
    att.ATT_Read_By_Group_Type_Request,
    att.ATT_Read_By_Type_Request,
    att.ATT_Find_By_Type_Value_Request,
    att.ATT_Find_Information_Request,
)
_SILENT = (  # answers and requests that show nothing by themselves
    att.ATT_Read_By_Group_Type_Response,
    att.ATT_Find_By_Type_Value_Response,
    att.ATT_Find_Information_Response,
    att.ATT_Error_Response,
    att.ATT_Read_Blob_Request,
)
_HANDLE_AT, _UUID_AT = 1, 3  # in a declaration, behind the properties (Vol 3 Part G 3.3.1)
_CONFIGURATION_SIZE = 2  # of a subscription (Vol 3 Part G 3.3.3.3)


class Seen(NamedTuple):
    """One event of the value with that name, "" for values of no interest."""

    at: float
    up: bool
    what: str
    name: str
    data: bytes


class Follower:
    """A follower of one link: `read` takes its packets in order. `table` holds the known handles.

    It is the same on all links of a receiver, so that phones that cache it can be followed, too.
    """

    def __init__(self, table: dict[int, str]) -> None:
        self._table = table
        self._mtu = att.ATT_DEFAULT_MTU
        self._reading = ""
        self._value = b""

    def read(self, sent: Sent) -> Seen | None:
        """Return what this packet shows; a value in parts shows with the last of them."""
        try:
            shown = self._shown(att.ATT_PDU.from_bytes(sent.data))
        except Exception:  # Bumble's field decoders raise anything
            shown = OTHER, "", sent.data
        return Seen(sent.at, sent.up, *shown) if shown else None

    def _shown(self, pdu: att.ATT_PDU) -> tuple[str, str, bytes] | None:
        match pdu:
            case att.ATT_Exchange_MTU_Request():
                self._mtu = pdu.client_rx_mtu
                return MTU_ASKED, "", pdu.payload
            case att.ATT_Exchange_MTU_Response():
                self._mtu = min(self._mtu, pdu.server_rx_mtu)
                return MTU_ANSWERED, "", pdu.payload
            case att.ATT_Read_By_Type_Response():
                self._learn(pdu.attributes)
                return None
            case att.ATT_Read_Request():
                self._reading, self._value = self._table.get(pdu.attribute_handle, ""), b""
                return None
            case att.ATT_Read_Response():
                return self._part(pdu.attribute_value)
            case att.ATT_Read_Blob_Response():
                return self._part(pdu.part_attribute_value)
            case att.ATT_Write_Request() | att.ATT_Write_Command():
                return self._written(pdu.attribute_handle, pdu.attribute_value)
            case att.ATT_Write_Response():
                return ACKNOWLEDGED, "", b""
            case att.ATT_Handle_Value_Notification():
                return NOTIFIED, self._table.get(pdu.attribute_handle, ""), pdu.attribute_value
        if isinstance(pdu, _QUESTIONS):
            return DISCOVERED, "", b""
        return None if isinstance(pdu, _SILENT) else (OTHER, "", bytes(pdu))

    def _learn(self, attributes: list[tuple[int, bytes]]) -> None:
        for _, declaration in attributes:
            name = _NAMES.get(declaration[_UUID_AT:])
            if name is not None:
                handle = int.from_bytes(declaration[_HANDLE_AT:_UUID_AT], "little")
                self._table[handle] = name

    def _part(self, data: bytes) -> tuple[str, str, bytes] | None:
        """Add a part; one that fills its packet is not the last."""
        self._value += data
        return (READ, self._reading, self._value) if len(data) < self._mtu - 1 else None

    def _written(self, handle: int, data: bytes) -> tuple[str, str, bytes]:
        if handle in self._table:
            return WRITTEN, self._table[handle], data
        before = [known for known in self._table if known < handle]
        if before and len(data) == _CONFIGURATION_SIZE:
            return SUBSCRIBED, self._table[max(before)], data
        return OTHER, "", data
