"""What nothing reaches is not in the image; what is reached by any way is."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.tools.bundle.small import Small


def test_functions_classes_methods_and_constants(tmp_path: Path) -> None:
    small = Small(
        tmp_path,
        """
        from receiver import parts

        print(parts.used(), parts.Box(3).shown, getattr(parts.Box(4), "by_" + "name")())
        """,
        receiver__parts="""
        TABLE = {1: 2}

        def used():
            return helper()

        def helper():
            return 1

        def unused():
            return only_for_unused()

        def only_for_unused():
            return TABLE

        class Never:
            pass

        class Box:
            def __init__(self, size):
                self.size = size

            @property
            def shown(self):
                return self.size

            def by_name(self):
                return self.size

            def never(self):
                return Never()
        """,
    )
    assert small.before() == small.after() == "1 3 4\n"
    built = small.built("unused")
    assert "def receiver_parts__helper" in built
    assert not any(word in built for word in ("def receiver_parts__unused", "only_for", "Never"))
    assert "def never" not in built
    assert "TABLE" not in built


def test_a_method_that_a_library_calls_stays(tmp_path: Path) -> None:
    """MicroPython asks the objects that it polls, by a name that nothing here spells."""
    small = Small(
        tmp_path,
        """
        import io

        class Flag(io.IOBase):
            def ioctl(self, request, flags):
                return flags

            def never(self):
                return 1

        class Other:
            def ioctl(self, request, flags):
                return 0

        print(isinstance(Flag(), io.IOBase), Other)
        """,
    )
    built = small.built()
    assert built.count("def ioctl") == 1
    assert built.count("def ") == 1
