"""Building blocks for the descriptions of routes; schemas follow from the types."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec import Struct

from bridge import contracts
from bridge.authority.messages import JSON, PROBLEM, AuthorityProblem
from bridge.contracts import Schema
from simulator.authority.api.models import CredentialId, Row
from simulator.authority.api.requests import BODY_MOST, PARAMETERS

# What each status other than success means.
PROBLEMS = {
    400: "The request is malformed or incomplete.",
    401: "No token, or an unknown one.",
    403: "Not allowed for this caller.",
    404: "Not found.",
    409: "The id is already in use with other content.",
    413: f"Over {BODY_MOST} bytes.",
    415: "Wrong content type.",
    422: "Valid in form, but refused; see `reason`.",
    503: "The books cannot be reached. The outcome is unknown; ask again.",
}
_BODY = (400, 413, 415)  # of every route with a body
_PATH = {
    **{name: {"type": "string", "pattern": f"^{one}$"} for name, one in PARAMETERS.items()},
    **dict.fromkeys(("id", "phone"), contracts.schema(Row)),
    "credential_id": contracts.schema(CredentialId),
}


class Operation(NamedTuple):
    """One method of one route.

    `asked` and `answered` are types or media types: JSON for any object, others for octets.
    `statuses` are of PROBLEMS, beside those that any body or query may bring.
    """

    name: str
    summary: str
    answered: type[Struct] | str
    statuses: tuple[int, ...] = ()
    asked: type[Struct] | str | None = None
    query: type[Struct] | None = None
    status: int = 200
    says: str = "Success."
    security: str | None = None
    headers: tuple[dict[str, Any], ...] = ()

    @property
    def types(self) -> list[type[Struct]]:
        """Return the types that the description refers to."""
        return [one for one in (self.asked, self.answered) if isinstance(one, type)]

    def described(self, template: str) -> dict[str, Any]:
        bodies = _BODY if self.asked else ()
        statuses = sorted({*self.statuses, 503, *bodies, *((400,) if self.query else ())})
        wanted = {"description": self.says, **_content(self.answered)}
        responses = {str(self.status): wanted, **{str(one): _problem(one) for one in statuses}}
        made: dict[str, Any] = {
            "operationId": self.name,
            "summary": self.summary,
            "responses": responses,
        }
        if parameters := [*_in_path(template), *_in_query(self.query), *self.headers]:
            made["parameters"] = parameters
        if self.asked:
            made["requestBody"] = {"required": True, **_content(self.asked)}
        if self.security:
            made["security"] = [{self.security: []}]
        return made


def _content(said: type[Struct] | str) -> dict[str, Any]:
    if said == JSON:
        return {"content": {JSON: {"schema": {"type": "object"}}}}
    if isinstance(said, str):
        return {"content": {said: {"schema": {"type": "string", "format": "binary"}}}}
    return {"content": {JSON: {"schema": contracts.ref(said)}}}


def _problem(status: int) -> dict[str, Any]:
    schema = contracts.ref(AuthorityProblem)
    return {"description": PROBLEMS[status], "content": {PROBLEM: {"schema": schema}}}


def _in_path(template: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH[name]}
        for name in re.findall(r"{(\w+)}", template)
    ]


def _in_query(query: type[Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    found = contracts.schemas(query)[query.__name__]
    return [
        {"name": name, "in": "query", "required": name in found["required"], "schema": _given(one)}
        for name, one in found["properties"].items()
    ]


def _given(schema: Schema) -> Schema:
    """Return the schema of an optional parameter; a query has no null."""
    return next(iter(schema.get("anyOf", [schema])))
