"""A receiver for tests of the line: says ready, then every byte comes back. Runs in MicroPython."""

import select
import sys

STOP = b"\x04"  # ends the process
FLOOD = b"\x05"  # writes a lot
FLOOD_SIZE = 10_000

line = sys.stdin.buffer
out = sys.stdout.buffer
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)

out.write(b"ready\r\n")
while True:
    poller.poll(-1)
    byte = line.read(1)
    if byte in (b"", STOP):
        break
    if byte == FLOOD:
        out.write(b"." * FLOOD_SIZE)
    else:
        out.write(byte)
