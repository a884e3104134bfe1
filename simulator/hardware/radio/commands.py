"""HCI commands that hosts send and Bumble's controller leaves unanswered.

NimBLE asks for the remote version and features, the data length, the PHY and the RSSI; a host
waits forever for a missing answer. Each method answers one (Core, Vol 4 Part E).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from bumble import hci
from bumble.controller import Connection, Controller

from .connection import RadioConnection

UNHEARD = 127  # dBm: "not available" (7.5.4)
MAX_OCTETS = 251
MAX_TIME = 2120  # µs: 251 octets on the 1M PHY


class Commands(Controller, ABC):
    """A controller that answers every command; an unknown one with "unknown command"."""

    acl_data_packet_length = MAX_OCTETS
    le_acl_data_packet_length = MAX_OCTETS
    total_num_acl_data_packets = 12
    total_num_le_acl_data_packets = 12
    supported_max_tx_octets = supported_max_rx_octets = MAX_OCTETS
    supported_max_tx_time = supported_max_rx_time = MAX_TIME

    def on_packet(self, packet: bytes) -> None:
        if packet[0] == hci.HCI_COMMAND_PACKET:
            self._on_command(packet)
        elif packet[0] == hci.HCI_ACL_DATA_PACKET:
            self.on_hci_acl_data_packet(hci.HCI_AclDataPacket.from_bytes(packet))

    def _on_command(self, packet: bytes) -> None:
        op_code = int.from_bytes(packet[1:3], "little")
        if op_code == hci.HCI_HOST_NUMBER_OF_COMPLETED_PACKETS_COMMAND:
            return  # the one command without an answer (7.3.40)
        if not hasattr(self, f"on_{hci.HCI_Command.command_name(op_code).lower()}"):
            self._refuse(op_code, hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR)
            return
        try:
            command = hci.HCI_Command.from_bytes(packet)
        except Exception:  # Bumble's field decoders raise anything
            self._refuse(op_code, hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR)
        else:
            self.on_hci_command_packet(command)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if self.hci_sink is not None:
            asyncio.get_running_loop().call_soon(self.hci_sink.on_packet, bytes(packet))

    def _refuse(self, op_code: int, status: hci.HCI_ErrorCode) -> None:
        self.send_hci_packet(
            hci.HCI_Command_Complete_Event(
                num_hci_command_packets=1,
                command_opcode=op_code,
                return_parameters=hci.HCI_StatusReturnParameters(status),
            )
        )

    def _end(self, command: hci.HCI_Command, handle: int) -> RadioConnection | None:
        """Return the connection that a command names; refuse the command if there is none."""
        connection: Connection | None = self.find_le_connection_by_handle(handle)
        if connection is None:
            unknown = hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            self._send_hci_command_status(unknown, command.op_code)
        return connection  # type: ignore[return-value]

    def _accept_then(self, command: hci.HCI_Command, *events: hci.HCI_Event) -> None:
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        for event in events:
            self.send_hci_packet(event)

    def on_hci_read_rssi_command(
        self, command: hci.HCI_Read_RSSI_Command
    ) -> hci.HCI_Read_RSSI_ReturnParameters:
        """7.5.4"""
        connection = self.find_le_connection_by_handle(command.handle)
        rssi = None if connection is None else self.heard(connection)  # type: ignore[arg-type]
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=_known(connection), handle=command.handle, rssi=UNHEARD if rssi is None else rssi
        )

    @abstractmethod
    def heard(self, connection: RadioConnection) -> int | None:
        """Return the signal strength of the other end, in dBm."""

    def on_hci_read_remote_version_information_command(
        self, command: hci.HCI_Read_Remote_Version_Information_Command
    ) -> None:
        """7.1.23"""
        if self._end(command, command.connection_handle) is not None:
            event = hci.HCI_Read_Remote_Version_Information_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=command.connection_handle,
                version=self.lmp_version,
                manufacturer_name=self.manufacturer_company_identifier,
                subversion=self.lmp_subversion,
            )
            self._accept_then(command, event)

    def on_hci_le_set_data_length_command(
        self, command: hci.HCI_LE_Set_Data_Length_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        """7.8.33. Data is never split on this air, so the answer changes nothing."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        return hci.HCI_StatusAndConnectionHandleReturnParameters(
            _known(connection), command.connection_handle
        )

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        """7.8.49. The link stays on 1M, which a controller may always choose."""
        if self._end(command, command.connection_handle) is not None:
            event = hci.HCI_LE_PHY_Update_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=command.connection_handle,
                tx_phy=hci.Phy.LE_1M,
                rx_phy=hci.Phy.LE_1M,
            )
            self._accept_then(command, event)


def _known(connection: Connection | None) -> hci.HCI_ErrorCode:
    if connection is None:
        return hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
    return hci.HCI_ErrorCode.SUCCESS
