"""Runs inside MicroPython: the line over a stream that says it has room, whether it has or not."""

from firmware.device import line
from firmware.device.line import Line


class Stream:
    """Both streams and the clock. A write takes as long as `slow` says; `heard` is what arrives."""

    def __init__(self):
        self.now = 1_000
        self.slow = 6
        self.written = []
        self.buffer = self
        self.heard = b""
        self.closed = False

    def ms(self):
        return self.now

    def write(self, data):
        self.now += self.slow
        self.written.append(data)

    def readinto(self, buffer):
        if self.closed:
            return 0
        buffer[0], self.heard = self.heard[0], self.heard[1:]
        return 1


class Select:
    """Stands for `select`: on a chip standard output always has room."""

    POLLIN, POLLOUT = 1, 4

    def __init__(self, stream):
        self.stream = stream

    def poll(self):
        return Poll(self.stream)


class Poll:
    def __init__(self, stream):
        self.stream = stream

    def register(self, _stream, flags):
        self.flags = flags

    def ipoll(self, _patience):
        ready = self.flags == Select.POLLOUT or self.stream.heard or self.stream.closed
        return [(self.stream, self.flags)] if ready else []


def made():
    stream = Stream()
    line.select = Select(stream)
    return stream, Line(stream, stream, stream)


def run(one):
    for _ in range(200):
        one.pump()
    assert not one.writing


def check_short_writes():
    """At most 63 bytes each, all of them in order."""
    stream, one = made()
    data = bytes(range(256))
    one.write(data)
    run(one)
    assert b"".join(stream.written) == data
    assert max(len(piece) for piece in stream.written) == 63
    assert one.dropped == 0


def check_a_host_that_does_not_read():
    """One slow write, then silence for a while: the radio's events do not wait again."""
    stream, one = made()
    stream.slow = 200
    one.write(bytes(500))
    run(one)
    assert len(stream.written) == 1
    assert one.dropped == 1
    one.write(bytes(10))
    run(one)
    assert len(stream.written) == 1
    assert one.dropped == 2
    stream.now += line.MUTE_MS
    stream.slow = 6
    one.write(b"again")
    run(one)
    assert stream.written[1:] == [b"again"]
    assert one.dropped == 2


def check_a_host_that_speaks_is_answered():
    stream, one = made()
    stream.slow = 51
    one.write(b"x")
    run(one)
    stream.heard = b"hello\0"
    assert one.read() == b"hello\0"
    stream.slow = line.SLOW_MS
    one.write(b"answer")
    run(one)
    assert stream.written == [b"x", b"answer"]
    assert one.dropped == 1


def check_frames_are_read_whole():
    """Or as much as the buffer holds; nothing is waited for."""
    stream, one = made()
    assert one.read() is None
    stream.heard = b"first\0sec"
    assert one.read() == b"first\0"
    assert one.read() is None
    stream.heard = b"ond\0" + bytes([1]) * (line.READ_MOST + 2)
    assert one.read() == b"second\0"
    assert one.read() == bytes([1]) * line.READ_MOST
    assert one.read() is None
    stream.heard = b"\0" + bytes(3 * line.READ_MOST)
    assert one.read() == b"\1\1\0"
    assert [one.read() for _ in range(4)] == [None] * 4
    assert stream.heard == b""
    stream.closed = True
    assert one.read() == b""


def check_too_much_is_counted():
    _, one = made()
    one.write(bytes(line.WAITING_MOST))
    one.write(b"x")
    assert one.dropped == 1
    assert len(one._waiting) == line.WAITING_MOST


def main():
    checks = [check_short_writes, check_a_host_that_does_not_read]
    checks += [check_a_host_that_speaks_is_answered, check_frames_are_read_whole]
    checks += [check_too_much_is_counted]
    for check in checks:
        check()
    print(len(checks), "cases")


main()
