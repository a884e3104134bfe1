"""Runs inside MicroPython: the device's loop with nothing real around it."""

import gc

from firmware.device import app
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
        for part in ("clock", "store", "board", "link"):
            setattr(self, part, self)
        self.identity, self.fault, self.state = self, None, link_states.HOME
        self.greeted = False

    # Receiver.

    def busy(self):
        return self.left > 0

    def unseals(self):
        return self.sealed > 0

    def work(self, now):
        self.said.append("work")
        self.sealed -= 1
        self.left -= 1

    def handle(self, event, now):
        self.said.append(type(event).__name__)

    def erase(self):
        self.said.append("erase")

    # Radio.

    def alive(self):
        return self.radio_alive

    def has_news(self):
        return bool(self.events)

    def poll(self):
        return self.events.pop(0) if self.events else None

    # Serial, line, clock and board.

    writing = False

    def pump(self):
        pass

    def read(self):
        """Nothing, and the line closes when the work is done."""
        return None if self.receiver.left or self.events else b""

    def wait(self, ms, writing):
        self.said.append("wait %d" % ms)

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


def run(alive, sealed=0, events=1, slices=SLICES):
    """What the loop asks for until the line closes."""
    parts, receiver = Trace(alive), Receiver()
    receiver.sealed = sealed
    receiver.left = slices
    receiver.said = parts.said
    parts.events *= events
    parts.receiver = receiver
    App(parts, parts, parts, parts).run(parts)
    return parts.said


def only(said, *kinds):
    return [what for what in said if what in kinds]


def check_one_thing_between_looks_at_radio_and_serial():
    """And no pause while there is something to do."""
    said = run(alive=True)
    turns = "|".join(said[:-1]).split("wait ")  # the last is the end of all
    assert turns[0] == "Connected|transmit|feed|"
    assert turns[1:-1] == ["0|work|transmit|feed|"] * SLICES, turns


def check_work_goes_on_however_many_events_come():
    said = only(run(alive=True, events=10), "Connected", "work")
    round_ = ["Connected"] * app.INPUTS_MOST
    round_.append("work")
    assert said[: 2 * len(round_)] == round_ * 2, said


def check_a_host_that_never_pauses_keeps_no_phone_waiting():
    parts, receiver = Trace(), Receiver()
    receiver.said, receiver.left = parts.said, 0
    parts.receiver = receiver
    parts.events *= 3
    frames = [b"x"] * 6 + [b""]
    parts.read = lambda: frames.pop(0)
    parts.receive = lambda data, now: parts.said.append("frame")
    App(parts, parts, parts, parts).run(parts)
    taken = only(parts.said, "Connected", "frame")
    assert taken == ["frame", "Connected"] * 3 + ["frame"] * 3, taken


def check_collections_have_turns_of_their_own():
    """Between slices, before the garbage of many makes one come within a slice."""
    said = []

    class Collector:
        @staticmethod
        def collect():
            said.append("collect")

    app.gc = Collector
    try:
        turns = only(run(alive=True, slices=2 * app.SLICES_MOST + 1), "work", "feed")
    finally:
        app.gc = gc
    assert said == ["collect"] * 2
    assert turns.count("feed") == turns.count("work") + 1 + len(said)  # one is the event's


def check_a_dead_radio_starves_the_watchdog_and_takes_every_link():
    said = run(alive=False)
    assert "feed" not in said
    assert "RadioLost" in said


def check_no_event_overtakes_an_approval_that_is_being_opened():
    said = only(run(alive=True, sealed=2), "work", "Connected")
    assert said == ["work", "work", "Connected"] + ["work"] * (SLICES - 2), said


def check_nothing_is_left_at_the_end():
    assert run(alive=True)[-1] == "erase"


def main():
    checks = (
        check_one_thing_between_looks_at_radio_and_serial,
        check_work_goes_on_however_many_events_come,
        check_a_host_that_never_pauses_keeps_no_phone_waiting,
        check_collections_have_turns_of_their_own,
        check_a_dead_radio_starves_the_watchdog_and_takes_every_link,
        check_no_event_overtakes_an_approval_that_is_being_opened,
        check_nothing_is_left_at_the_end,
    )
    for check in checks:
        check()
    print(len(checks), "cases")


main()
