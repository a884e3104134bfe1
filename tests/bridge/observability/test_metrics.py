"""Metrics in Prometheus's own format, read back with its own parser."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bridge.books.event_bus import EventBus
from bridge.domain.events import ReceiverChanged, SaleChanged, SaleTimed
from bridge.domain.sale import Sale
from bridge.domain.states import FINAL, TABLE
from bridge.observability import metrics, timings
from bridge.observability.metrics import UNCONFIGURED, Metrics, Values
from receiver import reasons
from receiver.protocol import messages
from tests.support.bridge.outbox import TERMS
from tests.support.shop.till import TILL, World

TILLS = (7, 8)
STEPS = {
    timings.OFFER: 100.0,
    timings.APPROVAL_RECEIVED: 110.0,
    timings.APPROVAL_KEPT: 110.002,
    timings.AUTHORISE_SENT: 110.003,
    timings.VERDICT_RECEIVED: 110.103,
    timings.AUTHORISE_ANSWERED: 110.203,
    timings.TOLD: 110.206,
}


def looked() -> dict[str, Values]:
    """What is looked at."""
    return {
        "receiver_up": [((7,), True), ((8,), False)],
        "line": [((7, "retransmits"), 4), ((7, "opened"), 2), ((8, "retransmits"), 0)],
        "refusals": [((7, "bad_signature"), 1)],
        "receiver_release": [((7,), 4)],
        "receiver_updating": [((7,), False), ((8,), True)],
        "updates": [((7, "installed", "ok"), 1)],
        "outbox_depth": 3,
        "outbox_oldest_seconds": 61.5,
        "offline_amount": [((7,), 24_900), ((8,), 0)],
        "offline_purchases": [((7,), 2), ((8,), 0)],
        "undecided": 1,
        "breaker_open": True,
        "clock_offset_seconds": 3.5,
        "certificate_expires_seconds": [(("client", ""), 86_400.0), (("receiver", "7"), -1.0)],
        "unconfigured_amount": [((9,), 300)],
        "unconfigured_sales": [((9,), 2)],
        "journal_behind": True,
        "alarms": 4,
        "http_refused": [(("unauthorized",), 5)],
        "journal_stalled_seconds": 7.5,
        "journal_bytes": 4096,
        "journal_free_bytes": 1 << 30,
    }


@pytest.fixture
def found() -> Metrics:
    return Metrics(TILLS, looked)


@pytest.fixture
def hub(found: Metrics) -> EventBus:
    """Where they hear of sales."""
    bus = EventBus()
    bus.listen(found.hear)
    return bus


def sold(
    hub: EventBus,
    what: str,
    reason: int = reasons.OK,
    *,
    till: int = 7,
    kind: int = messages.PURCHASE,
) -> None:
    sale = Sale(TERMS._replace(kind=kind))
    sale.reason = reason
    hub.publish(SaleChanged("bridge", 0.0, till, None, what, sale))


async def read(found: Metrics) -> dict[str, Metric]:
    text = (await found.render()).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: Mapping[str, Metric], sample: str, **labels: str) -> float:
    [it] = [
        it
        for family in families.values()
        for it in family.samples
        if it.name == sample and labels.items() <= it.labels.items()
    ]
    return it.value


async def test_sales_are_counted_as_they_end(found: Metrics, hub: EventBus) -> None:
    for what in ("rung", "till_notified", "paid", "posted"):
        sold(hub, what)
    sold(hub, "mendable", reasons.CODE_WRONG)
    sold(hub, "declined", reasons.CREDIT_SPACE)
    # An approval that was recalled before is given back after the end.
    sold(hub, "recall_reversed", reasons.CREDIT_SPACE)
    sold(hub, "posted", kind=messages.REFUND)
    families = await read(found)
    name = "tillsign_sales_total"
    assert value(families, name, till="7", kind="purchase", state="posted", reason="") == 1
    assert value(families, name, till="7", state="declined", reason="credit_space") == 1
    assert value(families, name, kind="refund", state="posted") == 1
    assert value(families, "tillsign_declines_total", reason="code_wrong") == 1
    assert value(families, "tillsign_declines_total", reason="credit_space") == 1
    assert value(families, "tillsign_sale_events_total", till="7", event="paid") == 1


async def test_the_clock_once_the_authority_was_heard(found: Metrics) -> None:
    assert value(await read(found), "tillsign_clock_offset_seconds") == 3.5
    quiet = Metrics(TILLS, lambda: looked() | {"clock_offset_seconds": ()})
    assert (await read(quiet))["tillsign_clock_offset_seconds"].samples == []


async def test_phases_are_measured_for_each_till(found: Metrics, hub: EventBus) -> None:
    hub.publish(SaleTimed("bridge", 0.0, 7, "x", STEPS))
    hub.publish(SaleTimed("bridge", 0.0, 7, "y", {timings.OFFER: 1.0, timings.TOLD: 2.0}))
    families = await read(found)
    sums = {
        phase: value(families, "tillsign_phase_seconds_sum", till="7", phase=phase)
        for phase in metrics.PHASES
    }
    assert sums == pytest.approx(
        {
            "buyer": 10,
            "journal": 0.002,
            "receiver": 0.103,
            "authority": 0.2,
            "bridge": 0.006,
            "whole": 0.206,
        }
    )
    count = "tillsign_phase_seconds_count"
    assert value(families, count, till="7", phase="whole") == 1
    assert value(families, count, till="8", phase="whole") == 0  # there before the first sale
    bucket = "tillsign_phase_seconds_bucket"
    assert value(families, bucket, till="7", phase="receiver", le="0.1") == 0
    assert value(families, bucket, till="7", phase="receiver", le="0.25") == 1


LOOKED_AT = [
    ("receiver_up", {"till": "7"}, 1),
    ("receiver_up", {"till": "8"}, 0),
    ("line_total", {"till": "7", "counter": "retransmits"}, 4),
    ("refusals_total", {"till": "7", "reason": "bad_signature"}, 1),
    ("outbox_depth", {}, 3),
    ("outbox_oldest_seconds", {}, 61.5),
    ("offline_amount", {"till": "7"}, 24_900),
    ("offline_purchases", {"till": "7"}, 2),
    ("undecided", {}, 1),
    ("certificate_expires_seconds", {"what": "client"}, 86_400),
    ("certificate_expires_seconds", {"what": "receiver", "till": "7"}, -1),
    ("breaker_open", {}, 1),
    ("http_refused_total", {"kind": "unauthorized"}, 5),
    ("journal_stalled_seconds", {}, 7.5),
    ("journal_bytes", {}, 4096),
    ("journal_free_bytes", {}, 1 << 30),
    ("unconfigured_amount", {"till": "9"}, 300),
    ("unconfigured_sales", {"till": "9"}, 2),
    ("journal_behind", {}, 1),
    ("alarms", {}, 4),
]


@pytest.mark.parametrize(("sample", "labels", "expected"), LOOKED_AT)
async def test_the_rest_is_looked_at_when_it_is_asked_for(
    found: Metrics, sample: str, labels: dict[str, str], expected: float
) -> None:
    """Also what stands elsewhere, and what waits for a person."""
    assert value(await read(found), f"tillsign_{sample}", **labels) == expected


async def test_the_process_is_looked_at(found: Metrics) -> None:
    assert value(await read(found), "process_resident_memory_bytes") > 0


async def test_labels_are_bounded(found: Metrics, hub: EventBus) -> None:
    sold(hub, "rung", till=9)  # of a receiver that an older configuration had
    hub.publish(ReceiverChanged("bridge", 0.0, 7, None))
    families = await read(found)
    tills = {
        it.labels["till"]
        for family in families.values()
        for it in family.samples
        if it.labels.get("till")  # empty is as good as none
    }
    assert tills == {"7", "8", UNCONFIGURED, "9"}  # 9 is looked at: money stands there
    assert value(families, "tillsign_sale_events_total", till=UNCONFIGURED, event="rung") == 1
    assert not any(name.endswith("_created") for name in families)


async def test_bridges_in_one_process_do_not_mix() -> None:
    one, other = Metrics(TILLS, looked), Metrics(TILLS, looked)
    hub = EventBus()
    hub.listen(one.hear)
    sold(hub, "posted")
    assert value(await read(one), "tillsign_sales_total", till="7") == 1
    assert not (await read(other))["tillsign_sales"].samples


def test_each_end_is_one_state() -> None:
    ends: dict[str, set[str]] = {}
    for before, exits in TABLE.items():
        for event, after in exits.items():
            if after in FINAL and before not in FINAL:
                ends.setdefault(event, set()).add(after)
    assert {event: {after} for event, after in metrics.ENDS.items()} == ends


# The metrics of the bridge whole, as Prometheus would fetch them after a purchase.


SALE = "sale-0123456789ab"


async def scrape(world: World) -> dict[str, float]:
    """Samples by name and label values."""
    async with world.http.get("/metrics") as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        text = await response.text()
    return {
        " ".join(
            [sample.name, *(value for _, value in sorted(sample.labels.items()))]
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_purchase_is_seen(world: World) -> None:
    await world.approved(SALE)
    told = await scrape(world)
    assert told["tillsign_undecided"] == 1
    assert told[f"tillsign_phase_seconds_count whole {TILL}"] == 1
    assert told[f"tillsign_receiver_up {TILL}"] == 1
    async with world.watching() as happened:
        assert (await world.call("POST", f"/v1/sales/{SALE}/paid"))[0] == 200
        await happened("posted")
    after = await scrape(world)
    assert after["tillsign_undecided"] == after["tillsign_outbox_depth"] == 0
    ends = {name: n for name, n in after.items() if name.startswith("tillsign_sales_total")}
    assert ends == {f"tillsign_sales_total purchase  posted {TILL}": 1}
    assert after["tillsign_journal_bytes"] > 0
