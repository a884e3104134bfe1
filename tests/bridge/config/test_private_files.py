"""Files that hold secrets, and the token in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config.configuration import ConfigError
from bridge.config.private_files import read_token, require_private

TOKEN = "0123456789abcdef0123456789abcdef"


def private(directory: Path, text: str, mode: int = 0o600) -> Path:
    path = directory / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path, TOKEN + "\n", mode)
    assert require_private(path) == path
    assert read_token(path) == TOKEN


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o660])
def test_a_file_that_others_may_touch(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path, TOKEN, mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        read_token(path)


@pytest.mark.parametrize(
    "text", ["", TOKEN[1:], "x" * 257, f"{TOKEN} {TOKEN}", f"{TOKEN}\n{TOKEN}", "å" * 32]
)
def test_what_is_no_token(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="a token"):
        read_token(private(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        require_private(tmp_path / "nowhere")
