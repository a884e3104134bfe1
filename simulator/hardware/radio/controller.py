"""Bumble's Bluetooth LE controller on the simulated air, corrected where a till needs it."""

from __future__ import annotations

import asyncio

from bumble import hci, ll
from bumble.controller import Connection
from bumble.transport.common import TransportSink

from .advertiser import INTERVALS, REPORTED, SCANNABLE, RadioAdvertiser, Report, report
from .air import Air, Listener
from .commands import Commands
from .conditions import HeardAdvert
from .connection import RadioConnection, complete
from .parameters import Parameters


class RadioController(Commands, Listener):
    """One radio. Handles start at 0, since a host must not read 0 as "none"."""

    le_features = (
        hci.LeFeatureMask.LE_ENCRYPTION
        | hci.LeFeatureMask.CONNECTION_PARAMETERS_REQUEST_PROCEDURE
        | hci.LeFeatureMask.PERIPHERAL_INITIATED_FEATURE_EXCHANGE
        | hci.LeFeatureMask.LE_DATA_PACKET_LENGTH_EXTENSION
    )  # no extended advertising: the receiver uses legacy, and one path is enough

    def __init__(
        self,
        name: str,
        air: Air,
        host: TransportSink | None = None,
        public_address: hci.Address | None = None,
    ) -> None:
        super().__init__(name, host_sink=host, link=air, public_address=public_address)
        self.air = air
        self.le_legacy_advertiser: RadioAdvertiser = RadioAdvertiser(self, air)
        self.random_address = hci.Address.generate_static_address()
        self.supported_commands = {
            code
            for code in self.supported_commands | {hci.HCI_LE_SET_DATA_LENGTH_COMMAND}
            if hasattr(self, f"on_{hci.HCI_Command.command_name(code).lower()}")
        }
        self._reported: set[bytes] = set()

    # From the air

    @property
    def initiating(self) -> bool:
        return self.pending_le_connection is not None

    def hear(self, advertiser: RadioAdvertiser, heard: HeardAdvert) -> None:
        """Report an advertisement, and its scan response if this is an active scan."""
        if not self.le_scan_enable:
            return
        rssi = heard.rssi
        self._tell(REPORTED[advertiser.kind], advertiser.address, advertiser.payload, rssi)
        if self.le_scan_type and heard.answered and advertiser.kind in SCANNABLE:
            response = bytes(advertiser.scan_response_data)
            scanner = self._own_address(self.le_scan_own_address_type)
            for sniffer in self.air.sniffers:
                sniffer.scanned(scanner, advertiser.address, response)
            self._tell(Report.EventType.SCAN_RSP, advertiser.address, response, rssi)

    def _tell(self, kind: int, address: hci.Address, data: bytes, rssi: int) -> None:
        if self.filter_duplicates:
            seen = bytes([kind]) + bytes(address) + data
            if seen in self._reported:
                return
            self._reported.add(seen)
        if self.hci_sink is not None:
            packet = report(kind, address, data, rssi)
            asyncio.get_running_loop().call_soon(self.hci_sink.on_packet, packet)

    def wants(self, advertiser: RadioAdvertiser) -> bool:
        """Return whether this controller is trying to connect to that advertiser, and may.

        Two devices have one link at most: a phone that lost it waits until the other end notices.
        """
        pending = self.pending_le_connection
        if pending is None or pending.peer_address != advertiser.address:
            return False
        return (
            self._own_address(pending.own_address_type) not in advertiser.controller.le_connections
        )

    def win(self, advertiser: RadioAdvertiser) -> None:
        """Connect: both ends exist from now on, and the advertiser stops."""
        central = self._initiate(advertiser)
        advertiser.stop()
        peripheral = RadioConnection(
            advertiser.controller,
            self.air,
            hci.Role.PERIPHERAL,
            self_address=central.peer_address,
            peer_address=central.self_address,
            parameters=central.parameters,
        )
        central.peer, peripheral.peer = peripheral, central
        for sniffer in self.air.sniffers:
            sniffer.linked(central, central.parameters)
        for end in (central, peripheral):
            end.begin()

    def lose(self, advertiser: RadioAdvertiser) -> None:
        """Report a connection, as a real controller does, and find the other end silent."""
        end = self._initiate(advertiser)
        end.begin()
        end.never_answered()

    def _initiate(self, advertiser: RadioAdvertiser) -> RadioConnection:
        command = self.pending_le_connection
        assert isinstance(command, hci.HCI_LE_Create_Connection_Command)
        self.pending_le_connection = None
        self._update_listening()
        return RadioConnection(
            self,
            self.air,
            hci.Role.CENTRAL,
            self_address=self._own_address(command.own_address_type),
            peer_address=advertiser.address,
            parameters=Parameters.of(command, command.connection_interval_min),
        )

    def _own_address(self, kind: int) -> hci.Address:
        public = kind == hci.OwnAddressType.PUBLIC
        return self.public_address if public else self.random_address

    def allocate_connection_handle(self) -> int:
        taken = {connection.handle for connection in self.le_connections.values()}
        return next(handle for handle in range(0x0F00) if handle not in taken)

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        assert isinstance(connection, RadioConnection)
        if connection.open:
            connection.shut()
            super().on_le_disconnected(connection, reason)

    def fall_silent(self) -> None:
        """Leave the air: both ends of every link receive nothing more."""
        self._stop()
        for end in self._ends():
            end.starve()

    def pause(self, until: float) -> None:
        for end in self._ends():
            end.pause(until)

    def cut(self) -> None:
        for end in self._ends():
            end.cut()

    def _ends(self) -> list[RadioConnection]:
        """Return both ends of every link."""
        ends: list[RadioConnection] = []
        for connection in self.le_connections.values():
            assert isinstance(connection, RadioConnection)
            ends += [end for end in (connection, connection.peer) if end is not None]
        return ends

    def restart(self) -> None:
        """Reset all state and drop links silently: their other ends time out."""
        self._stop()
        for connection in list(self.le_connections.values()):
            assert isinstance(connection, RadioConnection)
            connection.shut()
            if connection.peer is not None:
                connection.peer.starve()
        self.le_connections.clear()
        self.le_legacy_advertiser.advertising_data = b""
        self.le_legacy_advertiser.scan_response_data = b""

    def heard(self, connection: RadioConnection) -> int | None:
        return self.air.rssi(connection.peer.controller, self) if connection.peer else None

    def _stop(self) -> None:
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self._update_listening()

    def _update_listening(self) -> None:
        self.air.listen(self, self.le_scan_enable or self.pending_le_connection is not None)

    # From the host

    def on_hci_reset_command(
        self, _command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        """7.3.2"""
        self.restart()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Drop data for a link that has just ended, silently, as every controller does."""
        if self.find_connection_by_handle(packet.connection_handle) is not None:
            super().on_hci_acl_data_packet(packet)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """7.1.6. Bumble ignores an unknown handle, and reports the peer's reason here.

        The link ends when the other end has heard of it, or by its supervision timeout.
        """
        connection = self._end(command, command.connection_handle)
        if connection is not None:
            self._accept_then(command)
            connection.send_ll_control_pdu(ll.TerminateInd(command.reason))

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """7.8.5. Directed advertising is not simulated."""
        if self.le_legacy_advertiser.enabled:
            status = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
        elif command.advertising_interval_min not in INTERVALS:
            status = hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
        elif command.advertising_type not in REPORTED:
            status = hci.HCI_ErrorCode.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
        else:
            return super().on_hci_le_set_advertising_parameters_command(command)
        return hci.HCI_StatusReturnParameters(status)

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        self._reported.clear()
        result = super().on_hci_le_set_scan_enable_command(command)
        self._update_listening()
        return result

    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        if command.peer_address in self.le_connections:
            exists = hci.HCI_ErrorCode.CONNECTION_ALREADY_EXISTS_ERROR
            return self._send_hci_command_status(exists, command.op_code)
        if not Parameters.of(command, command.connection_interval_min).valid:
            invalid = hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
            return self._send_hci_command_status(invalid, command.op_code)
        super().on_hci_le_create_connection_command(command)
        return self._update_listening()

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """7.8.13. The connection then completes, as "unknown connection"."""
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        self._update_listening()
        gone = complete(hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, pending.peer_address)
        asyncio.get_running_loop().call_soon(self.send_hci_packet, gone)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_connection_update_command(
        self, command: hci.HCI_LE_Connection_Update_Command
    ) -> None:
        changed = Parameters.of(command, command.connection_interval_max)
        if not changed.valid:
            invalid = hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
            return self._send_hci_command_status(invalid, command.op_code)
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if isinstance(connection, RadioConnection):
            for end in (connection, connection.peer):
                if end is not None:
                    end.parameters = changed
        return super().on_hci_le_connection_update_command(command)
