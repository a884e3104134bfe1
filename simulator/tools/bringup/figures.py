"""One measured figure of a board, and what it is compared with."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType


class BoardFigure(Struct, frozen=True, omit_defaults=True):
    """`expected` is the RISC-V machine's figure, or a maker's; `least` and `most` are the bounds.

    A figure without bounds is for the record.
    """

    name: str
    value: float
    unit: str
    expected: float | UnsetType = UNSET
    least: float | UnsetType = UNSET
    most: float | UnsetType = UNSET
    source: str = ""  # of what is expected

    @property
    def is_ok(self) -> bool:
        if self.least is not UNSET and self.value < self.least:
            return False
        return self.most is UNSET or self.value <= self.most

    @property
    def bounds(self) -> str:
        """Return what is expected, in words."""
        words = []
        if self.expected is not UNSET:
            words.append(f"{self.expected:g}")
        if self.least is not UNSET:
            words.append(f"at least {self.least:g}")
        if self.most is not UNSET:
            words.append(f"at most {self.most:g}")
        return ", ".join(words)


class SkippedError(Exception):
    """A step cannot be done here; the text says what it needs."""


class StepError(Exception):
    """A step has failed; the text says what was seen, and what to do."""
