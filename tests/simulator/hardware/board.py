"""What the radio's tests run inside MicroPython: a peripheral that takes statements on stdin.

Each line is evaluated ("> value") or raises ("! error"); each event prints "irq number fields".
"""

# mypy: ignore-errors
# (MicroPython, which has no `typing`)

import select
import sys

import bluetooth

SERVICE = bluetooth.UUID("7a1b0001-6f3e-4f0e-9d5c-2b8a4e6c1d90")
LONG = bluetooth.UUID("7a1b0002-6f3e-4f0e-9d5c-2b8a4e6c1d90")
ECHO = bluetooth.UUID("7a1b0003-6f3e-4f0e-9d5c-2b8a4e6c1d90")
SHORT = bluetooth.UUID("7a1b0004-6f3e-4f0e-9d5c-2b8a4e6c1d90")

CENTRAL_CONNECT = 1
GATTS_WRITE = 3
GATTS_READ_REQUEST = 4

ECHO_FLAGS = bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE | bluetooth.FLAG_NOTIFY
TABLE = (
    (
        SERVICE,
        (
            (LONG, bluetooth.FLAG_READ),
            (ECHO, ECHO_FLAGS),
            (SHORT, bluetooth.FLAG_READ | bluetooth.FLAG_WRITE),
        ),
    ),
)

ble = bluetooth.BLE()
kept = []  # what a careless handler keeps
quiet = False
verdict = 0


def irq(event, data):
    if event == CENTRAL_CONNECT:
        kept.append(data)
        kept.append(data[2])
    if not quiet:
        print("irq", event, *(bytes(x).hex() if isinstance(x, memoryview) else x for x in data))
    if event == GATTS_WRITE and data[1] == echo:
        ble.gatts_notify(data[0], echo, ble.gatts_read(echo))
    return verdict if event == GATTS_READ_REQUEST else None


def broken(event, data):
    raise ValueError("broken handler")


def start():
    global long, echo, short
    ble.irq(irq)
    ble.active(True)
    ble.config(mtu=517)
    ((long, echo, short),) = ble.gatts_register_services(TABLE)
    ble.gatts_set_buffer(echo, 512)


def advertise(interval_us=20000):
    payload = b"\x02\x01\x06\x11\x07" + bytes(SERVICE) + b"\x07\x08Till 7"
    response = b"\x15\x21" + bytes(SERVICE) + b"\x01\x02\x03\x04"
    ble.gap_advertise(interval_us, payload, resp_data=response)


def fill():
    """Notify until the buffers are full; return how often, and the error."""
    count = 0
    try:
        while True:
            ble.gatts_notify(0, echo, b"x")
            count += 1
    except OSError as error:
        return count, error.errno


def obey(line):
    try:
        try:
            print(">", repr(eval(line)))
        except SyntaxError:
            exec(line, globals())
            print("> None")
    except Exception as error:
        print("!", repr(error))


def pump():
    try:
        ble.pump()
    except ValueError as error:
        print("pump:", repr(error))


def main():
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    events = None
    while True:
        for stream, *_ in poll.poll():
            if stream is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                obey(line)
            else:
                pump()
        if events is None and ble.fileno_stream() is not None:
            events = ble.fileno_stream()
            poll.register(events, select.POLLIN)


main()
