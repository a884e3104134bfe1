"""A `tillsign` that measures what each approval costs its bridge: the module that `trace` starts.

Arguments: COUNTED or TIMED, a file for the results (a JSON object in each line), then those of
`tillsign`. The profiler slows everything down: counted sales are not timed. Times are of the
processor, for the whole process: other programs of the machine hardly change them.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import process_time
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from unittest.mock import patch

import bridge
from bridge.cli.main import main as tillsign
from bridge.lines import socket_port
from bridge.lines.socket_port import SocketPort
from bridge.observability import timings
from receiver.crypto import host
from receiver.encoding import cose
from receiver.link import frames, wire

if TYPE_CHECKING:
    from receiver.crypto.job import Job

T = TypeVar("T")

COUNTED, TIMED = "counted", "timed"
COMMIT, CHECK = "commit", "check"

_BRIDGE = f"{Path(bridge.__file__).parent}/"
_RECEIVED = SocketPort.data_received.__code__
_LOOP = asyncio.Handle._run.__code__
_PARSE = cose.parse.__code__
_WRITES = ("_SelectorSocketTransport.write", "_SelectorSocketTransport.writelines")
_APPROVED = re.compile(rb'"state":\s*"approved"')
_JOBS = ("ed25519_key_job", "ed25519_check_job", "p256_key_job", "p256_check_job")


class Work(NamedTuple):
    """SQLite's work on a transaction, or that of a signature check; on the process's clock."""

    what: str
    start: float
    end: float


class Counted(NamedTuple):
    """The counts of one approval, from its first bytes on the line to the till's "approved"."""

    files: list[str]
    moves: int
    calls: int
    parses: int
    commits: int


class Timed(NamedTuple):
    """The processor time of one approval, in seconds.

    `own` is the bridge's own share (`timings.own_share`): from the line's bytes to the request, and
    from the later of the authority's answer and the verdict to the till's answer. `commits` and
    `checks` are what SQLite's transactions and the signature checks take of it.
    """

    own: float
    commits: float
    checks: float

    @property
    def bare(self) -> float:
        return self.own - self.commits - self.checks


class Notes:
    """The work done for one sale, and when the line's latest bytes came."""

    def __init__(self) -> None:
        self.arrived = 0.0
        self.clear()

    def clear(self) -> None:
        """Start over for the next sale."""
        self.works: list[Work] = []
        self.commits = 0

    def within(self, what: str, spans: Sequence[tuple[float, float]]) -> float:
        """Return seconds of such work in these spans."""
        works = [work for work in self.works if work.what == what]
        overlaps = [
            min(work.end, end) - max(work.start, start) for start, end in spans for work in works
        ]
        return sum(overlap for overlap in overlaps if overlap > 0)


NOTES = Notes()


class Connection(sqlite3.Connection):
    """A connection that records its transactions."""

    def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
        NOTES.commits += sql == "COMMIT"
        return self._noted(super().execute, sql, parameters)

    def executemany(self, sql: str, parameters: object) -> sqlite3.Cursor:
        return self._noted(super().executemany, sql, parameters)

    def _noted(self, call: Callable[..., sqlite3.Cursor], *arguments: object) -> sqlite3.Cursor:
        begun, start = self.in_transaction, process_time()
        try:
            return call(*arguments)
        finally:
            if begun or self.in_transaction:
                NOTES.works.append(Work(COMMIT, start, process_time()))


def _noted(job: Callable[..., Job[T]]) -> Callable[..., Job[T]]:
    """Record a job of the host, which ends at its first step."""

    def noted(*arguments: object) -> Job[T]:
        start = process_time()
        try:
            return (yield from job(*arguments))
        finally:
            NOTES.works.append(Work(CHECK, start, process_time()))

    return noted


