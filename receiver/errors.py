"""The one exception of the core: somebody else's fault, with its reason code."""

from __future__ import annotations


class Error(Exception):
    """A refusal. `code` is one of `receiver.reasons`; `detail` is for the log, not for the air."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
