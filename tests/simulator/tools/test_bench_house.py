"""The counts of the sources, on trees small enough to count by hand."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from simulator.tools.bench import house


def grow(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return root


def parsed(text: str) -> ast.Module:
    return ast.parse(dedent(text))


# Statements.


def test_statements_without_docstrings() -> None:
    tree = parsed('''
        """A module."""
        import os

        class Thing:
            """A class."""

            def run(self) -> None:
                """A function."""
                "a text that nothing reads"
                if os.name:
                    pass
                else:
                    return

        def stub() -> None: ...
    ''')
    # import, class, def, text, if, pass, return, def, ...
    assert house.statements(tree) == 9


# Any.


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("from typing import Any", 0),
        ("import typing\nx: typing.Any", 1),
        ("x: dict[Any, Any] = {}", 2),
        ("def f(a: Any, *b: Any, c: int = 1, **d: Any) -> Any: ...", 4),
        ("y = cast(Any, x)", 1),
        ("y = cast('dict[str, Any]', x)", 1),
        ("y = typing.cast('list[Any]', x)", 1),
        ("def f(a: 'Any', b: list['Any']) -> 'Any': ...", 3),
        ("x: 'Any'", 1),
        ("Json = dict[str, Any]", 1),
        ("x = 'Any'\n# Any\nprint('Any')", 0),
        ("x: Literal['Any way', 'an Any']", 0),
        ("x: Anything = Any_", 0),
    ],
)
def test_uses_of_any(text: str, uses: int) -> None:
    assert house.uses_of_any(parsed(text)) == uses


# Functions.


def test_function_lengths() -> None:
    tree = parsed('''
        @decorated
        def outer() -> None:
            """Two lines
            of text."""
            async def inner() -> None:
                pass

        def one() -> None: ...
    ''')
    assert sorted(house.function_lengths(tree)) == [1, 2, 5]


def test_median_and_percentile_by_rank(tmp_path: Path) -> None:
    lengths = range(2, 12)
    functions = [f"def f{n}():\n" + "    pass\n" * (n - 1) for n in lengths]
    grow(tmp_path, {"bridge/a.py": "".join(functions)})
    figures = house.count(tmp_path).folders["bridge"]
    assert (figures.functions, figures.function_median, figures.function_p90) == (10, 6.5, 10)


# Folders.


def test_folders_and_their_sum(tmp_path: Path) -> None:
    files = {
        "bridge/a.py": "x: Any\n",
        "bridge/deep/b.py": "x = 1\n\n\n",
        "receiver/a.py": "",
        "firmware/a.py": "x = y = 1\n",
        "tests/a.py": "x: Any\ny: Any\n",
        "build/a.py": "x: Any\n",
        "bridge/a.txt": "x: Any\n",
    }
    folders = house.count(grow(tmp_path, files)).folders
    shown = {name: (row.files, row.lines, row.statements) for name, row in folders.items()}
    assert shown == {
        "bridge": (2, 4, 2),
        "receiver": (1, 0, 0),
        "simulator": (0, 0, 0),
        "firmware": (1, 1, 1),
        "product": (4, 5, 3),
        "tests": (1, 2, 2),
    }
    assert folders["bridge"].any_per_thousand == 250
    assert folders["product"].any_per_thousand == 200
    assert folders["tests"].any_per_thousand == 1000


# Words.


def test_words_whole_in_capitals_or_not(tmp_path: Path) -> None:
    none, some = "no" + "body", "some" + "body"
    files = {
        "bridge/a.py": f'"""{none.capitalize()} asks {none}\'s {some}."""\ntest_{none} = 1\n',
        "tests/a.py": f"# {none}\n",
        "docs/a.md": f"{some}, {some.upper()}",
        "docs/deep/a.md": none,
        "README.md": none,
        "CONTRIBUTING.md": f"{none}ies",
        "CHANGELOG.md": none,
    }
    found = house.count(grow(tmp_path, files)).words
    zeros = dict.fromkeys(house.WORDS, 0)
    assert found["product"] == {**zeros, none: 2, some: 1}
    assert found["documents"] == {**zeros, none: 1, some: 2}


