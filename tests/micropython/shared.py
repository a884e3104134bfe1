"""What the checks of this folder share."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from receiver.crypto import portable
from receiver.crypto.job import finish
from receiver.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def verify(name: str, public: bytes, message: bytes, signature: bytes) -> bool:
    key = finish(getattr(portable, name + "_key_job")(public))
    return bool(finish(getattr(portable, name + "_check_job")(key, message, signature)))


def code_of(attempt: Callable[..., Any], *arguments: Any) -> int | None:
    """The reason for which a call is refused, None if it is not."""
    try:
        attempt(*arguments)
    except Error as error:
        return error.code
    return None


def run(*checks: Callable[[], None]) -> None:
    """Run the checks in a folder of their own, and print how many there are."""
    place = os.getenv("TMPDIR", "/tmp") + "/tillsign-check-%d" % time.time_ns()
    before = os.getcwd()
    os.mkdir(place)
    os.chdir(place)
    try:
        for check in checks:
            check()
    finally:
        for name in os.listdir(place):
            os.remove(name)
        os.chdir(before)
        os.rmdir(place)
    print(len(checks), "cases")
