"""What only readers and type checkers need is gone; what a test asserts is not."""

from __future__ import annotations

import ast
from pathlib import Path

from firmware.tools.bundle.plain import plain
from tests.firmware.tools.bundle.small import Small


def test_typed_source(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        '''
        """A docstring."""
        from __future__ import annotations
        from typing import TYPE_CHECKING, NamedTuple, cast

        if TYPE_CHECKING:
            from receiver.none import Nothing

        Pair = NamedTuple("Pair", [("left", int), ("right", "Nothing")])

        class Empty:
            """Only this."""

        def total(pair: Pair) -> int:
            """Another."""
            left: int = cast("int", pair.left)
            later: int
            later = pair.right
            return left + later

        print(total(Pair(1, 2)), total(Pair(right=3, left=4)), Empty)
        assert total(Pair(0, 0)) == 0, "a message"
        ''',
    )
    assert small.before().split("<")[0] == small.after().split("<")[0] == "3 7 "
    built = small.built("none")
    assert not any(word in built for word in ("docstring", "Another", "cast", "typing", ": int"))
    assert "AssertionError('a message')" in built


def test_asserts_of_the_device_go() -> None:
    tree = ast.parse("def f(x):\n    assert x, 'never'\n")
    plain(tree)
    assert ast.unparse(tree) == "def f(x):\n    pass"
