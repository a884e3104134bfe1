"""Texts for people are numbers in the image, and the host puts the texts back."""

from __future__ import annotations

from pathlib import Path

from firmware.tools.bundle import program
from receiver.host.name_map import NameMap
from tests.firmware.tools.bundle.small import Small

SCRIPT = """
from receiver.core import io
from receiver.core.report import Report
from receiver.errors import Error
from receiver import reasons

report = Report()
for number in range(8):
    try:
        report.fail(number)
    except Error as error:
        report.count(error.code, error.detail)
    except ValueError as error:
        report.count(0, error.args[0])
for line in report.lines:
    print(line.text)
"""
MODULES = {
    "receiver.reasons": """
    OK = 0
    MALFORMED = 1
    NAMES = {0: "ok", 1: "malformed"}
    def name(code):
        return NAMES.get(code, "reason_%d" % code)
    """,
    "receiver.errors": """
    class Error(Exception):
        def __init__(self, code, detail=""):
            super().__init__(code, detail)
            self.code = code
            self.detail = detail
    """,
    "receiver.core.io": """
    from collections import namedtuple
    LogLine = namedtuple("LogLine", ("text",))
    """,
    "receiver.core.report": """
    from receiver import reasons
    from receiver.core import io
    from receiver.errors import Error

    def _malformed(detail):
        return Error(reasons.MALFORMED, "cbor: " + detail)

    class Report:
        def __init__(self):
            self.lines = []

        def count(self, reason, detail):
            self.lines.append(io.LogLine(reasons.name(reason) + ": " + detail))

        def fail(self, number):
            if number == 0:
                raise _malformed("cut short")
            if number == 1:
                raise Error(reasons.OK, "100% of it")
            if number == 2:
                raise Error(reasons.MALFORMED, "type %d with %d bytes" % (number, 7))
            if number == 3:
                raise Error(reasons.MALFORMED, "from %d to %d" % (1, 2, 3)[:2])
            if number == 4:
                raise Error(reasons.MALFORMED, "MTU %d" % number if number else "none")
            if number == 5:
                raise _malformed("a " + str(number) + " b")
            if number == 6:
                raise ValueError("%s does not fit" % "field")
            raise Error(reasons.MALFORMED)
    """,
}


def test_lines_say_the_same(tmp_path: Path) -> None:
    small = Small(tmp_path, SCRIPT, **MODULES)
    built = small.built()
    assert "cut short" not in built
    assert "malformed" not in built
    made = program.script(tmp_path, "tests.script").names
    said = [made.log_line(line) for line in small.after().splitlines()]
    assert said == small.before().splitlines()
    assert said[0] == "malformed: cbor: cut short"
    assert all(line.isascii() for line in small.after().splitlines())


def test_other_lines_stay() -> None:
    made = NameMap("", "", {}, {}, {}, {}, ["a text", "%s and %d"])
    for line in ("boot", "(", "(5, 6)", "(1,)", "(1, 2)", "()", "", "7", "(0" * 500, "('a', 1)"):
        assert made.log_line(line) == line
    assert made.log_line("0") == "a text"
    assert made.log_line("(1, (0,), 3)") == "a text and 3"
