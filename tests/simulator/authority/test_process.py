"""The authority as a process that may be killed at any moment."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import urllib.error
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from receiver.crypto import host
from receiver.protocol import messages, signed
from simulator.authority.process import PROCESSES, AuthorityProcess
from simulator.crypto import pki
from simulator.processes.child_process import STOP_S
from simulator.world.enrolment import new_phone, new_receiver
from tests.conftest import PlaceOf
from tests.support.values import evidence

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_what_was_acknowledged_outlives_the_process(
    tmp_path: Path, place_of: PlaceOf, how: signal.Signals
) -> None:
    place = place_of(tmp_path)
    async with AuthorityProcess(tmp_path, place if isinstance(place, str) else None) as authority:
        url, token = authority.url, authority.admin_token
        demo = authority.seed_demo()
        client = pki.DemoCa(tmp_path / "tls").client("bridge")
        receiver = new_receiver(
            authority, client.fingerprint(), receiver_id=evidence.RECEIVER_ID, store_name="Store"
        )
        data = receiver.certificate
        kept = signed.from_authority(messages.CERTIFICATE, data, authority.pins, host)
        assert kept.store_name == "Store"
        await authority.stop(how)
        await authority.start()
        assert (authority.url, authority.admin_token) == (url, token)
        limits = authority.admin("GET", f"receivers/{evidence.RECEIVER_ID.hex()}")
        assert set(limits.values()) == {0}
        wallet = await new_phone(authority, demo.buyers[0].id)
        assert [one.id for one in wallet.recipients] == demo.recipients
        with pytest.raises(urllib.error.HTTPError, match="404"):
            authority.admin("GET", "buyers/99")


async def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "authority.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(RuntimeError, match="not a database"):
        async with AuthorityProcess(tmp_path):
            pass


def beside(pid: int) -> list[int]:
    """The processes that this one started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def await_end(pid: int) -> None:
    """Of a process that need not be ours; at once where there is none."""
    with suppress(ProcessLookupError):
        end = os.pidfd_open(pid)
        try:
            assert select.select([end], [], [], STOP_S)[0] == [end]
        finally:
            os.close(end)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_no_process_outlives_the_first(
    tmp_path: Path, postgres: Callable[[], str], how: signal.Signals
) -> None:
    async with AuthorityProcess(tmp_path, postgres()) as authority:
        others = beside(authority.pid)
        assert len(others) == PROCESSES - 1
        await authority.stop(how)
        for pid in others:
            await asyncio.wait_for(asyncio.to_thread(await_end, pid), STOP_S)


async def test_a_process_that_dies_takes_all_along(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    """Whoever watches over the authority starts it again; half of it would only look well."""
    async with AuthorityProcess(tmp_path, postgres()) as authority:
        other = beside(authority.pid)[0]
        first = authority._process
        assert first is not None
        os.kill(other, signal.SIGKILL)
        assert await asyncio.wait_for(first.wait(), STOP_S) == 1
