"""A journal put back from an older copy: noticed, asked about, and nobody pays twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from bridge.daemon import checks
from bridge.daemon.findings import Finding
from bridge.domain import alarms
from bridge.sales.journal_standing import Phase
from simulator.authority import Fault
from tests.support.shop.offline_shop import accepted, alone, sells
from tests.support.shop.put_back import copy, lose, put_back
from tests.support.shop.till import AMOUNT, SALE, World

NEXT = "sale-of-the-next-buyer"

pytestmark = pytest.mark.usefixtures("noon")


async def standing(world: World) -> list[dict[str, Any]]:
    """The alarms that wait for a person."""
    status, answer = await world.call("GET", "/v1/reconciliation")
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["alarms"]
    return found


async def kinds(world: World) -> set[str]:
    return {alarm["kind"] for alarm in await standing(world)}


async def acknowledge_all(world: World) -> None:
    for alarm in await standing(world):
        body = {"key": alarm["key"], "by": "Kim", "note": "seen"}
        path = "/v1/reconciliation/acknowledge"
        assert (await world.call("POST", path, json=body))[0] == 200


async def nothing_is_left(world: World) -> None:
    """Once a person has seen to all of it, the list is empty."""
    await acknowledge_all(world)
    status, answer = await world.call("GET", "/v1/reconciliation")
    assert (status, answer["alarms"]) == (200, [])
    assert [row["differences"] for row in answer["receivers"]] == [[]] * len(answer["receivers"])


async def unknown(world: World) -> None:
    """A sale that the authority has not answered yet, with the receiver's word."""
    world.break_authority(Fault.FAIL, "/v1/authorisations")
    await world.ring_up(patience_s=60)
    await world.pay()
    assert (await world.sale())["state"] == "unknown"


async def sold_after_the_copy(world: World, wish: str) -> Path:
    """A copy is taken while the sale is unknown; then it is approved, and the till decides."""
    async with world.bridge():
        await unknown(world)
        place = copy(world)
        world.authority.faults.clear()
        assert (await world.sale())["state"] == "approved"
        await world.decide(wish)
        await world.settled()
    return place


async def test_what_was_paid_in_the_lost_span_is_paid(stopped: World) -> None:
    place = await sold_after_the_copy(stopped, "paid")
    put_back(stopped, place)
    space = stopped.credit_space()
    async with stopped.bridge():
        sale = await stopped.settled()
        assert (sale["state"], sale["settlement"]) == ("paid", "posted")
        assert (await stopped.decide("paid"))["state"] == "paid"
        assert stopped.transactions() == {bytes.fromhex(sale["approval_id"]): "POSTED"}
        assert stopped.credit_space() == space
        assert await kinds(stopped) == {alarms.JOURNAL_BEHIND}
        await nothing_is_left(stopped)


async def test_what_was_cancelled_in_the_lost_span_is_cancelled(stopped: World) -> None:
    place = await sold_after_the_copy(stopped, "cancel")
    put_back(stopped, place)
    async with stopped.bridge():
        sale = await stopped.settled()
        assert sale["state"] == "cancelled"
        assert list(stopped.transactions().values()) == ["VOIDED"]
        await nothing_is_left(stopped)


async def test_what_is_held_waits_for_the_till(stopped: World) -> None:
    """The till may have been told: only its word moves it, and nothing is reversed unasked."""
    async with stopped.bridge():
        await unknown(stopped)
        place = copy(stopped)
        stopped.authority.faults.clear()
        assert (await stopped.sale())["state"] == "approved"
    put_back(stopped, place)
    async with stopped.bridge():
        assert (await stopped.sale(wait=0))["state"] == "approved"
        assert list(stopped.transactions().values()) == ["PENDING"]
        await stopped.decide("paid")
        assert (await stopped.settled())["settlement"] == "posted"


@pytest.mark.parametrize("wish", ["paid", "cancel"])
async def test_a_sale_that_is_lost_whole(stopped: World, wish: str) -> None:
    async with stopped.bridge():
        await stopped.posted(NEXT)
        place = copy(stopped)
        sale = await stopped.approved()
    put_back(stopped, place)
    async with stopped.bridge():
        [lost] = [one for one in await standing(stopped) if one["kind"] == alarms.UNKNOWN_HERE]
        assert (lost["approval_id"], lost["amount"]) == (sale["approval_id"], AMOUNT)
        assert (await stopped.sale(wait=0))["state"] == "approved"  # a question brings it back
        await stopped.decide(wish)
        settled = await stopped.settled()
        assert settled["settlement"] == {"paid": "posted", "cancel": "reversed"}[wish]
        await nothing_is_left(stopped)


