"""The radio pump over a scripted `bluetooth.BLE`: back-pressure, dead links, a full ring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firmware.device import ble as names
from firmware.device import radio as pump
from receiver.core import io
from receiver.protocol import gatt
from tests.support.values.steps import Steps

ENOMEM, DEAD, EBUSY = 12, -128, 16
CERTIFICATE, OFFER, EXCHANGE = 16, 18, 21
NOW = 1_000
ADVERT = io.Advertise(20_000, b"advert", b"response")


class Ble:
    """MicroPython's class at the seam; `fails` gives the errors of the calls to come."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fails: dict[str, list[int | None]] = {}
        self.values: dict[int, bytes] = {}
        self.links = {0, 1, 2, 3}
        self.on = False
        self.handler: Callable[[int, tuple[Any, ...]], Any] = lambda _event, _data: None

    def _call(self, name: str, *arguments: Any) -> None:
        planned = self.fails.get(name)
        error = planned.pop(0) if planned else None
        self.calls.append((name, *arguments))
        if error is not None:
            raise OSError(error, "scripted")  # CPython sets errno only beside a text

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def active(self, on: bool | None = None) -> bool:
        if on is not None:
            self._call("active", on)
            self.on = on
        return self.on

    def irq(self, handler: Callable[[int, tuple[Any, ...]], Any]) -> None:
        self._call("irq")
        self.handler = handler

    def config(self, **settings: int) -> None:
        self._call("config", settings)

    def gatts_register_services(self, services: tuple[Any, ...]) -> tuple[tuple[int, ...], ...]:
        self._call("register", services)
        return ((CERTIFICATE, OFFER, EXCHANGE),)

    def gatts_set_buffer(self, handle: int, size: int) -> None:
        self._call("buffer", handle, size)

    def gatts_read(self, handle: int) -> bytes:
        self._call("read", handle)
        return self.values[handle]

    def gatts_write(self, handle: int, data: bytes) -> None:
        self._call("write", handle, data)

    def gatts_notify(self, link: int, handle: int, data: bytes) -> None:
        self._call("notify", link, handle, data)

    def gattc_exchange_mtu(self, link: int) -> None:
        self._call("exchange_mtu", link)

    def gap_disconnect(self, link: int) -> bool:
        self._call("disconnect", link)
        return link in self.links

    def gap_advertise(self, interval: int | None, data: bytes, **named: Any) -> None:
        self._call("advertise", interval, data, named["resp_data"])


class Board:
    """A radio pump on the scripted stack, and a clock."""

    def __init__(self) -> None:
        self.ble = Ble()
        self.wakes = 0
        self.now = NOW
        self.steps = Steps(lambda: (self.now, self.radio.deadline()))
        self.radio = pump.Radio(self.ble, lambda uuid: uuid, self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def perform(self, *actions: Any) -> None:
        for action in actions:
            assert self.radio.perform(action, self.now)

    def interrupt(self, event: int, *data: Any) -> None:
        self.ble.handler(event, data)

    def write(self, link: int, data: bytes) -> None:
        self.ble.values[EXCHANGE] = data
        self.interrupt(names.IRQ_GATTS_WRITE, link, EXCHANGE)

    def pass_time(self, ms: int) -> None:
        """Keep every deadline on the way."""
        end = self.now + ms
        while (due := self.radio.deadline()) is not None and due <= end:
            self.steps.take()
            self.now = max(self.now, due)
            self.radio.expire(self.now)
        self.now = end

    def events(self) -> list[Any]:
        return list(self.steps.polled(self.radio.poll))


@pytest.fixture
def board() -> Board:
    return Board()


# Start.


def test_the_radio_is_on_before_anything_else(board: Board) -> None:
    assert [call[0] for call in board.ble.calls][:3] == ["active", "irq", "config"]
    assert board.ble.of("config") == [({"mtu": gatt.MTU, "gap_name": "Tillsign"},)]


def test_the_watchdog_learns_when_the_stack_has_stopped(board: Board) -> None:
    assert board.radio.alive()
    board.ble.on = False
    assert not board.radio.alive()


def test_the_table_is_the_designs(board: Board) -> None:
    ((((service, characteristics),),),) = board.ble.of("register")
    assert service == gatt.SERVICE
    assert characteristics == (
        (gatt.CERTIFICATE, names.FLAG_READ),
        (gatt.OFFER, names.FLAG_READ | names.FLAG_NOTIFY),
        (
            gatt.EXCHANGE,
            names.FLAG_WRITE | names.FLAG_WRITE_NO_RESPONSE | names.FLAG_NOTIFY,
        ),
    )


def test_buffers_hold_what_is_allowed_and_one_byte_more_of_a_write(board: Board) -> None:
    """A longer write would be cut to the buffer and still acknowledged."""
    assert dict(board.ble.of("buffer")) == {
        CERTIFICATE: gatt.CERTIFICATE_MOST,
        OFFER: gatt.OFFER_MOST,
        EXCHANGE: gatt.EXCHANGE_MOST + 1,
    }


# Events.


def test_events_come_in_order(board: Board) -> None:
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 0, 0, b"address")
    board.interrupt(names.IRQ_MTU_EXCHANGED, 0, 247)
    board.write(0, b"first")
    board.write(0, b"second")
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 0, 0, b"address")
    assert board.events() == [
        io.Connected(0),
        io.MtuAgreed(0, 247),
        io.Written(0, b"first"),
        io.Written(0, b"second"),
        io.Disconnected(0),
    ]
    assert board.wakes == 5


