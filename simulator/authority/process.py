"""The authority in its own process, which may be killed at any moment; used as `Authority` is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from signal import SIGKILL

from simulator.authority.accounts.demo_data import DemoWorld
from simulator.authority.accounts.receivers import Terms
from simulator.authority.api.client import Administered
from simulator.authority.ledger.journal_positions import LEASE_S
from simulator.authority.storage.store import Store
from simulator.crypto import pki
from simulator.processes.child_process import ServerProcess
from simulator.processes.scope import Scope

from .accounts import demo_data
from .keys import Keys
from .service import BOOKS, KEYS, TLS, held_port

PROCESSES = 4  # with a database: while one waits for it, another continues

_HOST = "127.0.0.1"


class AuthorityProcess(ServerProcess, Administered, Scope):
    """An async context manager; `stop` and `start` keep port, keys, token and books.

    The administrator's calls (`admin`, `enrol_receiver`, `seed_demo`, `activation`) wait for
    their answers.
    """

    def __init__(
        self, directory: Path, database: str | None = None, *, lease_s: int = LEASE_S
    ) -> None:
        super().__init__(directory / "authority.log")
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = database or directory / BOOKS  # for a `Store` that reads the books
        self.ca = pki.DemoCa(directory / TLS)
        self.pins = Keys(directory / KEYS).pins()
        self.admin_token = ""
        self._arguments = ["--lease-s", str(lease_s)]
        if database:
            self._arguments += ["--database", database, "--processes", str(PROCESSES)]
        self._place = held_port(_HOST, 0)

    @property
    def url(self) -> str:
        return f"https://{_HOST}:{self._place.getsockname()[1]}"

    async def start(self) -> None:
        """Start the process and wait until it serves; a RuntimeError quotes its last output."""
        arguments = ["--directory", str(self.directory), *self._arguments]
        arguments += ["--port", str(self._place.getsockname()[1])]
        ready = await self.run("simulator.authority", *arguments)
        self.admin_token = ready["admin_token"]

    async def open(self) -> None:
        self.stack.callback(self._place.close)
        self.stack.push_async_callback(self.stop, SIGKILL)
        await self.start()

    def enrol_receiver(
        self, public_key: bytes, *, receiver_id: bytes, terms: Terms, client_fingerprint: str
    ) -> bytes:
        """Do the same as `Authority.enrol_receiver`."""
        body = {
            "key": public_key.hex(),
            "receiver_id": receiver_id.hex(),
            "client_fingerprint": client_fingerprint,
            **terms._asdict(),
        }
        return bytes.fromhex(self.admin("POST", "receivers", body)["certificate"])

    def seed_demo(self) -> DemoWorld:
        """Do the same as `Authority.seed_demo`."""
        with closing(Store(self.database)) as store:
            return demo_data.seed(store)

    def activation(self, buyer: int) -> str:
        """Create an activation for one phone of this buyer."""
        return str(self.admin("POST", f"buyers/{buyer}/activations", {})["activation"])
