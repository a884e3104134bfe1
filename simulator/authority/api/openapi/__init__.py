"""Every route of the authority described (OpenAPI 3.1); tests compare it with the answers."""

from __future__ import annotations

from typing import Any

from bridge import __version__, contracts
from bridge.authority.messages import JSON, Problem
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
        "summary": "What bridges, phones and an administrator ask of the authorization server.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        template: {method: one.described(template) for method, one in methods.items()}
        for template, methods in _OPERATIONS.items()
    },
    "components": {
        "schemas": contracts.schemas(
            Problem,
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
                "description": "The token that a phone got when it was activated.",
            },
            "administrator": {"type": "http", "scheme": "bearer"},
        },
    },
}
