"""The causes of a missing answer, as far as libraries and the system reveal them."""

from __future__ import annotations

import re
import socket
import ssl
from enum import StrEnum
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cause(StrEnum):
    """The causes in words for people."""

    SLOW = "nothing came in time"
    NO_NAME = "its name is not known in DNS"
    NO_CONNECTION = "no connection was made in time"
    CLOSED_PORT = "the connection was refused"
    BROKEN = "the connection broke off"
    NOT_YET = "its certificate is not valid yet"
    EXPIRED = "its certificate has ended"
    OTHER_CA = "its certificate is not of the CA in [authority] ca"
    OTHER_NAME = "its certificate is for another name"
    OUR_CERTIFICATE = "it refuses our client certificate"
    TLS = "TLS failed"
    STRANGE = "the answer is not from the authority"


OF_TIME = (Cause.NOT_YET, Cause.EXPIRED)  # either clock may be wrong

# X509_V_ERR_… of OpenSSL's x509_vfy.h. It looks for a root and checks signatures before dates: a
# certificate with one of these errors has the right CA.
_VERIFY = {9: Cause.NOT_YET, 10: Cause.EXPIRED, 62: Cause.OTHER_NAME, 64: Cause.OTHER_NAME}
# Alerts about a certificate (RFC 8446 §6.2); in TLS 1.3 they come after the handshake.
_ALERT = re.compile(r"ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)")


class UnansweredError(Exception):
    """No valid answer came; the result is unknown."""

    def __init__(
        self, text: str, *, cause: Cause = Cause.STRANGE, retry_after_s: float | None = None
    ) -> None:
        """Set up; `retry_after_s`: how long the authority asks for a pause, where it does."""
        super().__init__(text)
        self.cause = cause
        self.retry_after_s = retry_after_s


def cause_of(error: BaseException) -> Cause:
    """Return the cause behind an error of aiohttp, ssl or the system."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):  # its own cause is a plain time-out
        return Cause.NO_CONNECTION
    for one in _chain(error):
        cause = _cause(one)
        if cause is not None:
            return cause
    return Cause.BROKEN if isinstance(error, aiohttp.ClientError | OSError) else Cause.STRANGE


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors from the first cause to the last consequence."""
    if error.__cause__ is not None:
        yield from _chain(error.__cause__)
    yield error


def _cause(error: BaseException) -> Cause | None:
    match error:
        case ssl.SSLCertVerificationError():
            return _VERIFY.get(getattr(error, "verify_code", 0), Cause.OTHER_CA)
        case ssl.SSLError() | aiohttp.ClientOSError() if _ALERT.search(str(error)):
            return Cause.OUR_CERTIFICATE
        case ssl.SSLError():
            return Cause.TLS
        case socket.gaierror() | aiohttp.ClientConnectorDNSError():
            return Cause.NO_NAME
        case ConnectionRefusedError():
            return Cause.CLOSED_PORT
        case TimeoutError():
            return Cause.SLOW
    return None
