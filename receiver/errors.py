"""Define the core's only exception: the other side is at fault, with its reason code."""

from __future__ import annotations


class Error(Exception):
    """A refusal. `code` is one of `receiver.reasons`; `detail` goes to the log, never on air."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
