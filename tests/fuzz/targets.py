"""The one table of fuzz targets: every decoder, and every machine that takes others' bytes."""

from __future__ import annotations

from tests.fuzz import bodies, controller, counter, decoders, journal, keys, line_end, phone, seals

_PARTS = (decoders, keys, seals, bodies, journal, line_end, counter, controller, phone)

TARGETS = {name: target for part in _PARTS for name, target in part.targets()}
