"""Releases in words, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.authority.update_messages import ReleaseView
    from receiver.protocol.firmware import Manifest


def manifest(value: Manifest) -> Iterator[str]:
    """Say what is signed."""
    yield f"version  {value.version}"
    yield f"release  {value.release}, for boards that run {value.least_release} or newer"
    yield f"board    {value.board_class}"
    yield f"git      {value.git.hex()}"
    for file in value.files:
        yield f"file     {file.hash.hex()} {file.size:>8} {file.path}"


def release(view: ReleaseView) -> dict[str, object]:
    """Return a release for a program."""
    return {
        "release_id": view.release_id.hex(),
        "release": view.release,
        "least_release": view.least_release,
        "board_class": view.board_class,
        "version": view.version,
        "git": view.git.hex(),
        "size": view.size,
        "published": view.published,
        "share": view.share,
        "stop_at": view.stop_at,
        "least_reports": view.least_reports,
        "stopped": view.stopped.value if view.stopped else None,
        "wanted": view.wanted,
        "running": view.running,
        "installed": view.installed,
        "failed": view.failed,
        "went_back": view.went_back,
        "reasons": view.reasons,
    }


def lines(views: Iterable[ReleaseView]) -> Iterator[str]:
    """Say how far each release has come."""
    none = True
    for view in views:
        none = False
        how = f"stopped: {view.stopped.value}" if view.stopped else f"{view.share} %"
        yield f"release {view.release} ({view.version}) for {view.board_class}: {how}"
        yield (
            f"  of {view.wanted} that should have it {view.running} run it; "
            f"reports: {view.installed} installed, {view.failed} failed, "
            f"{view.went_back} went back"
        )
        for reason, count in sorted(view.reasons.items()):
            yield f"  {count} × {reason}"
        if view.stopped:
            yield "  to go on: tillsign update publish with the same build, and --resume"
    if none:
        yield "no release is published"
