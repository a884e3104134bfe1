"""Numbers stand where their names stood, over modules; what is never true falls away."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.tools.bundle.small import Small

LIMITS = """
HEAD = 4
MOST = 2 * HEAD + 1
_FIRST, _SECOND = range(2)
OPEN, CLOSED = "open", "closed"
KINDS = {HEAD: "head", MOST: "most"}
MARK = bytes(2) + b"x"
ROW = (HEAD, MOST)
DEBUG = False
"""


def test_numbers_cross_modules(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        from receiver import limits

        def fits(size):
            if limits.DEBUG:
                print("never")
            return size <= limits.MOST - 1 and limits.OPEN

        print(fits(8), fits(9), limits.ROW, limits.MARK, -limits.HEAD ** 2)
        """,
        receiver__limits=LIMITS,
    )
    assert small.before() == small.after() == "open False (4, 9) b'\\x00\\x00x' -16\n"
    built = small.built("constants", "programs", "unused")
    assert "size <= 8 and 'open'" in built
    assert "limits" not in built
    assert "never" not in built


def test_a_table_that_is_only_asked_for_its_numbers(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        "from receiver import limits\nprint([n in limits.KINDS for n in (4, 5, 9)])\n",
        receiver__limits=LIMITS,
    )
    assert small.before() == small.after() == "[True, False, True]\n"
    assert "'head'" not in small.built("constants", "unused")


def test_a_name_that_is_assigned_twice_stays(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        limit = 1
        def raised():
            global limit
            limit = 2
        raised()
        print(limit)
        """,
    )
    assert small.before() == small.after() == "2\n"


def test_a_program_is_assembled_by_the_build(tmp_path: Path) -> None:
    """What a function makes of constants is there as bytes, and the function is not."""
    small = Small(
        tmp_path,
        "from receiver import field\nprint(field.PROGRAM)\n",
        receiver__field="""
        def assemble(text):
            return bytes([len(word) for word in text.split()])
        PROGRAM = assemble("a bb ccc" + " dddd" * 2)
        """,
    )
    assert small.before() == small.after() == "b'\\x01\\x02\\x03\\x04\\x04'\n"
    assert "assemble" in small.built("constants", "unused")
    assert "assemble" not in small.built("constants", "unused", "programs")


def test_names_that_a_module_lists_of_itself(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        "from receiver import numbers\nprint(sorted(numbers.NAMES.items()))\n",
        receiver__numbers="""
        ONE = 1
        TWO = 2
        NAMES = {value: name for name, value in list(globals().items()) if name.isupper()}
        """,
    )
    assert small.before() == small.after() == "[(1, 'ONE'), (2, 'TWO')]\n"
