"""`tillsign simulate` and `tillsign phone`, as they stand on a command line."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from simulator.processes.child_process import ChildProcess
from simulator.world.till import Till
from tests.support.world.commands import PATIENCE, Family, Running, started, tillsign

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

PRICE = 24_900
OVER_LIMIT = 624_900
PATIENCE_S = 5  # of a till, for a phone that is still to be started
NOBODY = "socket://127.0.0.1:1"  # a serial URL with nothing behind it
RESET = bytes.fromhex("01030c00")  # HCI_Reset on H4, Core 5.4 Vol 4 Part E 7.3.2
RESET_COMPLETE = bytes.fromhex("040e0401030c00")

Json = dict[str, Any]


class Here:
    """A running world: its readiness line, its till, and the directory of its temporary files."""

    def __init__(self, world: Running, ready: Json, till: Till, temporary: Path) -> None:
        self.world = world
        self.ready = ready
        self.till = till
        self.temporary = temporary

    async def offered(self) -> Json:
        """A sale with its offer on the air."""
        async with self.till.watch() as events:
            rung = await self.till.ring_up(PRICE)
            async for event in events:
                if event["event"] == "sale" and event["what"] == "offered":
                    break
        return await self.till.look(rung["sale_id"])

    async def phone(self, *arguments: str) -> tuple[int, Json]:
        """`tillsign phone --json …`: its exit code and its word on the outcome."""
        code, out, _ = await tillsign(self.temporary, "phone", "--json", *arguments)
        return code, json.loads(out)

    async def control(self, method: str, path: str, body: Json) -> None:
        async with (
            aiohttp.ClientSession(self.ready["control"], raise_for_status=True) as session,
            session.request(method, path, json=body),
        ):
            pass


@asynccontextmanager
async def simulating(temporary: Path, *arguments: str) -> AsyncIterator[Here]:
    async with started(temporary, "simulate", *arguments) as world:
        ready = json.loads(await world.line())
        async with Till(ready["till_api"]) as till:
            yield Here(world, ready, till, temporary)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    """A world without a phone."""
    async with simulating(tmp_path_factory.mktemp("world"), "--phone", "none") as here:
        yield here


# The world.


async def test_a_sale_over_http_alone(tmp_path: Path) -> None:
    async with simulating(tmp_path) as here:
        names = {"till_api", "authority", "control", "serial", "hci", "receiver"}
        assert set(here.ready) == names
        assert set(here.ready["receiver"]) == {"argv", "cwd", "env"}
        for amount, state, reason in (
            (PRICE, "approved", None),
            (OVER_LIMIT, "declined", "purchase_limit"),
            (PRICE, "approved", None),
        ):
            sale = await _sale_by_hand(here.ready["till_api"], amount)
            assert (sale["state"], (sale["reason"] or {}).get("code")) == (state, reason)
            assert (sale["transaction_id"] is not None) == (state == "approved")
        family = Family(here.world.pid)
        assert len(family) == 3  # line, receiver, bridge
        code, out, err = await here.world.stop()
        assert (code, out, err) == (0, "", "")
        await family.ended()
    assert _files(tmp_path) == []


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if not path.is_dir()]


async def _sale_by_hand(till_api: str, amount: int) -> Json:
    """With no code of ours in between."""
    order = {"sale_id": secrets.token_hex(16), "amount": amount, "currency": "SEK"}
    async with aiohttp.ClientSession(till_api, raise_for_status=True) as session:
        async with session.post("/v1/sales", json=order) as response:
            assert response.status == 201
        async with session.get(f"/v1/sales/{order['sale_id']}?wait=30") as response:
            sale: Json = await response.json()
            return sale


async def test_a_world_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    async with simulating(tmp_path, "--phone", "none") as here:
        family = Family(here.world.pid)
        assert (await here.world.stop(SIGKILL)).code == -SIGKILL
        await family.ended()


async def test_the_control_takes_the_authority_away(here: Here) -> None:
    sale = await here.till.ring_up(PRICE)
    await here.control("PUT", "/v1/authority", {"up": False})
    await here.control("PUT", "/v1/authority", {"up": True})
    await here.control("PUT", "/v1/buyers/0", {"purchase_limit": 2 * OVER_LIMIT})
    await here.control("POST", "/v1/line", {"do": "garbage", "to": "host", "bytes": 100})
    assert (await here.phone())[0] == 0
    assert (await here.till.outcome(sale["sale_id"]))["state"] == "approved"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--receiver", "external"),
        ("--serial", NOBODY),
        ("--hci", "/tmp/hci"),
        ("--phone", "sometimes"),
        ("--unheard-of",),
    ],
    ids=["external", "serial", "hci", "phone", "unknown"],
)
async def test_a_wrong_command_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = await tillsign(tmp_path, "simulate", *arguments)
    assert (code, out) == (2, "")
    assert err


# The phone.


async def test_a_phone_approves(here: Here) -> None:
    sale = await here.till.ring_up(PRICE)
    code, outcome = await here.phone()
    final = await here.till.outcome(sale["sale_id"])
    assert (code, outcome["outcome"], final["state"]) == (0, "approved", "approved")
    for name in ("amount", "currency", "match_code", "approval_id", "transaction_id", "till"):
        assert outcome[name] == final[name]


async def test_a_phone_that_declines_then_one_for_another_recipient(here: Here) -> None:
    async with asyncio.timeout(PATIENCE), here.till.watch() as events:
        sale = await here.till.ring_up(PRICE)
        assert (await here.phone("--decline"))[0] == 0
        async for event in events:  # the receiver tells of it after the phone has ended
            if event["event"] == "sale" and event["sale"]["reason"]:
                break
    still = await here.till.look(sale["sale_id"])
    assert (still["state"], still["reason"]["code"]) == ("open", "buyer_said_no")
    assert (await here.phone("--recipient", "2"))[0] == 0
    assert (await here.till.outcome(sale["sale_id"]))["state"] == "approved"


async def test_a_phone_with_a_wrong_code_then_one_that_vanishes(here: Here) -> None:
    sale = await here.till.ring_up(PRICE)
    code, outcome = await here.phone("--code", "000000")
    assert (code, outcome["outcome"], outcome["transaction_id"]) == (1, "declined", None)
    assert (await here.till.look(sale["sale_id"]))["state"] == "open"
    code, outcome = await here.phone("--vanish")
    assert (code, outcome["outcome"]) == (0, "lost")
    await here.till.cancel(sale["sale_id"])


async def test_a_silent_phone_until_the_sale_is_over(here: Here) -> None:
    sale = await here.offered()
    async with started(here.temporary, "phone", "--silent") as silent:
        await silent.line(containing=f"match code {sale['match_code']}")
        await here.till.cancel(sale["sale_id"])
        assert (await silent.ended()).code == 0


async def test_a_purchase_while_the_authority_is_away(tmp_path: Path) -> None:
    """The phone has bought before: only then it may."""
    wallet = ("--wallet", str(tmp_path / "wallet.json"))
    async with simulating(tmp_path, "--offline", "--phone", "none") as here:
        earlier = await here.till.ring_up(PRICE)
        assert (await here.phone(*wallet))[0] == 0
        assert (await here.till.outcome(earlier["sale_id"]))["state"] == "approved"
        await here.control("PUT", "/v1/authority", {"up": False})
        sale = await here.till.ring_up(PRICE, patience_s=PATIENCE_S)
        code, outcome = await here.phone(*wallet)
        sale = await here.till.outcome(sale["sale_id"])
        assert (code, outcome["outcome"]) == (0, "accepted")
        assert outcome["reason"]["code"] == "accepted_offline"
        assert (sale["state"], sale["offline"]) == ("approved", True)


async def test_a_phone_without_a_world(tmp_path: Path) -> None:
    code, out, err = await tillsign(tmp_path, "phone")
    assert (code, out) == (2, "")
    assert "tillsign simulate" in err


async def test_a_phone_for_an_unknown_recipient(here: Here, tmp_path: Path) -> None:
    control = here.ready["control"]
    code, _, err = await tillsign(tmp_path, "phone", "--world", control, "--recipient", "99")
    assert code == 2
    assert "Skolköket" in err


# A receiver of somebody else's.


async def test_an_external_receiver_started_from_the_readiness_line(tmp_path: Path) -> None:
    """With its command, directory and environment exactly as given, on a serial server's socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        external = ("--receiver", "external", "--serial", url, "--phone", "none")
        async with simulating(tmp_path, *external) as here:
            assert here.ready["serial"] == url
            receiver = await _start_by_hand(here.ready["receiver"], server)
            sale = await here.till.ring_up(PRICE)
            assert (await here.phone())[0] == 0
            assert (await here.till.outcome(sale["sale_id"]))["state"] == "approved"
            (told,) = await here.till.receivers()
            assert told["hello"]["interpreter"] == "micropython"
            assert (await here.world.stop()).code == 0
        assert await asyncio.wait_for(receiver.wait(), PATIENCE) == 0


