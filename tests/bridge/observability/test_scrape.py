"""The metrics of the bridge whole, as Prometheus would fetch them after a purchase."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.shop.till import TILL, World

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
    await world.ring(SALE)
    await world.device.offered()
    await world.pay()
    assert (await world.sale(SALE))["state"] == "approved"
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
