"""The authority's client: HTTPS with the bridge's own certificate, and two ways to fail.

`UnansweredError` means unknown, never no; `RefusedError` means that this request took nothing.
"""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from receiver import reasons

if TYPE_CHECKING:
    from .config import AuthorityConfig

ANSWER_MOST = 4096  # bytes; a receipt has some 180, a problem some 300
KEEP_ALIVE_S = 60.0  # below what servers usually allow (75 s), so that a kept connection is alive
_COSE = "application/cose"
_NOT_NOW = (408, 425, 429)  # client errors that say nothing about the request itself
_CODES = {name: code for code, name in reasons.NAMES.items()}


class UnansweredError(Exception):
    """No answer that could be trusted came; what happened is unknown."""


class RefusedError(Exception):
    """The authority does not take this request, for `reason`."""

    def __init__(self, reason: int, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class AuthorityClient:
    """Kept-alive connections to one authority; an async context manager."""

    def __init__(self, config: AuthorityConfig) -> None:
        """Reads the PEM files; raises OSError or ssl.SSLError where they cannot be used."""
        self._config = config
        self._tls = ssl.create_default_context(cafile=config.ca)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self._tls.load_cert_chain(config.certificate, config.key)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, keepalive_timeout=KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=self._config.timeout_s),
            auto_decompress=False,  # nothing that is asked for here is compressed
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def authorise(self, record: bytes) -> bytes:
        """The receipt for a record (layout `messages.RECORD`): COSE, not verified yet."""
        headers = {"Content-Type": "application/cbor"}
        return await self._post("/v1/authorisations", _COSE, data=record, headers=headers)

    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> str:
        """Give back or bar an approval: the state that the authority leaves it in."""
        path = f"/v1/reversals/{approval_id.hex()}"
        body = {"receiver_id": receiver_id.hex()}
        answer = _document(await self._post(path, "application/json", json=body))
        state = answer.get("state")
        if answer.get("approval_id") != approval_id.hex() or not isinstance(state, str):
            raise UnansweredError("not an answer to this reversal")
        return state

    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        """The signed state for a receiver under its nonce: COSE, not verified yet."""
        body = {"receiver_id": receiver_id.hex(), "nonce": nonce.hex()}
        return await self._post("/v1/states", _COSE, json=body)

    async def _post(self, path: str, wanted: str, **request: Any) -> bytes:
        url = self._config.url + path
        try:
            async with self._http.post(url, allow_redirects=False, **request) as response:
                body = await _read(response)
                status, kind = response.status, response.content_type
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnansweredError(f"{path}: {type(error).__name__}") from error
        if 400 <= status < 500 and status not in _NOT_NOW:
            raise _refusal(status, body)
        if status != 200 or kind != wanted:
            raise UnansweredError(f"{path}: status {status}, {kind}")
        return body


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; raises UnansweredError where it is longer than any answer."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_MOST:
            raise UnansweredError(f"an answer over {ANSWER_MOST} bytes")
    return bytes(body)


def _refusal(status: int, body: bytes) -> RefusedError:
    """From a problem document (RFC 9457), whose `reason` is one of our names or missing."""
    try:
        name = _document(body).get("reason")
    except UnansweredError:
        name = None
    known = name if isinstance(name, str) else ""
    return RefusedError(_CODES.get(known, reasons.RECEIVER_UNTRUSTED), f"status {status} {known}")


def _document(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnansweredError("not JSON") from None
    if not isinstance(value, dict):
        raise UnansweredError("not a JSON object")
    return value
