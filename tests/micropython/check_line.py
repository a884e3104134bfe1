"""Runs inside MicroPython: the line over a stream that says it has room, whether it has or not."""

import asyncio

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

    def ms(self):
        return self.now

    def write(self, data):
        self.now += self.slow
        self.written.append(data)

    def read(self, size):
        data, self.heard = self.heard[:size], self.heard[size:]
        return data


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

    def poll(self, _patience):
        return self.flags == Select.POLLOUT or self.stream.heard


def made():
    stream = Stream()
    line.select = Select(stream)
    return stream, Line(stream, stream, asyncio.Event(), stream)


def run(one, turns=200):
    async def work():
        task = asyncio.create_task(one.pump())
        for _ in range(turns):
            await asyncio.sleep_ms(0)
        task.cancel()

    one._wakes = asyncio.Event()
    if one._waiting:
        one._wakes.set()
    asyncio.run(work())


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
    line.readable, before = ready, line.readable
    stream.heard = b"hello"
    assert asyncio.run(one.read()) == b"hello"
    line.readable = before
    stream.slow = line.SLOW_MS
    one.write(b"answer")
    run(one)
    assert stream.written == [b"x", b"answer"]
    assert one.dropped == 1


async def ready(_stream):
    pass


def check_too_much_is_counted():
    _, one = made()
    one.write(bytes(line.WAITING_MOST))
    one.write(b"x")
    assert one.dropped == 1
    assert len(one._waiting) == line.WAITING_MOST


def main():
    checks = [check_short_writes, check_a_host_that_does_not_read]
    checks += [check_a_host_that_speaks_is_answered, check_too_much_is_counted]
    for check in checks:
        check()
    print(len(checks), "cases")


main()
