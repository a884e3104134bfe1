"""MicroPython's `bluetooth.BLE` as used here (the published stubs are wrong about it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

IRQ_CENTRAL_CONNECT = 1
IRQ_CENTRAL_DISCONNECT = 2
IRQ_GATTS_WRITE = 3
IRQ_MTU_EXCHANGED = 21

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010

ENOMEM = 12  # no buffer for a notification: the stack's only back-pressure
EALREADY = (114, 120)  # the end of a link has begun: Linux's number, and newlib's on ESP32
NO_LINK = 0x0EFF  # the highest handle; a chip with four links gives the lowest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Ble(Protocol):
        """The part of `bluetooth.BLE` that this firmware uses."""

        def active(self, on: bool = ...) -> bool: ...

        def config(self, **settings: int | str) -> None: ...

        def irq(self, handler: Callable[[int, tuple[int, ...]], None]) -> None: ...

        def gap_advertise(
            self,
            interval_us: int | None,
            adv_data: bytes | None = None,
            *,
            resp_data: bytes | None = None,
            connectable: bool = True,
        ) -> None: ...

        def gatts_register_services(
            self, services: tuple[object, ...]
        ) -> tuple[tuple[int, ...], ...]: ...

        def gatts_set_buffer(self, handle: int, size: int) -> None: ...

        def gatts_read(self, handle: int) -> bytes: ...

        def gatts_write(self, handle: int, data: bytes) -> None: ...

        def gatts_notify(self, link: int, handle: int, data: bytes) -> None: ...

        def gattc_exchange_mtu(self, link: int) -> None: ...

        def gap_disconnect(self, link: int) -> bool: ...
