"""Runs inside MicroPython: the CBOR vectors, every cut and every changed byte of them."""

from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error
from tests.micropython.shared import code_of
from tests.support.values.vectors import load, plain

CHANGES = (0x01, 0x20, 0x80, 0xFF)  # flips the low, type and high bits of a head, then all


def check_hostile(data):
    """Refused, or else what the encoder makes of its own value."""
    try:
        value = cbor.decode(data)
    except Error:
        return
    assert cbor.encode(value) == data, data


def hostile(data):
    """Everything near a valid encoding that can be listed."""
    for size in range(len(data)):
        yield data[:size]
        for change in CHANGES:
            yield data[:size] + bytes((data[size] ^ change,)) + data[size + 1 :]
    yield data + b"\0"


def main():
    vectors = load("cbor.json")
    count = 0
    for case in vectors["valid"]:
        data = bytes.fromhex(case["hex"])
        value = plain(case["value"])
        assert cbor.encode(value) == data, case
        for view in (data, bytearray(data), memoryview(data)):
            assert cbor.decode(view) == value, case
        for near in hostile(data):
            check_hostile(near)
            count += 1
    for case in vectors["invalid"]:
        data = bytes.fromhex(case["hex"])
        for view in (data, bytearray(data), memoryview(data)):
            assert code_of(cbor.decode, view) == reasons.MALFORMED, case
        count += 1
    assert code_of(cbor.decode, bytes(cbor.SIZE_MAX + 1)) == reasons.OVERSIZE
    assert code_of(cbor.decode, b"\x81" * cbor.SIZE_MAX) == reasons.MALFORMED
    print(count + len(vectors["valid"]) + 2, "cases")


main()
