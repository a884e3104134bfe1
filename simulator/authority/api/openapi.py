"""The OpenAPI 3.1 description of every operation; tests compare it with the answers."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_origin

from msgspec import Struct

from bridge import __version__, contracts
from bridge.authority.messages import JSON, PROBLEM, AuthorityProblem

from . import admin, bridges, enrolments, phones, releases
from .models import Health, Row
from .operations import Api, Binary, Call, Operation
from .requests import BODY_MOST, PARAMETERS

Json = dict[str, object]

# What each status other than success means.
PROBLEMS = {
    400: "The request is malformed or incomplete.",
    401: "No token, or an unknown one.",
    403: "Not allowed for this caller.",
    404: "Not found.",
    409: "The id is already in use with other content, or the step is not possible now.",
    413: f"Over {BODY_MOST} bytes.",
    415: "Wrong content type.",
    422: "Valid in form, but refused; see `reason`.",
    503: "The books cannot be reached. The outcome is unknown; ask again.",
}
_BODY = (400, 413, 415)  # of every operation with a body
_QUERY = (400,)
_SAYS = {200: "Success.", 201: "Made."}
_PATH = {
    **{name: {"type": "string", "pattern": f"^{one}$"} for name, one in PARAMETERS.items()},
    **dict.fromkeys(("id", "phone"), contracts.schema(Row)),
}

_public = Api()


@_public.on("GET", "/healthz")
def health(_call: Call) -> Health:
    """Whether the authority serves."""
    return Health("ok")


@_public.on("GET", "/openapi.json")
def openapi(_call: Call) -> Json:
    """This document."""
    return DOCUMENT


_APIS = (
    bridges.api,
    bridges.claims,
    releases.fetching,
    releases.publishing,
    enrolments.renewals,
    enrolments.api,
    phones.new,
    phones.api,
    admin.api,
    _public,
)
OPERATIONS = [one for api in _APIS for one in api.operations]


def _described(one: Operation) -> Json:
    asks = () if one.asked is None else _QUERY if one.method == "GET" else _BODY
    refused = sorted({503, *one.statuses, *asks})
    made: Json = {
        "operationId": one.work.__name__,
        "summary": inspect.getdoc(one.work),
        "responses": {
            str(one.status): {"description": _SAYS[one.status], **_content(one.answered)},
            **{str(status): _problem(status) for status in refused},
        },
    }
    query = one.asked if one.method == "GET" else None
    if parameters := [*_in_path(one.template), *_in_query(query), *one.api.headers]:
        made["parameters"] = parameters
    if one.asked and not query:
        made["requestBody"] = {"required": True, **_content(one.asked)}
    if one.api.security:
        made["security"] = [{one.api.security: []}]
    return made


def _content(answered: type) -> Json:
    type_: type = get_origin(answered) or answered
    if issubclass(type_, Binary):
        return {"content": {type_.MEDIA: {"schema": {"type": "string", "format": "binary"}}}}
    schema = contracts.ref(type_) if issubclass(type_, Struct) else {"type": "object"}
    return {"content": {JSON: {"schema": schema}}}


def _problem(status: int) -> Json:
    schema = contracts.ref(AuthorityProblem)
    return {"description": PROBLEMS[status], "content": {PROBLEM: {"schema": schema}}}


def _in_path(template: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH[name]}
        for name in re.findall(r"{(\w+)}", template)
    ]


def _in_query(query: type | None) -> list[Json]:
    """Describe the parameters of a query: an optional one may be empty where a body has null."""
    if query is None:
        return []
    found = contracts.schemas(query)[query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in found["required"],
            "schema": {"anyOf": [one["anyOf"][0], {"const": ""}]} if "anyOf" in one else one,
        }
        for name, one in found["properties"].items()
    ]


def _paths() -> dict[str, Json]:
    paths: dict[str, Json] = {}
    for one in OPERATIONS:
        paths.setdefault(one.template, {})[one.method.lower()] = _described(one)
    return paths


def _bodies() -> list[type[Struct]]:
    """Return the types that the descriptions refer to."""
    asked = [one.asked for one in OPERATIONS if one.method != "GET"]
    types = [*asked, *(one.answered for one in OPERATIONS)]
    return [type_ for type_ in types if isinstance(type_, type) and issubclass(type_, Struct)]


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tillsign authority",
        "version": __version__,
        "summary": "The authorisation server's API for bridges, phones and an administrator.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": _paths(),
    "components": {
        "schemas": contracts.schemas(AuthorityProblem, *_bodies()),
        "securitySchemes": {
            "bridge": {
                "type": "mutualTLS",
                "description": "The client certificate that speaks for the receiver.",
            },
            "phone": {
                "type": "http",
                "scheme": "bearer",
                "description": "The token that the phone received at its activation.",
            },
            "ticket": {
                "type": "http",
                "scheme": "bearer",
                "description": "The word of the ticket, which the administrator made.",
            },
            "administrator": {"type": "http", "scheme": "bearer"},
        },
    },
}
