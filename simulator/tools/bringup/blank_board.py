"""Lend a blank board to a throw-away authority, and make it blank again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from firmware.tools.board_line import BoardLine, BoardLineError, BoardRefusedError
from receiver import reasons
from receiver.crypto import host
from receiver.errors import Error
from receiver.link import service_wire
from receiver.protocol import enrolment, messages, pins, signed
from simulator.authority.accounts.receivers import Terms
from simulator.authority.api.client import Administered
from simulator.world.enrolment import INVOICE_ISSUER, SEK, STORE

STORE_NAME = "Tillsign test"  # what the phone shows: no real store
KEY_S = 60.0  # a key is made with the radio on: two seconds on a C3
HELD_S = 60.0  # for a person to find the button
LOOK_S = 0.3  # between two looks at the button

Tell = Callable[[str], None]


class BlankBoardError(Exception):
    """The board cannot be lent, or not be made blank; the text says what to do."""


async def lend(url: str, authority: Administered, client: str, till: int) -> bytes:
    """Enrol the board, and let it sell; return its certificate.

    `client` is the TLS fingerprint that speaks for it. Raises BlankBoardError for a board that is
    enrolled: its own authority's is not given up for a test.
    """
    async with BoardLine(url) as line:
        await line.into_service()
        held = await line.ask(service_wire.READ, service_wire.Read(), service_wire.IDENTITY)
        if held.certificate:
            await line.restart(service=False)
            raise BlankBoardError(
                "the board is enrolled: test it through its bridge (--config or --till-api); or "
                "make it blank with `tillsign receiver reset` first"
            )
        certificate = await _enrol(line, authority, client, till)
        hello = await line.restart(service=False)
        if hello.fault:
            raise BlankBoardError(f"enrolled, it does not sell: {reasons.name(hello.fault)}")
    return certificate


async def _enrol(line: BoardLine, authority: Administered, client: str, till: int) -> bytes:
    challenge = os.urandom(enrolment.CHALLENGE_SIZE)
    order = service_wire.Enrol(challenge)
    answer = await line.ask(service_wire.ENROL, order, service_wire.ENROLMENT, within_s=KEY_S)
    key = _key(answer.data, challenge)
    certificate = authority.enrol_receiver(
        key,
        receiver_id=os.urandom(messages.RECEIVER_ID_SIZE),
        terms=Terms(STORE, STORE_NAME, INVOICE_ISSUER, SEK),
        client_fingerprint=client,
    )
    stored = service_wire.Install(certificate, pins.encode(authority.pins), till, 0)
    installed = await line.ask(service_wire.INSTALL, stored, service_wire.INSTALLED)
    _check(installed.data, key, challenge, certificate)
    return certificate


def _key(data: bytes, challenge: bytes) -> bytes:
    """Return the key that has signed this request."""
    try:
        parsed = signed.parse(enrolment.REQUEST, data)
        request: enrolment.Request = parsed.value
        signed.verify(enrolment.REQUEST, parsed, request.key, host)
    except Error as error:
        raise BlankBoardError(f"its request does not verify: {error}; flash the board") from error
    if request.challenge != challenge:
        raise BlankBoardError("its request is for another challenge; flash the board")
    return request.key


def _check(data: bytes, key: bytes, challenge: bytes, certificate: bytes) -> None:
    """Verify the signed echo."""
    try:
        parsed = signed.parse(enrolment.INSTALLED, data)
        signed.verify(enrolment.INSTALLED, parsed, key, host)
    except Error as error:
        raise BlankBoardError(f"its echo does not verify: {error}; flash the board") from error
    echo: enrolment.Installed = parsed.value
    if (echo.challenge, echo.certificate_hash) != (challenge, signed.digest(certificate)):
        raise BlankBoardError("it has stored something else than it was given; flash the board")


async def make_blank(url: str, tell: Tell) -> None:
    """Take the enrolment away, with the button held by a person; leave a board without one.

    Raises BlankBoardError where the button was not held in time.
    """
    async with BoardLine(url) as line:
        try:
            await line.into_service()  # half a minute after a sale, not before
            await _held(line, tell)
            await line.ask(
                service_wire.FACTORY_RESET, service_wire.FactoryReset(), service_wire.IDENTITY
            )
        except BoardRefusedError as error:
            raise BlankBoardError(
                f"the board still has the test's enrolment: {error}; "
                f"`tillsign receiver reset --port {url}`"
            ) from error
        finally:
            await line.restart(service=False)


async def _held(line: BoardLine, tell: Tell) -> None:
    """Wait for the button, HELD_S at most: what comes too late the board refuses."""
    read = (service_wire.READ, service_wire.Read(), service_wire.IDENTITY)
    if (await line.ask(*read)).button:
        return
    tell("hold the board's button, and keep it held until the next line")
    try:
        async with asyncio.timeout(HELD_S):
            while not (await line.ask(*read)).button:  # noqa: ASYNC110 - it tells when asked
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        tell("the button was not held")


ERRORS = (BlankBoardError, BoardLineError)
