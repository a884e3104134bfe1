"""The person who works through the reconciliation in the evening, until it is empty."""

from __future__ import annotations

from datetime import date

from bridge.domain import alarms
from bridge.sales import reconciliation
from simulator.world.till import Json, TillError

from .audit import UNKNOWN, Finding
from .retried_calls import Asking

NAME = "Kim"
_GONE, _TOO_LATE = "unknown-alarm", "conflict"  # nothing is left to decide


class Person:
    """A person who comes once every till has reported: sales that no till claims are cancelled."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._began = date.today()

    async def see_to_all(self) -> None:
        """Acknowledge every alarm and liability of the day; decide about what is held."""
        answers = await self._days()
        for alarm in answers[-1]["alarms"]:
            if alarm["kind"] == alarms.UNKNOWN_HERE:
                await self._cancel(alarm["key"])
            else:
                await self._acknowledge(alarm["key"])
        for difference in _differences(answers):
            if (
                difference["kind"] == reconciliation.NOT_POSTED
                and difference["here"] == "liability"
            ):
                await self._acknowledge(difference["approval_id"])

    async def left(self) -> list[Finding]:
        """Return what is still open."""
        answers = await self._days()
        standing = [(alarm["key"], f"alarm {alarm['kind']}") for alarm in answers[-1]["alarms"]]
        standing += [(one["approval_id"], one["kind"]) for one in _differences(answers)]
        return [Finding(UNKNOWN, name, f"{what} after quiet") for name, what in standing]

    async def _days(self) -> list[Json]:
        """Return the reconciliation of each day of the soak."""
        days = dict.fromkeys((self._began, date.today()))
        return [await self._day(day.isoformat()) for day in days]

    async def _day(self, day: str) -> Json:
        return await self._asking.ask(lambda till: till.reconciliation(day=day))

    async def _cancel(self, key: str) -> None:
        try:
            await self._asking.ask(lambda till: till.acknowledge(key, NAME, decision="cancel"))
        except TillError as error:
            if error.kind not in (_GONE, _TOO_LATE):
                raise
            await self._acknowledge(key)

    async def _acknowledge(self, key: str) -> None:
        await self._asking.ask(lambda till: till.acknowledge(key, NAME, note="seen"))


def _differences(answers: list[Json]) -> list[Json]:
    rows = [row for answer in answers for row in answer["receivers"]]
    return [difference for row in rows for difference in row["differences"]]
