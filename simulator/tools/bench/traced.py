"""A `tillsign` that measures what each approval costs its bridge: the module that `trace` starts.

Arguments: COUNTED or TIMED, a file for the results (a JSON object in each line), then those of
`tillsign`. The profiler slows everything down: counted sales are not timed. The clock is the
process's own processor time, which other programs hardly change; it stands still while SQLite works
on a transaction, and while a signature is checked.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from time import process_time
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

import msgspec

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

_BRIDGE = f"{Path(bridge.__file__).parent}/"
_RECEIVED = SocketPort.data_received.__code__
_LOOP = asyncio.Handle._run.__code__
_PARSE = cose.parse.__code__
_WRITES = ("_SelectorSocketTransport.write", "_SelectorSocketTransport.writelines")
_BEGIN = "BEGIN"
_APPROVED = re.compile(rb'"state":\s*"approved"')
_JOBS = ("ed25519_key_job", "ed25519_check_job", "p256_key_job", "p256_check_job")


class Counted(msgspec.Struct):
    """The counts of one approval, from its first bytes on the line to the till's "approved"."""

    files: set[str] = set()
    moves: int = 0
    calls: int = 0
    parses: int = 0
    commits: int = 0


class Clock:
    """The bridge's own processor time; beside it, the commits since the last approval."""

    def __init__(self) -> None:
        self.commits = 0
        self.arrived = 0.0  # when the line's latest bytes came
        self._aside = 0.0

    def now(self) -> float:
        return process_time() - self._aside

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still inside the block."""
        start = process_time()
        try:
            yield
        finally:
            self._aside += process_time() - start


CLOCK = Clock()


class Connection(sqlite3.Connection):
    """A connection that counts its commits, and whose transactions stop the clock."""

    def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
        CLOCK.commits += sql == "COMMIT"
        with CLOCK.standing() if sql.startswith(_BEGIN) or self.in_transaction else nullcontext():
            return super().execute(sql, parameters)  # type: ignore[arg-type]

    def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        with CLOCK.standing():
            return super().executemany(sql, parameters)


def _checked(job: Callable[..., Job[T]]) -> Callable[..., Job[T]]:
    """Stop the clock for a job of the host, which ends at its first step."""

    def checked(*arguments: object) -> Job[T]:
        with CLOCK.standing():
            return (yield from job(*arguments))

    return checked


class Profiler:
    """A counter of Python's calls while an approval is on its way; resuming a coroutine counts too.

    A move is a call into a file of the bridge from another one, directly or through a library.
    Calls by the event loop come from no file.
    """

    def __init__(self, tell: Callable[[Counted], None]) -> None:
        self._tell = tell
        self._line = frames.Decoder(frames.HOST_FRAME_MAX)
        self._count: Counted | None = None  # while an approval is on its way

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename != __file__:
            self._called(frame)

    def _called(self, frame: FrameType) -> None:
        code = frame.f_code
        if code is _RECEIVED and self._brings_approval(frame.f_locals["data"]) and not self._count:
            self._count, CLOCK.commits = Counted(), 0
        if self._count:
            self._add(self._count, frame)
            if code.co_qualname in _WRITES and _is_answer(frame.f_locals):
                self._count.commits = CLOCK.commits
                self._tell(self._count)
                self._count = None

    def _add(self, count: Counted, frame: FrameType) -> None:
        file = frame.f_code.co_filename
        count.calls += 1
        count.parses += frame.f_code is _PARSE
        if file.startswith(_BRIDGE):
            count.files.add(file.removeprefix(_BRIDGE))
            count.moves += _caller(frame) not in (None, file)

    def _brings_approval(self, data: bytes) -> bool:
        """Return whether these bytes end a frame of an approval."""
        items = list(self._line.receive(data))
        found = [item for item in items if isinstance(item, frames.Frame)]
        return any((one.kind, one.channel) == (frames.DATA, wire.APPROVAL) for one in found)


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


class Port(SocketPort):
    """A line that notes when its bytes come."""

    def data_received(self, data: bytes) -> None:
        CLOCK.arrived = CLOCK.now()
        super().data_received(data)


class Stamps(timings.Stamps):
    """An observer on this clock that reports the bridge's own share of a sale at its last step."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        super().__init__()
        self._tell = tell

    def mark(self, sale_id: str, step: str, at: float | None = None) -> None:
        super().mark(sale_id, step, CLOCK.now() if at is None else CLOCK.arrived)
        share = timings.own_share(self.of(sale_id))
        if step == timings.TOLD and share is not None:
            self._tell(share)


def main() -> int:
    how, file, *arguments = sys.argv[1:]
    with Path(file).open("a", buffering=1) as results, ExitStack() as stack:

        def tell(result: Counted | float) -> None:
            print(msgspec.json.encode(result).decode(), file=results)

        connect = partial(sqlite3.connect, factory=Connection)
        stack.enter_context(patch.object(sqlite3, "connect", connect))
        if how == COUNTED:
            profiler = Profiler(tell)
            threading.setprofile(profiler)
            sys.setprofile(profiler)
        else:
            for job in _JOBS:
                stack.enter_context(patch.object(host, job, _checked(getattr(host, job))))
            stack.enter_context(patch.object(timings, "Stamps", partial(Stamps, tell)))
            stack.enter_context(patch.object(socket_port, "SocketPort", Port))
        return tillsign(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
