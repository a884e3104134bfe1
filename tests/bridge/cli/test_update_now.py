"""`tillsign update now` against a bridge that answers from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.main import main

TILL = 7
TOKEN = "t" * 40
CONFIG = """\
[bridge]
id = "3f9c0d5511a7e204"
journal = "journal.sqlite"
pins = "pins"
[till]
listen = "127.0.0.1:{port}"
token = "token"
[authority]
url = "https://authority.example"
ca = "ca.pem"
certificate = "bridge.pem"
key = "bridge-key.pem"
[[receiver]]
till = 7
serial = "84:F7:03:C0:FF:EE"
certificate = "till-7.cose"
"""


def update(phase: str, outcome: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "attempt": 1,
        "phase": phase,
        "release": 2,
        "version": "0.2.0",
        "offset": 50,
        "size": 200,
        "outcome": outcome,
        "reason": None,
        **more,
    }


class Script(ThreadingHTTPServer):
    """`looks` are the answers about the receiver, the last one again and again."""

    looks: list[dict[str, Any]]
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Script

    def do_POST(self) -> None:
        self.answer({"till": TILL, "attempt": 1})

    def do_GET(self) -> None:
        looks = self.server.looks
        look = looks.pop(0) if len(looks) > 1 else looks[0]
        self.answer({"receivers": [{"till": TILL, "release": 2, **look}]})

    def answer(self, found: Any) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        is_known = f"/{TILL}/" in self.path or self.path == "/v1/receivers"
        self.send_response(200 if allowed and is_known else 404)
        self.end_headers()
        refused = {"detail": "no receiver serves this till"}
        self.wfile.write(json.dumps(found if allowed and is_known else refused).encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Script]:
    with Script(("127.0.0.1", 0), Handler) as server:
        server.looks, server.asked = [{"update": None, "update_waits": False}], []
        (tmp_path / "bridge.toml").write_text(CONFIG.format(port=server.server_port))
        (tmp_path / "token").touch(0o600)
        (tmp_path / "token").write_text(TOKEN)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(tmp_path: Path, *more: str, till: int = TILL) -> int:
    return main(
        ["update", "now", "--till", str(till), "--config", str(tmp_path / "bridge.toml"), *more]
    )


def test_it_shows_phases_and_the_result(
    tmp_path: Path, bridge: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.looks = [
        {"update": None, "update_waits": True},
        {"update": update("sending"), "update_waits": True},
        {"update": update("done", "installed"), "update_waits": False},
    ]
    assert run(tmp_path) == 0
    said = capsys.readouterr()
    assert said.out == "release 2 (0.2.0) is installed\n"
    assert "waiting" in said.err
    assert "sending: 25 %" in said.err


def test_what_went_wrong_is_the_exit_code(
    tmp_path: Path, bridge: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = update("done", "went_back", reason="store_failed")
    bridge.looks = [{"update": failed, "update_waits": False}]
    assert run(tmp_path) == 1
    assert "went_back: store_failed" in capsys.readouterr().out
    assert run(tmp_path, "--json") == 1
    assert json.loads(capsys.readouterr().out)["update"]["reason"] == "store_failed"


def test_nothing_to_do(tmp_path: Path, bridge: Script, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    assert "nothing to do: release 2" in capsys.readouterr().out


def test_order_and_cancel(tmp_path: Path, bridge: Script) -> None:
    assert run(tmp_path, "--no-wait") == 0
    assert run(tmp_path, "--cancel") == 0
    path = f"POST /v1/receivers/{TILL}/update"
    assert bridge.asked == [path, f"{path}/cancel"]


def test_what_the_bridge_refuses(
    tmp_path: Path, bridge: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, till=8) == 1
    assert "no receiver serves this till" in capsys.readouterr().out


def test_no_bridge_and_no_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "bridge.toml").write_text(CONFIG.format(port=1))
    assert run(tmp_path) == 1
    assert "does it run?" in capsys.readouterr().out
    (tmp_path / "bridge.toml").write_text(CONFIG.format(port=0))
    assert run(tmp_path) == 2
    assert "--till-api" in capsys.readouterr().err
