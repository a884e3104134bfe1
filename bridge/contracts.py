"""Declared types for HTTP bodies, queries and files: decode, check, encode and describe them.

msgspec does the work. Added here: bytes as hex digits, errors by their key, OpenAPI's schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import (
    ClassVar,
    Self,
    TypedDict,
    TypeVar,
    dataclass_transform,
)

import msgspec
from msgspec import Meta, Struct, StructMeta, field, inspect

T = TypeVar("T")

Schema = TypedDict(
    "Schema",
    {
        "$ref": str,
        "additionalProperties": bool,
        "anyOf": "list[Schema]",
        "description": str,
        "enum": list[str],
        "maxLength": int,
        "minLength": int,
        "oneOf": list[object],
        "pattern": str,
        "properties": "dict[str, Schema]",
        "required": list[str],
        "title": str,
        "type": str,
    },
    total=False,
)

_HEX = re.compile("(?:[0-9a-fA-F]{2})*")
_DIGITS = re.compile("[0-9]{1,19}")
_DECIMAL = re.compile(r"[0-9]{1,19}(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,2})?")
_AT = re.compile(r"(?P<text>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_FIELD = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class _Frozen(StructMeta):
    """A base that shows type checkers the inherited `frozen`."""


class Request(Struct, metaclass=_Frozen, frozen=True, forbid_unknown_fields=True):
    """A request or a configuration: an unknown key is an error."""


class Answer(Struct, metaclass=_Frozen, frozen=True):
    """An answer: a later version may add members, which an older reader ignores."""


class Own:
    """A type of ours, unknown to msgspec."""

    @classmethod
    def read(cls, value: object) -> Self:
        """Make one of a raw value; raises ValueError."""
        raise NotImplementedError

    @classmethod
    def schema(cls) -> dict[str, object]:
        """Return its JSON Schema."""
        raise NotImplementedError

    def written(self) -> str:
        """Return it as text for JSON."""
        raise NotImplementedError


class Octets(bytes, Own):
    """Bytes of one of these sizes, written as hex digits."""

    SIZES: ClassVar[tuple[int, ...]]

    @classmethod
    def read(cls, value: object) -> Self:
        """Read hex digits, or the bytes themselves; raises ValueError."""
        if isinstance(value, str) and _HEX.fullmatch(value):
            value = bytes.fromhex(value)
        if isinstance(value, bytes) and len(value) in cls.SIZES:
            return cls(value)
        raise ValueError(f"Expected {' or '.join(map(str, cls.SIZES))} bytes in hex")

    @classmethod
    def schema(cls) -> dict[str, object]:
        sizes = "|".join(f"[0-9a-fA-F]{{{2 * size}}}" for size in cls.SIZES)
        return {"type": "string", "pattern": f"^({sizes})$"}

    def written(self) -> str:
        return self.hex()


class Printable(str, Own):
    """A text of limited length with printable characters only."""

    LEAST: ClassVar[int] = 1
    MOST: ClassVar[int]

    @classmethod
    def read(cls, value: object) -> Self:
        if isinstance(value, str) and cls.LEAST <= len(value) <= cls.MOST and value.isprintable():
            return cls(value)
        raise ValueError(f"Expected {cls.LEAST} to {cls.MOST} printable characters")

    @classmethod
    def schema(cls) -> dict[str, object]:
        return {"type": "string", "minLength": cls.LEAST, "maxLength": cls.MOST}

    def written(self) -> str:
        return str(self)


def words(*choices: str) -> Meta:
    """Allow only these words, as the metadata of a `str`."""
    return Meta(
        pattern=rf"\A(?:{'|'.join(map(re.escape, choices))})\Z",
        extra_json_schema={"enum": list(choices)},
        extra={"must": f"one of {', '.join(choices)}"},
    )


class MalformedError(ValueError):
    """The data is not JSON."""


class Fault(Enum):
    """What is wrong with a key."""

    UNKNOWN = "is unknown"
    MISSING = "is missing"
    WRONG = "does not fit"
    RULE = "breaks a rule over several keys"


@dataclass(eq=False)
class MismatchError(ValueError):
    """A value that does not fit its type.

    `path` leads to the key, `must` is what its type allows (`Meta(extra={"must": …})`) and `known`
    lists the keys of the type where one is unknown; `text` is the error where there is no `must`.
    """

    fault: Fault
    path: tuple[str | int, ...]
    text: str
    _: KW_ONLY
    must: str = ""
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        key = ".".join(map(str, self.path))
        match self.fault:
            case Fault.UNKNOWN:
                return f"unknown key {self.path[-1]!r}; known are {', '.join(self.known) or 'none'}"
            case Fault.MISSING:
                return f"{key} is missing"
            case Fault.WRONG if self.must:
                return f"{key} must be {self.must}"
            case Fault.WRONG if key:
                return f"{key}: {self.text}"
            case _:
                return self.text


def read(type_: type[object], value: object) -> object:
    """Read a value of one of our types; raises ValueError."""
    return type_.read(value) if issubclass(type_, Own) else value


def convert(
    value: object, type_: type[T], read: Callable[[type[object], object], object] = read
) -> T:
    """Convert a value to this type, strictly; raises MismatchError."""
    try:
        return msgspec.convert(value, type_, dec_hook=read)
    except msgspec.ValidationError as error:
        raise _mismatch(str(error), type_) from None
    except UnicodeEncodeError:  # half a surrogate pair, in a query
        raise MismatchError(Fault.WRONG, (), "Expected characters of Unicode") from None


def decode(data: bytes, type_: type[T]) -> T:
    """Decode JSON; of a repeated key the last value counts.

    Raises MalformedError or MismatchError.
    """
    try:
        value = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        raise MalformedError("not JSON") from None
    return convert(value, type_)


def query(given: Mapping[str, str], type_: type[T]) -> T:
    """Convert a query, in which numbers are decimal digits; raises MismatchError."""
    fields = {one.encode_name: list(_parts(one.type)) for one in _fields(inspect.type_info(type_))}
    return convert({key: _number(given[key], fields.get(key, ())) for key in given}, type_)


def _number(text: str, types: Iterable[inspect.Type]) -> object:
    """Read a number where the type allows one."""
    for one in types:
        if isinstance(one, inspect.IntType) and _DIGITS.fullmatch(text):
            return int(text)
        if isinstance(one, inspect.FloatType) and _DECIMAL.fullmatch(text):
            return float(text)
    return text


def encode(value: object) -> bytes:
    """Encode as JSON."""
    return msgspec.json.encode(value, enc_hook=_encode)


def _encode(value: object) -> str:
    if not isinstance(value, Own):
        raise NotImplementedError(type(value))
    return value.written()


# Errors.


def _mismatch(said: str, type_: type[object]) -> MismatchError:
    """Take msgspec's one-sentence error apart."""
    found = _AT.fullmatch(said)
    text, at = (found["text"], found["path"] or "") if found else (said, "")
    path = tuple(name or int(number) for name, number in _STEP.findall(at))
    of = _at(inspect.type_info(type_), path)
    if named := _FIELD.fullmatch(text):
        members = {one.encode_name: one.type for one in _fields(of)}
        path = (*path, named[2])
        if named[1] == "missing required":
            return MismatchError(Fault.MISSING, path, text, must=_must(members[named[2]]))
        return MismatchError(Fault.UNKNOWN, path, text, known=tuple(members))
    if not text.startswith("Expected ") and any(_fields(of)):
        return MismatchError(Fault.RULE, path, text)
    while path and isinstance(path[-1], int) and not _must(of):  # the text for the whole list
        path = path[:-1]
        of = _at(inspect.type_info(type_), path)
    return MismatchError(Fault.WRONG, path, text, must=_must(of))


