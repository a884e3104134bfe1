"""One end of a link: its parameters, its outgoing queue, and its end."""

from __future__ import annotations

import asyncio
from collections import deque

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport

from .air import Air
from .model.standard import ESTABLISHING_EVENTS
from .parameters import Parameters

PACKETS_PER_EVENT = 4  # as many as an ESP32 sends in one connection event, each way
CONTROL_SIZE = 12  # bytes at most of the control PDUs in use (Vol 6 Part B 2.4.2)


class RadioConnection(Connection):
    """One end; `peer` is the other, None where no controller answers (a lost race)."""

    peer: RadioConnection | None

    def __init__(
        self,
        controller: Controller,
        air: Air,
        role: hci.Role,
        *,
        self_address: hci.Address,
        peer_address: hci.Address,
        parameters: Parameters,
    ) -> None:
        super().__init__(
            controller=controller,
            handle=controller.allocate_connection_handle(),
            role=role,
            self_address=self_address,
            peer_address=peer_address,
            link=air,
            transport=PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
        )
        self.air = air
        self.peer = None
        self.open = True
        self.parameters = parameters
        self._outbox: deque[hci.HCI_AclDataPacket | ll.ControlPdu] = deque()
        self._starved = False
        self._timers: list[asyncio.TimerHandle] = []
        self._event: asyncio.Handle | None = None
        self._anchor = asyncio.get_running_loop().time()
        self._silent_until = 0.0
        self._lost_since: float | None = None  # the first of the lost events in a row

    # From the host

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        self._outbox.append(packet)
        self._schedule()

    def send_ll_control_pdu(self, packet: ll.ControlPdu) -> None:
        self._outbox.append(packet)
        self._schedule()

    def on_acl_pdu(self, pdu: bytes) -> None:
        for sniffer in self.air.sniffers:
            sniffer.sent(self, pdu)
        if self.peer is not None and self.peer.open:
            self.peer.receive(pdu)

    # From the other end

    def receive(self, pdu: bytes) -> None:
        """Pass an L2CAP PDU to the host in pieces that fit its buffers."""
        size = self.controller.le_acl_data_packet_length
        for offset in range(0, len(pdu), size):
            piece = pdu[offset : offset + size]
            flag = hci.HCI_ACL_PB_CONTINUATION if offset else hci.HCI_ACL_PB_FIRST_FLUSHABLE
            self.controller.send_hci_packet(
                hci.HCI_AclDataPacket(self.handle, flag, 0, len(piece), piece)
            )

    # Begin and end

    def begin(self) -> None:
        """Add the link to its controller and tell the host."""
        self.controller.le_connections[self.peer_address] = self
        self.controller.send_hci_packet(
            complete(hci.HCI_ErrorCode.SUCCESS, self.peer_address, self)
        )

    def starve(self) -> None:
        """Receive nothing more: after the supervision timeout the link is lost."""
        self._expect_silence(
            self.parameters.timeout_seconds, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        )

    def pause(self, until: float) -> None:
        """Receive nothing until a time of the loop; a link that times out before it is lost."""
        if until - asyncio.get_running_loop().time() > self.parameters.timeout_seconds:
            self.starve()
        self._silent_until = max(self._silent_until, until)
        if self._event is not None:
            self._event.cancel()
            self._event = None
            self._schedule()

    def cut(self) -> None:
        """Lose the link at once."""
        if self.open:
            reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
            self.controller.on_le_disconnected(self, reason)

    def never_answered(self) -> None:
        """Find out, a few events later, that the link was never established."""
        self._expect_silence(
            self.parameters.interval_seconds * ESTABLISHING_EVENTS,
            hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR,
        )

    def shut(self) -> None:
        """Deliver nothing more to the host; what it has sent still goes out."""
        self.open = False
        for timer in self._timers:
            timer.cancel()

    def _expect_silence(self, delay: float, reason: int) -> None:
        self._starved = True
        if self.open:
            loop = asyncio.get_running_loop()
            end = self.controller.on_le_disconnected
            self._timers.append(loop.call_later(delay, end, self, reason))

    def _schedule(self) -> None:
        if self._event is not None or self._starved or not self._outbox:
            return
        loop = asyncio.get_running_loop()
        silence = max(self._silent_until - loop.time(), 0.0)
        if self.air.real_time:
            interval = self.parameters.interval_seconds
            start = loop.time() + silence
            wait = silence + interval - (start - self._anchor) % interval
            self._event = loop.call_later(wait, self._connection_event)
        elif silence:
            self._event = loop.call_later(silence, self._connection_event)
        else:
            self._event = loop.call_soon(self._connection_event)

    def _connection_event(self) -> None:
        self._event = None
        count = len(self._outbox)
        if self.air.conditions is not None:
            count = 1  # as phones with little time for one link do
        elif self.air.real_time:
            count = min(count, PACKETS_PER_EVENT)
        for _ in range(count):
            if not self._starved and self._arrives(self._outbox[0]):
                self._send(self._outbox.popleft())
            else:
                break
        self._schedule()

    def _arrives(self, packet: hci.HCI_AclDataPacket | ll.ControlPdu) -> bool:
        """Return whether a packet is not lost; one that is goes again in the next event."""
        conditions, peer = self.air.conditions, self.peer
        if conditions is None or peer is None:
            return True
        rssi = self.air.rssi(peer.controller, self.controller)
        polled = self.role == hci.Role.PERIPHERAL
        if rssi is not None and conditions.carried(rssi, _size(packet), polled):
            self._lost_since = None
            return True
        now = asyncio.get_running_loop().time()
        if self._lost_since is None:
            self._lost_since = now
        if now - self._lost_since > self.parameters.timeout_seconds:
            for end in (self, peer):
                end.cut()
        return False

    def _send(self, packet: hci.HCI_AclDataPacket | ll.ControlPdu) -> None:
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.assembler.feed_packet(packet)
            if self.open:
                self.controller.send_hci_packet(
                    hci.HCI_Number_Of_Completed_Packets_Event(
                        connection_handles=[self.handle], num_completed_packets=[1]
                    )
                )
            return
        for sniffer in self.air.sniffers:
            sniffer.controlled(self, packet)
        if self.peer is not None and self.peer.open:
            self.peer.controller.on_ll_control_pdu(self.peer.peer_address, packet)
        if isinstance(packet, ll.TerminateInd):
            ended = hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR
            self.controller.on_le_disconnected(self, ended)


def _size(packet: hci.HCI_AclDataPacket | ll.ControlPdu) -> int:
    """Return the bytes of its payload on the air."""
    return len(packet.data) if isinstance(packet, hci.HCI_AclDataPacket) else CONTROL_SIZE


def complete(
    status: int, peer: hci.Address, end: RadioConnection | None = None
) -> hci.HCI_LE_Connection_Complete_Event:
    """Make the event that reports a host's end of a link, or its failure."""
    interval, latency, timeout = end.parameters if end else (0, 0, 0)
    return hci.HCI_LE_Connection_Complete_Event(
        status=status,
        connection_handle=end.handle if end else 0,
        role=end.role if end else hci.Role.CENTRAL,
        peer_address_type=peer.address_type,
        peer_address=peer,
        connection_interval=interval,
        peripheral_latency=latency,
        supervision_timeout=timeout,
        central_clock_accuracy=0,
    )
