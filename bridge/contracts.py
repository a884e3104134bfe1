"""Declared types for HTTP bodies, queries and files: decode, check, encode and describe them.

msgspec does the work. Added here: bytes as hex digits, errors by their key, OpenAPI's schemas.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Self,
    TypeGuard,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)

import msgspec
from msgspec import Meta, Struct, StructMeta, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")
_HEX = re.compile("(?:[0-9a-fA-F]{2})*")
_DIGITS = re.compile("[0-9]{1,19}")
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


# Our types: `read` takes a raw value or raises ValueError, `schema` describes it.


class Octets(bytes):
    """Bytes of one of these sizes, written as hex digits."""

    SIZES: ClassVar[tuple[int, ...]]

    @classmethod
    def read(cls, value: object) -> Self:
        """Read hex digits, or the bytes themselves; raises ValueError."""
        octets = bytes.fromhex(value) if _is_hex(value) else value
        if isinstance(octets, bytes) and len(octets) in cls.SIZES:
            return cls(octets)
        raise ValueError(f"Expected {' or '.join(map(str, cls.SIZES))} bytes in hex")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        sizes = "|".join(f"[0-9a-fA-F]{{{2 * size}}}" for size in cls.SIZES)
        return {"type": "string", "pattern": f"^({sizes})$"}


class Choice(str):
    """One of these words."""

    CHOICES: ClassVar[tuple[str, ...]]

    @classmethod
    def read(cls, value: object) -> Self:
        if not isinstance(value, str) or value not in cls.CHOICES:
            raise ValueError(f"Expected one of {', '.join(cls.CHOICES)}")
        return cls(value)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": "string", "enum": list(cls.CHOICES)}


class Text(str):
    """A text of limited length that UTF-8 can write."""

    LEAST: ClassVar[int] = 1
    MOST: ClassVar[int]

    @classmethod
    def read(cls, value: object) -> Self:
        if isinstance(value, str) and cls.LEAST <= len(value) <= cls.MOST and cls.takes(value):
            return cls(value)
        raise ValueError(f"Expected {cls.LEAST} to {cls.MOST} characters")

    @classmethod
    def takes(cls, value: str) -> bool:
        return _SURROGATE.search(value) is None

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": "string", "minLength": cls.LEAST, "maxLength": cls.MOST}


class Printable(Text):
    """A text of limited length with printable characters only."""

    @classmethod
    def takes(cls, value: str) -> bool:
        return value.isprintable()


def _is_hex(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


class MalformedError(ValueError):
    """The data is not JSON."""


class Fault(Enum):
    """What is wrong with a key."""

    UNKNOWN = "is unknown"
    MISSING = "is missing"
    WRONG = "does not fit"
    RULE = "breaks a rule over several keys"


class MismatchError(ValueError):
    """A value that does not fit its type.

    `path` leads to the key, `must` is what its type allows (`Meta(extra={"must": …})`) and `known`
    lists the keys of the type where one is unknown; `text` is the error where there is no `must`.
    """

    def __init__(
        self,
        fault: Fault,
        path: tuple[str | int, ...],
        text: str,
        *,
        must: str = "",
        known: tuple[str, ...] = (),
    ) -> None:
        super().__init__(text)
        self.fault = fault
        self.path = path
        self.text = text
        self.must = must
        self.known = known

    def __str__(self) -> str:
        key = ".".join(map(str, self.path))
        match self.fault:
            case Fault.UNKNOWN:
                return f"unknown key {self.path[-1]!r}; known are {', '.join(self.known)}"
            case Fault.MISSING:
                return f"{key} is missing"
            case Fault.WRONG if self.must:
                return f"{key} must be {self.must}"
            case Fault.WRONG if key:
                return f"{key}: {self.text}"
            case _:
                return self.text


def read(type_: type[Any], value: object) -> Any:
    """Read a value of one of our types by its class method `read`; raises ValueError."""
    return type_.read(value)


def convert(value: object, type_: type[T], read: Callable[[type[Any], object], Any] = read) -> T:
    """Convert a value to this type, strictly; raises MismatchError."""
    try:
        return msgspec.convert(value, type_, dec_hook=read)
    except msgspec.ValidationError as error:
        raise _mismatch(str(error), type_) from None
    except UnicodeEncodeError:  # it cannot quote half a surrogate pair
        raise _unwritable(value, type_) from None


def decode(data: bytes, type_: type[T]) -> T:
    """Decode JSON; of a repeated key the last value counts.

    Raises MalformedError or MismatchError.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise MalformedError("not JSON") from None
    return convert(value, type_)


def query(given: Mapping[str, str], type_: type[T]) -> T:
    """Convert a query, in which numbers are decimal digits; raises MismatchError."""
    numbers = {one.encode_name for one in _fields(type_) if int in _parts(one.type)}
    return convert(
        {
            name: int(value) if name in numbers and _DIGITS.fullmatch(value) else value
            for name, value in given.items()
        },
        type_,
    )


