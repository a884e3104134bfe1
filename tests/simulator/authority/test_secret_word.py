"""Secret words: any of them is one word on every command line."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.authority import __main__ as process
from simulator.authority.accounts import secret_word
from tests.support.shop.authority import World
from tests.support.shop.enrolling import technician

WORDS = st.text(secret_word.ALPHABET, min_size=secret_word.SIZE, max_size=secret_word.SIZE)


def is_secret(word: str) -> bool:
    return len(word) == secret_word.SIZE and set(word) <= set(secret_word.ALPHABET)


@pytest.mark.parametrize("character", secret_word.ALPHABET)
def test_no_character_is_read_as_another(character: str) -> None:
    assert character.isascii()
    assert character.isalnum()
    assert character == character.lower()
    assert character not in "ilou"


@given(WORDS)
def test_a_command_takes_any(word: str) -> None:
    parser = ArgumentParser()
    parser.add_argument("--activation")
    parser.add_argument("id")
    assert vars(parser.parse_args(["--activation", word, word])) == {"activation": word, "id": word}
    assert shlex.split(f"command {word}") == ["command", word]
    assert shlex.quote(word) == word


def test_none_is_like_another() -> None:
    words = {secret_word.new() for _ in range(1_000)}
    assert len(words) == 1_000
    assert all(map(is_secret, words))
    for column in zip(*words, strict=True):
        assert set(column) == set(secret_word.ALPHABET)  # five bits in each place
    assert len(set(secret_word.ALPHABET)) == 32


async def test_whatever_the_authority_hands_out_is_one(world: World, tmp_path: Path) -> None:
    assert is_secret(world.demo.buyers[0].activation)
    assert is_secret(world.token)
    assert is_secret(world.authority.admin_token)
    assert is_secret((await technician(world)).ticket)
    assert is_secret(process._admin_token(tmp_path / "new"))
