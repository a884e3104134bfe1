"""What comes from the direction of the authority and is not its answer: nothing follows from it."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import ssl
import time
from collections.abc import Awaitable
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from bridge import contracts
from bridge.authority import connections
from bridge.authority.circuit_breaker import FAILURES_MOST, BreakerState
from bridge.authority.client import ANSWER_MOST, AuthorityClient, RefusedError, UnansweredError
from bridge.authority.messages import KnownPosition, PositionClaim
from bridge.authority.no_answer import Cause
from receiver import reasons
from simulator.crypto import pki
from simulator.crypto.pki import DemoCa, Span
from tests.support.shop.authority_line import answer, client_of, in_the_middle, scripted, to
from tests.support.shop.till import World
from tests.support.values import evidence

pytestmark = pytest.mark.processes

RECORD = b"a record"
NAME = bytes(range(16))
RECEIVER = evidence.RECEIVER_ID
PROBLEM = "application/problem+json"
HTML = b"<html>Access denied</html>"
HOUR = timedelta(hours=1)
LEASE = {"lease_s": 45, "retry_after_s": None}
CLAIM = {
    **{"bridge_id": "00" * 8, "life": "00" * 16, "run": "00" * 8, "sequence": 7},
    **{"hash": "00" * 32, "previous": None, "ended": False},
}
KNOWN = {"life": "02" * 16, "run": "03" * 8, "sequence": 7, "hash": "04" * 32, "time": 1}


def page(value: Any, kind: str = "application/json", status: str = "200 OK") -> bytes:
    return answer(json.dumps(value).encode(), kind, status)


async def unanswered(ask: Awaitable[object]) -> UnansweredError:
    with pytest.raises(UnansweredError) as caught:
        await ask
    return caught.value


# Connections that died silently.


async def test_after_one_time_out_the_repeat_uses_a_new_connection(tmp_path: Path) -> None:
    """As behind a NAT that has forgotten its connections: no end is told."""
    ca = DemoCa(tmp_path / "tls")
    async with (
        scripted(lambda head: answer(b"receipt"), ca) as server,
        in_the_middle(server.port) as middle,
        AuthorityClient(to(middle.port, ca)) as client,
    ):
        server.together = asyncio.Barrier(3)
        await asyncio.gather(*(client.authorise(RECORD) for _ in range(3)))
        server.together = None
        assert middle.opened == 3
        middle.silence()
        error = await unanswered(client.authorise(RECORD))
        assert error.cause is Cause.SLOW
        assert await client.authorise(RECORD) == b"receipt"
        assert middle.opened == 4


async def test_what_is_under_way_ends_as_it_began(tmp_path: Path) -> None:
    """A time-out beside it drops the idle connections alone."""
    async with client_of(lambda head: answer(b"receipt"), tmp_path) as (client, server):
        server.together = asyncio.Barrier(2)
        slow = asyncio.create_task(client.authorise(RECORD))
        while not server.heads:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        client._connections._drop(client._connections._pool)
        assert await client.authorise(RECORD) == b"receipt"
        assert await slow == b"receipt"


async def test_a_sale_outlives_connections_that_died(
    stopped: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bridge.sales.authorisation")
    async with in_the_middle(stopped.authority.port) as middle:
        url = f"https://127.0.0.1:{middle.port}"
        stopped.config = replace(
            stopped.config, authority=replace(stopped.config.authority, url=url)
        )
        async with stopped.bridge():
            await asyncio.gather(*(stopped.call("GET", "/v1/reconciliation") for _ in range(3)))
            kept = middle.opened
            assert kept > 1
            middle.silence()
            await stopped.ring_up()
            await stopped.pay()
            assert (await stopped.sale())["state"] == "unknown"
            assert (await stopped.sale())["state"] == "approved"
            assert caplog.messages.count("unanswered") == 1  # whatever the number of the dead


# What is no answer.

BIG = bytes(ANSWER_MOST + 1)


@pytest.mark.parametrize(
    "said",
    [
        answer(gzip.compress(b"receipt"), Content_Encoding="gzip"),
        answer(b"receipt", Content_Encoding="x"),
        answer(BIG),
        None,  # without an end
        answer(b"receipt", "text/html"),
        answer(b"receipt", status="201 Created"),
        answer(status="204 No Content"),
        answer(status="307 Temporary Redirect", Location="/v1/authorisations"),
        *(answer(HTML, "text/html", f"{status} x") for status in (400, 401, 403, 404, 451)),
        answer(HTML, PROBLEM, "403 Forbidden"),
        page([], PROBLEM, "403 Forbidden"),
        page({"reason": "credit_space"}, "application/json", "422 x"),
        page({"reason": "credit_space"}, PROBLEM, "429 x"),
        page({"reason": "credit_space"}, PROBLEM, "500 x"),
        answer(b"receipt", "\x7f"),
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\nreceipt",
        b"HTTP/1.1 999999 \r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\xff" * 100_000,
    ],
    ids=lambda said: "endless" if said is None else repr(said[:60]),
)
async def test_what_is_no_receipt_is_no_answer(said: bytes | None, tmp_path: Path) -> None:
    async with client_of(lambda head: said, tmp_path) as (client, server):
        await unanswered(client.authorise(RECORD))
        assert len(server.heads) == 1  # no redirect is followed, nothing is asked twice
        assert b"Accept-Encoding: identity" in server.heads[0]
        server.say = lambda head: answer(b"receipt")
        assert await client.authorise(RECORD) == b"receipt"


@pytest.mark.parametrize(
    "value",
    [
        {"refund_id": NAME.hex(), "state": "POSTED"},
        {"refund_id": NAME.hex(), "state": "POSTED", "transaction_id": "00"},
        {"refund_id": NAME.hex(), "state": "POSTED", "transaction_id": 5},
        {"refund_id": NAME.hex(), "state": "PENDING", "transaction_id": NAME.hex()},
        {"refund_id": "00", "state": "POSTED", "transaction_id": NAME.hex()},
    ],
)
async def test_what_is_no_refund_is_no_answer(value: Any, tmp_path: Path) -> None:
    async with client_of(lambda head: page(value), tmp_path) as (client, _):
        await unanswered(client.refund(NAME, RECEIVER, NAME, 1, evidence.SEK))


async def test_what_is_no_transaction_is_no_answer(tmp_path: Path) -> None:
    """A row that is left out, or another's, would be taken for nothing held."""
    async with client_of(lambda head: page({"transactions": ["x"]}), tmp_path) as (client, server):
        await unanswered(client.transactions(RECEIVER, 0, 1))
        server.say = lambda head: page({"approval_id": bytes(16).hex(), "state": "POSTED"})
        await unanswered(client.transaction(NAME, RECEIVER))
        unknown = page({"reason": "approval_unknown"}, PROBLEM, "404 x")
        server.say = lambda head: unknown
        assert await client.transaction(NAME, RECEIVER) is None
        server.say = lambda head: answer(HTML, "text/html", "404 x")
        await unanswered(client.transaction(NAME, RECEIVER))


