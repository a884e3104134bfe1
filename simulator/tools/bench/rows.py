"""Every row of `make bench`: its unit, its limits, and the lower bound or peer beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from simulator.tools import figures
from simulator.tools.chip.build import CODE_LIMIT
from simulator.tools.figures import number

LOWER, HIGHER = "lower", "higher"


class Row(NamedTuple):
    """A row. `better` is LOWER or HIGHER; numbers in the row's unit, None where there is none.

    The bench fails for a missed `budget`. A `goal` is not reached yet; once it is, it becomes the
    budget. `bound_is` names the lower bound or the peer, and `compiled` are the instructions of
    portable C (Monocypher 4, design §7).
    """

    unit: str
    budget: float | None = None
    bound_is: str = ""
    compiled: float | None = None
    goal: float | None = None
    better: str = LOWER


class Figure(NamedTuple):
    """What one run measured, in the row's unit; the bound where it is of the same run.

    `bound_is` replaces the row's where each run has other words.
    """

    value: float
    bound: float | None = None
    bound_is: str = ""


M, K = "M instr.", "k instr."
SALES_BEFORE_START = 100_000
LIBRARIES = "aiohttp, cryptography, nacl.bindings, serial, sqlite3"
IMPORTS = "import aiohttp, cryptography, nacl"
_PLAIN = "plain integers, on the same machine"
_BOTH, _SODIUM, _OPENSSL = (
    f"{name}, on this host" for name in ("libsodium and OpenSSL, both", "libsodium", "OpenSSL")
)
_FLOOR = "its commits and signature checks alone"
_ESPTOOL = "esptool's library alone: connect, write, verify, reset"
_HTTP_ALONE = "a TLS request and an answer by aiohttp alone, processor time"
_SALE_ALONE = "5 commits, 3 answers, 2 TLS posts alone, both ends in one process"

ROWS = {
    # The device's arithmetic on the RISC-V machine (issue 11).
    "ed25519_check": Row(M, 6, _PLAIN, 3.1),
    "ed25519_verify": Row(M, 13, _PLAIN, 3.1),
    "ed25519_sign": Row(M, 6, _PLAIN),
    "ed25519_key": Row(M),
    "x25519": Row(M, 9, _PLAIN, 2.2),
    "p256_verify": Row(M, 16, _PLAIN),
    "p256_check": Row(M, 7, _PLAIN),
    "p256_key": Row(M),
    "sha512_block": Row(K, 60),
    "chacha_seal_200": Row(K, 100),
    "ed25519_verify_bytes": Row("kB", 8),  # allocated
    "p256_verify_bytes": Row("kB", 15),
    "longest_slice": Row(M, 3),  # the longest that radio and serial line can wait
    "collection": Row(M),  # one, of 80 kB
    "kernels_xtensawin": Row("bytes", CODE_LIMIT),
    # The built firmware on the RISC-V machine, with four phones at a sale.
    "chip_pool_littlefs": Row("kB", goal=168),  # 1000 bytes: heap and native code
    "chip_pool_frozen": Row("kB", 85),
    "chip_pool_in_pieces": Row("kB", 90),  # two, 50 and 40
    "chip_harness": Row("kB"),  # of these: what stands in for the radio, and is C on a chip
    "chip_boot_littlefs": Row(M, goal=60),
    "chip_boot_frozen": Row(M, goal=35),
    "chip_turn_littlefs": Row(M, goal=3),  # without a collection in it
    "chip_turn_frozen": Row(M, goal=3),
    "chip_turn_collecting_littlefs": Row(M, goal=4),
    "chip_turn_collecting_frozen": Row(M, goal=4),
    "chip_collection_littlefs": Row(M),
    "chip_collection_frozen": Row(M),
    "chip_collections_littlefs": Row("", goal=30),
    "chip_collections_frozen": Row("", goal=30),
    # The same on this host, inside MicroPython.
    "ed25519_check_micropython": Row("ms", bound_is=_BOTH),
    "ed25519_verify_micropython": Row("ms", bound_is=_BOTH),
    "ed25519_sign_micropython": Row("ms", bound_is=_SODIUM),
    "x25519_micropython": Row("ms", bound_is=_OPENSSL),
    "p256_check_micropython": Row("ms", bound_is=_OPENSSL),
    "p256_verify_micropython": Row("ms", bound_is=_OPENSSL),
    "sha512_block_micropython": Row("ms", bound_is=_OPENSSL),
    "chacha_seal_200_micropython": Row("ms", bound_is=_OPENSSL),
    # The device's heap; 24 kB in a chip's words (design §7).
    "heap_four_sessions": Row("kB", 48, "the same without a sale"),
    # Whole sales, and the receiver's start.
    "sale_approval_to_till": Row("ms", 400),
    "sale_over_its_parts": Row("", 1.3, goal=1.15),
    "bridge_own_share": Row("ms", 10, _FLOOR),
    "authority_answer": Row("ms"),
    "receiver_verdict": Row("ms"),
    "boot_to_hello": Row("ms", 1000, "an empty script in the same interpreter"),
    "enrolment": Row("s", 5),  # without the time of the second person
    # One approval's way through the bridge. Three commits: the approval with its request, the
    # verdict, that the till is notified.
    "approval_bridge_files": Row("files", goal=22),
    "approval_bridge_moves": Row("moves", 160),
    "approval_bridge_calls": Row("calls", 1_350),  # half of the first figure
    "approval_cose_parses": Row("parses", 2),  # of the approval and of the receipt
    "approval_commits": Row("commits", 3),
    "approval_own_bare": Row("ms", bound_is=_HTTP_ALONE, goal=1.5),
    "demo": Row("s", 60),
    # Many sales through one bridge.
    "load_rate": Row("sales/s", 50, _SALE_ALONE, better=HIGHER),
    "load_own_share": Row("ms", 10, _FLOOR),
    "load_own_share_over_bound": Row("", goal=3),
    "load_own_share_p99": Row("ms", 50),
    "load_bridge_cpu": Row("ms/sale", bound_is=_SALE_ALONE),
    "load_bridge_cpu_over_bound": Row("", goal=3.5),
    "load_memory": Row("MB", 200, f"a process that imports {LIBRARIES}"),
    "load_memory_growth": Row("", 1.05),  # at the last sale, relative to a tenth of them
    # The bridge's start.
    f"cold_start_{SALES_BEFORE_START}": Row("s", 2, "the same with an empty journal"),
    "cold_start_empty": Row("s", goal=0.27, bound_is=f"python -c '{IMPORTS}'"),
    # A firmware update over the simulated line at 115,200 baud.
    "update_transfer": Row(
        "s", bound_is="the bytes of its frames and their acknowledgements, one after the other"
    ),
    "update_of_bound": Row("", 0.9, better=HIGHER),
    # What a technician waits for.
    "image_build": Row("s", 5),  # of one board's release
    "image_build_differing": Row("files", 0),  # of two builds of the same sources
    "flash_2_mb": Row("s", bound_is=_ESPTOOL),
    "flash_2_mb_over_esptool": Row("", 1.2),
    # The authority on PostgreSQL, with and without itself.
    "authority_pairs": Row("pairs/s", better=HIGHER),
    "authority_pairs_share": Row("", 0.5, better=HIGHER),
}  # fmt: skip


def holds(row: Row, value: float) -> bool | None:
    """Return whether the budget is met; None without one."""
    if row.budget is None:
        return None
    return value <= row.budget if row.better == LOWER else value >= row.budget


def missed(measured: Mapping[str, Figure]) -> list[str]:
    """Return the names of the rows whose budget is missed."""
    return [name for name, figure in measured.items() if holds(ROWS[name], figure.value) is False]


def write(measured: Mapping[str, Figure], path: Path) -> None:
    """Write the rows as JSON: name → unit, limits, value, bound and so on."""
    document = {
        name: {**ROWS[name]._asdict(), **_known(figure)} for name, figure in measured.items()
    }
    figures.write(document, path)


def _known(figure: Figure) -> dict[str, object]:
    return {name: value for name, value in figure._asdict().items() if value not in (None, "")}


def show(measured: Mapping[str, Figure]) -> None:
    """Show the rows as one table."""
    columns = ["what", "value", "unit", "C", "budget", "verdict", "goal", "bound"]
    table = figures.table(*columns, "the bound is", words=("unit", "verdict", "the bound is"))
    for name, figure in measured.items():
        row = ROWS[name]
        verdict = {True: "holds", False: "MISSED", None: ""}[holds(row, figure.value)]
        numbers = [number(n) for n in (row.compiled, row.budget)]
        limits = (verdict, number(row.goal), number(figure.bound), figure.bound_is or row.bound_is)
        style = "red" if verdict == "MISSED" else ""
        table.add_row(name, number(figure.value), row.unit, *numbers, *limits, style=style)
    figures.console().print(table)
