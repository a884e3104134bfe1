"""Strict deterministic CBOR (RFC 8949 §4.2.1): the decoder accepts only what the encoder makes.

Values are int, bytes, str, bool, list (a tuple encodes as one) and dict with int keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.errors import Error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Value = int | bytes | str | bool | list["Value"] | dict[int, "Value"]
    Encodable = int | bytes | str | bool | Sequence["Encodable"] | Mapping[int, "Encodable"]

SIZE_MAX = 2048  # bytes; a record, the largest message, takes some 700 of them
DEPTH_MAX = 4  # containers inside one another; a certificate has three: claims, cnf, COSE_Key
INT_MAX = 0xFFFFFFFF  # protocol §3.3: integers fit 32 bits, so lengths and heads do too
INT_MIN = -0x100000000  # the same, for CBOR counts down from -1

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_FALSE = 20  # arguments of the major type _SIMPLE
_TRUE = 21
_LEAST = (24, 0x100, 0x10000)  # the smallest argument that needs a head of 1, 2, 4 further bytes


def encode(value: Encodable, max_size: int = SIZE_MAX) -> bytes:
    """Encode `value` in its only form; raise TypeError or ValueError for other types or sizes."""
    out = bytearray()
    _put(out, value, DEPTH_MAX)
    if len(out) > max_size:
        raise ValueError("too large to encode")
    return bytes(out)


def decode(data: bytes | bytearray | memoryview, max_size: int = SIZE_MAX) -> Value:
    """Decode `data`; raise Error(OVERSIZE) above max_size, else Error(MALFORMED)."""
    if len(data) > max_size:
        raise Error(reasons.OVERSIZE, "cbor: too large")
    raw = bytes(data)
    value, end = _take(raw, 0, DEPTH_MAX)
    if end != len(raw):
        raise _malformed("trailing bytes")
    return value


def _malformed(detail: str) -> Error:
    return Error(reasons.MALFORMED, "cbor: " + detail)


# Encode.


def _put(out: bytearray, value: object, depth: int) -> None:
    if value is True or value is False:
        out.append(_SIMPLE << 5 | (_TRUE if value else _FALSE))
    elif isinstance(value, int):
        _put_int(out, value)
    elif isinstance(value, bytes):
        _put_head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, str):
        raw = value.encode()
        if not _is_unicode(value, len(raw)):
            raise ValueError("not a Unicode string")
        _put_head(out, _TEXT, len(raw))
        out.extend(raw)
    elif depth == 0:
        raise ValueError("nested too deeply")
    elif isinstance(value, (list, tuple)):
        _put_head(out, _ARRAY, len(value))
        for item in value:
            _put(out, item, depth - 1)
    elif isinstance(value, dict):
        _put_head(out, _MAP, len(value))
        for key in sorted(value, key=_rank):
            _put_int(out, key)
            _put(out, value[key], depth - 1)
    else:
        raise TypeError("no encoding for this type")


def _rank(key: int) -> int:
    """Return a number that orders keys as their encoded bytes do: 10 < 100 < -1 < -2."""
    return key if key >= 0 else INT_MAX - key


def _put_int(out: bytearray, value: object) -> None:
    if not isinstance(value, int) or value is True or value is False:
        raise TypeError("not an integer")
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("integer out of range")
    if value >= 0:
        _put_head(out, _UNSIGNED, value)
    else:
        _put_head(out, _NEGATIVE, -1 - value)


def _put_head(out: bytearray, major: int, argument: int) -> None:
    """Encode major type and argument in the fewest bytes (RFC 8949 §3)."""
    if argument < _LEAST[0]:
        out.append(major << 5 | argument)
        return
    width = 0 if argument < _LEAST[1] else 1 if argument < _LEAST[2] else 2
    out.append(major << 5 | 24 + width)
    out.extend(argument.to_bytes(1 << width, "big"))


# Decode: from the bytes and a position to a value and the position after it.


def _take(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if at < len(data) and data[at] & 31 < _LEAST[0]:  # as most are; a call costs more than this
        major, argument, at = data[at] >> 5, data[at] & 31, at + 1
    elif at + 1 < len(data) and data[at] & 31 == _LEAST[0] <= data[at + 1]:  # as keys and ids are
        major, argument, at = data[at] >> 5, data[at + 1], at + 2
    else:
        major, argument, at = _take_head(data, at)
    if major == _UNSIGNED:
        return argument, at
    if major == _NEGATIVE:
        return -1 - argument, at
    if major in (_BYTES, _TEXT):
        end = at + argument
        if end > len(data):
            raise _malformed("cut short")
        raw = data[at:end]
        return (raw if major == _BYTES else _text(raw)), end
    if major == _SIMPLE and argument in (_FALSE, _TRUE):
        return argument == _TRUE, at
    if major not in (_ARRAY, _MAP):
        raise _malformed("unsupported type")
    if depth == 0:
        raise _malformed("nested too deeply")
    if major == _ARRAY:
        return _take_array(data, at, argument, depth - 1)
    return _take_map(data, at, argument, depth - 1)


def _take_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return major type, argument and the position after them; refuse a longer head than needed."""
    if at >= len(data):
        raise _malformed("cut short")
    major = data[at] >> 5
    argument = data[at] & 31
    at += 1
    if argument < _LEAST[0]:
        return major, argument, at
    width = argument - 24
    if width > 2:
        raise _malformed("64-bit, reserved or indefinite head")
    end = at + (1 << width)
    if end > len(data):
        raise _malformed("cut short")
    argument = int.from_bytes(data[at:end], "big")
    if argument < _LEAST[width]:
        raise _malformed("head longer than needed")
    return major, argument, end


def _take_array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Value], int]:
    if count > len(data) - at:  # each item takes a byte; and range() on the chip ends at 2^31
        raise _malformed("cut short")
    items: list[Value] = []
    for _ in range(count):
        item, at = _take(data, at, depth)
        items.append(item)
    return items, at


def _take_map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[int, Value], int]:
    if count > len(data) - at:
        raise _malformed("cut short")
    pairs: dict[int, Value] = {}
    last = b""
    for _ in range(count):
        start = at
        if at < len(data) and data[at] & 31 < _LEAST[0]:
            major, argument, at = data[at] >> 5, data[at] & 31, at + 1
        else:
            major, argument, at = _take_head(data, at)
        if major not in (_UNSIGNED, _NEGATIVE):
            raise _malformed("a key is not an integer")
        if data[start:at] <= last:
            raise _malformed("keys out of order or twice")
        last = data[start:at]
        value, at = _take(data, at, depth)
        pairs[argument if major == _UNSIGNED else -1 - argument] = value
    return pairs, at


def _text(raw: bytes) -> str:
    try:
        text = str(raw, "utf-8")
    except UnicodeError:
        raise _malformed("not UTF-8") from None
    if not _is_unicode(text, len(raw)):
        raise _malformed("not UTF-8")
    return text


def _is_unicode(text: str, size: int) -> bool:
    """Check `size` bytes for the shortest UTF-8 of scalar values; MicroPython does not."""
    if len(text) == size:  # all of it ASCII, as most is
        return True
    for char in text:
        code = ord(char)
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            return False
        size -= 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return size == 0
