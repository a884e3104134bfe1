"""Runs inside MicroPython: the frame vectors, each whole, byte by byte, and with a tail."""

import json

from receiver.link import frames

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/frames.json"
TAIL = b"tail"


def main():
    with open(VECTORS) as file:
        vectors = json.load(file)
    known = {}
    for case in vectors["frames"]:
        frame = known[case["name"]] = make(case)
        wire = bytes.fromhex(case["wire"])
        assert frames.encode(frame) == wire, case["name"]
        check(case["name"], frames.HOST_FRAME_MAX, wire, [frame])
    for case in vectors["streams"]:
        items = [expected(item, known) for item in case["items"]]
        check(case["name"], case["frame_max"], bytes.fromhex(case["wire"]), items)
    print(len(vectors["frames"]) + len(vectors["streams"]), "cases")


def check(name, frame_max, wire, items):
    decoder = frames.Decoder(frame_max)
    assert list(decoder.receive(wire)) == items, name
    decoder = frames.Decoder(frame_max)
    assert [item for byte in wire for item in decoder.receive(bytes([byte]))] == items, name
    decoder = frames.Decoder(frame_max)
    assert list(decoder.receive(wire + TAIL)) == items, name
    assert decoder.flush() == frames.Garbage(frames.TEXT, TAIL), name


def make(case):
    kind = named(frames.KINDS, case["kind"])
    payload = bytes.fromhex(case["payload"])
    return frames.Frame(kind, case["more"], case["seq"], case["ack"], case["channel"], payload)


def expected(item, known):
    if "frame" in item:
        return known[item["frame"]]
    return frames.Garbage(named(frames.STATUSES, item["status"]), bytes.fromhex(item["data"]))


def named(names, wanted):
    return next(number for number, name in names.items() if name == wanted)


main()
