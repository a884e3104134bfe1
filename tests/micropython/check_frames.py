"""Runs inside MicroPython: the frame vectors, each whole, byte by byte, and with a tail."""

from tests.support.values.frame_vectors import VECTORS, check_frame, check_stream


def main():
    for case in VECTORS["frames"]:
        check_frame(case)
    for case in VECTORS["streams"]:
        check_stream(case)
    print(len(VECTORS["frames"]) + len(VECTORS["streams"]), "cases")


main()