@pytest.mark.parametrize("decided", [False, True])
async def test_a_till_that_rings_a_lost_sale_up_again(stopped: World, decided: bool) -> None:
    """It had no answer: the same request is the same sale, also where only the authority has it."""
    async with stopped.bridge():
        await stopped.posted(NEXT)
        place = copy(stopped)
        sale = await stopped.approved()
        if decided:
            await stopped.decide("paid")
            await stopped.settled()
    put_back(stopped, place)
    async with stopped.bridge():
        await stopped.daemon.service.standing.known()
        body = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK"}
        status, again = await stopped.call("POST", "/v1/sales", json=body)
        assert (status, again["approval_id"]) == (200, sale["approval_id"])
        assert again["state"] == ("paid" if decided else "approved")
        await stopped.decide("paid")
        assert (await stopped.settled())["settlement"] == "posted"
        assert set(stopped.transactions().values()) == {"POSTED"}
        await nothing_is_left(stopped)
        other = {**body, "sale_id": f"{SALE}-other"}
        assert (await stopped.call("POST", "/v1/sales", json=other))[0] == 201


@pytest.mark.parametrize(("decision", "end"), [("paid", "POSTED"), ("cancel", "VOIDED")])
async def test_a_person_decides_where_no_till_does(stopped: World, decision: str, end: str) -> None:
    async with stopped.bridge():
        place = copy(stopped)
        sale = await stopped.approved()
    put_back(stopped, place)
    async with stopped.bridge():
        body = {"key": sale["approval_id"], "by": "Kim", "decision": decision}
        path = "/v1/reconciliation/acknowledge"
        status, answer = await stopped.call("POST", path, json=body)
        assert status == 200, answer
        await stopped.settled(answer["sale"]["sale_id"])
        assert list(stopped.transactions().values()) == [end]
        await nothing_is_left(stopped)


async def test_the_file_apart_tells_it_while_the_authority_is_away(stopped: World) -> None:
    """Only the journal was put back: nothing is served before the authority was asked."""
    place = await sold_after_the_copy(stopped, "paid")
    put_back(stopped, place, but="-position")
    stopped.break_authority(Fault.FAIL)
    async with stopped.bridge():
        assert (await stopped.problem("GET", f"/v1/sales/{SALE}"))[:2] == (503, "recovering")
        body = {"sale_id": NEXT, "amount": AMOUNT, "currency": "SEK"}
        assert (await stopped.problem("POST", "/v1/sales", json=body))[:2] == (503, "recovering")
        stopped.authority.faults.clear()
        await stopped.daemon.service.standing.known()
        assert (await stopped.settled())["settlement"] == "posted"


async def test_an_image_of_the_disk_says_of_no_sale_that_it_never_was(stopped: World) -> None:
    """The file apart came back with the journal, and the authority is away."""
    async with stopped.bridge():
        await stopped.posted(NEXT)
        place = copy(stopped)
        await stopped.approved()
    put_back(stopped, place)
    stopped.break_authority(Fault.FAIL)
    async with stopped.bridge():
        assert (await stopped.problem("GET", f"/v1/sales/{SALE}"))[0] == 503
        stopped.authority.faults.clear()
        await stopped.daemon.service.standing.known()
        assert (await stopped.sale(wait=0))["state"] == "approved"


