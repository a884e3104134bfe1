"""`tillsign`: help at every level, exit codes, and a bridge from its ready line to its stop."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import pytest

from bridge import __version__
from bridge.cli import main as cli
from bridge.config.private_files import OTHERS
from receiver.host.command import GROUP
from receiver.protocol import pins
from simulator.authority.keys import Keys
from simulator.crypto.pki import DemoCa
from simulator.processes.child_process import ChildProcess
from tests.support.values import evidence

PATIENCE_S = 20.0


def written(directory: Path, receiver_url: str = "socket://127.0.0.1:1") -> Path:
    """The configuration of a bridge whose receiver and authority are away."""
    keys, ca = Keys(directory / "keys.json"), DemoCa(directory / "tls")
    client = ca.client("bridge")
    (directory / "pins").write_bytes(pins.encode(keys.pins()))
    certificate = evidence.certificate(keys, evidence.seed("receiver"), 4_000_000_000)
    (directory / "certificate").write_bytes(certificate)
    path = directory / "bridge.toml"
    path.write_text(f"""
[bridge]
id = "0011223344556677"
journal = "journal.sqlite"
pins = "pins"
[till]
listen = "127.0.0.1:0"
[authority]
url = "https://127.0.0.1:1"
ca = "{ca.certificate}"
certificate = "{client.certificate}"
key = "{client.key}"
[[receiver]]
till = 1
url = "{receiver_url}"
certificate = "certificate"
""")
    return path


def shared(directory: Path) -> list[Path]:
    """What the bridge made there that others may touch."""
    made = list(directory.rglob("journal*"))
    assert made
    return [path for path in made if path.stat().st_mode & OTHERS]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["bridge", "The daemon between till, receivers and authority"]),
        (["bridge", "--help"], ["run", "Serve until stopped"]),
        (["bridge", "run", "--help"], ["--config FILE", "a TOML file"]),
        (["--version"], [f"tillsign {__version__}"]),
    ],
)
def test_help_at_every_level(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    for word in words:
        assert word in shown


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["bridge"], ["bridge", "run"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


@pytest.mark.usefixtures("root_logger", "private_files")
def test_a_wrong_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bridge", "run", "--config", str(tmp_path / "nowhere.toml")]) == 2
    assert "nowhere.toml: cannot be read" in capsys.readouterr().err
    path = written(tmp_path)
    (tmp_path / "certificate").write_bytes(b"?")
    assert cli.main(["bridge", "run", "--config", str(path)]) == 2
    assert "certificate" in capsys.readouterr().err


def test_the_dispatcher_knows_no_command() -> None:
    text = Path(cli.__file__).read_text()
    assert GROUP == "tillsign.commands"
    assert "import bridge." not in text
    assert re.findall(r"from (\S+) import", text) == [
        "__future__",
        "importlib.metadata",
        "bridge",
        "receiver.host.command",
    ]


async def logged(lines: asyncio.StreamReader, event: str) -> dict[str, str]:
    """The next line about `event`."""
    while True:
        line: dict[str, str] = json.loads(await lines.readline())
        if line["event"] == event:
            return line


async def test_a_bridge_serves_until_it_is_stopped(tmp_path: Path) -> None:
    process = await ChildProcess.start(
        sys.executable,
        "-c",
        "import sys; from bridge.cli.main import main; sys.exit(main())",
        "bridge",
        "run",
        "--config",
        str(written(tmp_path)),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        ready = json.loads(await process.ready())
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ready["till_api"])
        certificate = tmp_path / "certificate"
        good = certificate.read_bytes()
        certificate.write_bytes(good[:-1])
        process.send_signal(signal.SIGHUP)
        said = await logged(process.stderr, "file not reloaded")
        assert said["what"] == "receiver of till 1"
        certificate.write_bytes(good)
        process.send_signal(signal.SIGHUP)
        await logged(process.stderr, "all files reloaded")
        process.send_signal(signal.SIGTERM)
        code, rest, log = await process.ended()
    assert (code, rest) == (0, "")
    events = [json.loads(line)["event"] for line in log.splitlines()]
    last = events[events.index("stopping") :]  # before it, what is away may be told again
    assert [it for it in last if it != "line away"] == ["stopping", "stopped"]
    assert shared(tmp_path) == []
