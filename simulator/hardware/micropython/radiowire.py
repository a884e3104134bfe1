"""The protocol between a receiver's `bluetooth` module and the radio. MicroPython and CPython.

Each receiver has two streams. On the first the module asks and the radio answers, one question
at a time. On the second the radio sends events, so that it is readable when one waits. NimBLE
delays some of its answers to the phone until the handler returns: the module sends a verdict.

Frame: length of what follows (2), code (1), body; little-endian.
"""

HEADER = "<HB"
HEADER_SIZE = 3

# The kind of stream; the answer on the first is a token (4) that opens the second.
HELLO_ASK = 1
HELLO_EVENTS = 2

# Questions                      body
ACTIVE = 10  # on (1)
IRQ = 11  # whether a handler is set (1)
GET_MAC = 12
GET_MTU = 13
GET_NAME = 14
SET_MTU = 15  # mtu (2)
SET_NAME = 16  # name
SET_ADDRESS_MODE = 17  # mode (1)
ADVERTISE = 20  # ADVERTISE_FORMAT, payload, scan response
ADVERTISE_STOP = 21
REGISTER = 22  # entries, each ENTRY_FORMAT and its UUID
READ = 23  # handle (2)
WRITE = 24  # handle (2), notify subscribers (1), value
NOTIFY = 25  # connection (2), handle (2), value given (1), value
SET_BUFFER = 26  # handle (2), length (2), append (1)
DISCONNECT = 27  # connection (2)
EXCHANGE_MTU = 28  # connection (2)

ADVERTISE_FORMAT = "<iBBB"  # interval in µs, connectable, payload length, scan response length
KEEP = 0xFF  # as a length: keep the earlier value

# Answers
ANSWER = 100  # error number or 0 (2, signed), the result

# Events
EVENT = 110  # IRQ number (1), serial number of the verdict or 0 (1), fields
VERDICT = 111  # serial number (1), the handler's result (2, signed), handler is set (1)

IRQ_CENTRAL_CONNECT = 1
IRQ_CENTRAL_DISCONNECT = 2
IRQ_GATTS_WRITE = 3
IRQ_GATTS_READ_REQUEST = 4
IRQ_MTU_EXCHANGED = 21
IRQ_CONNECTION_UPDATE = 27
IRQ_GET_SECRET = 29
IRQ_SET_SECRET = 30

ADDRESS_FIELDS = "<HB6s"  # connection, address type, address in reading order
FIELDS = {
    IRQ_GATTS_WRITE: "<HH",  # connection, handle
    IRQ_GATTS_READ_REQUEST: "<HH",  # connection, handle
    IRQ_MTU_EXCHANGED: "<HH",  # connection, mtu
    IRQ_CONNECTION_UPDATE: "<HHHHH",  # connection, interval, latency, timeout, status
}

# MicroPython's error numbers on an ESP32
EIO = 5  # a refusal by the controller
EINVAL = 22
EBUSY = 16
ENODEV = 19
ENOMEM = 12
EALREADY = 120  # newlib's; a Unix port's is 114
LINK_GONE = -128

FLAG_READ = 0x02
FLAG_WRITE_NO_RESPONSE = 0x04
FLAG_WRITE = 0x08
FLAG_NOTIFY = 0x10
FLAG_INDICATE = 0x20

CHARACTERISTIC = 0  # the kinds of entries in REGISTER
DESCRIPTOR = 1
SERVICE = 2
ENTRY_FORMAT = "<BHB"  # kind, flags, length of the UUID that follows
