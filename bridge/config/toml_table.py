"""One TOML table on its way into a dataclass: every key known, every mistake named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class ConfigError(Exception):
    """The configuration cannot be used; the text says which file, which key and what is allowed."""


class Table:
    """A table of the file at `path`; remembers which keys were asked for."""

    def __init__(self, path: Path, name: str, values: Any) -> None:
        self.path = path
        self.name = name
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: [{name}] must be a table")
        self.values = values
        self.asked: list[str] = []

    def take(self, key: str, allowed: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        """The value of `key` through `parse`, which raises ValueError where it does not fit."""
        self.asked.append(key)
        if key not in self.values:
            if default is not None:
                return default
            raise self.error(key, f"is missing: {allowed}")
        try:
            return parse(self.values[key])
        except ValueError:
            raise self.error(key, f"must be {allowed}") from None

    def file(self, key: str) -> Path:
        """A path, relative to the configuration file."""
        path: Path = self.take(key, "a path", lambda value: self.path.parent / text(value))
        return path

    def file_or_none(self, key: str) -> Path | None:
        """The same for a key that may be missing."""
        if key in self.values:
            return self.file(key)
        self.asked.append(key)
        return None

    def table(self, key: str, default: Any = None) -> Table:
        values = self.take(key, f"a table [{key}]", lambda value: value, default)
        return Table(self.path, key, values)

    def tables(self, key: str) -> list[Table]:
        values = self.take(key, f"one or more tables [[{key}]]", listed)
        return [Table(self.path, f"{key} {n}", value) for n, value in enumerate(values, 1)]

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        unknown = sorted(set(self.values) - set(self.asked))
        if unknown:
            raise self.error(unknown[0], f"is unknown; known keys: {', '.join(self.asked)}")

    def error(self, key: str, text: str) -> ConfigError:
        place = f"[{self.name}] {key}" if self.name else key
        return ConfigError(f"{self.path}: {place} {text}")


# Parsers for `Table.take`; each raises ValueError.


def text(value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def listed(value: Any) -> list[Any]:
    """A list that is not empty."""
    if not isinstance(value, list) or not value:
        raise ValueError
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def number(value: Any, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError
    return value


def seconds(value: Any, most: float) -> float:
    """More than none, at most `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most:
        raise ValueError
    return float(value)
