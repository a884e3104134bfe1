"""Log lines: one event each, fields by name, on one line whatever is in them."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from bridge.observability import logs
from bridge.observability.logs import Log
from tests.architecture.tree import ROOT, files, parsed

LEVELS = {"debug", "info", "warning", "error", "exception"}


pytestmark = pytest.mark.usefixtures("root_logger")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_json_is_one_object_a_line() -> None:
    stream = StringIO()
    logs.setup(stream, "info")
    log = Log("bridge.lines")
    log.debug("too fine")
    log.warning("refused", till=7, sale="sale-1", detail='it said "no"\nand left')
    [line] = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "warning",
        "logger": "bridge.lines",
        "event": "refused",
        "till": 7,
        "sale": "sale-1",
        "detail": 'it said "no"\nand left',
    }


def test_text_is_for_people_at_a_terminal() -> None:
    stream = Terminal()
    logs.setup(stream, "debug")
    Log("bridge.lines").info("receiver up", till=7, sale=None, firmware="", detail="two\nlines å")
    assert stream.getvalue().endswith(
        ' info bridge.lines: receiver up till=7 firmware="" detail="two\\nlines \\u00e5"\n'
    )


def test_the_format_may_be_chosen() -> None:
    stream = Terminal()
    logs.setup(stream, "info", logs.JSON)
    Log("bridge").info("started")
    assert json.loads(stream.getvalue())["event"] == "started"


def test_long_values_are_cut() -> None:
    stream = StringIO()
    logs.setup(stream, "info")
    Log("bridge.lines").info("line away", detail="x" * 10_000)
    assert len(stream.getvalue()) < 2 * logs.VALUE_MOST


def test_a_boards_text_keeps_more_and_its_end() -> None:
    stream = StringIO()
    logs.setup(stream, "info")
    Log("bridge.raw").info("not a frame", text="x" * logs.TEXT_MOST)
    Log("bridge.raw").info("not a frame", text="x" * 10_000 + "MemoryError")
    first, second = (json.loads(line)["text"] for line in stream.getvalue().splitlines())
    assert first == "x" * logs.TEXT_MOST
    assert len(second) == logs.TEXT_MOST + 1
    assert (second[0], second[-12:]) == ("…", "xMemoryError")


def test_a_boards_lines_stand_below_the_event_where_people_read() -> None:
    """None of them looks like a line of the log, or does anything to a terminal."""
    stream = Terminal()
    logs.setup(stream, "info")
    Log("bridge").warning("receiver crashed", till=7, text="Traceback\r\n  File å\n\x1b[2J\n")
    event, *lines = stream.getvalue().splitlines()
    assert event.endswith(" warning bridge: receiver crashed till=7")
    assert lines == ["    Traceback", "      File å", '    "\\u001b[2J"']


@pytest.mark.parametrize("form", logs.FORMATS)
def test_a_library_tells_no_more_than_the_kind_of_its_exception(form: str) -> None:
    stream = StringIO()
    logs.setup(stream, "info", form)
    for name in ("aiohttp.server", "bridge.till.server.problems"):
        try:
            raise ValueError("token 0123456789")
        except ValueError:
            logging.getLogger(name).exception("failed\nat %s", "home")
    theirs, ours = stream.getvalue().split("bridge.till.server.problems")
    assert "ValueError" in theirs
    assert "0123456789" not in theirs
    assert "failed\nat" not in theirs
    assert "0123456789" in ours


def test_events_are_constants() -> None:
    """What varies is a field, and mypy knows which there are: no text carries what it must not."""
    calls = list(log_calls())
    assert len(calls) > 10
    for where, call in calls:
        [event] = call.args
        assert isinstance(event, ast.Constant), where
        assert all(keyword.arg for keyword in call.keywords), where


def test_nothing_in_the_bridge_logs_past_it() -> None:
    """Its own `logging` calls would show what `Fields` does not know."""
    allowed = {ROOT / "bridge/observability/logs.py", ROOT / "bridge/till/server/listener.py"}
    found = [path for path in files("bridge") if imports_logging(parsed(path))]
    assert set(found) <= allowed


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in files("bridge"):
        for node in ast.walk(parsed(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("log", "_log", "_raw_log")
            ):
                yield f"{path}:{node.lineno}", node


def imports_logging(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Import) and any(name.name == "logging" for name in node.names)
        for node in ast.walk(tree)
    )
