"""The table is complete, and what its targets are tried with would find a lax decoder."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import cbor2
import pytest

from receiver.encoding import cbor
from receiver.errors import Error
from tests.architecture.tree import ROOT, files, parsed
from tests.fuzz import cbor_tree, seeds
from tests.fuzz.mutations import mutate
from tests.fuzz.target import Target, check
from tests.fuzz.targets import TARGETS

HERE = str(Path(__file__).parent)
# What functions are called that make something of others' bytes.
DECODER = re.compile(r"(decode|parse|unpad|unseal|open|receive)(_\w+)?")
KERNELS = ROOT / "receiver/crypto/kernels"  # MicroPython's alone
# Decoders by their names that no target need call itself.
EXCEPTIONS = {
    "receiver/crypto/hpke.py Context.open": "called by unseal, and knows no format",
    "receiver/crypto/hpke.py Messages.open": "called by that one and by Results.open_receipt",
    "receiver/core/sale_session.py Sale.open": "takes the receiver's own offer",
    "receiver/core/sealed_exchange.py Sealed.open_approval": "unseal on a body that radio.py keeps",
    "receiver/core/sealed_exchange.py Sealed.open_credential": "the same",
}
TRIES = 300


def test_every_decoder_is_called_by_a_target() -> None:
    """By the target itself, and not only by some other decoder."""
    decoders = set(named())
    assert len(decoders) > len(EXCEPTIONS)
    assert set(EXCEPTIONS) <= decoders
    assert decoders - called() == set(EXCEPTIONS)


def named() -> Iterator[str]:
    """Public functions and methods of the receiver with a decoder's name."""
    for path in files("receiver"):
        if KERNELS not in path.parents:
            for node in parsed(path).body:
                inner = node.body if isinstance(node, ast.ClassDef) else [node]
                within = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                for one in inner:
                    if isinstance(one, ast.FunctionDef) and DECODER.fullmatch(one.name):
                        yield f"{path.relative_to(ROOT)} {within}{one.name}"


def called() -> set[str]:
    """What the targets call from their own files while they try a few seeds each."""
    found: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        caller = frame.f_back
        if event == "call" and caller and caller.f_code.co_filename.startswith(HERE):
            found.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    for target in TARGETS.values():
        tried = target.seeds()[:2]
        sys.setprofile(note)
        try:
            for seed in tried:
                check(target, seed)
        finally:
            sys.setprofile(None)
    inside = [(Path(path), name) for path, name in found]
    return {f"{path.relative_to(ROOT)} {name}" for path, name in inside if ROOT in path.parents}


def lax(data: bytes) -> cbor.Value:
    """A library's decoder: long heads, any order, members twice, bytes behind the end."""
    try:
        value = cbor2.loads(data)
        cbor.encode(value)
    except Exception:
        raise Error(1) from None
    decoded: cbor.Value = value
    return decoded


def test_a_lax_decoder_is_found_out() -> None:
    target = Target(lax, cbor.encode, seeds.cbor)
    valid = seeds.cbor()
    broken = 0
    for number in range(TRIES):
        random = Random(number)
        try:
            check(target, mutate(random.choice(valid), random, valid))
        except AssertionError:
            broken += 1
    assert broken > TRIES // 100


def test_what_is_no_error_of_ours_comes_through() -> None:
    def fails(data: bytes) -> None:
        raise IndexError

    def no_reason(data: bytes) -> None:
        raise Error(255)

    with pytest.raises(IndexError):
        check(Target(fails, None, list), b"")
    with pytest.raises(AssertionError):
        check(Target(no_reason, None, list), b"")


def test_trees_are_written_as_they_were_read() -> None:
    for name, target in TARGETS.items():
        for seed in target.seeds():
            tree = cbor_tree.parse(seed)
            assert tree is None or tree.encode() == seed, name
    assert all(cbor_tree.parse(seed) for seed in seeds.cbor())


def test_mutations_reach_into_signed_messages() -> None:
    """With every length around it right: else only the outermost check would ever be tried."""
    record = cbor_tree.parse(seeds.plain("record")[-1])
    assert record is not None
    signed = [part for part in record.parts if len(part.parts) == 1]
    payloads = [part for message in signed for part in message.parts[0].parts if part.parts]
    assert len(signed) == 3  # offer, credential, approval
    assert [len(payload.parts) for payload in payloads] == [1] * len(payloads)
