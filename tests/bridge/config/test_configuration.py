"""The bridge's configuration: every key known, every mistake named with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config import configuration
from bridge.config.configuration import ConfigError, Listen, Tls

GOOD = """
[bridge]
id = "0011223344556677"
journal = "state/journal.sqlite"
pins = "pins"

[till]
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

[[receiver]]
till = 5
serial = "84:F7:03:C0:FF:EE"
certificate = "till5"
"""
SERVED = """
[till]
listen = "0.0.0.0:8470"
certificate = "till.pem"
key = "till-key.pem"
token = "token"
hosts = ["Tills.example", "192.0.2.9", "[2001:db8::7]"]
"""
AUTHORITY = GOOD[GOOD.index("[authority]") : GOOD.index("[[receiver]]")]
LOCAL = """
[till]
listen = "127.0.0.1:0"
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "bridge.toml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    found = configuration.load(written(tmp_path, GOOD))
    assert found.id == bytes.fromhex("0011223344556677")
    assert found.journal == tmp_path / "state/journal.sqlite"
    assert found.listen == Listen("127.0.0.1", 0)
    assert found.authority.url == "https://authority.example:8443"
    assert found.authority.certificate == Path("/etc/tillsign/client.pem")
    assert found.authority.timeout_s == 2.5
    assert [(row.till, row.line, row.serial) for row in found.receivers] == [
        (3, "/dev/ttyUSB0", ""),
        (4, "socket://192.0.2.7:4001", ""),
        (5, "usb:84:F7:03:C0:FF:EE", "84:F7:03:C0:FF:EE"),
    ]


def test_what_may_be_left_out(tmp_path: Path) -> None:
    found = configuration.load(
        written(tmp_path, GOOD.replace("timeout_s = 2.5\n", "").replace(LOCAL, ""))
    )
    assert found.authority.timeout_s == configuration.DEFAULT_TIMEOUT_S
    assert (found.listen, found.offline) == (Listen("127.0.0.1", 8470), False)
    assert found.drain_s == configuration.DEFAULT_DRAIN_S


def test_another_address_with_all_that_it_needs(tmp_path: Path) -> None:
    found = configuration.load(written(tmp_path, GOOD.replace(LOCAL, SERVED))).listen
    tls = Tls(tmp_path / "till.pem", tmp_path / "till-key.pem")
    hosts = ("tills.example", "192.0.2.9", "2001:db8::7")
    assert found == Listen("0.0.0.0", 8470, tls, tmp_path / "token", hosts)


def refused(directory: Path, text: str, words: str) -> None:
    """The file with this text is not taken; what is said begins with its path and these words."""
    path = written(directory, text)
    with pytest.raises(ConfigError) as caught:
        configuration.load(path)
    assert str(caught.value).startswith(f"{path}: {words}")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('certificate = "till.pem"\n', "[till] certificate and key need each other"),
        ('key = "till-key.pem"\n', "[till] certificate and key need each other"),
        (
            'certificate = "till.pem"\nkey = "till-key.pem"\n',
            "[till] listen must be loopback: 0.0.0.0 needs certificate, key and token",
        ),
        ('token = "token"\n', "[till] listen must be loopback"),
        ('hosts = ["Tills.example", "192.0.2.9", "[2001:db8::7]"]\n', "[till] hosts is missing"),
    ],
)
def test_another_address_needs_all_of_it(tmp_path: Path, line: str, place: str) -> None:
    refused(tmp_path, GOOD.replace(LOCAL, SERVED.replace(line, "")), place)


def test_loopback_may_ask_for_a_token_as_well(tmp_path: Path) -> None:
    text = GOOD.replace(LOCAL, LOCAL + 'token = "token"\n')
    assert configuration.load(written(tmp_path, text)).listen.token == tmp_path / "token"


def test_offline_is_switched_on_by_hand(tmp_path: Path) -> None:
    assert configuration.load(written(tmp_path, GOOD + "[offline]\nenabled = true\n")).offline