class Profiler:
    """A counter of Python's calls while an approval is on its way; resuming a coroutine counts too.

    A move is a call into a file of the bridge from another one, directly or through a library.
    Calls by the event loop come from no file.
    """

    def __init__(self, tell: Callable[[Counted], None]) -> None:
        self._tell = tell
        self._line = frames.Decoder(frames.HOST_FRAME_MAX)
        self._open = False
        self._begin()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename != __file__:
            self._called(frame)

    def _begin(self) -> None:
        self._files: set[str] = set()
        self._moves = self._calls = self._parses = 0
        NOTES.clear()

    def _called(self, frame: FrameType) -> None:
        code = frame.f_code
        if code is _RECEIVED and self._brings_approval(frame.f_locals["data"]) and not self._open:
            self._open = True
            self._begin()
        self._parses += code is _PARSE
        if self._open:
            self._calls += 1
            if code.co_filename.startswith(_BRIDGE):
                self._files.add(code.co_filename)
                self._moves += _caller(frame) not in (None, code.co_filename)
            if code.co_qualname in _WRITES and _is_answer(frame.f_locals):
                self._end()

    def _brings_approval(self, data: bytes) -> bool:
        """Return whether these bytes end a frame of an approval."""
        items = list(self._line.receive(data))
        found = [item for item in items if isinstance(item, frames.Frame)]
        return any((one.kind, one.channel) == (frames.DATA, wire.APPROVAL) for one in found)

    def _end(self) -> None:
        self._open = False
        files = sorted(file.removeprefix(_BRIDGE) for file in self._files)
        self._tell(Counted(files, self._moves, self._calls, self._parses, NOTES.commits))


def _caller(frame: FrameType) -> str | None:
    """Return the bridge's file that made this call, None where the event loop made it."""
    caller = frame.f_back
    while caller is not None and caller.f_code is not _LOOP:
        if caller.f_code.co_filename.startswith(_BRIDGE):
            return caller.f_code.co_filename
        caller = caller.f_back
    return None


def _is_answer(written: Mapping[str, Any]) -> bool:
    data = written.get("data", b"") or b"".join(written.get("list_of_data", ()))
    return _APPROVED.search(bytes(data)) is not None


def timed(steps: Mapping[str, float]) -> Timed | None:
    """Combine the steps of a sale (`timings`) and the notes; None where one is missing."""
    own = timings.own_share(steps)
    if own is None:
        return None
    answered = max(steps[timings.VERDICT_RECEIVED], steps[timings.AUTHORISE_ANSWERED])
    spans = [
        (steps[timings.APPROVAL_RECEIVED], steps[timings.AUTHORISE_SENT]),
        (answered, steps[timings.TOLD]),
    ]
    return Timed(own, NOTES.within(COMMIT, spans), NOTES.within(CHECK, spans))


class Port(SocketPort):
    """A line that notes when its bytes come."""

    def data_received(self, data: bytes) -> None:
        NOTES.arrived = process_time()
        super().data_received(data)


class Stamps(timings.Stamps):
    """An observer on the process's clock that reports a sale at its last step."""

    def __init__(self, tell: Callable[[Timed], None]) -> None:
        super().__init__()
        self._tell = tell

    def mark(self, sale_id: str, step: str, at: float | None = None) -> None:
        super().mark(sale_id, step, process_time() if at is None else NOTES.arrived)
        if step == timings.TOLD and (found := timed(self.of(sale_id))) is not None:
            self._tell(found)
            NOTES.clear()


def main() -> int:
    how, file, *arguments = sys.argv[1:]
    with Path(file).open("a", buffering=1) as results, ExitStack() as stack:

        def tell(result: Counted | Timed) -> None:
            print(json.dumps(result._asdict()), file=results)

        connect = partial(sqlite3.connect, factory=Connection)
        stack.enter_context(patch.object(sqlite3, "connect", connect))
        if how == COUNTED:
            profiler = Profiler(tell)
            threading.setprofile(profiler)
            sys.setprofile(profiler)
        else:
            for job in _JOBS:
                stack.enter_context(patch.object(host, job, _noted(getattr(host, job))))
            stack.enter_context(patch.object(timings, "Stamps", partial(Stamps, tell)))
            stack.enter_context(patch.object(socket_port, "SocketPort", Port))
        return tillsign(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
