"""The log's reader: one that stops reading costs lines, and nothing else."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple, TextIO

import pytest

from bridge.observability import logs
from bridge.observability.logs import LINES_MOST, Log, Sink, say

PATIENCE_S = 10.0
MORE = 3 * LINES_MOST  # lines: more than a pipe and the queue hold


class Pipe(NamedTuple):
    """What is written into `stream` can be read from `file`, or not."""

    file: int
    stream: TextIO


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    logger = logging.getLogger()
    level, handlers = logger.level, logger.handlers[:]
    with os.fdopen(writer, "w") as stream:
        yield Pipe(reader, stream)
        logger.setLevel(level)
        logger.handlers[:] = handlers
    os.close(reader)


class Lines:
    """Those of a pipe, as they come."""

    def __init__(self, pipe: Pipe) -> None:
        self.last: dict[str, object] = {}
        self.tills: list[object] = []
        self._file = open(pipe.file, closefd=False)  # noqa: SIM115 - a descriptor

    def until(self, wanted: Callable[[dict[str, object]], bool]) -> None:
        """Read up to this line."""
        while not self.last or not wanted(self.last):
            self.last = json.loads(self._file.readline())
            if "till" in self.last:
                self.tills.append(self.last["till"])


def test_a_reader_that_stops_costs_lines_that_are_counted(pipe: Pipe) -> None:
    logs.setup(pipe.stream, "info")
    log = Log("bridge")
    for till in range(MORE):  # each of these would wait for ever
        log.info("refused", till=till)
    lost = logs.dropped()
    assert 0 < lost < MORE
    lines = Lines(pipe)
    lines.until(lambda line: line["event"] == "log lines dropped")
    assert lines.last["lines"] == lost
    log.info("serving")
    lines.until(lambda line: line["event"] == "serving")
    assert lines.tills == list(range(MORE - lost))


def test_a_reader_that_is_gone_costs_lines_that_are_counted() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    sink = Sink(writer, str)
    sink.put("a line\n")
    sink.flush(PATIENCE_S)
    assert sink.dropped == 1
    os.close(writer)


def test_lines_that_come_while_the_thread_pauses_are_one_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes: list[str] = []
    pausing, over = threading.Event(), threading.Event()

    def pause(seconds: float) -> None:
        assert seconds == logs.PAUSE_S
        pausing.set()
        over.wait(PATIENCE_S)

    monkeypatch.setattr(logs, "sleep", pause)
    monkeypatch.setattr(logs, "write_all", lambda _, text: writes.append(text))
    sink = Sink(0, str)
    sink.put("first\n")
    assert pausing.wait(PATIENCE_S)
    lines = [f"{number}\n" for number in range(50)]
    for line in lines:
        sink.put(line)
    over.set()
    sink.flush(PATIENCE_S)
    assert writes == ["first\n", "".join(lines)]


def test_what_cannot_be_written_down_is_counted(pipe: Pipe) -> None:
    logs.setup(pipe.stream, "info")
    logging.getLogger("aiohttp").info("%d", "no number")
    assert logs.dropped() == 1


def test_a_process_ends_though_nothing_is_read(pipe: Pipe) -> None:
    code = (
        "import sys\nfrom bridge.observability import logs\nlogs.setup(sys.stderr, 'info')\n"
        f"for till in range({MORE}): logs.Log('bridge').info('refused', till=till)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], stderr=pipe.stream, timeout=PATIENCE_S, check=False
    )
    assert process.returncode == 0


def test_a_line_for_the_starter_is_not_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.stream.fileno(), False)
    try:
        while os.write(pipe.stream.fileno(), bytes(4096)):
            pass
    except BlockingIOError:
        os.set_blocking(pipe.stream.fileno(), True)
    before = threading.active_count()
    say(pipe.stream, '{"till_api": "http://127.0.0.1:1"}\n')
    assert threading.active_count() >= before
    with os.fdopen(os.dup(pipe.file), "rb") as file:
        while b"till_api" not in file.read1():
            pass
