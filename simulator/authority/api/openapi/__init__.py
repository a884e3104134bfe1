"""Every route of the authority described (OpenAPI 3.1); tests compare it with the answers."""

from __future__ import annotations

from typing import Any

from bridge import __version__

from . import admin, bridges, phones
from .parts import SCHEMAS, answer, closed, operation

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tillsign authority",
        "version": __version__,
        "summary": "What bridges, phones and an administrator ask of the authorization server.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        **bridges.PATHS,
        **phones.PATHS,
        **admin.PATHS,
        "/healthz": {
            "get": operation(
                "health",
                "Whether the authority serves.",
                answer(closed({"status": {"const": "ok"}})),
            )
        },
        "/openapi.json": {
            "get": operation("openapi", "This document.", answer({"type": "object"})),
        },
    },
    "components": {
        "schemas": SCHEMAS,
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
