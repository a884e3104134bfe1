"""Runs inside MicroPython: the device's loop in time that jumps, with a real link on its line."""

import os

from firmware.device import lamp, slots
from firmware.device.app import App
from firmware.device.serial import Serial
from receiver import reasons
from receiver.core import io, sale_session
from receiver.errors import Error
from receiver.link import link, link_states, wire
from receiver.link.link import Link
from tests.micropython import shared

LOOKS_MOST = 20_000  # at the clock: a loop that never waits must not turn for ever
HEALTH_MS = 30_000  # how often a device without any sale says that it lives
MINUTE_MS = 60_000
RETRIES_MS = [0, 150, 450, 1050, 2250, 4650]  # when a frame is written that is not acknowledged


class Time:
    """Clock and waiter: it is later once the loop waits, by as much as it wants to wait."""

    def __init__(self):
        self.now = 0
        self.looks = 0
        self.end = 0

    def ms(self):
        self.looks += 1
        assert self.looks < LOOKS_MOST, "still %d ms" % self.now
        return self.now

    def wait(self, patience, _writing):
        assert patience >= 0
        if not self.bridge.speaks():
            self.now = min(self.now + patience, self.end)

    def is_over(self):
        return self.now >= self.end


class Part:
    """Stands for radio, core, store and board."""

    def __init__(self, time):
        self.time = time
        self.due = None
        self.expired = []  # when
        self.said = []  # when it said how well it is
        self.fed = 0
        self.lit = []  # when the lamp changed, and to what
        self.identity = self.sale = self.air = self
        self.fault = self.problem = None
        self.kept_images = []  # each time, whether the loader still had a trial
        self.counted = []
        self.report = self
        self.state = sale_session.IDLE
        self.paid = False
        self.faults = []
        self.broken = False  # the store
        self.kept = []
        self.links = []
        self.living = True
        self.out = []
        self.up = 0
        self.clock = time
        self.store = self.board = self

    def deadline(self):
        return self.due

    def expire(self, now):
        assert self.due is not None
        assert now >= self.due
        self.expired.append(now)
        self.due = None

    def poll(self):
        return self.out.pop(0) if self.out else None

    def perform(self, _action, _now):
        return False

    def handle(self, event, _now):
        if type(event) is io.WireUp:
            self.up += 1
        elif type(event) is io.Fault:
            self.faults.append(event)

    def put(self, name, data):
        if self.broken:
            raise OSError(28)
        self.kept.append((name, data))

    def keep_image(self):
        self.kept_images.append(bool(slots.read(slots.TRIAL)))

    def count(self, reason, _detail):
        self.counted.append(reason)

    def health(self, now, free, dropped):
        assert free > 0
        self.dropped = dropped
        self.said.append(now)
        value = wire.Health(now // 1000, free, 0, b"\xa0", 0, dropped)
        self.out.append(io.Send(wire.HEALTH, wire.encode(wire.HEALTH, value)))

    def busy(self):
        return False

    def unseals(self):
        return False

    def settled(self):
        return True

    def alive(self):
        return self.living

    def has_news(self):
        return False

    def feed(self):
        self.fed += 1

    def light(self, colour):
        self.lit.append((self.time.now, colour))

    def erase(self):
        pass


class Bridge:
    """The line, and the bridge's end of it."""

    def __init__(self, time):
        self.time = time
        time.bridge = self
        self.writing = False
        self.deaf = False
        self.dropped = 0
        self.accepts = True
        self.tracebacks = []
        self.written = []  # when, while it is deaf
        self.taken = []  # channels
        self.link = Link(b"host", b"a bridge", host=True)
        self.coming = self.link.transmit(time.now)

    def write(self, data):
        if self.deaf:
            self.written.append(self.time.now)
            return
        self.link.receive(data, self.time.now)
        event = self.link.poll()
        while event is not None:
            if isinstance(event, link.Message):
                if self.accepts:
                    self.link.accept(event.token)
                self.taken.append(event.channel)
                if event.channel == wire.TRACEBACK:
                    self.tracebacks.append(wire.decode(wire.TRACEBACK, event.payload).data)
            event = self.link.poll()
        self.answer()

    def answer(self):
        data = self.link.transmit(self.time.now)
        while data:
            self.coming += data
            data = self.link.transmit(self.time.now)

    def speaks(self):
        return bool(self.coming) and not self.deaf

    def read(self):
        if not self.speaks():
            return b"" if self.time.is_over() else None
        data, self.coming = self.coming, b""
        return data

    def pump(self):
        pass


class Device:
    """An app over real serial and link machines, from its boot on."""

    def __init__(self):
        self.time = Time()
        self.core, self.radio, self.bridge = Part(self.time), Part(self.time), Bridge(self.time)
        self.link = Link(b"dev1", b"a receiver", host=False)
        serial = Serial(self.link, self.core)
        self.app = App(serial, self.radio, self.bridge, self.radio)

    def run(self, ms):
        """So many milliseconds; the loop begins anew each time, with all that it knew."""
        self.time.end = self.time.now + ms
        self.app.run(self.time)


def check_the_loop_wakes_at_every_deadline():
    """Not at the next turn that comes anyway: a phone waits for it."""
    device = Device()
    device.core.due, device.radio.due = 1_234, 3_456
    device.run(5_000)
    assert device.core.expired == [1_234], device.core.expired
    assert device.radio.expired == [3_456], device.radio.expired
    assert device.core.up == 1


def check_a_frame_without_an_answer_is_written_again():
    device = Device()
    device.run(1_000)
    assert device.link.state == link_states.UP
    device.bridge.deaf = True
    begin = device.time.now
    device.core.out.append(io.Send(wire.HEALTH, b"x"))
    device.run(5_000)
    assert [at - begin for at in device.bridge.written] == RETRIES_MS, device.bridge.written
    assert device.link.counters["retransmits"] == link_states.RETRIES
    device.bridge.deaf = False
    device.run(10_000)
    assert device.link.state == link_states.UP
    assert device.bridge.taken == [wire.HEALTH]


def check_a_device_with_no_sale_says_how_it_is():
    device = Device()
    device.run(5 * MINUTE_MS + 1)
    assert device.core.said == [n * HEALTH_MS for n in range(1, 11)], device.core.said
    assert device.bridge.taken == [wire.HEALTH] * 10
    assert device.radio.fed >= 5 * MINUTE_MS // 1_000


def blinks(state, begin, ms):
    """When the lamp changes in so long, and to which colour."""
    colour, lit = lamp.PATTERNS[state]
    steps = [(at, lit[at // lamp.STEP_MS % lamp.STEPS]) for at in range(begin, begin + ms, 125)]
    return [(at, colour if mark == "#" else 0) for at, mark in steps]


def changes(*parts):
    """The same, of one state after the other, without what stays as it is."""
    whole = [step for part in parts for step in part]
    return [step for n, step in enumerate(whole) if not n or whole[n - 1][1] != step[1]]


def check_the_lamp_tells_each_state():
    """It changes when the pattern says so, not at a turn that comes anyway."""
    device = Device()
    core = device.core
    device.run(1)
    device.radio.lit.clear()
    parts = []
    for state, sale, links, paid in (
        (lamp.READY, sale_session.IDLE, 0, False),
        (lamp.SALE_OPEN, sale_session.OPEN, 0, False),
        (lamp.BUYER_HERE, sale_session.CHECKING, 1, False),
        (lamp.APPROVED, sale_session.SETTLED, 1, True),
        (lamp.READY, sale_session.SETTLED, 1, False),
        (lamp.APPROVED, sale_session.ACCEPTED, 0, False),
        (lamp.NO_BRIDGE, sale_session.IDLE, 0, False),
        (lamp.FAULT, sale_session.IDLE, 0, False),
    ):
        core.state, core.links, core.paid = sale, [0] * links, paid
        core.fault = state == lamp.FAULT or None
        if state == lamp.NO_BRIDGE:
            device.link.cut()
            device.bridge.deaf = True
        begin = device.time.now
        device.run(4_000 - begin % 4_000)
        parts.append(blinks(state, begin // 4_000 * 4_000, 4_000))
    expected = changes(*parts)
    assert device.radio.lit == expected[1:], (device.radio.lit, expected)


def check_every_state_blinks_in_its_own_way():
    """For eyes that see no colour; and no pattern is another one that begins later."""
    for n, (_, lit) in enumerate(lamp.PATTERNS):
        assert len(lit) == lamp.STEPS
        for _, other in lamp.PATTERNS[:n]:
            assert lit not in other + other
    assert len({colour for colour, _ in lamp.PATTERNS}) == len(lamp.PATTERNS)


def check_identify_shows_for_so_long():
    """A second order counts from its own time."""
    device = Device()
    device.run(2_000)
    device.core.out.append(io.Blink(3))
    device.run(2_000)
    device.core.out.append(io.Blink(3))
    device.radio.lit.clear()
    device.run(6_000)
    identify = blinks(lamp.IDENTIFY, 4_000, 3_000)
    expected = changes(identify, blinks(lamp.READY, 7_000, 3_000))
    assert device.radio.lit == expected, (device.radio.lit, expected)


def present():
    names = sorted(name for name in os.listdir(".") if name.startswith("slot"))
    return [(name, open(name).read()) for name in names]


def trial(greeted, alive=True, problem=None, fault=None):
    """What is left of a trial after a minute."""
    for name, root in ((slots.SLOT, "a"), (slots.TRIAL, "b")):
        with open(name, "w") as file:
            file.write(root)
    device = Device()
    device.bridge.deaf = not greeted
    device.radio.living = alive
    device.core.problem, device.core.fault = problem, fault
    device.run(MINUTE_MS)
    return device


def check_firmware_on_trial_stays_once_a_bridge_has_greeted_it():
    device = trial(greeted=True)
    assert present() == [(slots.SLOT, "b")], present()
    assert device.radio.kept_images == [True]  # once, and before the loader's own file


def check_firmware_that_could_not_sell_does_not_stay():
    error = Error(reasons.UNKNOWN_ISSUER, "certificate")
    for problem, fault in ((error, None), (None, error)):
        trial(greeted=True, problem=problem, fault=fault)
        assert present() == [(slots.SLOT, "a"), (slots.TRIAL, "b")], present()


def check_a_bridge_that_comes_late_is_in_time():
    device = trial(greeted=False)
    assert present() == [(slots.SLOT, "a"), (slots.TRIAL, "b")], present()
    device.bridge.deaf = False
    device.run(MINUTE_MS)
    assert present() == [(slots.SLOT, "b")], present()


def check_firmware_without_a_radio_does_not_stay():
    """The loader forgets its trial at the next start."""
    device = trial(greeted=True, alive=False)
    assert device.core.up == 1
    assert device.radio.fed == 0
    assert present() == [(slots.SLOT, "a"), (slots.TRIAL, "b")], present()


def leave(name, text):
    with open(name, "w") as file:
        file.write(text)


def said(name):
    try:
        with open(name) as file:
            return file.read()
    except OSError:
        return ""


def check_a_crash_is_told_once_to_the_first_bridge():
    text = "Traceback\n" + "  File 1\n" * 12 + "x" * 260 + "\nMemoryError: \u00e4nd"
    leave(slots.CRASH, text)
    device = Device()
    device.bridge.deaf = True
    device.run(MINUTE_MS)
    assert said(slots.CRASH) == text
    device.bridge.deaf = False
    device.run(10_000)
    assert device.bridge.tracebacks == [text.encode()]
    assert said(slots.CRASH) == ""
    again = Device()
    again.run(10_000)
    assert again.bridge.tracebacks == []


def check_a_traceback_that_is_not_acknowledged_is_kept():
    leave(slots.CRASH, "MemoryError")
    device = Device()
    device.bridge.accepts = False
    device.run(2_000)
    assert device.bridge.tracebacks == [b"MemoryError"]
    assert said(slots.CRASH) == "MemoryError"
    device = Device()
    device.run(2_000)
    assert device.bridge.tracebacks == [b"MemoryError"]
    assert said(slots.CRASH) == ""


def check_of_a_long_traceback_the_end_is_told():
    text = "\u00e4" * 300 + "MemoryError"
    leave(slots.CRASH, text)
    device = Device()
    device.run(2_000)
    assert device.bridge.tracebacks == [text.encode()[-wire.TRACEBACK_MOST :]]


def check_an_error_in_the_reader_is_a_crash():
    """It ends the loop, and the loader hears of it: no restart as if it had been ordered."""
    device = Device()

    def broken(_data, _now):
        raise ValueError("broken")

    device.app._serial.receive = broken
    try:
        device.run(1_000)
    except ValueError:
        return
    raise AssertionError("it ended as if nothing had happened")


def check_a_minute_without_a_crash_ends_a_row_of_them():
    leave(slots.CRASHES, "xx")
    device = Device()
    device.run(MINUTE_MS - 1)
    assert said(slots.CRASHES) == "xx"
    device.run(2)
    assert said(slots.CRASHES) == ""


def check_a_value_that_cannot_be_stored_is_a_fault():
    device = Device()
    device.core.out += [io.Keep("sequence", b"1")]
    device.run(100)
    assert device.core.faults == []
    device.radio.broken = True
    device.core.out += [io.Keep("sequence", b"2")]
    device.run(100)
    (fault,) = device.core.faults
    assert fault.reason == reasons.STORE_FAILED
    assert "sequence" in fault.detail
    assert "28" in fault.detail
    assert device.radio.kept == [("sequence", b"1")]


def check_health_tells_what_the_line_dropped():
    device = Device()
    device.bridge.dropped = 7
    device.run(HEALTH_MS + 1)
    assert device.core.dropped == 7


def check_an_order_to_restart():
    """The loop ends once the acknowledgement has left; the next start tries the other directory."""
    os.mkdir("b")
    leave("b" + slots.WHOLE, "")
    for number, service, root in ((2, 0, "b"), (0, 0, ""), (0, 1, ""), (2, 1, "b")):
        leave(slots.NEXT, "")
        leave(slots.SERVICE, "")
        device = Device()
        device.run(1_000)
        device.core.out.append(io.Restart(number, service))
        device.run(MINUTE_MS)
        assert device.time.now == 1_200, device.time.now
        assert (said(slots.NEXT), said(slots.SERVICE)) == (root, "1" if service else "")
    os.remove("b" + slots.WHOLE)
    os.rmdir("b")


def check_firmware_that_is_not_whole_is_not_tried():
    for number in (1, 2):
        leave(slots.NEXT, "")
        leave(slots.SERVICE, "")
        device = Device()
        device.run(1_000)
        device.core.out.append(io.Restart(number, 1))
        device.run(MINUTE_MS)
        assert device.core.counted == [reasons.NOT_VERIFIED]
        assert device.time.now > 1_200
        assert said(slots.NEXT) == said(slots.SERVICE) == ""


shared.run(
    check_the_loop_wakes_at_every_deadline,
    check_a_frame_without_an_answer_is_written_again,
    check_a_device_with_no_sale_says_how_it_is,
    check_the_lamp_tells_each_state,
    check_every_state_blinks_in_its_own_way,
    check_identify_shows_for_so_long,
    check_firmware_on_trial_stays_once_a_bridge_has_greeted_it,
    check_firmware_that_could_not_sell_does_not_stay,
    check_a_bridge_that_comes_late_is_in_time,
    check_firmware_without_a_radio_does_not_stay,
    check_a_crash_is_told_once_to_the_first_bridge,
    check_a_traceback_that_is_not_acknowledged_is_kept,
    check_of_a_long_traceback_the_end_is_told,
    check_an_error_in_the_reader_is_a_crash,
    check_a_minute_without_a_crash_ends_a_row_of_them,
    check_a_value_that_cannot_be_stored_is_a_fault,
    check_health_tells_what_the_line_dropped,
    check_an_order_to_restart,
    check_firmware_that_is_not_whole_is_not_tried,
)
