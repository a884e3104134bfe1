"""Runs inside MicroPython: the device's loop with nothing real around it."""

import asyncio

from firmware.device.app import App
from receiver.core import io
from receiver.link import link_states

SLICES = 5


class Trace:
    """Stands for every part of the device; `said` is what was asked of them, in order."""

    def __init__(self, alive=True):
        self.sealed = 0  # slices of an approval that is being opened
        self.said = []
        self.left = SLICES
        self.radio_alive = alive
        self.events = [io.Connected(0)]
        self.open = asyncio.Event()
        for part in ("clock", "store", "board", "link"):
            setattr(self, part, self)
        self.identity, self.fault, self.state = self, None, link_states.HOME
        self.greeted = False
        self.radio_pump = None

    # Receiver.

    def busy(self):
        return self.left > 0

    def unseals(self):
        return self.sealed > 0

    def work(self, now):
        self.said.append("work")
        self.sealed -= 1
        self.left -= 1
        if not self.left:
            self.open.set()

    def handle(self, event, now):
        self.said.append(type(event).__name__)

    def erase(self):
        self.said.append("erase")

    # Radio.

    def alive(self):
        return self.radio_alive

    def poll(self):
        return self.events.pop(0) if self.events else None

    # Serial, line, clock and board.

    async def pump(self):
        await asyncio.sleep_ms(60_000)

    async def read(self):
        """Nothing, and the line closes when the work is done."""
        await self.open.wait()
        return b""

    def transmit(self, now):
        self.said.append("transmit")
        return b""

    def feed(self):
        self.said.append("feed")

    def light(self, colour):
        pass

    def ms(self):
        return 1

    def deadline(self):
        return None

    def expire(self, now):
        pass

    def settle(self):
        pass


class Receiver(Trace):
    """Has no outputs; its own `poll` is the radio's events else."""

    def poll(self):
        return None


def run(alive, sealed=0):
    """What the loop asks for until the line closes."""
    parts, receiver = Trace(alive), Receiver()
    receiver.sealed = sealed
    receiver.said, receiver.open = parts.said, parts.open
    parts.receiver = receiver
    app = App(parts, parts, parts, parts, asyncio.ThreadSafeFlag())
    asyncio.run(app.run())
    return parts.said


def check_one_slice_between_looks_at_radio_and_serial():
    said = run(alive=True)
    assert said[0] == "Connected"
    for at, what in enumerate(said):
        if what == "work":
            assert said[at - 1 : at + 3] == ["transmit", "work", "transmit", "feed"], said
    assert said.count("work") == SLICES


def check_a_dead_radio_starves_the_watchdog_and_takes_every_link():
    said = run(alive=False)
    assert "feed" not in said
    assert "RadioLost" in said


def check_no_event_overtakes_an_approval_that_is_being_opened():
    said = [what for what in run(alive=True, sealed=2) if what in ("work", "Connected")]
    assert said == ["work", "work", "Connected"] + ["work"] * (SLICES - 2), said


def check_nothing_is_left_at_the_end():
    assert run(alive=True)[-1] == "erase"


def main():
    checks = (
        check_one_slice_between_looks_at_radio_and_serial,
        check_a_dead_radio_starves_the_watchdog_and_takes_every_link,
        check_no_event_overtakes_an_approval_that_is_being_opened,
        check_nothing_is_left_at_the_end,
    )
    for check in checks:
        check()
    print(len(checks), "cases")


main()
