"""The bridge's log: one event a line with named fields, and nothing personal in it.

An event is a constant text; all variable parts are `Fields`. So no line can carry a credential,
a recipient, a proof, a till's note or a key, and every line about a sale carries its id.
A thread writes the lines, as their reader may stop reading: the bridge never waits for its log.
"""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from time import sleep, time
from typing import TYPE_CHECKING, TypedDict, Unpack

from bridge.own_thread import start

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

JSON = "json"
TEXT = "text"
FORMATS = (JSON, TEXT)

FLUSH_S = 1.0  # the longest wait of an ending process for its last lines
VALUE_MOST = 400  # characters of a value: a line is for reading
TEXT_MOST = 4096  # of what a board wrote: a whole traceback in words
_ENCODE = json.JSONEncoder().encode
LINES_MOST = 4096  # waiting: some 2 MB, and a minute of the busiest bridge's log
AT_ONCE_MOST = 256  # lines in one write: a burst costs one system call
# Between two writes: waking the thread costs the caller 0.15 ms (measured), and a line that comes
# while the thread pauses wakes nothing.
PAUSE_S = 0.01
OURS = "bridge"  # our loggers; of foreign exceptions only the type is shown


class Fields(TypedDict, total=False):
    """The variable parts of a line, under their names in it."""

    approval: str  # approval id, or refund id, in hex
    board: str  # hardware that the receiver states
    bytes: int  # length of data that is not shown
    cause: str  # why the receiver started
    crashes: int  # of the receiver, in a row
    detail: str  # the exact error: a text of ours, or of the system
    fault: str  # why the receiver sells nothing: name of a reason, ok for none
    firmware: str  # version that the receiver states
    kind: str  # kind of problem, as in the answer's type
    lines: int  # how many lines were suppressed
    method: str  # HTTP method
    path: str  # path of the request, without its query
    reason: str  # name of a reason
    receiver: str  # receiver id in hex
    sale: str | None  # sale_id, or refund_id: in every line about it
    state: str  # state of the sale
    status: str  # kind of garbage on the line
    text: str  # printable text that the receiver's board wrote
    till: int | None
    url: str  # address of a server or a port
    what: str  # what happened to the sale; the files that were read


