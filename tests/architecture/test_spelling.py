"""The protocol is spelled once (design §2)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cose, schema
from receiver.link import frames, wire
from receiver.protocol import exchange, gatt, messages, signed
from tests.architecture.tree import PACKAGES, ROOT, constants, files, parsed

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
HOMES = [
    ROOT / "receiver/reasons.py",
    ROOT / "receiver/link/service_wire.py",
    ROOT / "receiver/link/wire.py",
    *(ROOT / f"receiver/protocol/{name}.py" for name in ("exchange", "gatt", "messages", "signed")),
]
# Words that other protocols of this tree have a number for as well: frames, the simulated radio.
OTHERS = [
    ROOT / "receiver/link/frames.py",
    ROOT / "simulator/hardware/micropython",
    ROOT / "simulator/hardware/radio",
]
COMMON = {"VERSION"}  # everything has one
# The same word for something that is not of the protocol.
HOMONYMS = {
    "receiver/host/command.py": {"OK"},  # an exit code
    "firmware/device/version.py": {"HASH_SIZE"},  # of the firmware, shown to people
    "receiver/crypto/chacha.py": {"NONCE_SIZE"},  # of the cipher
    "receiver/crypto/hkdf.py": {"HASH_SIZE"},  # what HMAC gives
    "receiver/crypto/hpke.py": {"NONCE_SIZE"},
    "receiver/encoding/schema.py": {"KEY"},  # a kind of value
    "simulator/authority/accounts/demo_data.py": {"PURCHASE_LIMIT"},  # an amount
}


def numbers(module: ModuleType, prefix: str = "") -> dict[str, int]:
    """The upper-case names to which a module gives a number."""
    named = spelled(Path(str(module.__file__)))
    values = {name: getattr(module, name) for _, name in named if name.startswith(prefix)}
    return {name: value for name, value in values.items() if name.isupper()}


def test_uuids_stand_in_one_file() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files(*PACKAGES)
        if path != ROOT / "receiver/protocol/gatt.py"
        for line, value in constants(path)
        if isinstance(value, str) and UUID.search(value)
    ]
    assert found == []


def test_words_that_people_pass_on_are_made_in_one_file() -> None:
    """Base64url may begin with a hyphen, which a command takes for an option."""
    found = [path for path in files(*PACKAGES) if "token_urlsafe" in path.read_text()]
    assert found == []


def test_the_service_and_its_characteristics_differ() -> None:
    names = [gatt.SERVICE, gatt.CERTIFICATE, gatt.OFFER, gatt.EXCHANGE]
    assert len(set(names)) == 4
    assert all(UUID.fullmatch(name) for name in names)


def test_type_bytes_differ() -> None:
    kinds = ("KEY", "CREDENTIAL", "APPROVAL", "RESULT", "REFUSAL", "LEAVE")
    unique({name: getattr(exchange, name) for name in kinds})
    unique({name: getattr(exchange, name) for name in ("RETRY", "BUSY", "EXPIRED", "OLD_APP")})


def test_channels_differ_and_each_has_a_layout() -> None:
    channels = {
        name: value
        for name, value in numbers(wire).items()
        if value in wire.LAYOUTS and not name.startswith(("PHONE_", "RESET_", "PROTOCOL", "NONCE"))
    }
    unique(channels)
    assert set(channels.values()) == set(wire.LAYOUTS)


@pytest.mark.parametrize("prefix", ["PHONE_", "RESET_"])
def test_numbers_on_the_wire_differ(prefix: str) -> None:
    unique(numbers(wire, prefix))


def test_roles_differ() -> None:
    unique(numbers(signed, "ROLE_"))


def test_kinds_of_frames_differ() -> None:
    unique({frames.KINDS[kind]: kind for kind in frames.KINDS})
    assert all(kind < frames.MORE for kind in frames.KINDS)


def test_reasons_differ_and_have_one_name_each() -> None:
    codes = numbers(reasons)
    unique(codes)
    assert {value: name.lower() for name, value in codes.items()} == reasons.NAMES
    assert all(0 <= code <= 255 for code in codes.values())
    assert reasons.name(reasons.BUSY) == "busy"
    assert reasons.name(255) == "reason_255"


def test_keys_within_a_message_differ() -> None:
    for fields in tables():
        unique({field.name: field.key for field in fields})
        assert len({field.name for field in fields}) == len(fields)
        for field in fields:
            assert field.low <= field.high


def test_every_signed_message_has_its_context() -> None:
    kinds = [value for value in vars(messages).values() if isinstance(value, signed.Kind)]
    assert len({kind.type for kind in kinds}) == len(kinds)
    assert {kind.type for kind in kinds} <= set(cose.KINDS)


def test_no_number_of_the_protocol_is_spelled_again() -> None:
    """A name of the shared vocabulary with a number of its own elsewhere is a second spelling."""
    names = {name for path in HOMES for _, name in spelled(path)} - COMMON
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files("receiver", "firmware", "bridge", "simulator")
        if path not in HOMES and not any(other in (path, *path.parents) for other in OTHERS)
        for line, name in spelled(path)
        if name in names - HOMONYMS.get(str(path.relative_to(ROOT)), set())
    ]
    assert found == []


def spelled(path: Path) -> list[tuple[int, str]]:
    """Module-level names that are given a number."""
    return [
        (node.lineno, target.id)
        for node in parsed(path).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and type(node.value.value) is int
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def unique(values: dict[str, int]) -> None:
    assert values
    twice = [value for value, times in Counter(values.values()).items() if times > 1]
    assert not twice, {name: value for name, value in values.items() if value in twice}


def tables() -> list[tuple[schema.Field, ...]]:
    """Every layout there is."""
    kinds = [value.fields for value in vars(messages).values() if isinstance(value, signed.Kind)]
    channels = [row.fields for row in wire.LAYOUTS.values()]
    return [*kinds, *channels, messages.RECORD, wire.RECEIVER_HELLO, wire.BRIDGE_HELLO]


# Every message goes there and back.


def sample(field: schema.Field, largest: bool) -> Any:
    """The largest or the smallest value that the field takes."""
    size = field.high if largest else field.low
    if field.kind == schema.UINT:
        return size
    if field.kind == schema.TEXT:
        return "x" * size
    if field.kind == schema.KEY:
        return host.ed25519_public(bytes(32))
    return bytes([largest]) * size


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("channel", wire.LAYOUTS, ids=lambda channel: f"channel {channel}")
def test_every_channel_goes_there_and_back(channel: int, largest: bool) -> None:
    fields, make = wire.LAYOUTS[channel]
    value = make(*[sample(field, largest) for field in fields])
    assert value._fields == tuple(field.name for field in fields)
    assert wire.decode(channel, wire.encode(channel, value)) == value


@pytest.mark.parametrize("largest", [False, True])
def test_hellos_go_there_and_back_in_one_frame(largest: bool) -> None:
    for fields, make in (
        (wire.RECEIVER_HELLO, wire.ReceiverHello),
        (wire.BRIDGE_HELLO, wire.BridgeHello),
    ):
        value = make(*[sample(field, largest) for field in fields])
        data = schema.encode(fields, value)
        assert schema.decode(fields, data, make) == value
        assert len(data) <= frames.HELLO_MAX
