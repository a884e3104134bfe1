"""Turn Bluetooth interrupts into events of the core, and its outputs into GATT calls.

On ESP32 the handler runs in the NimBLE task, before the answer goes out, on a small stack: it only
copies into a ring of fixed size, which the loop empties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.core import io
from receiver.core.time import earlier
from receiver.protocol import gatt

from . import ble as names

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .ble import Ble

# Four phones with a connection, an MTU and four writes each may wait for the loop at once.
RING_SIZE = 32
RETRY_MS = 15  # between two tries of a call that found no buffer
NOTIFY_MS = 2000  # then close the link
LINGER_MS = 60  # two connection intervals: the last notification leaves before the link closes
# The end of a link is an event. A phone out of reach delays it by its supervision timeout; one that
# does not come for longer may be lost.
CUT_AGAIN_MS = 2000

_Pending = NamedTuple("_Pending", [("link", int), ("handle", int), ("data", bytes), ("until", int)])
_Cut = NamedTuple("_Cut", [("link", int), ("due", int)])

_ONE_LEFT = io.Buffers(True)
_NONE_LEFT = io.Buffers(False)


class Radio:
    """`wake` is called from the interrupt handler and must be safe there."""

    def __init__(self, ble: Ble, uuid: Callable[[str], object], wake: Callable[[], None]) -> None:
        self.lost = 0  # events dropped for lack of room in the ring, and failures of the handler
        self._ble = ble
        self._wake = wake
        self._ring: list[io.RadioEvent | None] = [None] * RING_SIZE
        self._head = 0  # written only by the handler
        self._tail = 0  # written only by the loop
        self._pending: list[_Pending] = []
        self._cuts: list[_Cut] = []
        self._broken: list[int] = []  # links that lost an event: the handler adds, the loop removes
        self._gone: list[int] = []  # links that the stack no longer knows
        self._buffers: io.Buffers | None = None  # the last word on them, for the core
        self._shown = b""
        self._advert: io.Advertise | None = None
        self._retry = 0
        ble.active(True)  # before anything large is allocated, or the C3's radio does not start
        ble.irq(self._interrupt)
        ble.config(mtu=gatt.MTU, gap_name="Tillsign")  # of every till alike: it tells none apart
        self._certificate, self._offer, self._exchange = self._register(uuid)

    def poll(self) -> io.RadioEvent | None:
        """Return the next event for the core, or None."""
        if self._tail == self._head:
            buffers, self._buffers = self._buffers, None
            return io.Disconnected(self._gone.pop(0)) if self._gone else buffers
        event = self._ring[self._tail]
        self._ring[self._tail] = None
        self._tail = (self._tail + 1) % RING_SIZE
        if type(event) is io.Disconnected:
            self._forget(event.link)
        elif type(event) is io.Connected:
            self._forget(event.link)
            self._raise_mtu(event.link)
        return event

    def has_news(self) -> bool:
        """Return whether `poll` has anything to return."""
        return self._tail != self._head or self._buffers is not None or bool(self._gone)

    def perform(self, action: io.Output, now: int) -> bool:
        """Perform one output of the core; False if it is not for the radio."""
        method = _ACTIONS.get(type(action))
        if method is None:
            return False
        method(self, action, now)
        return True

    def alive(self) -> bool:
        """Return whether the stack still runs; the watchdog depends on it."""
        return self._ble.active()

    def deadline(self) -> int | None:
        """Return when to call `expire` (ms)."""
        if self._broken:
            return 0
        due = self._retry if self._pending or self._advert is not None else None
        for cut in self._cuts:
            due = earlier(due, cut.due)
        return due

    def expire(self, now: int) -> None:
        """Retry calls that found no buffer, and close the links that are due."""
        if now >= self._retry:
            waiting, self._pending = self._pending, []
            for item in waiting:
                self._send(item, now)
            if self._advert is not None:
                self._advertise(self._advert, now)
        while self._broken:
            self._cut(self._broken.pop(0), now)
        for link in [cut.link for cut in self._cuts if cut.due <= now]:
            if self._has_ended(link):
                self._forget(link)
            else:
                self._cut(link, now)

    def _register(self, uuid: Callable[[str], object]) -> tuple[int, ...]:
        """Register the GATT table of design §3.2, in its fixed order."""
        read, notify = names.FLAG_READ, names.FLAG_NOTIFY
        write = names.FLAG_WRITE | names.FLAG_WRITE_NO_RESPONSE
        characteristics = (
            (uuid(gatt.CERTIFICATE), read),
            (uuid(gatt.OFFER), read | notify),
            (uuid(gatt.EXCHANGE), write | notify),
        )
        (handles,) = self._ble.gatts_register_services(((uuid(gatt.SERVICE), characteristics),))
        certificate, offer, exchange = handles
        self._ble.gatts_set_buffer(certificate, gatt.CERTIFICATE_MOST)
        self._ble.gatts_set_buffer(offer, gatt.OFFER_MOST)
        # One byte more than allowed shows a longer write, which the stack would else cut to fit.
        self._ble.gatts_set_buffer(exchange, gatt.EXCHANGE_MOST + 1)
        return handles

    def _interrupt(self, event: int, data: tuple[int, ...]) -> None:
        try:
            if event == names.IRQ_CENTRAL_CONNECT:
                self._put(io.Connected(data[0]))
            elif event == names.IRQ_CENTRAL_DISCONNECT:
                self._put(io.Disconnected(data[0]))
            elif event == names.IRQ_GATTS_WRITE:
                self._put(io.Written(data[0], bytes(self._ble.gatts_read(data[1]))))
            elif event == names.IRQ_MTU_EXCHANGED:
                self._put(io.MtuAgreed(data[0], data[1]))
        except Exception:  # an exception that leaves this handler would stop the radio for good
            self.lost += 1
            if data and data[0] not in self._broken:
                self._broken.append(data[0])
        self._wake()

    def _raise_mtu(self, link: int) -> None:
        """Ask for the MTU while the phone reads the table: an Android does one after the other."""
        try:
            self._ble.gattc_exchange_mtu(link)
        except (AttributeError, OSError):  # no GATT client in this image, no buffer, no link
            pass  # the phone may ask as well

    def _put(self, event: io.RadioEvent) -> None:
        head = (self._head + 1) % RING_SIZE
        if head == self._tail:
            raise MemoryError
        self._ring[self._head] = event
        self._head = head

    def _show_certificate(self, action: io.ShowCertificate, now: int) -> None:
        self._ble.gatts_write(self._certificate, action.data)

    def _show_offer(self, action: io.ShowOffer, now: int) -> None:
        self._ble.gatts_write(self._offer, action.data)
        self._shown = action.data

    def _notify_offer(self, action: io.NotifyOffer, now: int) -> None:
        self._send(_Pending(action.link, self._offer, self._shown, now + NOTIFY_MS), now)

    def _notify(self, action: io.Notify, now: int) -> None:
        self._send(_Pending(action.link, self._exchange, action.data, now + NOTIFY_MS), now)

    def _send(self, item: _Pending, now: int) -> None:
        """Notify now, or later in the same order if the stack has no buffer."""
        waiting = [earlier for earlier in self._pending if earlier.link == item.link]
        if waiting:
            # Queue the same bytes once only: a phone that repeats itself would fill the heap.
            if item[:3] not in [earlier[:3] for earlier in waiting]:
                self._pending.append(item)
            return
        try:
            self._ble.gatts_notify(item.link, item.handle, item.data)
        except OSError as error:
            if error.errno == names.ENOMEM and now < item.until:
                self._pending.append(item)
                self._retry = now + RETRY_MS
                self._tell(_NONE_LEFT)
            else:
                self._cut(item.link, now)

    def _ask_buffers(self, action: io.AskBuffers, now: int) -> None:
        """Notify no link: the stack makes the packet before it looks for one."""
        try:
            self._ble.gatts_notify(names.NO_LINK, self._exchange, b"\0")
        except OSError as error:
            self._tell(_NONE_LEFT if error.errno == names.ENOMEM else _ONE_LEFT)

    def _tell(self, buffers: io.Buffers) -> None:
        self._buffers = buffers
        self._wake()

    def _advertise(self, action: io.Advertise, now: int) -> None:
        self._advert = None
        try:
            self._ble.gap_advertise(
                action.interval_us or None, action.data, resp_data=action.response, connectable=True
            )
        except OSError as error:
            # Without a free link the end of one asks again; else the controller is between two
            # states just after a connection.
            if error.errno != names.ENOMEM:
                self._advert = action
                self._retry = now + RETRY_MS

    def _disconnect(self, action: io.Disconnect, now: int) -> None:
        self._cuts.append(_Cut(action.link, now + LINGER_MS))

    def _cut(self, link: int, now: int) -> None:
        """End a link. Its own event frees its place; without that event, try again later."""
        self._forget(link)
        try:
            known = self._ble.gap_disconnect(link)
        except OSError as error:  # ESP32: -128 for a dead link
            known = error.errno in names.EALREADY
        if known:
            self._cuts.append(_Cut(link, now + CUT_AGAIN_MS))
        else:  # its own event may have found the ring full: the core must not wait for it
            self._gone.append(link)
            self._wake()

    def _has_ended(self, link: int) -> bool:
        """Return whether the end of this link waits in the ring: its handle may be another's."""
        at = self._tail
        while at != self._head:
            event = self._ring[at]
            if type(event) is io.Disconnected and event.link == link:
                return True
            at = (at + 1) % RING_SIZE
        return False

    def _forget(self, link: int) -> None:
        """Drop what was meant for this link, so that the next one under its handle gets none."""
        self._gone = [gone for gone in self._gone if gone != link]
        self._pending = [item for item in self._pending if item.link != link]
        self._cuts = [cut for cut in self._cuts if cut.link != link]


_ACTIONS: dict[type, Callable[[Radio, Any, int], None]] = {
    io.ShowCertificate: Radio._show_certificate,
    io.ShowOffer: Radio._show_offer,
    io.NotifyOffer: Radio._notify_offer,
    io.Notify: Radio._notify,
    io.Advertise: Radio._advertise,
    io.AskBuffers: Radio._ask_buffers,
    io.Disconnect: Radio._disconnect,
}