@pytest.mark.parametrize("error", [None, ENOMEM, DEAD, names.EALREADY[1]])
def test_each_phone_is_asked_for_its_mtu_once(board: Board, error: int | None) -> None:
    board.ble.fails["exchange_mtu"] = [error]
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 2, 0, b"address")
    assert board.events() == [io.Connected(2)]
    board.interrupt(names.IRQ_MTU_EXCHANGED, 2, 247)
    assert board.events() == [io.MtuAgreed(2, 247)]
    assert board.ble.of("exchange_mtu") == [(2,)]


def test_an_image_without_a_gatt_client_leaves_the_mtu_to_the_phone(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Ble, "gattc_exchange_mtu")
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 2, 0, b"address")
    assert board.events() == [io.Connected(2)]


def test_a_write_is_a_copy(board: Board) -> None:
    """The stack's buffer is dead when the handler returns."""
    buffer = bytearray(b"approval")
    board.ble.values[EXCHANGE] = memoryview(buffer)  # type: ignore[assignment]
    board.interrupt(names.IRQ_GATTS_WRITE, 0, EXCHANGE)
    buffer[:] = bytes(len(buffer))
    assert board.events() == [io.Written(0, b"approval")]


def test_other_events_are_none_of_ours(board: Board) -> None:
    """`active` fires 29 and 30 before it returns, one with None inside."""
    assert board.ble.handler(29, (1, 0, None)) is None
    assert board.ble.handler(30, ()) is None
    assert board.events() == []
    assert board.radio.lost == 0


def test_a_handler_that_fails_costs_its_link_and_nothing_else(board: Board) -> None:
    """An exception that leaves the handler would silence the radio for good."""
    board.interrupt(names.IRQ_GATTS_WRITE, 2, 99)
    assert board.radio.lost == 1
    assert board.wakes == 1
    board.pass_time(0)
    assert board.ble.of("disconnect") == [(2,)]
    board.write(1, b"next")
    assert board.events() == [io.Written(1, b"next")]


def test_a_handler_that_is_given_nothing_cuts_no_link(board: Board) -> None:
    board.interrupt(names.IRQ_CENTRAL_CONNECT)
    board.pass_time(0)
    assert board.radio.lost == 1
    assert board.ble.of("disconnect") == []


def test_a_full_ring_costs_the_link_that_filled_it(board: Board) -> None:
    room = pump.RING_SIZE - 1
    for number in range(room + 3):
        board.write(3, b"%d" % number)
    assert board.radio.lost == 3
    assert board.radio.deadline() == 0
    board.pass_time(0)
    assert board.ble.of("disconnect") == [(3,)]
    assert board.events() == [io.Written(3, b"%d" % number) for number in range(room)]
    board.write(1, b"next")
    assert board.events() == [io.Written(1, b"next")]


def test_a_disconnection_that_found_the_ring_full_is_made_good(board: Board) -> None:
    """Else the core would keep that link for ever, and four of them would end all advertising."""
    for _ in range(pump.RING_SIZE - 1):
        board.write(1, b"x")
    board.ble.links.discard(2)
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 2, 0, b"address")
    board.pass_time(0)
    assert board.events()[-1] == io.Disconnected(2)
    assert board.radio.deadline() is None


# Notifications.


