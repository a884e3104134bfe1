"""Names are short where they are ours, and whole where Python or a library knows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware.tools.bundle import names, rom_names
from tests.firmware.tools.bundle.small import Small


def test_every_kind_of_name(tmp_path: Path) -> None:
    """Nested functions, closures, defaults, keywords, properties, namedtuples, generators."""
    small = Small(
        tmp_path,
        """
        from collections import namedtuple

        Point = namedtuple("Point", ("across", "up"))
        offset = 10

        class Counter:
            start = 1

            def __init__(self, first, *, step=1):
                self.value = first
                self._step = step

            @property
            def current(self):
                return self.value

            @current.setter
            def current(self, value):
                self.value = value

            def advance(self, times=2):
                for _ in range(times):
                    self.value += self._step
                return self

            def numbers(self, *extra, **named):
                yield from [self.value]
                yield from list(extra) + sorted(named.values())

        def outer(number):
            total = offset

            def inner(more):
                nonlocal total
                total += more + number
                return total

            return [inner(more) for more in (1, 2)], (lambda number=number: number + total)()

        one = Counter(5, step=2).advance().advance(times=1)
        one.current += 100
        print(one.current, list(one.numbers(7, x=8)), outer(3), Counter.start)
        point = Point(up=1, across=2)
        print(point.across, point.up, point._replace(up=9).up if hasattr(point, "_replace") else 9)
        try:
            raise OSError(5)
        except OSError as error:
            print(error.errno)
        """,
    )
    assert small.before() == small.after()
    built = small.built()
    for word in ("Counter", "advance", "across", "offset", "number", "current", "step"):
        assert word not in built


def test_library_names_stay(tmp_path: Path) -> None:
    """A method of ours that is called as one of a library's: both keep the name."""
    small = Small(
        tmp_path,
        """
        class Store:
            def append(self, item):
                return "ours"

            def keep(self, item):
                return "kept"

        for place in ([], Store()):
            print(place.append(1))
        print(sorted([2, 1], reverse=True), Store().keep(0))
        """,
    )
    assert small.before() == small.after() == "None\nours\n[2, 1] kept\n"
    assert "def append" in small.built()
    assert "keep" not in small.built()


def test_names_reached_by_text(tmp_path: Path) -> None:
    """A table of fields names attributes: both change, and its values do not."""
    small = Small(
        tmp_path,
        """
        from collections import namedtuple

        Field = namedtuple("Field", ("key", "label"))
        Offer = namedtuple("Offer", ("amount", "currency"))

        def field(key, label):
            return Field(key, label)

        FIELDS = (field(1, "amount"), field(2, "currency"))

        def encode(fields, value):
            return {each.key: getattr(value, each.label) for each in fields}

        print(sorted(encode(FIELDS, Offer(5, 752)).items()), "amount of money")
        """,
    )
    assert small.before() == small.after() == "[(1, 5), (2, 752)] amount of money\n"
    assert small.built().count("amount") == 1


def test_names_that_come_from_anywhere_stay(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        class Part:
            def open(self):
                return 1

            def _shut(self):
                return 2

            def other(self):
                return 3

        TABLE = {1: ("here", "open_it"), 2: ("there", "_shut")}

        def run(part, number):
            place, action = TABLE[number]
            return place, getattr(part, action)()

        Part.open_it = Part.open
        print(run(Part(), 1), run(Part(), 2), Part().other())
        """,
    )
    assert small.before() == small.after() == "('here', 1) ('there', 2) 3\n"
    built = small.built()
    assert "open_it" in built
    assert "_shut" not in built
    assert "other" not in built


def test_functions_and_methods_share_no_name(tmp_path: Path) -> None:
    """A traceback shows nothing else of them."""
    small = Small(
        tmp_path,
        """
        class A:
            def first(self):
                return 1
            def second(self):
                return 2
        def third():
            return 3
        def fourth():
            def fifth():
                return 5
            return fifth()
        print(A().first(), A().second(), third(), fourth())
        """,
    )
    defined = [line.split("def ")[1].split("(")[0] for line in _definitions(small.built())]
    assert len(set(defined)) == len(defined) == 5
    assert small.before() == small.after()


@pytest.mark.parametrize("word", ["as", "if", "is", "or", "in", "io"])
def test_the_alphabet_leaves_out_what_means_something(word: str) -> None:
    short = names.alphabet(frozenset({"io"}), frozenset({"io"}))
    assert word not in [next(short) for _ in range(2000)]


def test_names_of_the_rom_come_first_unless_they_mean_something(tmp_path: Path) -> None:
    """`append` is a list's here, MicroPython calls `ioctl`, and `count` stays as a library's."""
    first = list(rom_names.NAMES)[:50]
    short = names.alphabet(frozenset(first), frozenset({first[0]}))
    assert [next(short) for _ in range(3)] == [
        each for each in first[1:] if each not in rom_names.ASKED
    ][:3]
    small = Small(
        tmp_path,
        """
        class Things:
            def __init__(self):
                self.many = []
                self.count = 5

            def put_in(self, thing):
                self.many.append(thing)
                self.number_of_things = len(self.many)
                return self

        things = Things().put_in(1).put_in(2)
        print(things.many, things.number_of_things, things.count, getattr(things, "count"))
        """,
    )
    assert small.before() == small.after()
    attributes = set(re.findall(r"\.(\w+)", small.built()))
    assert attributes >= {"append", "count"}
    assert attributes - {"append", "count"} <= rom_names.ALL - rom_names.ASKED


def _definitions(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("def ")]
