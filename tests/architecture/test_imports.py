"""Imports go one way (design §2)."""

from __future__ import annotations

import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, Import, files, imports

# What the portable core may take from its interpreters.
PURE = {"__future__", "typing", "collections", "hashlib", "binascii", "sys"}
BACK_END = ROOT / "receiver/crypto/host.py"  # CPython only: the host's cryptography
KERNELS = ROOT / "receiver/crypto/kernels"  # viper: what MicroPython alone can read
HOST = ROOT / "receiver/host"  # what the host's programs share and no chip holds
BACK_END_LIBRARIES = {"cryptography", "nacl"}
MICROPYTHON = {
    *("__future__", "asyncio", "bluetooth", "collections", "esp32", "gc", "hashlib", "io"),
    *("machine", "micropython", "os", "select", "sys", "termios", "time", "typing"),
}
# The receiver's own machine, and what phone and receiver write to each other: not the bridge's.
NOT_THE_BRIDGES = ("receiver.core", "receiver.protocol.exchange")
IO = {
    *("aiohttp", "asyncio", "concurrent", "ctypes", "fcntl", "http", "io", "logging"),
    *("multiprocessing", "os", "pathlib", "queue", "random", "secrets", "select", "serial"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "termios"),
    *("threading", "time", "urllib"),
}


def none(found: list[Import]) -> None:
    assert not found, "\n".join(map(str, found))


def test_the_tree_is_seen() -> None:
    """Else the rest would hold of nothing, from whichever directory pytest was started."""
    for package in PACKAGES:
        assert len(files(package)) > 2
        assert len(imports(package)) > 2


def test_relative_imports_are_resolved() -> None:
    names = [found.name for found in imports("receiver/core/receiver.py")]
    assert "receiver.core.sale_session.Sale" in names
    assert "receiver.errors.Error" in names
    assert "firmware.device.ports.interface.Ports" in [i.name for i in imports("firmware/device")]


def test_receiver_imports_nothing_of_ours_and_does_no_io() -> None:
    portable = [i for i in imports("receiver") if HOST not in i.file.parents]
    rest = [i for i in portable if i.file != BACK_END]
    kernels = [i for i in rest if KERNELS in i.file.parents]
    none([i for i in kernels if i.top != "micropython"])
    none([i for i in rest if i not in kernels and i.top not in {*PURE, "receiver"}])
    allowed = {*PURE, *BACK_END_LIBRARIES, "receiver"}
    none([i for i in imports("receiver") if i.file == BACK_END and i.top not in allowed])


def test_what_is_the_hosts_stays_on_the_host() -> None:
    found = [i for i in imports("receiver", "firmware/device") if HOST not in i.file.parents]
    none([i for i in found if i.within("receiver.crypto.host", "receiver.host")])
    none([i for i in imports("receiver/host") if i.within("bridge", "firmware", "simulator")])


def test_twins_stand_in_for_kernels_alone() -> None:
    """A twin is what CPython runs where a board runs the kernel of the same name."""
    twins = {path.stem for path in files("receiver/crypto/twins")}
    assert twins == {path.stem for path in files("receiver/crypto/kernels")}


def test_the_device_imports_only_the_receiver() -> None:
    def allowed(found: Import) -> bool:
        return found.top in MICROPYTHON or found.within("receiver", "firmware.device")

    none([i for i in imports("firmware/device") if not allowed(i)])


def test_only_ports_know_the_platform() -> None:
    """One file for each platform, and each program makes the choice once."""
    chip = {"bluetooth", "esp32", "machine"}
    places = ROOT / "firmware/device/ports"
    loader = ROOT / "firmware/device/main.py"  # must reset with nothing beside it
    found = [i for i in imports("receiver", "firmware/device") if i.top in chip]
    none([i for i in found if places not in i.file.parents and i.file != loader])
    ours = [i for i in imports("firmware/device") if i.within("firmware.device.ports")]
    programs = {ROOT / f"firmware/device/{name}.py" for name in ("boot", "service", "orders")}
    platforms = [f"firmware.device.ports.{name}" for name in ("esp32", "unix")]
    platforms += [f"{name}_service" for name in platforms]
    chosen = [i for i in ours if i.within(*platforms) and places not in i.file.parents]
    assert {i.file for i in chosen} == programs


def test_the_tools_share_the_bridges_edges_alone() -> None:
    """A laptop opens the same ports and asks the same authority."""
    edges = ("bridge.lines", "bridge.authority")
    found = [i for i in imports("firmware/tools") if i.within("bridge", "simulator")]
    none([i for i in found if not i.within(*edges)])


def test_the_bridge_imports_only_the_shared_vocabulary() -> None:
    none([i for i in imports("bridge") if i.within("firmware", "simulator", *NOT_THE_BRIDGES)])


def test_the_dispatcher_imports_nothing_of_the_others() -> None:
    main = [i for i in imports("bridge/cli/main.py") if i.within(*PACKAGES)]
    none([i for i in main if not i.within("bridge.__version__", "receiver.host.command")])


def test_the_phone_imports_nothing_of_the_bridge() -> None:
    none([i for i in imports("simulator/phone") if i.within("bridge")])


def test_no_other_package_imports_the_simulator() -> None:
    none([i for i in imports("receiver", "firmware", "bridge") if i.within("simulator")])


def test_no_package_imports_the_tests() -> None:
    none([i for i in imports(*PACKAGES) if i.within("tests")])


@pytest.mark.parametrize("start", ["bridge/domain", "receiver/core/receiver.py"])
def test_no_io_is_reached(start: str) -> None:
    """Not by the machines themselves, and not by what they import."""
    none([i for path in reached(start) for i in imports(str(path)) if i.top in IO])


def reached(start: str) -> set[Path]:
    """The files of ours that an import of this one runs; crypto back ends only calculate."""
    todo, done = set(files(start)), set[Path]()
    while todo:
        path = todo.pop()
        done.add(path)
        for found in imports(str(path)):
            todo |= {file for file in (module(found.name), module_of(found.name)) if file} - done
    return done


@pytest.mark.parametrize("package", ["receiver", "firmware", "simulator"])
def test_no_module_reaches_itself(package: str) -> None:
    """Imports inside functions and for types alone count too: they only hide a circle."""
    graph: dict[Path, set[Path]] = {path: set() for path in files(package)}
    for found in imports(package):
        imported = module(found.name) or module_of(found.name)
        if imported and imported != found.file:
            graph[found.file].add(imported)
    TopologicalSorter(graph).prepare()


def module(name: str) -> Path | None:
    path = ROOT / Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


def module_of(name: str) -> Path | None:
    return module(name.rpartition(".")[0]) if "." in name else None


def test_io_packages_are_the_standard_librarys_or_the_bridges() -> None:
    assert IO - {"aiohttp", "serial"} <= set(sys.stdlib_module_names)
