"""Writes cbor.json. The valid encodings are cbor2's, the refused ones written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2

# Maps stand in the order of RFC 8949 §4.2.1: bytewise by encoded key, so -1 comes after 65536.
VALID: list[Any] = [
    *(0, 1, 23, 24, 255, 256, 65535, 65536, 2**30, 2**31, 2**32 - 1),
    *(-1, -24, -25, -256, -257, -65536, -65537, -(2**32)),
    *(False, True),
    *(bytes(n) for n in (0, 1, 23, 24, 255, 256)),
    *("", "Till 7", "Köpcentrum Åsö", "\0", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff"),
    *("\ue000", "\uffff", "\U00010000", "\U0010ffff", "å" * 12),
    *([], [1, [2, 3], [True, "a", b"b"]], list(range(25)), [[[[]]]], [[[{}]]]),
    *({}, {1: 2, 3: 4}, {0: 0, 23: 1, 24: 2, 65536: 3, -1: 4, -24: 5, -25: 6}),
    *({1: {2: {3: {4: 5}}}}, {8: {1: {1: 2, 3: b"key", -1: 1}}, -2: "Torget"}),
    {n: n for n in range(24)},
]

INVALID = {
    "": "nothing",
    "1800": "0 in two bytes",
    "1817": "23 in two bytes",
    "1900ff": "255 in three bytes",
    "1a0000ffff": "65535 in five bytes",
    "1b00000000000000ff": "255 in nine bytes",
    "1b0000000100000000": "2^32",
    "1bffffffffffffffff": "2^64 - 1",
    "3817": "-24 in two bytes",
    "3a0000ffff": "-65536 in five bytes",
    "3b0000000100000000": "-2^32 - 1",
    "1c": "reserved head",
    "1d": "reserved head",
    "1e": "reserved head",
    "1f": "indefinite integer",
    "5f4101ff": "indefinite bytes",
    "7f6161ff": "indefinite text",
    "9f01ff": "indefinite array",
    "bf0102ff": "indefinite map",
    "ff": "break",
    "c001": "tag",
    "d28440a04040": "tagged COSE_Sign1",
    "d81801": "tag in two bytes",
    "e0": "unassigned simple value",
    "f3": "unassigned simple value",
    "f6": "null",
    "f7": "undefined",
    "f814": "false in two bytes",
    "f8ff": "simple value in two bytes",
    "f93c00": "half float",
    "fa3f800000": "single float",
    "fb3ff0000000000000": "double float",
    "0000": "trailing byte",
    "f4f4": "trailing byte",
    "4000": "trailing byte",
    "810101": "trailing byte",
    "a1010203": "trailing byte",
    "18": "head cut short",
    "1901": "head cut short",
    "1a010203": "head cut short",
    "41": "bytes cut short",
    "6261": "text cut short",
    "81": "array cut short",
    "8201": "array cut short",
    "a1": "map cut short",
    "a101": "map cut short",
    "5800": "length 0 in two bytes",
    "580101": "length 1 in two bytes",
    "59000101": "length 1 in three bytes",
    "980101": "count 1 in two bytes",
    "b8010102": "count 1 in two bytes",
    "5affffffff": "4 GB of bytes",
    "7affffffff": "4 GB of text",
    "9affffffff": "4 G of items",
    "9affffffff00": "4 G of items, one there",
    "baffffffff": "4 G of pairs",
    "5bffffffffffffffff": "2^64 - 1 bytes",
    "9bffffffffffffffff": "2^64 - 1 items",
    "bbffffffffffffffff": "2^64 - 1 pairs",
    "a1616101": "text as key",
    "a1410101": "bytes as key",
    "a1f401": "bool as key",
    "a18001": "array as key",
    "a1a001": "map as key",
    "a1c10101": "tag as key",
    "a118010a": "key in two bytes",
    "a201010102": "key twice",
    "a220012002": "key twice",
    "a202010101": "keys out of order",
    "a220010101": "-1 before 1",
    "a22000186400": "-1 before 100: the shorter-first order of RFC 7049",
    "a219010000181800": "256 before 24",
    "8181818180": "five arrays deep",
    "a101a101a101a101a0": "five maps deep",
    "81" * 200 + "80": "two hundred arrays deep",
    "6180": "text starts in mid-character",
    "61c3": "character cut short",
    "62c328": "character without its second byte",
    "63e228a1": "character without its second byte",
    "62c080": "overlong U+0000",
    "62c1bf": "overlong U+007F",
    "63e08080": "overlong U+0000",
    "63e09fbf": "overlong U+07FF",
    "64f0808080": "overlong U+0000",
    "64f08fbfbf": "overlong U+FFFF",
    "63eda080": "surrogate U+D800",
    "63edbfbf": "surrogate U+DFFF",
    "66eda081edb080": "surrogate pair",
    "64f4908080": "U+110000",
    "64f5808080": "byte F5",
    "65f888808080": "five-byte character",
    "61fe": "byte FE",
    "61ff": "byte FF",
    "8201f6": "null in an array",
    "a101f6": "null in a map",
    "a1019f00ff": "indefinite array in a map",
}


def to_json(value: Any) -> Any:
    """JSON for a value: bytes as {"hex"}, maps as {"map"} with pairs in order."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {"map": [[key, to_json(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def main() -> None:
    """One case a line, so that a change can be read."""
    valid = [{"hex": cbor2.dumps(value).hex(), "value": to_json(value)} for value in VALID]
    invalid = [{"hex": data, "why": why} for data, why in INVALID.items()]
    parts = []
    for name, cases in (("valid", valid), ("invalid", invalid)):
        lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
        parts.append(f'"{name}": [\n{lines}\n]')
    text = "{" + ",\n".join(parts) + "}\n"
    Path(__file__).with_name("cbor.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
