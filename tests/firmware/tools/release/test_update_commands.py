"""`tillsign update`: keys, signatures on machines apart, publishing, and what is refused."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.authority.messages import ReceiverId
from bridge.authority.update_messages import OutcomeReport, UpdateOutcome
from bridge.cli.main import main
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.protocol import firmware
from simulator.authority import Authority
from simulator.authority.updates import releases as booked
from simulator.world.enrolment import new_receiver
from tests.support.values import evidence, releases

Run = Callable[..., Any]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command's exit code, and what it says for programs."""

    def run(*words: object, status: int = 0, as_json: bool = True) -> Any:
        more = ["--json"] if as_json else []
        assert main(["update", *map(str, words), *more]) == status
        said = capsys.readouterr()
        return json.loads(said.out) if as_json and status != 2 else said.out + said.err

    return run


@pytest.fixture
def keys(tmp_path: Path, run: Run) -> list[Path]:
    """Three private key files; the public ones are in one file."""
    paths = [tmp_path / f"holder-{n}.key" for n in (1, 2, 3)]
    for n, path in enumerate(paths, 1):
        run("key", "--epoch", n, "--key", path, "--public", tmp_path / "firmware-keys.json")
    return paths


@pytest.fixture
def build(tmp_path: Path) -> Path:
    releases.build(tmp_path / "build")
    return tmp_path / "build"


def test_keys_are_private_and_never_replaced(tmp_path: Path, keys: list[Path], run: Run) -> None:
    public = json.loads((tmp_path / "firmware-keys.json").read_text())
    assert sorted(public) == ["0501", "0502", "0503"]
    for path in keys:
        stored = json.loads(path.read_text())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        seed = bytes.fromhex(stored["seed"])
        assert public[stored["kid"]] == host.ed25519_public(seed).hex()
    command = ["key", "--epoch", 1, "--public", tmp_path / "firmware-keys.json", "--key"]
    assert "is there already" in run(*command, keys[0], status=2)
    assert "another --epoch" in run(*command, tmp_path / "fourth.key", status=2)
    assert "from 1 to 255" in run("key", "--epoch", 0, *command[3:], keys[0], status=2)


def test_two_of_three_sign_apart(tmp_path: Path, build: Path, keys: list[Path], run: Run) -> None:
    first = run("sign", "--build", build, "--key", keys[0])
    assert (first["complete"], first["signers"]) == (False, ["0501"])
    assert not (build / "manifest.signed").exists()
    elsewhere = tmp_path / "elsewhere"
    releases.build(elsewhere)
    run("sign", "--build", elsewhere, "--key", keys[2])
    (build / "manifest.0503.sig").write_bytes((elsewhere / "manifest.0503.sig").read_bytes())
    second = run("sign", "--build", build, "--key", keys[0])
    assert second["complete"]
    public = json.loads((tmp_path / "firmware-keys.json").read_text())
    pins = {bytes.fromhex(kid): bytes.fromhex(key) for kid, key in public.items()}
    signed = (build / "manifest.signed").read_bytes()
    assert finish(firmware.read_job(signed, pins, host)) == releases.made().manifest


def test_the_signer_sees_what_is_signed(build: Path, keys: list[Path], run: Run) -> None:
    said = run("sign", "--build", build, "--key", keys[0], as_json=False)
    manifest = releases.made().manifest
    for words in (manifest.version, "release  2", manifest.board_class, manifest.git.hex()):
        assert words in said
    for file in manifest.files:
        assert f"{file.hash.hex()} {file.size:>8} {file.path}" in said
    assert "1 signature of another key holder" in said


def overwrite(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (("slot/boot.mpy", b"other"), "is not the file in the manifest"),
        (("slot/boot.mpy", None), "No such file"),
        (("slot/more.py", b""), "more.py is not in the manifest"),
        (("manifest", b"\x00"), "build it again"),
        (("manifest", None), "holds no release"),
    ],
)
def test_nothing_is_signed_that_the_files_do_not_prove(
    build: Path, keys: list[Path], run: Run, damage: tuple[str, bytes | None], words: str
) -> None:
    overwrite(build / damage[0], damage[1])
    assert words in run("sign", "--build", build, "--key", keys[0], status=1)["error"]
    assert not list(build.glob("*.sig"))


