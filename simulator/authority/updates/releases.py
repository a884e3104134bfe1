"""The releases in the books: published once, changed, offered to receivers, reported about."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from msgspec import UNSET, structs

from bridge.authority.update_messages import (
    PIECE,
    GitHash,
    Offered,
    OutcomeReport,
    Published,
    ReleaseChange,
    ReleaseId,
    ReleaseView,
    Stopped,
    UpdateOutcome,
    WantedRequest,
)
from receiver import reasons
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import cose_sign
from receiver.errors import Error
from receiver.protocol import firmware
from receiver.protocol.signed import AUTHORITY_KID_SIZE, ROLE_FIRMWARE
from simulator.authority.storage.store import Store, atomic

from .staging import Reports, is_in_share

_COLUMNS = (
    "id, release, least_release, board_class, version, git, size, published, share, stop_at, "
    "least_reports, stopped"
)
_CODES = {name: code for code, name in reasons.NAMES.items()}


class BookedRelease(NamedTuple):
    """A release in the books, without its files."""

    id: bytes
    release: int
    least_release: int
    board_class: str
    version: str
    git: bytes
    size: int
    published: int
    share: int
    stop_at: int
    least_reports: int
    stopped: str | None


class Running(NamedTuple):
    """What a receiver said last of itself."""

    receiver: bytes
    board_class: str | None
    release: int | None


def check(asked: Published, pins: Mapping[bytes, bytes]) -> firmware.Manifest:
    """Return the manifest that enough firmware keys signed, if the files are its own; raises Error.

    Signatures first: nothing of an unsigned manifest counts.
    """
    keys = {kid: key for kid, key in pins.items() if kid[0] == ROLE_FIRMWARE}
    manifest = finish(firmware.read_job(asked.manifest, keys, host))
    size, listed = len(asked.payload), firmware.size(manifest)
    if size != listed:
        raise Error(reasons.WRONG_HASH, f"{size} bytes of files, and the manifest lists {listed}")
    at = 0
    for file in manifest.files:
        if sha256(asked.payload[at : at + file.size]).digest() != file.hash:
            raise Error(reasons.WRONG_HASH, f"{file.path} is not the file in the manifest")
        at += file.size
    return manifest


@atomic
def publish(store: Store, asked: Published, manifest: firmware.Manifest, now: int) -> bytes:
    """Book a release, or set share and limits of one that is booked; return its id.

    Raises Error(CONFLICT) where this number has other content for the class, NOT_NEWER below one.
    """
    id_ = release_id(asked.manifest)
    same = store.find(
        bytes,
        "SELECT id FROM releases WHERE release = ? AND board_class = ?",
        manifest.release,
        manifest.board_class,
    )
    if same is not None and same != id_:
        raise Error(reasons.CONFLICT, f"release {manifest.release} is published with other content")
    if same is not None:
        change = "UPDATE releases SET share = ?, stop_at = ?, least_reports = ? WHERE id = ?"
        store.run(change, asked.share, asked.stop_at, asked.least_reports, id_)
        return id_
    newer = "SELECT 1 FROM releases WHERE board_class = ? AND release > ?"
    if store.exists(newer, manifest.board_class, manifest.release):
        raise Error(reasons.NOT_NEWER, "a newer release of this class is published")
    store.run(
        f"INSERT INTO releases ({_COLUMNS}, manifest, payload) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
        id_,
        manifest.release,
        manifest.least_release,
        manifest.board_class,
        manifest.version,
        manifest.git,
        len(asked.payload),
        now,
        asked.share,
        asked.stop_at,
        asked.least_reports,
        asked.manifest,
        asked.payload,
    )
    return id_


@atomic
def change(store: Store, id_: bytes, asked: ReleaseChange) -> None:
    """Change what is named; a release that is not there stays so."""
    values = {name: value for name, value in structs.asdict(asked).items() if value is not UNSET}
    if "stopped" in values:
        values["stopped"] = Stopped.ADMINISTRATOR.value if values["stopped"] else None
    for name, value in values.items():
        store.run(f"UPDATE releases SET {name} = ? WHERE id = ?", value, id_)


def release_id(signed_manifest: bytes) -> bytes:
    """Return the id of the release in a signed manifest; raises Error."""
    payload = cose_sign.parse(signed_manifest, AUTHORITY_KID_SIZE).payload
    return sha256(payload).digest()


def manifest_of(store: Store, id_: bytes) -> bytes | None:
    return store.find(bytes, "SELECT manifest FROM releases WHERE id = ?", id_)


def piece_of(store: Store, id_: bytes, start: int) -> bytes | None:
    """Return at most PIECE bytes of a release's files, b"" behind their end."""
    piece = (
        "SELECT substr(payload, CAST(? AS integer), CAST(? AS integer)) FROM releases WHERE id = ?"
    )
    return store.find(bytes, piece, start + 1, PIECE, id_)


