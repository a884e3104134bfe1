"""esptool speaks through one logger of the process; here each thread hears its own board."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from esptool.loader import HexFormatter
from esptool.logger import TemplateLogger, log

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int, int], None]  # of what is being written: bytes done, bytes in all

_local = threading.local()
_set = threading.Lock()
_is_set = False


class _Quiet(TemplateLogger):  # type: ignore[misc]
    """Say nothing; pass on how far a write is."""

    def print(self, *args: object, **kwargs: object) -> None: ...
    def note(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...
    def stage(self, finish: bool = False) -> None: ...
    def set_verbosity(self, verbosity: str) -> None: ...

    def progress_bar(
        self,
        cur_iter: int,
        total_iters: int,
        prefix: str = "",
        suffix: str = "",
        bar_length: int = 30,
    ) -> None:
        progress = getattr(_local, "progress", None)
        if progress:
            progress(cur_iter, total_iters)


def _unshown(_: object) -> str:
    """Stand for bytes in a trace: esptool formats all of them, though it shows no trace.

    That was four fifths of its work while it wrote a board (measured, 5.6.0).
    """
    return ""


def hear(progress: Progress | None) -> None:
    """Let esptool be quiet, and this thread's writes report to `progress`."""
    global _is_set
    with _set:
        if not _is_set:
            log.set_logger(_Quiet())
            HexFormatter.__str__ = _unshown
            _is_set = True
    _local.progress = progress
