"""What a running world hands out: phones, its radio, its till."""

from __future__ import annotations

import aiohttp
import msgspec

from simulator.phone.wallet.wallet import Handout, Wallet
from simulator.processes import attach
from simulator.processes.attach import AttachError


async def radio(world: str | None) -> Handout:
    """Return the endpoint of a world's radio, and its till API; None is the newest world.

    Raises AttachError, as `phone` does.
    """
    return await _ask(world, "GET", "/v1/radio")


async def phone(world: str | None, key_kind: str) -> tuple[Wallet, str]:
    """Return a new phone of a demo buyer, and the endpoint of the world's radio."""
    answer = await _ask(world, "POST", "/v1/phones", {"key_kind": key_kind})
    if answer.wallet is None:
        raise AttachError("the world handed out no phone")
    return answer.wallet, answer.radio


async def _ask(
    world: str | None, method: str, path: str, body: dict[str, str] | None = None
) -> Handout:
    url = (world or attach.find()).rstrip("/")
    try:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.request(method, url + path, json=body) as response,
        ):
            return msgspec.json.decode(await response.read(), type=Handout)
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        raise AttachError(f"the world at {url} did not provide a phone: {error}") from error
