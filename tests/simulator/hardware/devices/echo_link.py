"""A receiver for tests of the link: every message comes back once. Runs in MicroPython."""

import os
import select
import sys
import time

from receiver.link.link import Link, Message

WAIT_MS = 1000

line = sys.stdin.buffer
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
link = Link(os.urandom(4), b"echo", host=False)


def handle():
    while True:
        event = link.poll()
        if event is None:
            return
        if isinstance(event, Message):
            link.send(event.channel, event.payload)
            link.accept(event.token)


def patience():
    due = link.deadline()
    return WAIT_MS if due is None else max(0, due - time.ticks_ms())


while True:
    sys.stdout.buffer.write(link.transmit(time.ticks_ms()))
    if poller.poll(patience()):
        data = line.read(1)
        if not data:
            break
        link.receive(data, time.ticks_ms())
    else:
        link.expire(time.ticks_ms())
    handle()
