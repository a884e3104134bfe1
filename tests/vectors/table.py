"""How the makers of this folder read published vectors and write their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cryptography_vectors

Case = dict[str, Any]


def published(path: str) -> Path:
    """A file of the package cryptography_vectors."""
    return Path(cryptography_vectors.__file__).parent / path


def write(name: str, tables: dict[str, list[Case]]) -> None:
    """One case a line, so that a change can be read."""
    parts = []
    for title, cases in tables.items():
        lines = ",\n".join("  " + json.dumps(entry) for entry in cases)
        parts.append(f'"{title}": [\n{lines}\n]')
    Path(__file__).with_name(name).write_text("{" + ",\n".join(parts) + "}\n")
