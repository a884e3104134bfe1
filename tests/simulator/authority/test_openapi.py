"""The authority's description names the routes that there are, and who may use each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aiohttp import web

from simulator.authority import Authority
from simulator.authority.api.openapi import DOCUMENT

METHODS = {"get", "put", "post"}


def routes(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of each, without the HEAD that comes with a GET."""
    return {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): item[method]
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS & set(item)
    }


async def test_every_route_is_described_and_no_other(tmp_path: Path) -> None:
    async with Authority(tmp_path) as authority:
        assert routes(authority._app(authority.office)) == set(operations())


def test_every_route_says_who_may_use_it() -> None:
    open_ones = {path for (_, path), found in operations().items() if "security" not in found}
    assert open_ones == {"/v1/phones", "/healthz", "/openapi.json"}
    for (_, path), found in operations().items():
        if path.startswith("/v1/admin/"):
            assert found["security"] == [{"administrator": []}]


def test_operations_have_names_of_their_own() -> None:
    names = [found["operationId"] for found in operations().values()]
    assert len(set(names)) == len(names)


def test_paths_name_their_parameters() -> None:
    for (method, path), found in operations().items():
        item = DOCUMENT["paths"][path]
        given = [*item.get("parameters", []), *found.get("parameters", [])]
        named = {one["name"] for one in given if one["in"] == "path"}
        wanted = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        assert named == wanted, (method, path)


def test_references_lead_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        text = text.replace(f'"#/components/schemas/{name}"', "")
    assert "#/components" not in text
