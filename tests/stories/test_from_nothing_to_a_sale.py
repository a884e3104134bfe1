"""The procedure in docs/operations.md: its commands, word by word, from nothing to a sale."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.processes.die_with_parent import die_with_parent
from simulator.world.till import Till
from tests.architecture.tree import ROOT
from tests.support.world.blank_till import BlankTill
from tests.support.world.tap import Tap

pytestmark = pytest.mark.processes

WAITING_S = 60.0  # for a command on a busy machine


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[BlankTill]:
    async with BlankTill(tmp_path) as till:
        yield till


@pytest.fixture
async def port(till: BlankTill) -> AsyncIterator[str]:
    """The board behind a serial server: the process of its line would hold a local port."""
    tap = Tap(till.serial)
    async with await tap.serve():
        yield tap.url


def commands() -> list[str]:
    text = (ROOT / "docs/operations.md").read_text()
    section = text.partition("## From nothing to a sale")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)\n```", section, re.DOTALL)


class Terminal:
    """A shell in one folder, with what the page names in capitals."""

    def __init__(self, folder: Path, **named: str) -> None:
        beside = Path(sys.executable).parent
        path = f"{beside}{os.pathsep}{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": path, **named}
        self._folder = folder

    async def start(self, line: str) -> Process:
        return await asyncio.create_subprocess_shell(
            f"exec {line}",
            stdout=PIPE,
            stderr=PIPE,
            cwd=self._folder,
            env=self.env,
            preexec_fn=die_with_parent,
        )

    async def run(self, line: str) -> str:
        return await ended(await self.start(line), line)


async def ended(process: Process, line: str) -> str:
    """What a command has printed, once it is done."""
    async with asyncio.timeout(WAITING_S):
        out, err = await process.communicate()
    assert process.returncode == 0, f"{line}\n{out.decode()}\n{err.decode()}"
    return out.decode()


async def words_of(process: Process) -> str:
    """The six words that a command shows while it waits."""
    assert process.stderr is not None
    async with asyncio.timeout(WAITING_S):
        while not (line := (await process.stderr.readline()).decode()).startswith("    "):
            assert line, "it ended without showing words"
    return line.strip()


async def test_the_procedure_as_it_stands(till: BlankTill, port: str, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(till.authority.ca.certificate.read_bytes())
    (folder / "admin-token").write_text(till.authority.admin_token)
    terminal = Terminal(
        folder,
        AUTHORITY=till.authority.url,
        PORT=port,
        RADIO=till.radio.phones,
        ACTIVATION=till.people.buyers[0].activation,
    )
    ticket, enrol, pending, confirm, ticket_of_receiver, enrol_receiver, check, sell, run = (
        commands()
    )

    async def enrolled(ticket: str, enrol: str) -> str:
        terminal.env["TICKET"] = (await terminal.run(ticket)).strip()
        waiting = await terminal.start(enrol)
        six = await words_of(waiting)
        listed = await terminal.run(pending)
        assert six in listed
        terminal.env["ENROLMENT"] = listed.split()[0]
        await terminal.run(confirm)
        return await ended(waiting, enrol)

    said = await enrolled(ticket, enrol)
    terminal.env["CLIENT"] = said.split("--client ")[1].strip()
    config = folder / "terminal" / "bridge.toml"
    config.write_text(config.read_text() + '\n[till]\nlisten = "127.0.0.1:0"\n')  # tests share it
    await enrolled(ticket_of_receiver, enrol_receiver)
    assert "FAILED" not in await terminal.run(check)
    assert "given back" in await terminal.run(sell)
    await sale_at(await terminal.start(run), till)


async def sale_at(bridge: Process, till: BlankTill) -> None:
    """One purchase at a bridge that has just been started."""
    assert bridge.stdout is not None
    try:
        async with asyncio.timeout(WAITING_S):
            address = re.search(r"https?://[\d.:]+", (await bridge.stdout.readline()).decode())
        assert address
        async with Till(address[0]) as register:
            assert (await till.sell(register))["state"] == "approved"
    finally:
        bridge.terminate()
        await bridge.communicate()
