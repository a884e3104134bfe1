"""States and events are short in an image, equal where they were equal, and words in the log."""

from __future__ import annotations

from pathlib import Path

from firmware.tools.bundle import program
from tests.firmware.tools.bundle.small import Small

DOOR = """
from receiver.errors import Error

OPEN, SHUT = "open", "shut"
PUSH = "push"
TABLE = {OPEN: {PUSH: SHUT}, SHUT: {}}
_REST = (SHUT,)

class Door:
    def __init__(self):
        self.state = OPEN

    def push(self):
        after = TABLE[self.state].get(PUSH)
        if after is None:
            raise Error(4, PUSH + " in " + self.state)
        self.state = after

    def rests(self):
        return self.state in _REST
"""
ERRORS = """
class Error(Exception):
    def __init__(self, code, detail=""):
        super().__init__(code, detail)
        self.detail = detail
"""
SCRIPT = """
from receiver import door
from receiver.errors import Error

it = door.Door()
print(it.rests(), it.state == door.OPEN, "a word")
it.push()
print(it.rests(), it.state == door.OPEN, "push")
try:
    it.push()
except Error as error:
    print(error.detail)
"""


def test_a_table(tmp_path: Path) -> None:
    small = Small(tmp_path, SCRIPT, receiver__door=DOOR, receiver__errors=ERRORS)
    made = program.script(tmp_path, "tests.script")
    before, after = small.before().splitlines(), small.after().splitlines()
    assert before == [*after[:2], made.names.log_line(after[2])]
    assert before[2] == "push in shut"
    assert "shut" not in made.text
