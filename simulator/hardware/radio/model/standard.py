"""Figures of the Bluetooth Core specification (5.4) that no vendor may change."""

from __future__ import annotations

CHANNELS = 3  # an advertising event goes out on each, in this order (Vol 6 Part B 4.4.2)
ADVERT_DELAY_S = 0.010  # random, on top of each advertising interval (Vol 6 Part B 4.4.2.2)
LEGACY_PAYLOAD = 31  # bytes of an advertisement (Vol 6 Part B 2.3.1)
LEGACY_DATA = 27  # bytes of a data packet without length extension (Vol 6 Part B 2.4)
EXTENDED_DATA = 251  # bytes with it
SPACE_US = 150  # between two packets of one exchange, T_IFS (Vol 6 Part B 4.1.1)
ESTABLISHING_EVENTS = 6  # silent events until a new link is dropped (Vol 6 Part B 4.5.2)
UPDATE_EVENTS = 6  # connection events before new parameters hold, at least (Vol 6 Part B 5.1.1)

_PREAMBLE = 1
_FRAME = 4 + 2 + 3  # bytes: access address, header, CRC (Vol 6 Part B 2.1)
_ADDRESS = 6
_BYTE = 8  # bits, and microseconds on the 1 Mbit/s PHY

ADVERT_SIZE = _ADDRESS + LEGACY_PAYLOAD  # bytes of a full ADV_IND or SCAN_RSP
CONNECT_SIZE = 2 * _ADDRESS + 22  # bytes of a CONNECT_IND


def on_air_us(size: int) -> int:
    """Return how long a packet with so many bytes takes on the 1 Mbit/s PHY."""
    return (_PREAMBLE + _FRAME + size) * _BYTE


def checked_bits(size: int) -> int:
    """Return how many bits of a packet with so many bytes have to be right."""
    return (_FRAME + size) * _BYTE


ADVERT_US = on_air_us(ADVERT_SIZE)  # 376
CONNECT_US = on_air_us(CONNECT_SIZE)  # 352
