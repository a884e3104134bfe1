"""The tills in the air, through the backends of the simulated radio."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bleak.backends.device import BLEDevice

from firmware.tools.board_line import BoardLine
from firmware.tools.cli import scan as command
from firmware.tools.everyday import air, scan
from firmware.tools.everyday.air import Adapter, HeardTill, Read
from receiver import reasons
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages
from simulator.authority.keys import Keys
from simulator.phone.transport.bleak_backend import phone_radio
from tests.support.values import evidence
from tests.support.world.commands import PATIENCE
from tests.support.world.workshop import Workshop, workshop

LISTEN_S = 0.5  # three advertisements of an idle till
OPEN = wire.Open(evidence.REFERENCE, messages.PURCHASE, 100, evidence.SEK, 7, 60, b"")


@asynccontextmanager
async def adapter(shop: Workshop) -> AsyncIterator[Adapter]:
    async with phone_radio(shop.radio.phones) as phone:
        yield Adapter(phone.scanner, phone.client)


@asynccontextmanager
async def selling(shop: Workshop) -> AsyncIterator[wire.Opened]:
    """A sale is open, as a bridge opens it."""
    async with BoardLine(shop.url) as line:
        await line.up(PATIENCE)
        opened: wire.Opened = await line.ask(wire.OPEN, OPEN, wire.OFFER)
        assert opened.reason == reasons.OK
        yield opened


async def scanned(
    radio: Adapter, pins: Mapping[bytes, bytes] | None, *flags: str, connect: bool = True
) -> scan.Till:
    """The only till, once it is heard with these flags: on a busy machine that takes longer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for till in await scan.scan(radio, pins, LISTEN_S, connect=connect):
                if set(flags) <= set(scan.flags(till.heard)):
                    return till


async def test_an_idle_till_and_an_open_one() -> None:
    async with workshop() as shop, adapter(shop) as radio:
        async with BoardLine(shop.url) as line:
            await line.up(PATIENCE)
        pins = shop.enrolled.pins
        idle = await scanned(radio, pins)
        assert (idle.problems, idle.offer, scan.flags(idle.heard)) == ((), None, [])
        assert idle.certificate is not None
        assert idle.certificate.receiver_id == shop.enrolled.receiver_id
        assert idle.checked == ("certificate", "tag")
        async with selling(shop):
            open_ = await scanned(radio, pins, "open")
        assert open_.problems == ()
        assert open_.checked == ("certificate", "offer", "tag")
        assert open_.offer is not None
        assert (open_.offer.amount, scan.flags(open_.heard)) == (100, ["open"])
        assert open_.value()["till"] == 7
        assert "certificate, offer, tag" in open_.row()
        heard = await scanned(radio, pins, connect=False)
        assert (heard.checked, heard.certificate) == ((), None)


async def test_a_till_of_another_authority_is_named() -> None:
    async with workshop() as shop, adapter(shop) as radio, selling(shop):
        foreign = {kid: evidence.seed("other") for kid in shop.enrolled.pins}
        till = await scanned(radio, foreign, "open")
    (problem,) = till.problems
    assert "bad_signature" in problem
    assert till.certificate is None


async def test_a_till_that_leaves_is_not_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(air, "READ_S", 0.5)
    async with workshop() as shop, adapter(shop) as radio:
        heard = (await scanned(radio, None, connect=False)).heard
        shop.radio.carry_away(heard.address)
        till = await scan._look(heard, radio, None)
    assert "cannot be read" in till.problems[0]


def heard(tag: bytes = bytes(3)) -> HeardTill:
    advert = gatt.Advert(gatt.VERSION, 0, 7, tag)
    return HeardTill(
        BLEDevice("00:11:22:33:44:55", "Till 7", None), [-60, -50, -70], advert, "", []
    )


def test_what_is_judged(tmp_path: Path) -> None:
    """An altered offer, a foreign tag, an expired certificate: each by its name."""
    keys, receiver, now = Keys(tmp_path / "keys"), evidence.seed("receiver"), int(time.time())
    certificate = evidence.certificate(keys, receiver, now)
    read = Read(certificate, evidence.offer(receiver, certificate, now))
    tag = identifiers.tag(read.offer)
    good = scan.judge(heard(tag), read, None, now)
    assert good.problems == ()
    assert "no pins" in good.checked[0]
    altered = read._replace(offer=read.offer[:-1] + bytes([read.offer[-1] ^ 1]))
    assert "bad_signature" in scan.judge(heard(tag), altered, None, now).problems[0]
    assert "another offer" in scan.judge(heard(b"xyz"), read, None, now).problems[0]
    late = scan.judge(heard(tag), read, keys.pins(), now + evidence.LIFE_S)
    assert "certificate_expired" in late.problems[0]
    for junk in (b"", b"\xff" * 512):
        assert scan.judge(heard(), Read(junk, b""), None, now).problems
    assert heard().strength == -60


def parsed(*line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.command.prepare(parser)
    return parser.parse_args(line)


async def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with workshop() as shop, selling(shop):
        endpoint = shop.radio.phones

        async def printed(*line: str) -> str:
            """What it prints, once it has heard the till."""
            async with asyncio.timeout(PATIENCE):
                while True:
                    arguments = parsed(*line, "--seconds", str(LISTEN_S))
                    assert await asyncio.to_thread(on_radio, endpoint, arguments) == 0
                    text = capsys.readouterr().out
                    if "Storgatan" in text:
                        return text

        (till,) = json.loads(await printed("--json", "--pins", str(shop.folder.pins)))["tills"]
        assert (till["till"], till["problems"]) == (7, [])
        assert await printed()


def on_radio(endpoint: str, arguments: argparse.Namespace) -> int:
    """Run the command with an adapter of the simulated radio, in the loop that it makes."""

    async def scanning() -> int:
        async with phone_radio(endpoint) as phone:
            return await command.scanned(arguments, Adapter(phone.scanner, phone.client))

    return asyncio.run(scanning())


def test_without_an_adapter_and_with_wrong_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bridge.cli.main import main

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    assert main(["receiver", "scan", "--seconds", "0.1"]) == 1
    assert "no Bluetooth adapter" in capsys.readouterr().err
    (tmp_path / "pins").write_bytes(b"none")
    assert main(["receiver", "scan", "--pins", str(tmp_path / "pins")]) == 2