class Log:
    """A logger of events: `log.info("receiver up", till=7, firmware="0.1.0")`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Unpack[Fields]) -> None:
        self._put(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Unpack[Fields]) -> None:
        self._put(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log what a person should look at some day."""
        self._put(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log what a person must look at today."""
        self._put(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log an error with the traceback of the current exception."""
        self._put(logging.ERROR, event, fields, True)

    def _put(self, level: int, event: str, fields: Fields, trace: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            error = sys.exception() if trace else None
            self._logger.callHandlers(_Line(self._logger.name, level, event, fields, error))


class _Line(logging.LogRecord):
    """The record of an event of ours; made without logging's search for the caller's file."""

    def __init__(
        self,
        name: str,
        level: int,
        event: str,
        fields: Fields,
        error: BaseException | None = None,
    ) -> None:
        now = time()
        self.__dict__ |= _BLANK
        self.name = name
        self.levelno = level
        self.levelname = _LEVELS[level]
        self.msg = event
        self.fields = fields
        self.exc_info = (type(error), error, error.__traceback__) if error else None
        self.created = now
        self.msecs = now % 1 * 1000


_BLANK = vars(logging.LogRecord("", logging.NOTSET, "", 0, "", (), None))
_LEVELS = {
    level: logging.getLevelName(level)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
}


class Formatter(logging.Formatter):
    """A formatter to JSON or to lines for people; a library's record is an event without fields."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._json = form == JSON

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        level = record.levelname.lower()
        event = record.msg if isinstance(record, _Line) else record.getMessage()
        given = record.fields if isinstance(record, _Line) else {}
        fields = {
            name: _cut(name, value) if isinstance(value, str) and len(value) > VALUE_MOST else value
            for name, value in given.items()
            if value is not None
        }
        if record.exc_info:
            fields["trace"] = self._trace(record)
        if self._json:
            head = {"time": at, "level": level, "logger": record.name, "event": event}
            return _ENCODE(head | fields)
        trace = f"\n{fields.pop('trace')}" if "trace" in fields else ""
        if "\n" in str(fields.get("text", "")):
            trace = _block(str(fields.pop("text"))) + trace
        pairs = "".join(f" {name}={_shown(value)}" for name, value in fields.items())
        return f"{at} {level} {record.name}: {_plain(event)}{pairs}{trace}"

    def _trace(self, record: logging.LogRecord) -> str:
        """Format a traceback; a library may put its arguments into the text of its exception."""
        if record.exc_info is None or record.exc_info[0] is None:
            return ""
        if record.name.partition(".")[0] == OURS:
            return self.formatException(record.exc_info)
        return record.exc_info[0].__name__


class Sink:
    """A writer of lines in their order. `lost` makes the line about dropped ones."""

    def __init__(self, file: int, lost: Callable[[int], str]) -> None:
        self.dropped = 0
        self._file = file
        self._lost = lost
        self._told = 0  # how many of the dropped lines the log has reported
        self._counting = threading.Lock()
        self._queue: SimpleQueue[str | threading.Event] = SimpleQueue()
        self._thread = start("write the log", self._write)

    def put(self, line: str) -> None:
        """Queue `line`; never wait."""
        if self._queue.qsize() < LINES_MOST:
            self._queue.put(line)
        else:
            self.drop(1)

    def drop(self, lines: int) -> None:
        """Count lines that are not written."""
        with self._counting:
            self.dropped += lines

    def flush(self, seconds: float) -> None:
        """Wait until all lines are written, but no longer than `seconds`."""
        written = threading.Event()
        self._queue.put(written)
        written.wait(seconds)

    # The thread.

    def _write(self) -> None:
        while True:
            lines, written = self._next()
            unwritten = len(lines)
            try:
                write_all(self._file, "".join(lines))
                unwritten = 0
                self._tell_lost()  # the descriptor takes lines again
            except Exception:  # the next write may have another reader
                self.drop(unwritten)
            if written:
                written.set()
            elif self._queue.qsize() < AT_ONCE_MOST:
                sleep(PAUSE_S)

    def _next(self) -> tuple[list[str], threading.Event | None]:
        """Return the waiting lines, at least one, or up to where `flush` waits."""
        lines: list[str] = []
        item: str | threading.Event | None = self._queue.get()
        while isinstance(item, str):
            lines.append(item)
            try:
                item = self._queue.get_nowait() if len(lines) < AT_ONCE_MOST else None
            except Empty:
                item = None
        return lines, item

    def _tell_lost(self) -> None:
        lost = self.dropped - self._told
        if lost:
            write_all(self._file, self._lost(lost))
            self._told += lost


class LineHandler(logging.Handler):
    """A handler that passes whole lines to a sink; a line that cannot be formatted is dropped."""

    def __init__(self, file: int, formatter: Formatter) -> None:
        super().__init__()
        self.sink = Sink(file, self._lost)
        self._formatter = formatter

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a line, without logging's lock: the sink needs none."""
        try:
            self.sink.put(self._formatter.format(record) + "\n")
        except Exception:
            self.sink.drop(1)
        return True

    def flush(self) -> None:
        self.sink.flush(FLUSH_S)

    def _lost(self, lines: int) -> str:
        line = _Line(__name__, logging.WARNING, "log lines dropped", {"lines": lines})
        return self._formatter.format(line) + "\n"


def dropped() -> int:
    """Return how many lines were lost since the start."""
    handlers = logging.getLogger().handlers
    return sum(one.sink.dropped for one in handlers if isinstance(one, LineHandler))


def setup(stream: TextIO, level: str, form: str | None = None) -> None:
    """Log to `stream`, in `form` or else as text on a terminal and JSON elsewhere."""
    # Spare each line the facts that ours never show (logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    formatter = Formatter(form or (TEXT if stream.isatty() else JSON))
    file = file_of(stream)
    handler = logging.StreamHandler(stream) if file is None else LineHandler(file, formatter)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _cut(name: str, value: str) -> str:
    """Keep a line readable; the last lines of a traceback say most."""
    if name != "text":
        return value[:VALUE_MOST] + "…"
    return value if len(value) <= TEXT_MOST else "…" + value[-TEXT_MOST:]


def _block(text: str) -> str:
    """Put a board's lines below the event, where none can be taken for one of the log."""
    lines = (line.rstrip("\r") for line in text.rstrip("\r\n").split("\n"))
    return "".join("\n    " + (line if line.isprintable() else json.dumps(line)) for line in lines)


def _shown(value: object) -> str:
    """Format a value for people: quoted unless it reads as one word."""
    if isinstance(value, str) and not (value and value.isascii() and _is_word(value)):
        return json.dumps(value)
    return str(value)


def _is_word(value: str) -> bool:
    return value.isprintable() and not set(value) & set(' "=')


def _plain(event: str) -> str:
    """Put a library's text on one line."""
    return event if event.isprintable() else json.dumps(event)


def write_all(file: int, text: str) -> None:
    """Write to a descriptor, however long it takes; raises OSError."""
    data = text.encode(errors="backslashreplace")
    while data:
        try:
            data = data[os.write(file, data) :]
        except BlockingIOError:  # another process has made it non-blocking
            poll = select.poll()
            poll.register(file, select.POLLOUT)
            poll.poll()


def say(stream: TextIO, line: str) -> None:
    """Write one line to the program that started this one, without waiting for its reader."""
    file = file_of(stream)
    if file is None:
        stream.write(line)
    else:
        start("write a line", lambda: _say(file, line))


def file_of(stream: TextIO) -> int | None:
    """Return the descriptor of a stream; None for one in memory, which takes everything."""
    try:
        return stream.fileno()
    except (OSError, ValueError):  # io.UnsupportedOperation is both; a closed stream has none
        return None


def _say(file: int, line: str) -> None:
    with suppress(OSError):
        write_all(file, line)