@pytest.mark.parametrize(
    "change",
    [
        {"standing": "great"},
        {"lease_s": "45"},
        {"lease_s": True},
        {"lease_s": -1},
        {"follows": ""},
        {"follows": "00" * 15},
        {"newest": {}},
        {"newest": KNOWN | {"sequence": True}},
        {"newest": KNOWN | {"sequence": 1.0}},
        {"newest": KNOWN | {"sequence": 10**18}},
        {"newest": KNOWN | {"hash": "04" * 32 + "\n"}},
    ],
    ids=repr,
)
async def test_what_says_nothing_of_a_position_is_no_answer(
    change: dict[str, Any], tmp_path: Path
) -> None:
    standing = {"standing": "current", "newest": KNOWN, "follows": None, **LEASE}
    claim = contracts.convert(CLAIM, PositionClaim)
    async with client_of(lambda head: page(standing | {"more": 1}), tmp_path) as (client, server):
        assert (await client.announce(claim)).newest == contracts.convert(KNOWN, KnownPosition)
        server.say = lambda head: page(standing | change)
        await unanswered(client.announce(claim))


@pytest.mark.parametrize("state", ["PENDING", "EXPIRED", "posted", "", None, 1])
async def test_an_approval_ends_in_known_states_alone(state: Any, tmp_path: Path) -> None:
    moved = {"approval_id": NAME.hex(), "state": "POSTED", "late": False}
    async with client_of(lambda head: page(moved), tmp_path) as (client, server):
        assert await client.confirm(NAME, RECEIVER) == "POSTED"
        assert await client.reverse(NAME, RECEIVER) == "POSTED"
        server.say = lambda head: page(moved | {"state": state})
        await unanswered(client.confirm(NAME, RECEIVER))
        await unanswered(client.reverse(NAME, RECEIVER))


