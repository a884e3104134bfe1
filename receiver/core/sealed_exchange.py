"""What one link holds for one offer: from the phone's key to its result (design §3.3, §3.4).

A phone's messages lie here as they came until there is a key to open them. Secrets are in the
context, the result key and, before there is one, a copy of the offer's, all in bytearrays: whoever
drops a `Sealed` erases it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from receiver.errors import Error
from receiver.protocol import exchange, padding
from receiver.protocol.padding import ResultSealer
from receiver.reasons import BAD_SEAL

if TYPE_CHECKING:
    from receiver.crypto import Crypto
    from receiver.crypto.hpke import Context
    from receiver.protocol.messages import Credential
    from receiver.protocol.signed import Key

    from .job_queue import Task


class Sealed:
    """One exchange. `enc` is the phone's encapsulated key, b"" until it has sent one."""

    def __init__(self, enc: bytes) -> None:
        self.enc = enc
        self.task: Task | None = None  # the long work that goes on for it
        self._private: bytearray | None = None  # of the offer, until the phone's key is agreed on
        self.context: Context | None = None
        self.results: ResultSealer | None = None
        self.credential_sealed = b""
        self.credential_data = b""
        self.credential: Credential | None = None  # once it holds
        self.key: Key | None = None  # the phone's, ready for checks
        self.approval_sealed = b""
        self.approval_data = b""
        self.answer = b""  # the last result as it went out
        self._receipt: bytes | None = None  # what `answer` holds

    def borrow(self, private: bytes) -> bytes:
        """A copy of the offer's key: a refusal may have to be sealed when the offer is gone."""
        self._private = bytearray(private)
        return cast("bytes", self._private)

    def agree(self, crypto: Crypto, context: Context) -> None:
        """From now on the phone's messages open, and answers are sealed."""
        self._give_back()
        self.context = context
        self.results = ResultSealer(crypto, context)

    def open_credential(self) -> bytes:
        """The credential, not checked yet; raises Error."""
        self.credential_data = self._open(self.credential_sealed)
        return self.credential_data

    def open_approval(self) -> bytes:
        """The approval, not checked yet; raises Error."""
        self.approval_data = self._open(self.approval_sealed)
        return self.approval_data

    def result(self, receipt: bytes) -> bytes:
        """The notification with `receipt`; for the same receipt the same bytes."""
        if self.results is not None and receipt != self._receipt:
            self._receipt = receipt
            self.answer = exchange.result(self.results.seal(receipt))
        return self.answer

    def refusal(self, reason: int) -> bytes:
        """The notification of a refusal, sealed where there is a key to seal it with."""
        if self.results is None:
            return exchange.refusal(reason)
        return exchange.sealed_refusal(self.results.refuse(exchange.refusal_code(reason)))

    def is_agreeing(self) -> bool:
        """Whether the phone may have sealed something already, and nothing can be sealed for it."""
        return bool(self.enc) and self.results is None

    def accept(self) -> None:
        """The approval holds: nothing more is to be opened, the result key stays."""
        if self.context is not None:
            self.context.erase()
            self.context = None
        self.key = None

    def erase(self) -> None:
        """End the long work and overwrite every secret. Harmless the second time."""
        if self.task is not None:
            self.task.close()
            self.task = None
        self._give_back()
        self.accept()
        if self.results is not None:
            self.results.erase()
            self.results = None

    def _give_back(self) -> None:
        if self._private is not None:
            self._private[:] = bytes(len(self._private))
            self._private = None

    def _open(self, sealed: bytes) -> bytes:
        if self.context is None:
            raise Error(BAD_SEAL, "no context")
        return padding.unseal(self.context, sealed)
