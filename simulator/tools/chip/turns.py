"""Measure a turn of the device's loop on the 32-bit machine: with nothing to do, and with an event.

Usage: python -m simulator.tools.chip.turns

The real loop, core and radio pump run between stand-ins for the radio's stack and the line, which
cost next to nothing. Collections are off: they have a figure of their own. The modules are
compiled each by itself; as the built image they are a little faster.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from firmware.tools.compile import ROOT, device_files
from receiver.protocol.enrolment import STORED_NAME
from simulator.authority.keys import Keys
from simulator.authority.storage.store import Store
from simulator.hardware.rv32 import program
from simulator.tools import figures
from simulator.virtual import enrolled

from .build import compile_source

TILL = 7
_ARCHITECTURE = "rv32imc"
_LIBRARY = "firmware/device/lib"
_POOL = 1_000_000  # bytes: nothing has to be collected

# Names of events, and what the radio's stack says (MicroPython's IRQ numbers). The write is a phone
# that leaves.
_PROGRAM = """
import gc, virt
from given import NAME, STORED
from firmware.device import boot
from firmware.device.app import App
from firmware.device.ports.interface import Ports
from firmware.device.radio import Radio
from firmware.device.serial import Serial
from receiver.core.receiver import Receiver
from receiver.crypto import portable
from receiver.link.link import Link

EVENTS = (
    ("connected", 1, (0, 0, b"phone1")),
    ("mtu", 21, (0, 247)),
    ("written", 3, (0, 3)),
    ("disconnected", 2, (0, 0, b"phone1")),
)

class Around:
    name, fits, dropped, writing, now = "virtual", True, 0, False, 0
    def get(self, name): return STORED if name == NAME else b""
    def put(self, name, data): pass
    def ms(self): return self.now
    def reset_cause(self): return 0
    def feed(self): pass
    def light(self, colour): pass
    def keep_image(self): pass
    def active(self, *on): return True
    def irq(self, handler): self.handler = handler
    def config(self, **values): pass
    def gatts_register_services(self, services): return ((1, 2, 3),)
    def gatts_set_buffer(self, handle, size): pass
    def gatts_write(self, handle, data): pass
    def gatts_read(self, handle): return b"\\x07"
    def gatts_notify(self, *values): pass
    def gap_advertise(self, *values, **more): pass
    def gattc_exchange_mtu(self, link): pass
    def gap_disconnect(self, link): return True
    def read(self): return None
    def write(self, data): pass
    def pump(self): pass

around = Around()
radio = Radio(around, str, lambda: None)
ports = Ports(
    around, str, None, None, None, around, lambda size: bytes(range(size)), around, around
)
receiver = Receiver(boot.identity(ports, portable))
app = App(Serial(Link(b"abc\\1", b"hello", host=False), receiver), radio, around, ports)
while app.step() == 0:  # keys are made ahead
    around.now += 1
for name, number, data in EVENTS:  # this loads what they need
    around.handler(number, data)
    app.step()

def spent(work, *arguments):
    gc.collect()
    gc.disable()
    start = virt.cycles()
    work(*arguments)
    cost = virt.cycles() - start
    gc.enable()
    return cost

def mean(costs):
    return sum(costs) // len(costs)

print("rest", mean([spent(app.step) for _ in range(20)]))
for name, number, data in EVENTS:
    around.now += 1
    print("handler", spent(around.handler, number, data))
    print(name, spent(app.step))
"""


class Turns(NamedTuple):
    """Instructions of one turn of the loop."""

    rest: int  # with nothing to do
    events: dict[str, int]  # with one event of the radio, by its name

    @property
    def event(self) -> int:
        """What an event adds to a turn, in the mean."""
        return sum(self.events.values()) // len(self.events) - self.rest


def measure() -> Turns:
    """Run the loop; raises ProgramError, ToolsMissingError without the machine."""
    files = {
        **dict(_device()),
        "/given.py": f"NAME, STORED = {STORED_NAME!r}, {_enrolment()!r}".encode(),
        "/program.py": _PROGRAM.encode(),
    }
    said = [line.split() for line in program.run(files, pool=(_POOL,)).splitlines()]
    costs = {name: int(cost) for name, cost in said if name != "handler"}
    return Turns(costs.pop("rest"), costs)


def _device() -> Iterator[tuple[str, bytes]]:
    """Return the device's modules as a board may have them, by path."""
    for path in device_files():
        source = (ROOT / path).read_text()
        yield f"/{path.with_suffix('.mpy')}", compile_source(source, _ARCHITECTURE, str(path))
    for path in (ROOT / _LIBRARY).glob("*.py"):
        yield f"/{path.name}", path.read_bytes()


def _enrolment() -> bytes:
    """Return what an enrolled receiver has in its store."""
    with TemporaryDirectory() as directory:
        store, keys = Store(Path(directory, "books")), Keys(Path(directory, "keys"))
        seed = enrolled.seed_of("turns")
        one = enrolled.enrol(store, keys, TILL, seed, "client", now=int(time.time()))
        store.close()
        return enrolled.stored(one, keys, TILL)


def main() -> None:
    """Print one table."""
    found = measure()
    table = figures.table("turn with", "k instr.")
    table.add_row("nothing to do", f"{found.rest / 1000:,.0f}")
    for name, cost in found.events.items():
        table.add_row(name, f"{cost / 1000:,.0f}")
    console = figures.console()
    console.print(table)
    console.print(f"an event adds {found.event:,} instructions in the mean")


if __name__ == "__main__":
    main()