async def test_a_restart_that_lost_nothing_begins_no_new_life(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.posted()
    async with stopped.bridge():
        assert len(stopped.daemon.service.books._journal.lives()) == 1
        assert await standing(stopped) == []


async def test_a_recovery_that_is_cut_short_begins_again(stopped: World) -> None:
    place = await sold_after_the_copy(stopped, "paid")
    put_back(stopped, place)
    stopped.break_authority(Fault.FAIL, "/v1/receivers")
    async with stopped.bridge():
        assert stopped.daemon.service.standing.phase is Phase.RECOVERING
        assert (await stopped.problem("GET", f"/v1/sales/{SALE}"))[:2] == (503, "recovering")
    stopped.authority.faults.clear()
    async with stopped.bridge():
        assert (await stopped.settled())["settlement"] == "posted"


async def test_a_copy_is_refused_while_the_first_bridge_runs(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.posted()
        place = copy(stopped)
        await stopped.posted(NEXT)
        second = World(
            stopped.authority,
            stopped.device,
            stopped.buyer,
            replace(stopped.config, journal=place / stopped.config.journal.name),
            stopped.client,
        )
        async with second.bridge():
            assert not second.daemon.service.serves
            path = f"/v1/sales/{SALE}"
            assert (await second.problem("GET", path))[:2] == (503, "recovering")
        assert (await stopped.sale(wait=0))["settlement"] == "posted"
        assert set(stopped.transactions().values()) == {"POSTED"}


async def test_what_no_book_has_is_a_liability(stopped: World) -> None:
    """Sold offline in the lost span: the till has it as paid, and the authority never heard."""
    async with stopped.bridge():
        await stopped.posted(NEXT)
    lose(stopped)
    async with stopped.bridge():
        path = f"/v1/sales/{SALE}/paid"
        for _ in range(2):
            assert (await stopped.problem("POST", path))[:2] == (404, "unknown-sale")
        [claim] = [one for one in await standing(stopped) if one["kind"] == alarms.UNBACKED]
        assert claim["sale_id"] == SALE
        assert (await stopped.problem("POST", f"/v1/sales/{SALE}/cancel"))[0] == 404
        await nothing_is_left(stopped)


async def test_paid_of_what_the_bridge_had_cancelled(stopped: World) -> None:
    """Nothing is held of it: the till's word is noted, and stays a contradiction."""
    async with stopped.bridge():
        await unknown(stopped)
    stopped.authority.faults.clear()
    async with stopped.bridge():
        assert (await stopped.settled())["state"] == "cancelled"
        path = f"/v1/sales/{SALE}/paid"
        assert (await stopped.problem("POST", path))[:2] == (409, "conflict")
        [claim] = await standing(stopped)
        assert (claim["kind"], claim["amount"]) == (alarms.UNBACKED, AMOUNT)


async def test_a_tills_cursor_is_a_witness(allowed: World) -> None:
    """Sold without the authority, and the whole disk put back: only the till has seen the end."""
    async with allowed.bridge():
        await alone(allowed)
        place = copy(allowed)
        async with allowed.watching() as told:
            assert accepted(await sells(allowed))
            await allowed.decide("paid")
            await told("paid")
        cursor = allowed.daemon.service.books.end()
    put_back(allowed, place)
    async with allowed.bridge():
        assert allowed.daemon.service.serves
        after = f"/v1/events?after={cursor}"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="410"):
            await allowed.http.ws_connect(after)
        assert (await allowed.problem("GET", f"/v1/sales/{SALE}"))[:2] == (503, "recovering")
        allowed.authority.faults.clear()
        await allowed.daemon.service.standing.known()
        assert (await allowed.problem("POST", f"/v1/sales/{SALE}/paid"))[:2] == (
            404,
            "unknown-sale",
        )
        assert alarms.UNBACKED in await kinds(allowed)


async def test_a_receivers_offer_is_a_witness(stopped: World) -> None:
    """What the authority tells of positions is lost as well: its offers went on meanwhile."""
    async with stopped.bridge():
        await stopped.posted(NEXT)
        place = copy(stopped)
        await stopped.posted()
    put_back(stopped, place)
    stopped.authority.office.store.run("DELETE FROM positions")
    async with stopped.bridge():
        assert await standing(stopped) == []
        await stopped.ring_up("sale-that-tells-it-all")
        standing_ = stopped.daemon.service.standing
        while standing_.serves:
            await standing_._changed.wait()
        await standing_.known()
        assert alarms.UNKNOWN_HERE in await kinds(stopped)


async def finding(world: World, what: str) -> Finding:
    [found] = [one for one in await checks.check(world.config, list) if one.what == what]
    return found


async def test_the_check_says_that_the_journal_is_older(stopped: World) -> None:
    place = await sold_after_the_copy(stopped, "paid")
    assert (await finding(stopped, "standing")).ok
    put_back(stopped, place, but="-position")
    found = await finding(stopped, "standing")
    assert not found.ok
    assert "an older copy" in found.detail
    async with stopped.bridge():
        await stopped.settled()
    found = await finding(stopped, "standing")
    assert not found.ok
    assert "1 alarms wait for a person" in found.detail


async def test_the_check_says_what_stands_on_other_tills(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.approved()
    assert "no open money" in (await finding(stopped, "other tills")).detail
    stopped.add_receiver(4)
    [_, other] = stopped.config.receivers
    stopped.config = replace(stopped.config, receivers=(other,))
    detail = (await finding(stopped, "other tills")).detail
    assert detail.startswith(f"till 3: 1 not over, {AMOUNT} SEK in minor units")
    assert "1 wait for their till's decision" in detail
