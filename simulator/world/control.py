"""The world's HTTP control: hand out phones and cause faults."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import Handout
from simulator.processes.scope import Scope

from .world import World

BODY_MOST = 4096


class WorldControl(Scope):
    """HTTP on loopback. An async context manager; `url` once entered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.url = ""

    async def open(self) -> None:
        app = web.Application(client_max_size=BODY_MOST)
        app.router.add_get("/v1/radio", self.radio)
        app.router.add_post("/v1/phones", self.add_phone)
        app.router.add_post("/v1/line", self.disturb_line)
        app.router.add_put("/v1/buyers/{id}", self.change_buyer)
        app.router.add_put("/v1/authority", self.change_authority)
        runner = web.AppRunner(app, access_log=None)
        self.stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def radio(self, _: web.Request) -> web.Response:
        """Return the endpoint of the radio, and the till API's address."""
        handout = Handout(self._world.radio.phones, till_api=self._world.bridge.till_api)
        answer = msgspec.json.encode(handout)
        return web.Response(body=answer, content_type="application/json")

    async def add_phone(self, request: web.Request) -> web.Response:
        """Enrol a phone of a demo buyer; return it and its radio's endpoint."""
        body = await _body(request)
        kind = body.get("key_kind", keys.P256)
        if kind not in keys.KINDS:
            raise web.HTTPBadRequest(text="key_kind: one of " + ", ".join(keys.KINDS))
        wallet = await self._world.new_wallet(int(body.get("buyer", 0)), key_kind=kind)
        handout = Handout(self._world.radio.phones, wallet.portable())
        answer = msgspec.json.encode(handout)
        return web.Response(body=answer, status=201, content_type="application/json")

    async def disturb_line(self, request: web.Request) -> web.Response:
        """Send one command to the simulated serial line (`simulator.hardware.serial_line`)."""
        if self._world.line is None:
            raise web.HTTPConflict(text="the receiver is external: its line is not simulated")
        return web.json_response(await self._world.line.ask(**await _body(request)))

    async def change_buyer(self, request: web.Request) -> web.Response:
        """Change a buyer as the authority's administrator."""
        people = self._world.people
        buyer = people.buyers[int(request.match_info["id"])]
        changed = await self._world.administer(f"buyers/{buyer.id}", await _body(request))
        return web.json_response(changed)

    async def change_authority(self, request: web.Request) -> web.Response:
        """Take the authority off the network by {"up": false}, bring it back by {"up": true}."""
        body = await _body(request)
        if body.get("up", True):
            await self._world.authority.start()
        else:
            await self._world.authority.stop()
        return web.json_response(body)


async def _body(request: web.Request) -> dict[str, Any]:
    value = await request.json() if request.can_read_body else {}
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return value
