"""All messages about firmware releases: of bridges, which install them, and of who publishes them.

A release is named by the SHA-256 of its manifest's payload, with any signatures: content and name
belong together. `docs/updates.md` has the rules.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, UnsetType

from bridge import contracts
from bridge.contracts import Answer, Octets, Request
from receiver import reasons
from receiver.encoding import cbor, schema
from receiver.encoding.schema import UINT_MOST, blob, uint
from receiver.protocol.firmware import BOARD_CLASS_MOST, FILE_MOST, GIT_SIZE, MANIFEST_MOST
from receiver.protocol.firmware import NAME_MOST as VERSION_MOST
from receiver.protocol.messages import HASH_SIZE

from .messages import Number, ReasonName, ReceiverId, Time

WANTED = "/v1/updates"
MANIFEST = "/v1/updates/{release_id}/manifest"
PAYLOAD = "/v1/updates/{release_id}/payload"
OUTCOME = "/v1/updates/{release_id}/outcome"
RELEASES = "/v1/admin/releases"
RELEASE = "/v1/admin/releases/{release_id}"

OCTETS = "application/octet-stream"

PIECE = 65_536  # bytes of a payload in one answer: half a minute on a line of 20 kbit/s
PAYLOAD_MOST = FILE_MOST  # bytes of all files of a slot: as an image for one OTA partition
PERCENT = 100


class Published(NamedTuple):
    """What `publish` sends, as CBOR: the signed manifest, and the files one after another."""

    manifest: bytes
    payload: bytes
    share: int  # percent of the receivers
    stop_at: int  # percent of the reports that failed: then it stops by itself
    least_reports: int  # before `stop_at` counts

    def encode(self) -> bytes:
        return cbor.encode(dict(enumerate(self, 1)), PUBLISHED_MOST)

    @classmethod
    def decode(cls, data: bytes) -> Published:
        """Parse what `encode` wrote; raises Error."""
        return schema.from_map(_PUBLISHED, cbor.decode(data, PUBLISHED_MOST), cls)


LEAST_REPORTS_MOST = 1_000_000  # more receivers than any authority here has
_PUBLISHED = (
    blob(1, "manifest", MANIFEST_MOST, 1),
    blob(2, "payload", PAYLOAD_MOST),
    uint(3, "share", 0, PERCENT),
    uint(4, "stop_at", 1, PERCENT),
    uint(5, "least_reports", 1, LEAST_REPORTS_MOST),
)
PUBLISHED_MOST = MANIFEST_MOST + PAYLOAD_MOST + 64  # bytes of all that


class ReleaseId(Octets):
    """SHA-256 of a manifest's payload."""

    SIZES = (HASH_SIZE,)


class GitHash(Octets):
    SIZES = (GIT_SIZE,)


Share = Annotated[int, Meta(ge=0, le=PERCENT, description="Percent of the receivers.")]
StopAt = Annotated[int, Meta(ge=1, le=PERCENT, description="Percent of the reports that failed.")]
LeastReports = Annotated[
    int, Meta(ge=1, le=LEAST_REPORTS_MOST, description="Before `stop_at` counts.")
]
ReleaseNumber = Annotated[int, Meta(ge=0, le=UINT_MOST)]
BoardClass = Annotated[str, Meta(min_length=1, max_length=BOARD_CLASS_MOST)]
Version = Annotated[str, Meta(min_length=1, max_length=VERSION_MOST)]
Offset = Annotated[int, Meta(ge=0, le=PAYLOAD_MOST)]


class UpdateOutcome(StrEnum):
    """How an update of one receiver ended."""

    INSTALLED = "installed"  # it sells with the new firmware
    FAILED = "failed"  # it was refused or broke off before the new firmware ran
    WENT_BACK = "went_back"  # the new firmware ran, and the loader went back to the old one


class Stopped(StrEnum):
    """Why a release reaches no more receivers."""

    FAILURES = "failures"  # by itself
    ADMINISTRATOR = "administrator"


# Bridges.


class WantedRequest(Request):
    """One receiver, and what it runs: null where the bridge does not know it yet."""

    receiver_id: ReceiverId
    version: Version
    board_class: BoardClass | None = None
    release: ReleaseNumber | None = None


class Offered(Answer):
    """A release that a receiver should have."""

    release_id: ReleaseId
    release: ReleaseNumber
    board_class: BoardClass
    version: Version
    size: Offset


class Wanted(Answer):
    """The newest release for the receiver, one for each board class if its own is unknown."""

    releases: list[Offered]


class OfReceiverQuery(Request):
    receiver_id: ReceiverId


class PieceQuery(Request):
    """A piece of a payload: at most PIECE bytes from here on."""

    receiver_id: ReceiverId
    start: Offset


class OutcomeReport(Request):
    """The same report again changes nothing; a later one of this receiver replaces it."""

    receiver_id: ReceiverId
    outcome: UpdateOutcome
    reason: ReasonName | None = None


class Noted(Answer):
    """A report was taken; `stopped` where it was one failure too many."""

    release_id: ReleaseId
    stopped: Stopped | None


# Who publishes.


class ReleaseChange(Request):
    """Changes to a release; members left out stay. `stopped`: stop it, or let it go on."""

    share: Share | UnsetType = UNSET
    stop_at: StopAt | UnsetType = UNSET
    least_reports: LeastReports | UnsetType = UNSET
    stopped: bool | UnsetType = UNSET


class ReleaseView(Answer):
    """A release, for whom it is, and how far it has come, in receivers."""

    release_id: ReleaseId
    release: ReleaseNumber
    least_release: ReleaseNumber
    board_class: BoardClass
    version: Version
    git: GitHash
    size: Offset
    published: Time
    share: Share
    stop_at: StopAt
    least_reports: LeastReports
    stopped: Stopped | None
    wanted: Annotated[Number, Meta(description="Receivers of its class within the share.")]
    running: Annotated[Number, Meta(description="Receivers that said last that they run it.")]
    installed: Annotated[Number, Meta(description="Latest reports, by outcome.")]
    failed: Number
    went_back: Number
    reasons: Annotated[
        dict[str, int], Meta(description="Of what failed or went back: how many, by reason.")
    ]


class Releases(Answer):
    """Every release, the newest first."""

    releases: list[ReleaseView]


def reason_name(code: int) -> str | None:
    """Return the word for a reason in a report; None where nothing went wrong."""
    return reasons.name(code) if code != reasons.OK else None


encode = contracts.encode
decode = contracts.decode
