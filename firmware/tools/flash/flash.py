"""Flash one board: look, write what differs, verify, start, and hear its HELLO."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons

from . import after_reset, ports
from .boot_loader import FAST_BAUD, BootLoader
from .errors import NOT_VERIFIED, FlashError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from receiver.link import wire

    from .plan import Found, Plan

    Tell = Callable[[str, int, int], None]  # what is done now, bytes done, bytes in all


class Done(NamedTuple):
    """One segment: written now, or there already."""

    name: str
    address: int
    size: int
    written: bool


class Flashed(NamedTuple):
    port: str
    found: Found
    mac: str
    segments: list[Done]
    hello: wire.ReceiverHello | None  # None after a dry run

    def value(self) -> dict[str, object]:
        """Return it for programs."""
        hello = self.hello and {
            "board": self.hello.board,
            "interpreter_version": self.hello.interpreter_version,
            "firmware_hash": self.hello.firmware_hash.hex(),
            "fault": reasons.name(self.hello.fault) if self.hello.fault else "",
        }
        return {
            "port": self.port,
            "ok": True,
            **self.found._asdict(),
            "mac": self.mac,
            "segments": [done._asdict() for done in self.segments],
            "hello": hello,
        }


def _ignore(what: str, done: int, total: int) -> None: ...


async def flash(
    port: str,
    plan: Plan,
    *,
    baud: int = FAST_BAUD,
    dry: bool = False,
    tell: Tell = _ignore,
    hello_s: float = after_reset.HELLO_S,
) -> Flashed:
    """Flash the board on a port; raise FlashError. The same again does what is left to do."""
    ports.check(port)
    flashed = await asyncio.to_thread(write, port, plan, baud, dry=dry, tell=tell)
    if dry:
        return flashed
    tell("start", 0, 0)
    hello = await after_reset.hello(port, hello_s)
    if hello.firmware_hash.hex() != plan.release.firmware_hash:
        raise FlashError(
            NOT_VERIFIED,
            f"{port}: the board runs firmware {hello.firmware_hash.hex()}, and "
            f"{plan.release.firmware_hash} was written: an update is in its other slot; "
            "`tillsign firmware erase` and flash it again",
        )
    return flashed._replace(hello=hello)


def write(
    port: str, plan: Plan, baud: int = FAST_BAUD, *, dry: bool = False, tell: Tell = _ignore
) -> Flashed:
    """Write what differs and start the board; do not wait for it. Blocks; raises FlashError."""
    tell("connect", 0, 0)
    done = []
    with BootLoader(port, baud) as loader:
        plan.check(loader.found)
        mac = loader.mac
        for segment in plan.segments:
            tell(f"compare {segment.name}", 0, len(segment.data))
            differs = not loader.holds(segment)
            if differs and not dry:
                loader.write(segment, partial(tell, f"write {segment.name}"))
            done.append(Done(segment.name, segment.address, len(segment.data), differs))
    return Flashed(port, loader.found, mac, done, None)


async def erase(port: str, tell: Tell = _ignore) -> Found:
    """Erase all of a board's flash, with its key and certificate; raise FlashError."""
    ports.check(port)

    def work() -> Found:
        with BootLoader(port) as loader:
            tell("erase", 0, 0)
            loader.erase()
            return loader.found

    return await asyncio.to_thread(work)


async def backup(port: str, file: Path, baud: int = FAST_BAUD, tell: Tell = _ignore) -> Found:
    """Write all of a board's flash into a new file that only its owner can read."""
    ports.check(port)

    def work() -> Found:
        with BootLoader(port, baud) as loader:
            size = loader.found.flash_mb << 20
            data = loader.read(size, partial(tell, "read"))
            file.touch(0o600, exist_ok=False)
            file.write_bytes(data)
            return loader.found

    return await asyncio.to_thread(work)
