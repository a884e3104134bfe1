"""The report of a bring-up: one JSON file, whole after each step, so that it can go on later."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct, field

from bridge import __version__

from .figures import BoardFigure

DONE, FAILED, SKIPPED = "done", "failed", "skipped"
FORMAT = 1
FILE_MOST = 1_000_000  # bytes: a report has some ten thousand


class ReportError(Exception):
    """The file is no report of a bring-up."""


class StepReport(Struct):
    """`state` is DONE (`figures` say whether well), FAILED or SKIPPED (`problem` says why)."""

    state: str
    began: float  # seconds since 1970
    seconds: float
    figures: list[BoardFigure] = field(default_factory=list)
    problem: str = ""

    @property
    def is_ok(self) -> bool:
        return self.state != FAILED and all(figure.is_ok for figure in self.figures)

    @property
    def is_done(self) -> bool:
        """Whether it needs not be done again."""
        return self.state == DONE and self.is_ok


class Report(Struct):
    """What one board has shown; `ok` and `missing` follow from the steps."""

    port: str
    format: int = FORMAT
    version: str = __version__
    ok: bool = False
    missing: list[str] = field(default_factory=list)  # steps that were skipped or not reached
    steps: dict[str, StepReport] = field(default_factory=dict)

    def note(self, name: str, step: StepReport, wanted: tuple[str, ...]) -> None:
        """Take the result of a step; `wanted` are the names of all."""
        self.steps[name] = step
        self.missing = [each for each in wanted if self._state(each) in ("", SKIPPED)]
        self.ok = all(each.is_ok for each in self.steps.values())

    def _state(self, name: str) -> str:
        return self.steps[name].state if name in self.steps else ""

    def save(self, path: Path) -> None:
        """Replace the file in one step."""
        temporary = path.with_name(path.name + ".new")
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def load(path: Path) -> Report:
    """Read what `save` wrote; raises ReportError, OSError."""
    with path.open("rb") as file:
        data = file.read(FILE_MOST + 1)
    if len(data) > FILE_MOST:
        raise ReportError(f"{path} is too large for a report")
    try:
        report = msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ReportError(f"{path} is no report of a bring-up: {error}") from error
    if report.format != FORMAT:
        raise ReportError(f"{path} has format {report.format}; this version reads {FORMAT}")
    return report
