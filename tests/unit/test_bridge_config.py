"""The bridge's configuration: every key known, every mistake named with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import config
from bridge.config import ConfigError, Listen

GOOD = """
[bridge]
id = "0011223344556677"
journal = "state/journal.sqlite"
pins = "pins"
listen = "127.0.0.1:0"

[authority]
url = "https://authority.example:8443/"
ca = "tls/ca.pem"
certificate = "/etc/tillsign/client.pem"
key = "tls/client-key.pem"
timeout_s = 2.5

[[receiver]]
till = 3
url = "/dev/ttyUSB0"
certificate = "till3"

[[receiver]]
till = 4
url = "socket://192.0.2.7:4001"
certificate = "till4"
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "bridge.toml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    found = config.load(written(tmp_path, GOOD))
    assert found.id == bytes.fromhex("0011223344556677")
    assert found.journal == tmp_path / "state/journal.sqlite"
    assert found.listen == Listen("127.0.0.1", 0)
    assert found.authority.url == "https://authority.example:8443"
    assert found.authority.certificate == Path("/etc/tillsign/client.pem")
    assert found.authority.timeout_s == 2.5
    assert [(row.till, row.url) for row in found.receivers] == [
        (3, "/dev/ttyUSB0"),
        (4, "socket://192.0.2.7:4001"),
    ]


def test_what_may_be_left_out(tmp_path: Path) -> None:
    found = config.load(written(tmp_path, GOOD.replace("timeout_s = 2.5\n", "")))
    assert found.authority.timeout_s == config.DEFAULT_TIMEOUT_S


@pytest.mark.parametrize("listen", ["localhost:80", "127.9.9.9:80", "[::1]:80"])
def test_loopback_has_many_names(tmp_path: Path, listen: str) -> None:
    text = GOOD.replace("127.0.0.1:0", listen)
    assert config.load(written(tmp_path, text)).listen.port == 80


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('id = "0011223344556677"', 'id = "001122"', "[bridge] id must"),
        ('id = "0011223344556677"', 'id = "zz11223344556677"', "[bridge] id must"),
        ('id = "0011223344556677"', "id = 1", "[bridge] id must"),
        ('id = "0011223344556677"', "", "[bridge] id is missing"),
        ('pins = "pins"', 'pins = ""', "[bridge] pins must"),
        ('pins = "pins"', 'pins = "pins"\ncolour = "red"', "[bridge] colour is unknown"),
        ("127.0.0.1:0", "0.0.0.0:80", "[bridge] listen must"),
        ("127.0.0.1:0", "192.0.2.1:80", "[bridge] listen must"),
        ("127.0.0.1:0", "till.example:80", "[bridge] listen must"),
        ("127.0.0.1:0", "127.0.0.1", "[bridge] listen must"),
        ("127.0.0.1:0", "127.0.0.1:70000", "[bridge] listen must"),
        ("https://", "http://", "[authority] url must"),
        ("timeout_s = 2.5", "timeout_s = 0", "[authority] timeout_s must"),
        ("timeout_s = 2.5", "timeout_s = true", "[authority] timeout_s must"),
        ("timeout_s = 2.5", "timeout_s = nan", "[authority] timeout_s must"),
        ("timeout_s = 2.5", "timeout_ms = 5", "[authority] timeout_ms is unknown"),
        ("till = 4", "till = 3", "receiver must"),
        ("till = 4", "till = 0", "[receiver 2] till must"),
        ("till = 4", "till = 65536", "[receiver 2] till must"),
        ("[authority]", "[authorities]", "authority is missing"),
        ("[bridge]", "[door]\n[bridge]", "door is unknown"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, place: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f"{path}: {place}")


@pytest.mark.parametrize("text", ["[bridge", 'bridge = "x"', "receiver = []"])
def test_what_is_no_configuration(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"bridge\.toml: "):
        config.load(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "nowhere.toml")
