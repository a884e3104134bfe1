"""Firmware releases: what bridges ask for their receivers, and what an administrator publishes."""

from __future__ import annotations

from bridge.authority import update_messages as wire
from bridge.authority.update_messages import (
    Noted,
    OfReceiverQuery,
    OutcomeReport,
    PieceQuery,
    ReleaseChange,
    ReleaseId,
    Releases,
    ReleaseView,
    Wanted,
    WantedRequest,
)
from simulator.authority.updates import releases

from . import admin, bridges
from .operations import Api, Binary, Call, Cbor, Cose
from .requests import RequestError

fetching = Api("bridge", lambda call: call.fingerprint, (403,))
publishing = Api("administrator", admin.api.admit, admin.api.statuses)


class Octets(Binary):
    MEDIA = wire.OCTETS


class Upload(Cbor):
    """A release with its files."""

    MOST = wire.PUBLISHED_MOST


@fetching.on("POST", wire.WANTED)
def wanted(call: Call, asked: WantedRequest) -> Wanted:
    """Note what a receiver runs; return the releases that it should have."""
    bridges.must_speak_for(call, asked.receiver_id)
    return Wanted(releases.wanted(call.store, asked, call.office.now()))


@fetching.on("GET", wire.MANIFEST, 404)
def manifest(call: Call, asked: OfReceiverQuery) -> Cose:
    """Return a release's signed manifest."""
    bridges.must_speak_for(call, asked.receiver_id)
    return Cose(_found(releases.manifest_of(call.store, call.id("release_id"))))


@fetching.on("GET", wire.PAYLOAD, 404)
def payload(call: Call, asked: PieceQuery) -> Octets:
    """Return a piece of a release's files, as they follow each other in the manifest."""
    bridges.must_speak_for(call, asked.receiver_id)
    return Octets(_found(releases.piece_of(call.store, call.id("release_id"), asked.start)))


@fetching.on("POST", wire.OUTCOME, 404)
def outcome(call: Call, asked: OutcomeReport) -> Noted:
    """Book how an update of a receiver ended; too many failures stop the release."""
    bridges.must_speak_for(call, asked.receiver_id)
    id_ = call.id("release_id")
    try:
        stopped = releases.report(call.store, id_, asked, call.office.now())
    except LookupError as error:
        raise RequestError(404, str(error)) from None
    return Noted(ReleaseId(id_), stopped)


@publishing.on("GET", wire.RELEASES)
def list_releases(call: Call) -> Releases:
    """List every release with its progress, the newest first."""
    return Releases(releases.views(call.store))


@publishing.on("POST", wire.RELEASES, 409, 422, status=201)
def publish(call: Call, asked: Upload) -> ReleaseView:
    """Publish a release that enough firmware keys have signed; the same again sets its share."""
    published = wire.Published.decode(asked)
    read = releases.check(published, call.office.pins)
    id_ = releases.publish(call.store, published, read, call.office.now())
    return _view(call, id_)


@publishing.on("PUT", wire.RELEASE, 404)
def change_release(call: Call, asked: ReleaseChange) -> ReleaseView:
    """Change for whom a release is, stop it, or let it go on."""
    id_ = call.id("release_id")
    releases.change(call.store, id_, asked)
    return _view(call, id_)


def _view(call: Call, id_: bytes) -> ReleaseView:
    for view in releases.views(call.store):
        if view.release_id == id_:
            return view
    raise RequestError(404, "no such release")


def _found(data: bytes | None) -> bytes:
    if data is None:
        raise RequestError(404, "no such release")
    return data
