"""Runs inside MicroPython: a device and a host talk over a wire that loses every fifth write."""

from receiver.link import link, link_states
from receiver.link.link import Link

LOSS = 5  # every fifth write is lost
LIMIT_MS = 60_000


class End:
    def __init__(self, name, host):
        self.link = Link(name, b"hello from " + name, host=host)
        self.taken = []
        self.delivered = []
        self.hellos = []
        self.lost = []

    def handle(self):
        while True:
            event = self.link.poll()
            if event is None:
                return
            if isinstance(event, link.Message):
                self.taken.append((event.channel, event.payload))
                assert self.link.accept(event.token)
                assert not self.link.accept(event.token)
            elif isinstance(event, link.Delivered):
                self.delivered.append(event.token)
            elif isinstance(event, link.Up):
                self.hellos.append(event.hello)
            elif isinstance(event, link.Lost):
                self.lost.extend(event.messages)


class Wire:
    def __init__(self):
        self.now = 0
        self.writes = 0

    def run(self, ends, done):
        while not done():
            assert self.now < LIMIT_MS
            spoken = [self.turn(ends[0], ends[1]), self.turn(ends[1], ends[0])]
            if not any(spoken):
                times = [end.link.deadline() for end in ends]
                self.now = max(self.now, min(time for time in times if time is not None))

    def turn(self, end, peer):
        """One write, lost or not; whether there was one."""
        due = end.link.deadline()
        if due is not None and due <= self.now:
            end.link.expire(self.now)
        data = end.link.transmit(self.now)
        self.writes += bool(data)
        if data and self.writes % LOSS:
            for byte in data:
                peer.link.receive(bytes([byte]), self.now)
            peer.handle()
        return bool(data)


def check_conversation():
    wire, device, host = Wire(), End(b"dev1", False), End(b"host", True)
    ends = (device, host)
    wire.run(ends, lambda: all(end.link.state == link_states.UP for end in ends))
    assert device.hellos == [b"hello from host"]
    assert host.hellos == [b"hello from dev1"]
    wanted = [(n, bytes([n]) * size) for n, size in enumerate((0, 1, 181, 182, 245, 246, 1500))]
    for end in ends:
        tokens = [end.link.send(channel, payload) for channel, payload in wanted]
        assert tokens == [1, 2, 3, 4, 5, 6, 7]
    wire.run(ends, lambda: all(len(end.delivered) == 7 for end in ends))
    for end in ends:
        assert end.taken == wanted
        assert end.link.counters["retransmits"] > 0
        assert end.link.counters["strange"] == 0
    return len(wanted) * 2


def check_reboot():
    wire, device, host = Wire(), End(b"dev1", False), End(b"host", True)
    wire.run((device, host), lambda: device.hellos and host.hellos)
    host.link.send(1, b"for the old boot")
    device = End(b"dev2", False)
    wire.run((device, host), lambda: device.hellos and len(host.hellos) == 2)
    assert [message.payload for message in host.lost] == [b"for the old boot"]
    assert device.taken == []
    return 2


def check_noise():
    host = Link(b"host", b"", host=True)
    for n in range(3000):
        noise = bytes([(n * n + k * k * 7) & 0xFF for k in range(n % 50)])
        host.receive(noise, n)
        host.expire(n)
        host.transmit(n)
        while host.poll() is not None:
            pass
    assert host.state == link_states.SEEKING
    assert host.counters["garbage"] > 1000
    return 3000


print(check_conversation() + check_reboot() + check_noise(), "cases")
