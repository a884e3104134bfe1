"""The authority's operations for who publishes firmware, with the administrator's token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.authority import update_messages as wire
from bridge.authority.messages import path
from bridge.authority.update_messages import ReleaseChange, Releases, ReleaseView

if TYPE_CHECKING:
    from bridge.authority.enrolment_client import BearerClient

ANSWER_S = 60.0  # for two megabytes on a slow line


class ReleaseAdministrator:
    """Releases at the authority. Every call raises EnrolmentFailedError."""

    def __init__(self, client: BearerClient) -> None:
        self._client = client

    def publish(self, release: wire.Published) -> ReleaseView:
        """Publish a signed release."""
        return self._client.ask("POST", wire.RELEASES, ReleaseView, release.encode(), ANSWER_S)

    def change(self, release_id: bytes, change: ReleaseChange) -> ReleaseView:
        """Change share or limits of a release, stop it or let it go on."""
        at = path(wire.RELEASE, release_id=release_id)
        return self._client.ask("PUT", at, ReleaseView, change, ANSWER_S)

    def releases(self) -> list[ReleaseView]:
        """Return every release, the newest first."""
        return self._client.ask("GET", wire.RELEASES, Releases, answer_s=ANSWER_S).releases
