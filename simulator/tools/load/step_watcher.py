"""Watches the bridge's events for when each step of each sale happened."""

from __future__ import annotations

import json

import aiohttp

EVENTS = "/v1/events"
_TIMING = '"timing"'  # of events without it not even the JSON is read


class StepWatcher:
    """`steps` of every sale that it heard of (`bridge.observability.timings`).

    A bridge cuts off whoever is slow, as this process may be for a moment: `cut` counts it, and
    the sales of that moment have no steps.
    """

    def __init__(self, url: str) -> None:
        self.steps: list[dict[str, float]] = []
        self.cut = 0
        self._url = url

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(self._url) as session:
            while True:
                async with session.ws_connect(EVENTS) as stream:
                    async for message in stream:
                        if message.type is aiohttp.WSMsgType.TEXT and _TIMING in message.data:
                            self._take(message.data)
                self.cut += 1

    def _take(self, text: str) -> None:
        event = json.loads(text)
        if event["event"] == "timing":
            self.steps.append(event["stamps"])
