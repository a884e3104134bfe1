"""Runs inside MicroPython: the CBOR vectors, every cut and every changed byte of them."""

import json

from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/cbor.json"
CHANGES = (0x01, 0x20, 0x80, 0xFF)  # flips the low, type and high bits of a head, then all


def from_json(value):
    """The value that a vector describes: {"hex"} is bytes, {"map"} a dict."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, dict) and "hex" in value:
        return bytes.fromhex(value["hex"])
    if isinstance(value, dict):
        return {key: from_json(item) for key, item in value["map"]}
    return value


def code_of(data):
    """The reason for which the data is refused, None if it is not."""
    try:
        cbor.decode(data)
    except Error as error:
        return error.code
    return None


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
    with open(VECTORS) as file:
        vectors = json.load(file)
    count = 0
    for case in vectors["valid"]:
        data = bytes.fromhex(case["hex"])
        value = from_json(case["value"])
        assert cbor.encode(value) == data, case
        for view in (data, bytearray(data), memoryview(data)):
            assert cbor.decode(view) == value, case
        for near in hostile(data):
            check_hostile(near)
            count += 1
    for case in vectors["invalid"]:
        data = bytes.fromhex(case["hex"])
        for view in (data, bytearray(data), memoryview(data)):
            assert code_of(view) == reasons.MALFORMED, case
        count += 1
    assert code_of(bytes(cbor.SIZE_MAX + 1)) == reasons.OVERSIZE
    assert code_of(b"\x81" * cbor.SIZE_MAX) == reasons.MALFORMED
    print(count + len(vectors["valid"]) + 2, "cases")


main()