async def _start_by_hand(command: Json, server: socket.socket) -> ChildProcess:
    """Once the bridge has called."""
    loop = asyncio.get_running_loop()
    line, _ = await asyncio.wait_for(loop.sock_accept(server), PATIENCE)
    with line:
        line.setblocking(True)
        return await ChildProcess.start(
            *command["argv"],
            cwd=command["cwd"],
            env=command["env"],
            stdin=line.fileno(),
            stdout=line.fileno(),
        )


async def test_an_hci_terminal_for_a_receiver_with_its_own_stack(tmp_path: Path) -> None:
    path = tmp_path / "hci"
    external = ("--receiver", "external", "--serial", NOBODY, "--hci", str(path))
    async with simulating(tmp_path, *external, "--phone", "none") as here:
        assert here.ready["hci"] == here.ready["receiver"]["env"]["MICROPYBTUART"] == str(path)
        answer = await asyncio.wait_for(asyncio.to_thread(_reset_controller, path), PATIENCE)
        assert answer == RESET_COMPLETE
        assert (await here.world.stop()).code == 0
    assert not path.is_symlink()


def _reset_controller(path: Path) -> bytes:
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(terminal)
        os.write(terminal, RESET)
        answer = b""
        while len(answer) < len(RESET_COMPLETE):
            answer += os.read(terminal, 100)
        return answer
    finally:
        os.close(terminal)