@atomic
def wanted(store: Store, asked: WantedRequest, now: int) -> list[Offered]:
    """Note what a receiver runs; return what it should have, the newest for each board class."""
    store.run(
        "INSERT INTO running (receiver, board_class, release, version, time) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (receiver) DO UPDATE SET "
        "board_class = coalesce(excluded.board_class, running.board_class), "
        "release = excluded.release, version = excluded.version, time = excluded.time",
        asked.receiver_id,
        asked.board_class,
        asked.release,
        asked.version,
        now,
    )
    known = Running(asked.receiver_id, asked.board_class, asked.release)
    newest: dict[str, BookedRelease] = {}
    for row in _rows(store):
        if _is_for(row, known) and row.board_class not in newest:
            newest[row.board_class] = row
    return [
        Offered(ReleaseId(row.id), row.release, row.board_class, row.version, row.size)
        for row in newest.values()
    ]


@atomic
def report(store: Store, id_: bytes, asked: OutcomeReport, now: int) -> Stopped | None:
    """Book how an update ended; stop the release if too many failed. Raises LookupError."""
    row = find(store, id_)
    store.run(
        "INSERT INTO update_outcomes (release, receiver, outcome, reason, time) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (release, receiver) DO UPDATE SET "
        "outcome = excluded.outcome, reason = excluded.reason, time = excluded.time",
        id_,
        asked.receiver_id,
        asked.outcome.value,
        _CODES.get(asked.reason or "", reasons.OK),
        now,
    )
    if row.stopped is None and _reports(store, id_).are_too_bad(row.stop_at, row.least_reports):
        store.run("UPDATE releases SET stopped = ? WHERE id = ?", Stopped.FAILURES.value, id_)
        return Stopped.FAILURES
    return Stopped(row.stopped) if row.stopped else None


def find(store: Store, id_: bytes) -> BookedRelease:
    """Return a release; raises LookupError."""
    row = store.find(
        BookedRelease, f"SELECT {_COLUMNS} FROM releases WHERE id = ? FOR NO KEY UPDATE", id_
    )
    if row is None:
        raise LookupError("no such release")
    return row


def views(store: Store) -> list[ReleaseView]:
    """Return every release with its progress, the newest first."""
    running = store.every(Running, "SELECT receiver, board_class, release FROM running")
    return [_view(store, row, running) for row in _rows(store)]


def _rows(store: Store) -> list[BookedRelease]:
    order = "ORDER BY release DESC, board_class"
    return store.every(BookedRelease, f"SELECT {_COLUMNS} FROM releases {order}")


def _is_for(row: BookedRelease, known: Running) -> bool:
    """Whether a release is for this receiver now; what is not known of it does not exclude it."""
    if row.stopped or not is_in_share(known.receiver, row.release, row.share):
        return False
    if known.board_class not in (None, row.board_class):
        return False
    return known.release is None or row.least_release <= known.release < row.release


def _reports(store: Store, id_: bytes) -> Reports:
    count = "SELECT outcome, count(*) FROM update_outcomes WHERE release = ? GROUP BY outcome"
    counted: dict[str, int] = dict(store.rows(count, id_))
    return Reports(*(counted.get(outcome.value, 0) for outcome in UpdateOutcome))


def _view(store: Store, row: BookedRelease, running: list[Running]) -> ReleaseView:
    reports = _reports(store, row.id)
    bad = (
        "SELECT reason, count(*) FROM update_outcomes "
        "WHERE release = ? AND outcome <> ? GROUP BY reason"
    )
    counted = store.rows(bad, row.id, UpdateOutcome.INSTALLED.value)
    of_class = [one for one in running if one.board_class == row.board_class]
    return ReleaseView(
        ReleaseId(row.id),
        row.release,
        row.least_release,
        row.board_class,
        row.version,
        GitHash(row.git),
        row.size,
        row.published,
        row.share,
        row.stop_at,
        row.least_reports,
        Stopped(row.stopped) if row.stopped else None,
        sum(is_in_share(one.receiver, row.release, row.share) for one in of_class),
        sum(one.release == row.release for one in of_class),
        *reports,
        {reasons.name(code): count for code, count in counted},
    )