def test_notify(board: Board) -> None:
    board.perform(io.ShowOffer(b"offer"), io.NotifyOffer(1), io.Notify(2, b"result"))
    assert board.ble.of("write") == [(OFFER, b"offer")]
    assert board.ble.of("notify") == [(1, OFFER, b"offer"), (2, EXCHANGE, b"result")]
    assert board.radio.deadline() is None


def test_back_pressure_and_then_room(board: Board) -> None:
    board.ble.fails["notify"] = [ENOMEM, ENOMEM]
    board.perform(io.Notify(0, b"result"))
    assert board.radio.deadline() == NOW + pump.RETRY_MS
    board.pass_time(pump.RETRY_MS)
    assert board.radio.deadline() == NOW + 2 * pump.RETRY_MS
    board.pass_time(pump.RETRY_MS)
    assert board.ble.of("notify") == [(0, EXCHANGE, b"result")] * 3
    assert board.radio.deadline() is None
    assert board.ble.of("disconnect") == []


def test_back_pressure_without_end_costs_the_link(board: Board) -> None:
    board.ble.fails["notify"] = [ENOMEM] * 1000
    board.perform(io.Notify(0, b"result"))
    board.pass_time(pump.NOTIFY_MS - 1)
    assert board.ble.of("disconnect") == []
    board.pass_time(pump.RETRY_MS + 1)
    assert board.ble.of("disconnect") == [(0,)]
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 0, 0, b"address")
    assert board.events() == [io.Disconnected(0), io.Buffers(False)]
    assert board.radio.deadline() is None


def test_back_pressure_keeps_the_order_of_a_link_and_holds_up_no_other(board: Board) -> None:
    board.ble.fails["notify"] = [ENOMEM]
    board.perform(io.Notify(0, b"first"), io.Notify(0, b"second"), io.Notify(1, b"other"))
    board.pass_time(pump.RETRY_MS)
    sent = [(link, data) for link, _, data in board.ble.of("notify")]
    assert sent == [(0, b"first"), (1, b"other"), (0, b"first"), (0, b"second")]


def test_the_same_again_does_not_wait_twice(board: Board) -> None:
    """A phone that repeats its approval while there is no buffer must not fill the heap."""
    board.ble.fails["notify"] = [ENOMEM]
    board.perform(*[io.Notify(0, b"result")] * 100)
    board.pass_time(pump.RETRY_MS)
    assert len(board.ble.of("notify")) == 2


@pytest.mark.parametrize("error", [DEAD, 107, 5])
def test_a_dead_link_is_cut_and_the_core_told(board: Board, error: int) -> None:
    """On ESP32 even the disconnect raises then."""
    board.ble.fails = {"notify": [error], "disconnect": [error]}
    board.perform(io.Notify(3, b"result"))
    assert board.ble.of("disconnect") == [(3,)]
    assert board.events() == [io.Disconnected(3)]
    assert board.radio.deadline() is None


def test_nothing_that_waits_for_a_phone_reaches_the_next_under_its_handle(board: Board) -> None:
    board.ble.fails["notify"] = [ENOMEM]
    board.perform(io.Notify(0, b"secret"), io.Disconnect(0))
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 0, 0, b"address")
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 0, 0, b"another")
    assert board.events() == [io.Disconnected(0), io.Connected(0), io.Buffers(False)]
    board.pass_time(pump.NOTIFY_MS)
    assert len(board.ble.of("notify")) == 1
    assert board.ble.of("disconnect") == []


# Buffers.


@pytest.mark.parametrize(("error", "left"), [(ENOMEM, False), (DEAD, True), (107, True)])
def test_a_notification_to_no_link_tells_whether_a_buffer_is_left(
    board: Board, error: int, left: bool
) -> None:
    """The stack makes the packet before it looks for the link."""
    board.ble.fails["notify"] = [error]
    board.perform(io.AskBuffers())
    assert board.ble.of("notify") == [(names.NO_LINK, EXCHANGE, b"\0")]
    assert board.wakes == 1
    assert board.events() == [io.Buffers(left)]
    assert board.ble.of("disconnect") == []


def test_a_notification_that_finds_no_buffer_is_told_once(board: Board) -> None:
    board.ble.fails["notify"] = [ENOMEM] * 3
    board.perform(io.Notify(0, b"result"))
    board.pass_time(2 * pump.RETRY_MS)
    assert board.events() == [io.Buffers(False)]


# Ends and advertisements.