@pytest.mark.parametrize("listen", ["localhost:80", "127.9.9.9:80", "[::1]:80"])
def test_loopback_has_many_names(tmp_path: Path, listen: str) -> None:
    text = GOOD.replace("127.0.0.1:0", listen)
    assert configuration.load(written(tmp_path, text)).listen.port == 80


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('id = "0011223344556677"', 'id = "001122"', "[bridge] id must"),
        ('id = "0011223344556677"', 'id = "zz11223344556677"', "[bridge] id must"),
        ('id = "0011223344556677"', "id = 1", "[bridge] id must"),
        ('id = "0011223344556677"', "", "[bridge] id is missing"),
        ('pins = "pins"', 'pins = ""', "[bridge] pins must"),
        ('pins = "pins"', 'pins = "pins"\ncolour = "red"', "[bridge] colour is unknown"),
        ("127.0.0.1:0", "0.0.0.0:80", "[till] listen must"),
        ("127.0.0.1:0", "192.0.2.1:80", "[till] listen must"),
        ("127.0.0.1:0", "till.example:80", "[till] listen must"),
        ("127.0.0.1:0", "127.0.0.1", "[till] listen must"),
        ("127.0.0.1:0", "127.0.0.1:70000", "[till] listen must"),
        ("https://", "http://", "[authority] url must"),
        ("timeout_s = 2.5", "timeout_s = 0", "[authority] timeout_s must"),
        ("timeout_s = 2.5", "timeout_s = true", "[authority] timeout_s must"),
        ("timeout_s = 2.5", "timeout_s = nan", "[authority] timeout_s must"),
        ("timeout_s = 2.5", "timeout_ms = 5", "[authority] timeout_ms is unknown"),
        ("till = 4", "till = 3", "receiver must have a till number of its own"),
        ("socket://192.0.2.7:4001", "/dev/ttyUSB0", "receiver must have a port of its own"),
        ("till = 4", 'till = 4\nserial = "X"', "[receiver 2] url or serial must"),
        ('url = "/dev/ttyUSB0"', "", "[receiver 1] url or serial must"),
        ('serial = "84:F7:03:C0:FF:EE"', 'serial = ""', "[receiver 3] serial must"),
        (LOCAL, LOCAL + "hosts = []", "[till] hosts must"),
        (LOCAL, LOCAL + 'hosts = ["a b"]', "[till] hosts must"),
        (LOCAL, LOCAL + 'hosts = "till.example"', "[till] hosts must"),
        (LOCAL, LOCAL + "[offline]\nenabled = 1", "[offline] enabled must"),
        (LOCAL, LOCAL + "[offline]\nfloor = 1", "[offline] floor is unknown"),
        ('pins = "pins"', 'pins = "pins"\ndrain_s = 121', "[bridge] drain_s must"),
        ("till = 4", "till = 0", "[receiver 2] till must"),
        ("till = 4", "till = 65536", "[receiver 2] till must"),
        ("till = 4", "till = 4.0", "[receiver 2] till must be a number from 1 to 65535"),
        ("till = 4", "till = 4\nspeed = 9600", "[receiver 2] speed is unknown; known keys: till"),
        ("till = 4\n", "", "[receiver 2] till is missing: a number from 1 to 65535"),
        ('"https://authority.example:8443/"', '"https://"', "[authority] url must be an address"),
        (LOCAL, "[till]\nlisten = 8470\n", "[till] listen must be an address as"),
        (LOCAL, LOCAL + "hosts = [7]", "[till] hosts must be a list of names as"),
        (LOCAL, LOCAL + "token = true", "[till] token must be a path"),
        (
            "[authority]",
            "[authorities]",
            "authorities is unknown; known keys: bridge, authority, receiver, till, offline",
        ),
        (AUTHORITY, "", "authority is missing: a table [authority]"),
        ("[bridge]", "[door]\n[bridge]", "door is unknown"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, place: str) -> None:
    refused(tmp_path, GOOD.replace(old, new), place)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[bridge", "is not TOML"),
        ('bridge = "x"', "bridge must be a table [bridge]"),
        ("receiver = 1", "receiver must be tables [[receiver]]"),
        ("receiver = [1]", "receiver must be tables [[receiver]]"),
        ("", "bridge is missing: a table [bridge]"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, text: str, place: str) -> None:
    refused(tmp_path, text, place)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        configuration.load(tmp_path / "nowhere.toml")
