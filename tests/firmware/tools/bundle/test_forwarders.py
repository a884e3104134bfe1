"""A function that only calls on is skipped; one that does more is not."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.tools.bundle.small import Small


def test_late_imports(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        from receiver import portable

        def use(kit):
            return kit.sum(1, 2), kit.swapped(1, 2), kit.again(1), kit.more(1), list(kit.steps(2))

        print(use(portable), portable.sum(5, 6))
        """,
        receiver__portable="""
        def sum(left, right):
            from receiver.late import add
            return add(left, right)
        def swapped(left, right):
            from receiver.late import subtract
            return subtract(right, left)
        def again(value):
            return more(value)
        def more(value, step=1):
            from receiver.late import add
            return add(value, step)
        def steps(count):
            from receiver.late import counted
            return counted(count)
        """,
        receiver__late="""
        def add(left, right):
            return left + right
        def subtract(left, right):
            return left - right
        def counted(count):
            for each in range(count):
                yield each
        """,
    )
    assert small.before() == small.after() == "(3, 1, 2, 2, [0, 1]) 11\n"
    built = small.built("unused")
    assert "def receiver_portable__sum" not in built
    assert "def receiver_portable__swapped" in built