def _at(type_: inspect.Type, path: tuple[str | int, ...]) -> inspect.Type:
    """Return the type at this path: of a list's items, or of a struct's member."""
    for step in path:
        if isinstance(step, int):
            type_ = next(_items(type_))
        else:
            type_ = next(one.type for one in _fields(type_) if one.encode_name == step)
    return type_


def _items(type_: inspect.Type) -> Iterator[inspect.Type]:
    for part in _parts(type_):
        if isinstance(part, inspect.ListType | inspect.VarTupleType):
            yield part.item_type


def _fields(type_: inspect.Type) -> Iterator[inspect.Field]:
    for part in _parts(type_):
        if isinstance(part, inspect.StructType):
            yield from part.fields


def _parts(type_: inspect.Type) -> Iterator[inspect.Type]:
    """Return a type, or the members of a union."""
    match type_:
        case inspect.Metadata(type=inner):
            yield from _parts(inner)
        case inspect.UnionType(types=types):
            for one in types:
                yield from _parts(one)
        case _:
            yield type_


def _must(type_: inspect.Type) -> str:
    """Return what is allowed, from the type's metadata."""
    match type_:
        case inspect.Metadata(extra={"must": str(must)}):
            return must
        case inspect.Metadata(type=inner):
            return _must(inner)
        case inspect.UnionType(types=types):
            return next(filter(None, map(_must, types)), "")
    return ""


# OpenAPI.


_VIEW = "View"  # the suffix of an answer's class, where the domain has the plain name


def ref(type_: type[Struct]) -> Schema:
    return {"$ref": f"#/components/schemas/{type_.__name__.removesuffix(_VIEW)}"}


def schemas(*types: type[Struct]) -> dict[str, Schema]:
    """Return the JSON Schema of these types and their parts, by name."""
    _, found = msgspec.json.schema_components(
        types, schema_hook=_schema, ref_template="#/components/schemas/{name}"
    )
    return {name.removesuffix(_VIEW): _plain(schema) for name, schema in found.items()}


def schema(type_: object) -> Schema:
    """Return the schema of one value that is not a struct."""
    return _plain(msgspec.json.schema(type_, schema_hook=_schema))


def _schema(type_: type[object]) -> dict[str, object]:
    """Return the schema of one of our types."""
    if not issubclass(type_, Own):
        raise NotImplementedError(type_)
    return type_.schema()


def _plain(found: object) -> Schema:
    """Rewrite every object inside, the innermost first."""
    plain: Schema = json.loads(json.dumps(found), object_hook=_rewritten)
    return plain


def _rewritten(made: dict[str, object]) -> dict[str, object]:
    """Write patterns in ECMA's form; close objects, since answers have only declared members."""
    if isinstance(made.get("title"), str):  # and no member of that name
        del made["title"]
    if isinstance(name := made.get("$ref"), str):
        made["$ref"] = name.removesuffix(_VIEW)
    if isinstance(pattern := made.get("pattern"), str):
        made["pattern"] = pattern.replace(r"\A", "^").replace(r"\Z", "$")
    if "enum" in made:  # its pattern lists the same
        made.pop("pattern", None)
    if "properties" in made and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made