def test_a_last_notification_leaves_before_the_link_is_cut(board: Board) -> None:
    board.perform(io.Notify(0, b"refusal"), io.Disconnect(0))
    board.pass_time(pump.LINGER_MS - 1)
    assert board.ble.of("disconnect") == []
    board.pass_time(1)
    assert board.ble.of("disconnect") == [(0,)]


@pytest.mark.parametrize("error", names.EALREADY)
def test_a_link_whose_end_has_begun_is_still_there(board: Board, error: int) -> None:
    """Its event frees its place; until then it is cut again every so often."""
    board.perform(io.Disconnect(0))
    board.pass_time(pump.LINGER_MS)
    board.ble.fails["disconnect"] = [error]
    board.pass_time(pump.CUT_AGAIN_MS)
    assert board.ble.of("disconnect") == [(0,)] * 2
    assert board.events() == []
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 0, 0, b"address")
    assert board.events() == [io.Disconnected(0)]
    assert board.radio.deadline() is None


def test_an_end_without_its_event_is_found_out(board: Board) -> None:
    board.perform(io.Disconnect(0))
    board.pass_time(pump.LINGER_MS)
    board.ble.links.discard(0)
    board.pass_time(pump.CUT_AGAIN_MS)
    assert board.events() == [io.Disconnected(0)]
    assert board.radio.deadline() is None


def test_the_next_phone_under_a_handle_is_not_cut_for_the_last(board: Board) -> None:
    """The event of the last one's end was lost."""
    board.perform(io.Disconnect(0))
    board.pass_time(pump.LINGER_MS)
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 0, 0, b"another")
    assert board.events() == [io.Connected(0)]
    board.pass_time(pump.CUT_AGAIN_MS)
    assert board.ble.of("disconnect") == [(0,)]


def test_the_next_phone_under_a_handle_is_not_taken_for_gone(board: Board) -> None:
    """The last one's end was found out, and is told before the next one comes or not at all."""
    board.perform(io.Disconnect(0))
    board.ble.links.discard(0)
    board.pass_time(pump.LINGER_MS)
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 0, 0, b"address")
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 0, 0, b"another")
    assert board.events() == [io.Disconnected(0), io.Connected(0)]


def test_a_phone_that_is_back_before_the_loop_has_looked_is_not_cut(board: Board) -> None:
    board.perform(io.Disconnect(0))
    board.interrupt(names.IRQ_CENTRAL_DISCONNECT, 0, 0, b"address")
    board.interrupt(names.IRQ_CENTRAL_CONNECT, 0, 0, b"the same")
    board.pass_time(pump.LINGER_MS)
    assert board.ble.of("disconnect") == []
    assert board.events() == [io.Disconnected(0), io.Connected(0)]


def test_advertising_ends(board: Board) -> None:
    board.perform(io.Advertise(0, b"", b""))
    assert board.ble.of("advertise") == [(None, b"", b"")]


def test_advertising_waits_for_a_free_link_without_trying(board: Board) -> None:
    """The end of a link asks again."""
    board.ble.fails["advertise"] = [ENOMEM]
    board.perform(ADVERT)
    assert board.radio.deadline() is None


def test_advertise(board: Board) -> None:
    board.perform(ADVERT)
    assert board.ble.of("advertise") == [(20_000, b"advert", b"response")]
    assert board.radio.deadline() is None


def test_advertising_that_fails_is_tried_again_for_as_long_as_it_takes(board: Board) -> None:
    board.ble.fails["advertise"] = [EBUSY] * 3
    board.perform(ADVERT)
    board.pass_time(3 * pump.RETRY_MS)
    assert len(board.ble.of("advertise")) == 4
    assert board.radio.deadline() is None


def test_only_the_latest_advertisement_is_tried_again(board: Board) -> None:
    board.ble.fails["advertise"] = [EBUSY]
    board.perform(ADVERT, ADVERT._replace(data=b"newer"))
    board.pass_time(pump.RETRY_MS)
    assert [data for _, data, _ in board.ble.of("advertise")] == [b"advert", b"newer"]


def test_certificate(board: Board) -> None:
    board.perform(io.ShowCertificate(b"certificate"))
    assert board.ble.of("write") == [(CERTIFICATE, b"certificate")]


@pytest.mark.parametrize("action", [io.Send(1, b""), io.Keep("a", b""), io.Blink(1)])
def test_what_is_not_the_radios(board: Board, action: Any) -> None:
    assert not board.radio.perform(action, NOW)
