"""Many modules become one, and every name still means what it meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.tools.bundle.merge import MergeError
from tests.firmware.tools.bundle.small import Small


def test_names_of_modules_do_not_meet(tmp_path: Path) -> None:
    """Two modules have the same global; a local hides it; a comprehension has its own names."""
    small = Small(
        tmp_path,
        """
        from receiver import one, two
        from receiver.two import name as other

        def shown(name):
            return name + [one for one in "xy"][-1]

        print(one.name, two.name, other, shown("local"), one.both())
        """,
        receiver__one="""
        from receiver import two
        name = "one"
        def both():
            return name + two.name
        """,
        receiver__two='name = "two"',
    )
    assert small.before() == small.after() == small.after("none")
    assert small.before() == "one two two localy onetwo\n"


def test_a_class_body_and_its_methods(tmp_path: Path) -> None:
    """A member hides a global in the body of its class, and nowhere else."""
    small = Small(
        tmp_path,
        """
        size = 1

        class Box:
            size = 2
            more = size + 1

            @property
            def outer(self):
                return size

        print(Box.size, Box.more, Box().outer)
        """,
    )
    assert small.before() == small.after() == "2 3 1\n"


def test_a_module_handed_on(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        from receiver import tools

        def use(kit):
            return kit.double(4), kit.SIZE, kit.again(1)

        print(use(tools))
        """,
        receiver__tools="""
        SIZE = 7
        def double(value):
            return 2 * value
        def again(value):
            return double(value) + SIZE
        """,
    )
    assert small.before() == small.after() == "(8, 7, 9)\n"


def test_imports_inside_functions(tmp_path: Path) -> None:
    """Ours fall away; the interpreter's stay where they may fail."""
    small = Small(
        tmp_path,
        """
        def ours():
            from receiver.late import VALUE as it
            return it

        def theirs():
            try:
                import no_such_module
            except ImportError:
                import gc as no_such_module
            return no_such_module.__name__

        print(ours(), theirs())
        """,
        receiver__late="VALUE = 'late'",
    )
    assert small.before() == small.after() == "late gc\n"


def test_a_changed_global(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        from receiver import state

        def change():
            state.count = 5
            state.later = "made here"

        change()
        print(state.count, state.grow(), state.grow(), state.later)
        """,
        receiver__state="""
        count = 0
        def grow():
            global count
            count += 1
            return count
        """,
    )
    assert small.before() == small.after() == "5 6 7 made here\n"


def test_what_a_module_lacks_is_said(tmp_path: Path) -> None:
    small = Small(
        tmp_path, "from receiver import one\nprint(one.nothing)\n", receiver__one="name = 1"
    )
    with pytest.raises(MergeError, match=r"tests/script.py:2: receiver.one has no nothing"):
        small.built()
