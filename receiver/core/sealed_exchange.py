"""Hold one link's state for one offer, from the phone's key to its result (design §3.3, §3.4).

Store a phone's messages as they came until there is a key to open them. Secrets live in bytearrays
(the context, the result key and, before it, a copy of the offer's key): erase a `Sealed` before
dropping it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from receiver.errors import Error
from receiver.protocol import exchange, padding
from receiver.protocol.padding import ENC_SIZE, Results
from receiver.protocol.resuming import Proofs
from receiver.reasons import BAD_SEAL

if TYPE_CHECKING:
    from receiver.crypto.hpke import Context
    from receiver.crypto.interface import Crypto
    from receiver.protocol.messages import Credential
    from receiver.protocol.signed import Key

    from .job_queue import Task


class Sealed:
    """One exchange. `enc` is the phone's encapsulated key, b"" until it has sent one."""

    def __init__(self, enc: bytes) -> None:
        self.enc = enc
        self.task: Task | None = None  # its long work
        self.hearing: Task | None = None  # the opening of its approval
        self._private: bytearray | None = None  # of the offer, until the phone's key is agreed
        self.context: Context | None = None
        self.results: Results | None = None
        self.proofs: Proofs | None = None
        self.credential_sealed = b""
        self.credential_data = b""
        self.credential: Credential | None = None  # once verified
        self.key: Key | None = None  # the phone's, prepared for checks
        self.approval_sealed = b""
        self.approval_data = b""
        self.answer = b""  # the last answer as sent
        self._receipt: bytes | None = None  # the receipt in `answer`

    def borrow(self, private: bytes) -> bytes:
        """Copy the offer's key: a refusal may need a seal after the offer has ended."""
        self._private = bytearray(private)
        return cast("bytes", self._private)

    def agree(self, crypto: Crypto, context: Context) -> None:
        """Open the phone's messages and seal answers from now on."""
        self._give_back()
        self.context = context
        self.results = Results(crypto, context)
        self.proofs = Proofs(context)

    def open_credential(self) -> bytes:
        """Return the unchecked credential; raise Error."""
        self.credential_data = self._open(self.credential_sealed)
        self.credential_sealed = self.credential_data  # the heap of a chip holds no two of it
        return self.credential_data

    def open_approval(self) -> bytes:
        """Return the unchecked approval; raise Error."""
        self.approval_data = self._open(self.approval_sealed)
        return self.approval_data

    def result(self, receipt: bytes) -> bytes:
        """Return the notification with `receipt`; the same receipt gives the same bytes."""
        if self.results is not None and receipt != self._receipt:
            self._receipt = receipt
            self.answer = exchange.result(self.results.seal_receipt(receipt))
        return self.answer

    def refusal(self, reason: int) -> bytes:
        """Return the notification of a refusal, sealed if there is a key."""
        if self.results is None:
            return exchange.refusal(reason)
        return exchange.sealed_refusal(self.results.seal_refusal(exchange.refusal_code(reason)))

    def is_agreeing(self) -> bool:
        """Return whether the phone may have sealed a message before answers can be sealed."""
        return bool(self.enc) and self.results is None

    def accept(self) -> None:
        """Close the context and keep the result key, as the approval is valid."""
        if self.context is not None:
            self.context.erase()
            self.context = None
        self.key = None

    def goes_on(self, resume: bytes) -> bool:
        """Return whether the body of a RESUME proves that its link is this exchange's phone."""
        return self.proofs is not None and self.proofs.check(resume[ENC_SIZE:])

    def close(self) -> None:
        """Open nothing more; keep only the last answer, what seals one, and what tells whose it is.

        The bridge has the rest by now, or needs it no more.
        """
        self._stop()
        self._give_back()
        self.accept()
        self.credential = None
        self.credential_sealed = self.credential_data = self.approval_data = b""

    def stop_hearing(self) -> None:
        """Open the approval no further."""
        if self.hearing is not None:
            self.hearing.close()
            self.hearing = None

    def erase(self) -> None:
        """Cancel the long work and overwrite every secret. Harmless the second time."""
        self.close()
        if self.results is not None:
            self.results.erase()
            self.results = None
        if self.proofs is not None:
            self.proofs.erase()
            self.proofs = None

    def _stop(self) -> None:
        if self.task is not None:
            self.task.close()
            self.task = None
        self.stop_hearing()

    def _give_back(self) -> None:
        if self._private is not None:
            self._private[:] = bytes(len(self._private))
            self._private = None

    def _open(self, sealed: bytes) -> bytes:
        if self.context is None:
            raise Error(BAD_SEAL, "no context")
        return padding.unseal(self.context, sealed)
