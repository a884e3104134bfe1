"""The journal's lines as JSON, with everything needed to check the chain, and no secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Row


def line(row: Row) -> str:
    """Encode one line; `body` stays text, as the hash covers it."""
    values = {**row._asdict(), "sealed": row.sealed.hex(), "hash": row.hash.hex()}
    return json.dumps(values, ensure_ascii=False)