def encode(value: object) -> bytes:
    """Encode as JSON."""
    return msgspec.json.encode(value, enc_hook=_encode)


def _encode(value: object) -> str:
    if isinstance(value, Octets):
        return value.hex()
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(type(value))


# Errors.


def _mismatch(said: str, type_: type[Any]) -> MismatchError:
    """Take msgspec's one-sentence error apart."""
    found = _AT.fullmatch(said)
    text, at = (found["text"], found["path"] or "") if found else (said, "")
    path = tuple(name or int(number) for name, number in _STEP.findall(at))
    of = _at(type_, path)
    if named := _FIELD.fullmatch(text):
        path = (*path, named[2])
        if named[1] == "missing required":
            return MismatchError(Fault.MISSING, path, text, must=_must(_at(type_, path)))
        return MismatchError(Fault.UNKNOWN, path, text, known=_known(of))
    if not text.startswith("Expected ") and any(map(_fields, _parts(of))):
        return MismatchError(Fault.RULE, path, text)
    while path and isinstance(path[-1], int) and not _must(of):  # the text for the whole list
        path = path[:-1]
        of = _at(type_, path)
    return MismatchError(Fault.WRONG, path, text, must=_must(of))


def _unwritable(value: object, type_: type[Any]) -> MismatchError:
    """Find the first text that UTF-8 cannot write."""
    todo: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while todo:
        path, one = todo.pop()
        match one:
            case str() if _SURROGATE.search(one):
                text = "Expected characters that UTF-8 can write"
                return MismatchError(Fault.WRONG, path, text, must=_must(_at(type_, path)))
            case dict():
                if strange := next(filter(_SURROGATE.search, one), None):
                    known = _known(_at(type_, path))
                    return MismatchError(Fault.UNKNOWN, (*path, strange), "", known=known)
                todo += [((*path, key), inner) for key, inner in one.items()]
            case list():
                todo += [((*path, number), inner) for number, inner in enumerate(one)]
    raise ValueError("every text can be written")


def _known(type_: Any) -> tuple[str, ...]:
    return tuple(one.encode_name for part in _parts(type_) for one in _fields(part))


def _at(type_: Any, path: tuple[str | int, ...]) -> Any:
    """Return the type at this path."""
    for step in path:
        type_ = next(_within(type_, step), None)
    return type_


def _within(type_: Any, step: str | int) -> Iterator[Any]:
    """Return the type of a list's items, or of a struct's member."""
    for part in _parts(type_):
        if isinstance(step, int):
            yield from get_args(part)[:1]
        else:
            yield from (one.type for one in _fields(part) if one.encode_name == step)


def _parts(type_: Any) -> Iterator[Any]:
    """Return a type, or the members of a union."""
    if get_origin(type_) is Annotated:
        yield from _parts(get_args(type_)[0])
    elif get_origin(type_) in (Union, UnionType):
        for one in get_args(type_):
            yield from _parts(one)
    else:
        yield type_


def _fields(type_: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    is_struct = isinstance(type_, type) and issubclass(type_, Struct)
    return msgspec.structs.fields(type_) if is_struct else ()


def _must(type_: Any) -> str:
    """Return what is allowed, from the type's metadata."""
    if get_origin(type_) in (Union, UnionType):
        return next(filter(None, map(_must, get_args(type_))), "")
    metas = [one for one in get_args(type_)[1:] if isinstance(one, Meta)]
    return next((one.extra["must"] for one in metas if one.extra and "must" in one.extra), "")


# OpenAPI.


_VIEW = "View"  # the suffix of an answer's class, where the domain has the plain name


def ref(type_: type[Any]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{type_.__name__.removesuffix(_VIEW)}"}


def schemas(*types: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema of these types and their parts, by name."""
    _, found = msgspec.json.schema_components(
        types, schema_hook=_schema, ref_template="#/components/schemas/{name}"
    )
    return {name.removesuffix(_VIEW): _plain(schema) for name, schema in found.items()}


def schema(type_: Any) -> dict[str, Any]:
    """Return the schema of one value that is not a struct."""
    found: dict[str, Any] = _plain(msgspec.json.schema(type_, schema_hook=_schema))
    return found


def _schema(type_: type[Any]) -> dict[str, Any]:
    """Return the schema of one of our types."""
    found: dict[str, Any] = type_.schema()
    return found


def _plain(found: Any) -> Any:
    """Write patterns in ECMA's form; close objects, since answers have only declared members."""
    if isinstance(found, list):
        return [_plain(one) for one in found]
    if not isinstance(found, dict):
        return found
    made = {
        key: _plain(value)
        for key, value in found.items()
        if key != "title" or isinstance(value, dict)  # a member with that name
    }
    if isinstance(name := made.get("$ref"), str):
        made["$ref"] = name.removesuffix(_VIEW)
    if isinstance(pattern := made.get("pattern"), str):
        made["pattern"] = pattern.replace(r"\A", "^").replace(r"\Z", "$")
    if "properties" in made and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made
