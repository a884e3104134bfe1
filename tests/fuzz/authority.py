"""The authority of every machine here, with the same keys in each run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.authority.keys import ROLES, Keys
from tests.support.values import evidence

_FOLDER = TemporaryDirectory(prefix="tillsign-fuzz-")  # goes with the process


@cache
def folder() -> Path:
    """Where the keys lie, under the name that a `ControllerWorld` looks for."""
    place = Path(_FOLDER.name)
    seeds = {bytes((role, 1)).hex(): evidence.seed(f"authority {role}").hex() for role in ROLES}
    stored = {"sign": seeds, "code": evidence.seed("authority code").hex()}
    (place / "authority-keys.json").write_text(json.dumps(stored))
    return place


@cache
def keys() -> Keys:
    return Keys(folder() / "authority-keys.json")
