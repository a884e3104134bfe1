"""The OpenAPI 3.1 description of every route; tests compare it with the answers."""

from __future__ import annotations

from typing import Any

from bridge import __version__, contracts
from bridge.authority.messages import JSON, AuthorityProblem
from simulator.authority.api.models import Health

from . import admin, bridges, phones
from .parts import Operation

_OPERATIONS: dict[str, dict[str, Operation]] = {
    **bridges.OPERATIONS,
    **phones.OPERATIONS,
    **admin.OPERATIONS,
    "/healthz": {"get": Operation("health", "Whether the authority serves.", Health)},
    "/openapi.json": {"get": Operation("openapi", "This document.", JSON)},
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tillsign authority",
        "version": __version__,
        "summary": "The authorisation server's API for bridges, phones and an administrator.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        template: {method: one.described(template) for method, one in methods.items()}
        for template, methods in _OPERATIONS.items()
    },
    "components": {
        "schemas": contracts.schemas(
            AuthorityProblem,
            *(
                type_
                for methods in _OPERATIONS.values()
                for one in methods.values()
                for type_ in one.types
            ),
        ),
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
            "administrator": {"type": "http", "scheme": "bearer"},
        },
    },
}
