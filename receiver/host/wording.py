"""One text in the languages of cashiers and buyers."""

from __future__ import annotations

from typing import NamedTuple


class Wording(NamedTuple):
    """One text, in Swedish and in English."""

    sv: str
    en: str