def test_signatures_of_another_build_do_not_count(build: Path, keys: list[Path], run: Run) -> None:
    for key in keys[:2]:
        run("sign", "--build", build, "--key", key)
    releases.build(build, 3)
    third = run("sign", "--build", build, "--key", keys[2])
    assert (third["complete"], third["signers"]) == (False, ["0503"])
    assert not (build / "manifest.signed").exists()


def test_a_key_that_others_may_read_is_refused(build: Path, keys: list[Path], run: Run) -> None:
    keys[0].chmod(0o644)
    assert f"chmod 600 {keys[0]}" in run("sign", "--build", build, "--key", keys[0], status=2)
    (build / "slot/boot.mpy").chmod(0o600)
    said = run("sign", "--build", build, "--key", build / "slot/boot.mpy", status=2)
    assert "no key file" in said


@pytest.mark.processes
async def test_publish_and_status(tmp_path: Path, build: Path, keys: list[Path], run: Run) -> None:
    """A half-signed release is refused before the network, one by strangers by the authority."""
    folder = tmp_path / "authority"
    folder.mkdir()
    (folder / "firmware-keys.json").write_bytes((tmp_path / "firmware-keys.json").read_bytes())
    async with Authority(folder) as authority:
        (tmp_path / "token").write_text(authority.admin_token + "\n")
        where = [
            *("--authority", authority.url, "--token-file", tmp_path / "token"),
            *("--ca", authority.ca.certificate),
        ]

        async def ask(*words: object, status: int = 0) -> Any:
            return await asyncio.to_thread(run, *words, *where, status=status)

        assert (await ask("status"))["releases"] == []
        run("sign", "--build", build, "--key", keys[0])
        said = await ask("publish", "--build", build, status=1)
        assert "fewer than two signatures" in said["error"]
        run("sign", "--build", build, "--key", keys[1])
        found = await ask("publish", "--build", build, "--share", 20, "--least-reports", 1)
        assert (found["share"], found["stop_at"], found["stopped"]) == (20, 10, None)
        found = await ask("publish", "--build", build, "--share", 60, "--least-reports", 1)
        assert found["share"] == 60
        client = authority.ca.client("bridge").fingerprint()
        new_receiver(authority, client, receiver_id=evidence.RECEIVER_ID)
        report = OutcomeReport(ReceiverId(evidence.RECEIVER_ID), UpdateOutcome.FAILED, "no_room")
        booked.report(authority.office.store, releases.made().id, report, 1)
        [status] = (await ask("status"))["releases"]
        assert (status["stopped"], status["reasons"]) == ("failures", {"no_room": 1})
        lines = await asyncio.to_thread(run, "status", *where, as_json=False)
        assert "stopped: failures" in lines
        assert "1 × no_room" in lines
        found = await ask("publish", "--build", build, "--share", 60, "--resume")
        assert found["stopped"] is None
        found = await ask("publish", "--build", build, "--stop")
        assert (found["stopped"], found["share"]) == ("administrator", 60)
        (tmp_path / "token").write_text("guessed")
        assert "not the administrator's" in (await ask("status", status=1))["error"]


@pytest.mark.parametrize(
    ("option", "value"), [("--share", 101), ("--stop-at", 0), ("--least-reports", 0)]
)
def test_settings_out_of_range(tmp_path: Path, run: Run, option: str, value: int) -> None:
    where = ["--authority", "https://127.0.0.1:1", "--token-file", tmp_path / "none"]
    said = run("publish", "--build", tmp_path, *where, option, value, status=2)
    assert option in said


def test_an_authority_that_is_away(tmp_path: Path, run: Run) -> None:
    (tmp_path / "token").write_text("token")
    where = ["--token-file", tmp_path / "token", "--authority"]
    assert "no answer" in run("status", *where, "https://127.0.0.1:1", status=1)["error"]
    assert "https://" in run("status", *where, "http://127.0.0.1:1", status=2)
    where[1] = tmp_path / "none"
    assert "--token-file" in run("status", *where, "https://127.0.0.1:1", status=2)
