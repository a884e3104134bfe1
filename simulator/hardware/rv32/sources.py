"""MicroPython's sources, as Debian publishes them: fetched once, pinned by hash.

Debian leaves out what the boards of other makers need, so that they are 6 MB instead of 80.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import urllib.request
from pathlib import Path

VERSION = "1.25.0"
_POOL = "pool/main/m/micropython"
_ARCHIVE = f"micropython_{VERSION}+ds.orig.tar.xz"
_SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
_TIMEOUT_S = 60


class SourcesError(Exception):
    """The sources cannot be had, or are not what was pinned."""


def unpacked(directory: Path) -> Path:
    """Return the sources' folder below `directory`; fetch and unpack them where it is missing."""
    place = directory / f"micropython-{VERSION}"
    if place.exists():
        return place
    archive = directory / _ARCHIVE
    if not (archive.exists() and _sha256(archive) == _SHA256):
        _fetch(archive)
    part = directory / "unpacking"
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(archive) as tar:
        # Python 3.11.3 and older know no filter; the archive is a known one.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(part)
    (unfinished,) = part.iterdir()
    # The build looks for this file to tell whether a submodule is there that is not needed.
    (unfinished / "lib/micropython-lib/README.md").touch()
    unfinished.rename(place)
    part.rmdir()
    return place


def _fetch(archive: Path) -> None:
    """Fetch the archive from this machine's own mirror of Debian; raises SourcesError."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_suffix(".part")
    failures = []
    for mirror in _mirrors():
        url = f"{mirror.rstrip('/')}/{_POOL}/{_ARCHIVE.replace('+', '%2B')}"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, part.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except OSError as error:
            failures.append(f"{mirror}: {error}")
            continue
        if (found := _sha256(part)) == _SHA256:
            part.rename(archive)
            return
        failures.append(f"{mirror}: its SHA-256 is {found}, not {_SHA256}")
    text = "; ".join(failures) or "apt knows no mirror (apt-get indextargets prints none)"
    raise SourcesError(f"{_ARCHIVE} cannot be fetched: {text}. Or put it into {archive.parent}")


def _mirrors() -> list[str]:
    """Return the places that this machine's apt gets Debian's packages from, in its order."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return list(dict.fromkeys(said.split()))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