# Circles.


@pytest.mark.parametrize(
    ("files", "circles"),
    [
        ({"a.py": "import bridge.b", "b.py": "import bridge.a"}, [["a", "b"]]),
        ({"a.py": "from . import b", "b.py": "from .a import name"}, [["a", "b"]]),
        ({"a.py": "from bridge import b", "b.py": "import bridge.a as x"}, [["a", "b"]]),
        ({"a.py": "from . import b", "b.py": "from . import c", "c.py": ""}, []),
        ({"a.py": "from . import a"}, []),
        (
            {"a.py": "from . import b", "b.py": "from . import c", "c.py": "from . import a"},
            [["a", "b", "c"]],
        ),
        (
            {
                "a.py": "from . import b, c, d",
                "b.py": "from . import a",
                "c.py": "from . import d",
                "d.py": "from . import c",
            },
            [["a", "b"], ["c", "d"]],
        ),
        ({"a.py": "def f():\n    from . import b", "b.py": "from . import a"}, [["a", "b"]]),
        ({"a.py": "try:\n    import bridge.b\nfinally:1", "b.py": "from . import a"}, [["a", "b"]]),
        ({"a.py": "if TYPE_CHECKING:\n    from . import b", "b.py": "from . import a"}, []),
        ({"a.py": "if typing.TYPE_CHECKING:\n    import bridge.b", "b.py": "import bridge.a"}, []),
        (
            {
                "a.py": "if TYPE_CHECKING:\n    x = 1\nelse:\n    from . import b",
                "b.py": "from . import a",
            },
            [["a", "b"]],
        ),
        ({"p/__init__.py": "from .a import x", "p/a.py": "from bridge.p import y"}, [["p", "p.a"]]),
        ({"p/__init__.py": "from .a import x", "p/a.py": "from . import y"}, [["p", "p.a"]]),
        ({"p/__init__.py": "from . import a", "p/a.py": "from . import b", "p/b.py": ""}, []),
        ({"p/__init__.py": "from .. import a", "a.py": "import bridge.p"}, [["a", "p"]]),
        ({"p/q/a.py": "from ...b import x", "b.py": "from .p.q import a"}, [["b", "p.q.a"]]),
        ({"a.py": "import os, sys\nfrom collections import abc"}, []),
    ],
)  # fmt: skip
def test_circles(tmp_path: Path, files: dict[str, str], circles: list[list[str]]) -> None:
    grow(tmp_path, {f"bridge/{name}": text for name, text in files.items()})
    expected = [[f"bridge.{name}" for name in circle] for circle in circles]
    assert house.count(tmp_path).circles == expected


def test_a_circle_through_two_folders(tmp_path: Path) -> None:
    files = {
        "bridge/a.py": "import receiver.b",
        "receiver/b.py": "import bridge.a",
        "tests/a.py": "import tests.b",
        "tests/b.py": "import tests.a",
    }
    assert house.count(grow(tmp_path, files)).circles == [["bridge.a", "receiver.b"]]


# What is shown.


def shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["house", *arguments])
    house.main()
    return capsys.readouterr().out


def test_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"bridge/a.py": "import bridge.b\n", "bridge/b.py": "import bridge.a\n" * 1200}
    out = shown(monkeypatch, capsys, "--root", str(grow(tmp_path, files)))
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert rows["bridge"] == ["2", "1,201", "1,201", "0", "0", "0", "0"]
    assert "circles of imports: 1" in out
    assert "2 modules: bridge.a, bridge.b" in out


def test_the_same_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grow(tmp_path, {"bridge/a.py": "x: Any\n"})
    told = json.loads(shown(monkeypatch, capsys, "--json", "--root", str(tmp_path)))
    assert set(told) == {"folders", "circles", "words"}
    assert told["folders"]["bridge"]["any_per_thousand"] == 1000
    assert told["folders"]["tests"]["files"] == 0


def test_the_real_tree_is_found() -> None:
    found = house.sources(house.ROOT, "simulator")
    assert "simulator.tools.bench.house" in {source.module for source in found}