async def test_an_answer_about_another_approval_is_no_answer(tmp_path: Path) -> None:
    other = {"approval_id": bytes(16).hex(), "state": "POSTED", "late": False}
    async with client_of(lambda head: page(other), tmp_path) as (client, _):
        await unanswered(client.confirm(NAME, RECEIVER))
        await unanswered(client.reverse(NAME, RECEIVER))


async def test_the_authoritys_own_no(tmp_path: Path) -> None:
    refused = page({"reason": "credit_space"}, PROBLEM, "422 x")
    async with client_of(lambda head: refused, tmp_path) as (client, _):
        with pytest.raises(RefusedError) as caught:
            await client.authorise(RECORD)
        assert (caught.value.reason, caught.value.said) == (reasons.CREDIT_SPACE, True)


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError("x"), UnicodeError("idna"), AssertionError(), RuntimeError("closed")),
        *(ssl.CertificateError("x"), aiohttp.InvalidURL("x"), KeyError("x"), OSError("x")),
    ],
    ids=repr,
)
async def test_whatever_the_libraries_raise(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(lambda head: answer(b"receipt"), tmp_path) as (client, _):
        with monkeypatch.context() as patch:

            def fails(*_: object, **__: object) -> None:
                raise error

            patch.setattr(aiohttp.ClientSession, "request", fails)
            for _ in range(FAILURES_MOST):
                await unanswered(client.authorise(RECORD))
            assert client.breaker.state is BreakerState.OPEN
        client.retry_now()
        assert await client.authorise(RECORD) == b"receipt"


# When to come again.


@pytest.mark.parametrize("status", ["429 x", "503 x"])
@pytest.mark.parametrize(
    ("says", "seconds"),
    [
        ("7", 7),
        (formatdate(1_800_000_042, usegmt=True), 42),  # by the authority's own clock
        (formatdate(1_700_000_000, usegmt=True), 0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
async def test_when_to_come_again(
    status: str, says: str, seconds: float | None, tmp_path: Path
) -> None:
    said = answer(b"", status=status, date=1_800_000_000, Retry_After=says)
    async with client_of(lambda head: said, tmp_path) as (client, _):
        assert (await unanswered(client.authorise(RECORD))).retry_after_s == seconds


async def test_the_end_of_patience_waits_for_no_retry_after(stopped: World) -> None:
    said = answer(b"", status="503 x", Retry_After="3600")
    serves = page({"standing": "current", "newest": None, "follows": None, **LEASE})

    def say(head: bytes) -> bytes:
        return serves if head.startswith(b"POST /v1/positions") else said

    async with scripted(say, stopped.authority.ca) as server:
        authority = replace(stopped.config.authority, url=f"https://127.0.0.1:{server.port}")
        stopped.config = replace(stopped.config, authority=authority)
        async with stopped.bridge():
            await stopped.ring_up(patience_s=1)
            await stopped.pay()
            assert (await stopped.sale())["state"] == "unknown"
            assert (await stopped.sale())["settlement"] == "reversing"
        asked = [head for head in server.heads if head.startswith(b"POST /v1/authorisations")]
        assert len(asked) == 1


# Why nothing came.

ENDED = Span(-3 * HOUR, -HOUR)
TO_COME = Span(HOUR, 3 * HOUR)


async def test_causes_that_the_network_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECT_S", 0.1)
    ca = DemoCa(tmp_path / "tls")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        async with AuthorityClient(to(port, ca, timeout_s=10.0)) as client:
            assert (await unanswered(client.authorise(RECORD))).cause is Cause.NO_CONNECTION
    for host, cause in (("127.0.0.1", Cause.CLOSED_PORT), ("no-such.invalid", Cause.NO_NAME)):
        async with AuthorityClient(to(port, ca, host, timeout_s=10.0)) as client:
            assert (await unanswered(client.authorise(RECORD))).cause is cause


@pytest.mark.parametrize(
    ("cause", "made"),
    [
        (Cause.EXPIRED, {"span": ENDED}),
        (Cause.NOT_YET, {"span": TO_COME}),
        (Cause.OTHER_NAME, {"hosts": ("authority.example",)}),
    ],
)
async def test_causes_in_the_servers_certificate(
    cause: Cause, made: dict[str, Any], tmp_path: Path
) -> None:
    ca = DemoCa(tmp_path / "tls")
    async with (
        scripted(lambda head: answer(b""), ca, ca.server("strange", **made)) as server,
        AuthorityClient(to(server.port, ca)) as client,
    ):
        assert (await unanswered(client.authorise(RECORD))).cause is cause


async def test_a_server_of_another_ca(tmp_path: Path) -> None:
    ca, other = DemoCa(tmp_path / "tls"), DemoCa(tmp_path / "other")
    async with (
        scripted(lambda head: answer(b""), other) as server,
        AuthorityClient(to(server.port, ca)) as client,
    ):
        assert (await unanswered(client.authorise(RECORD))).cause is Cause.OTHER_CA


async def test_a_server_that_does_not_take_our_certificate(tmp_path: Path) -> None:
    """Its alert comes after the handshake, and is there to read where the server reads on."""
    ca = DemoCa(tmp_path / "tls")
    ended = ca.client("ended", ENDED)
    context = pki.server_context(ca.certificate, ca.server())
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        refusing = asyncio.create_task(asyncio.to_thread(_refuse, listening, context))
        config = to(port, ca, certificate=ended.certificate, key=ended.key, timeout_s=10.0)
        async with AuthorityClient(config) as client:
            error = await unanswered(client.authorise(RECORD))
        await refusing
    assert error.cause is Cause.OUR_CERTIFICATE


def _refuse(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Say why in the handshake, and go on reading until the client has gone."""
    here, _ = listening.accept()
    with context.wrap_socket(here, server_side=True, do_handshake_on_connect=False) as tls:
        with pytest.raises(ssl.SSLError):
            tls.do_handshake()
        with socket.socket(fileno=tls.detach()) as bare:
            bare.setblocking(True)
            while bare.recv(4096):
                pass


# A clock that is so wrong that TLS fails.


@pytest.mark.parametrize(
    ("span", "hours"), [(ENDED, -2), (TO_COME, 2), (Span(-9000 * HOUR, -5000 * HOUR), -8760)]
)
@pytest.mark.parametrize("strict", [False, True])
async def test_the_time_is_heard_where_tls_fails_for_it(
    span: Span, hours: int, strict: bool, tmp_path: Path
) -> None:
    """Seen from the authority its certificate is good: this clock is as many hours off."""
    ca = DemoCa(tmp_path / "tls")
    theirs = time.time() + hours * 3600
    said = answer(b"", status="404 x", date=theirs)
    async with (
        scripted(
            lambda head: said, ca, ca.server("of-then-server", span=span), strict=strict
        ) as server,
        AuthorityClient(to(server.port, ca)) as client,
    ):
        await unanswered(client.authorise(RECORD))
        assert client.clock.wrong
        assert client.clock.ahead_s == pytest.approx(-hours * 3600, abs=5)
        assert server.heads[0].startswith(b"HEAD / ")
        await unanswered(client.authorise(RECORD))
        assert len(server.heads) == 1  # not with every try


async def test_the_time_is_not_heard_of_a_server_of_another_ca(tmp_path: Path) -> None:
    ca, other = DemoCa(tmp_path / "tls"), DemoCa(tmp_path / "other")
    said = answer(b"", date=time.time() - 7200)
    async with (
        scripted(lambda head: said, other, other.server("x", span=ENDED)) as server,
        AuthorityClient(to(server.port, ca)) as client,
    ):
        await unanswered(client.authorise(RECORD))
        assert (client.clock.ahead_s, server.heads) == (None, [])


async def test_a_certificate_that_has_ended_under_a_right_clock(tmp_path: Path) -> None:
    ca = DemoCa(tmp_path / "tls")
    async with (
        scripted(lambda head: answer(b""), ca, ca.server("ended", span=ENDED)) as server,
        AuthorityClient(to(server.port, ca)) as client,
    ):
        await unanswered(client.authorise(RECORD))
        assert not client.clock.wrong
        assert client.clock.ahead_s == pytest.approx(0, abs=5)
