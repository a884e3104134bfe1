"""Watch the bridge's events for the times of each sale's steps."""

from __future__ import annotations

import aiohttp
import msgspec

from bridge.till.rest.models import TimingEvent

EVENTS = "/v1/events"
_TIMING = '"timing"'  # events without it are not even parsed


class StepWatcher:
    """A watcher; `steps` has every sale that it saw (`bridge.observability.timings`).

    A bridge disconnects slow watchers, and this process may be slow for a moment: the sales of that
    moment have no steps.
    """

    def __init__(self, url: str) -> None:
        self.steps: list[dict[str, float]] = []
        self._url = url

    async def run(self) -> None:
        """Watch until cancelled."""
        async with aiohttp.ClientSession(self._url) as session:
            while True:
                async with session.ws_connect(EVENTS) as stream:
                    async for message in stream:
                        if message.type is aiohttp.WSMsgType.TEXT and _TIMING in message.data:
                            event = msgspec.json.decode(message.data, type=TimingEvent)
                            self.steps.append(event.stamps)
