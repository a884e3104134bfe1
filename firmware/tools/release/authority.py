"""The authority's operations for who publishes firmware, with the administrator's token."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec import DecodeError

from bridge.authority import update_messages as wire
from bridge.authority.messages import CBOR, JSON, AuthorityProblem, path
from bridge.authority.update_messages import ReleaseChange, Releases, ReleaseView

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

ANSWER_S = 60.0  # for two megabytes on a slow line


class AuthorityError(Exception):
    """The authority did not do it; the text says why."""


class Administrator(NamedTuple):
    """An authority's address, the administrator's token, and the CA file of its certificate."""

    url: str
    token: str
    ca: Path | None

    def publish(self, release: wire.Published) -> ReleaseView:
        """Publish a signed release; raises AuthorityError."""
        return self._ask("POST", wire.RELEASES, ReleaseView, release.encode(), CBOR)

    def change(self, release_id: bytes, change: ReleaseChange) -> ReleaseView:
        """Change share or limits of a release, stop it or let it go on; raises AuthorityError."""
        at = path(wire.RELEASE, release_id=release_id)
        return self._ask("PUT", at, ReleaseView, wire.encode(change), JSON)

    def releases(self) -> list[ReleaseView]:
        """Return every release, the newest first; raises AuthorityError."""
        return self._ask("GET", wire.RELEASES, Releases).releases

    def _ask(
        self, method: str, at: str, type_: type[T], body: bytes | None = None, kind: str = JSON
    ) -> T:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(
            self.url.rstrip("/") + at, method=method, data=body, headers=headers
        )
        try:
            context = ssl.create_default_context(cafile=self.ca)
            with urllib.request.urlopen(request, timeout=ANSWER_S, context=context) as answer:
                return wire.decode(answer.read(), type_)
        except urllib.error.HTTPError as error:
            raise AuthorityError(f"{self.url} refuses: {_said(error.read())}") from None
        except (OSError, ValueError) as error:
            raise AuthorityError(f"{self.url}: no answer: {error}") from error


def _said(body: bytes) -> str:
    try:
        problem = wire.decode(body, AuthorityProblem)
    except (DecodeError, ValueError):
        return "no reason given"
    return f"{problem.detail} ({problem.reason})" if problem.reason else problem.detail
