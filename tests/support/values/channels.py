"""A well-formed message on every channel between receiver and bridge."""

from __future__ import annotations

from typing import Any

from receiver import reasons
from receiver.encoding.cbor import encode
from receiver.link import wire
from receiver.protocol import messages, padding
from receiver.protocol.signed import ID_SIZE
from tests.support.values import evidence

_SESSION = evidence.seed("session")
_NAME = bytes(ID_SIZE)
_BLOB = wire.Blob(b"data")
_SEK, _TILL, _TTL_S = evidence.SEK, 3, 60

TO_RECEIVER: dict[int, Any] = {
    wire.OPEN: wire.Open(evidence.REFERENCE, messages.PURCHASE, 100, _SEK, _TILL, _TTL_S, b""),
    wire.CANCEL: wire.Cancel(evidence.REFERENCE, reasons.WITHDRAWN),
    wire.RESULT: wire.Result(_SESSION, b"receipt"),
    wire.STATE: _BLOB,
    wire.CERTIFICATE: _BLOB,
    wire.IDENTIFY: wire.Identify(5),
    wire.RESTART: wire.Restart(1, 0),
    wire.STAND_IN: wire.StandIn(_SESSION, _NAME, 1),
}
TO_BRIDGE: dict[int, Any] = {
    wire.SYNC: wire.Opened(b"", b"", reasons.OK),
    wire.OFFER: wire.Opened(evidence.REFERENCE, b"", reasons.WRONG_AMOUNT),
    wire.PHONE: wire.Phone(_SESSION, 0, wire.PHONE_SHOWN, reasons.OK),
    wire.CREDENTIAL: wire.CredentialRecord(0, _SESSION, b"offer", bytes(padding.ENC_SIZE), b"data"),
    wire.APPROVAL: wire.ApprovalRecord(_SESSION, 0, b"data"),
    wire.HEALTH: wire.Health(1, 2, 0, encode({}), 0, 0),
    wire.PROVISIONAL: wire.ProvisionalRecord(_SESSION, b"receipt"),
    wire.TRACEBACK: _BLOB,
}
BOTH_WAYS: dict[int, Any] = {wire.VERDICT: wire.Verdict(_SESSION, _NAME, reasons.OK)}
