"""Is everything there that a bridge needs: asked before it is started, or beside one that runs.

Nothing is changed and no receiver is disturbed: ports are looked for, not opened.
"""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from receiver import reasons, wire
from receiver.errors import Error

from . import papers, port_holders, ports_by_serial
from .authority import AuthorityClient, RefusedError, UnansweredError
from .journal import JournalError, lock
from .journal.reader import Reader
from .private_files import require_private
from .serial_port import PortError
from .till import door
from .toml_table import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .config import AuthorityConfig, Config, Listen, ReceiverConfig
    from .money.evidence import Evidence
    from .ports_by_serial import Present

SOON_S = 14 * 24 * 3600  # a certificate that ends within two weeks is to be renewed now


class Finding(NamedTuple):
    """One thing that was looked at; `todo` says how it is mended."""

    what: str
    ok: bool
    detail: str
    todo: str = ""


class TroubleError(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, detail: str, todo: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.todo = todo


async def check(
    config: Config, ports: Callable[[], Iterable[Present]] = ports_by_serial.present
) -> list[Finding]:
    """Every part in turn, whatever the others are like."""
    found = [
        _try("till API", partial(_till_api, config.listen)),
        _try("journal", partial(_journal, config.journal)),
        _try("client certificate", partial(_client, config.authority)),
    ]
    known: list[tuple[ReceiverConfig, Evidence]] = []
    for receiver in config.receivers:
        name = f"till {receiver.till}: "
        found.append(_try(name + "certificate", partial(_receiver, config, receiver, known)))
        found.append(_try(name + "port", partial(_port, receiver, ports, config.journal)))
    return found + await _authority(config, known)


def _try(what: str, look: Callable[[], str]) -> Finding:
    """What `look` says, or what is wrong."""
    try:
        return Finding(what, True, look())
    except TroubleError as trouble:
        return Finding(what, False, trouble.detail, trouble.todo)
    except ConfigError as error:
        return Finding(
            what, False, str(error), "correct the file, or its path in the configuration"
        )


def _till_api(listen: Listen) -> str:
    papers.speakers(listen)
    if listen.tls is None:
        return f"{listen.host}:{listen.port}, without TLS"
    door.server_context(listen.tls)
    return f"{listen.host}:{listen.port}, TLS {_ends(_x509(listen.tls.certificate))}"


def _journal(path: Path) -> str:
    if not path.exists():
        if os.access(path.parent, os.W_OK | os.X_OK):
            return f"{path} will be made"
        raise TroubleError(
            f"{path.parent} cannot be written", "make it, owned by the bridge's user"
        )
    require_private(path)
    try:
        with Reader(path) as journal:
            return f"{path}: {len(journal.live())} entries at hand, their chain unbroken"
    except JournalError as error:
        todo = "see docs/operations.md, The journal; do not delete it: it holds what is owed"
        raise TroubleError(str(error), todo) from error


def _client(config: AuthorityConfig) -> str:
    return _ends(_x509(config.certificate))


def _receiver(
    config: Config, receiver: ReceiverConfig, known: list[tuple[ReceiverConfig, Evidence]]
) -> str:
    evidence = papers.evidence(papers.authority_keys(config.pins), receiver.certificate)
    known.append((receiver, evidence))
    return f"receiver {evidence.holder.receiver_id.hex()}, {_ends(evidence.holder.expires)}"


def _port(
    receiver: ReceiverConfig, ports: Callable[[], Iterable[Present]], journal: Path | None = None
) -> str:
    if receiver.serial:
        try:
            device = ports_by_serial.find(receiver.serial, ports_by_serial.listed(ports))
        except PortError as error:
            raise TroubleError(
                str(error), "plug the receiver in, or correct its serial number"
            ) from None
        return f"{device} has that serial number{_others(device, journal)}"
    if "://" in receiver.url:
        return _remote(receiver.url)
    if not Path(receiver.url).exists():
        raise TroubleError(
            f"{receiver.url} is not there", "plug the receiver in, or correct its url"
        )
    if not os.access(receiver.url, os.R_OK | os.W_OK):
        todo = "add the bridge's user to the port's group (dialout, as a rule)"
        raise TroubleError(f"{receiver.url} may not be opened", todo)
    return receiver.url + _others(receiver.url, journal)


def _others(device: str, journal: Path | None) -> str:
    """Who may have the port open beside the bridge; raises TroubleError where that is sure."""
    bridge = lock.last_owner(journal) if journal else None
    found = port_holders.find(device, () if bridge is None else (bridge,))
    if any(holder.sure for holder in found):
        raise TroubleError(
            f"{device} is in use by {port_holders.shown(found)}", port_holders.REMEDY
        )
    return f"; open in {port_holders.shown(found)}" if found else ""


def _remote(url: str) -> str:
    """A serial server's name; it takes one client at a time, so it is not asked."""
    host = urlsplit(url).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError) as error:
        raise TroubleError(
            f"{host} is not known: {error}", "correct the url, or name it in DNS"
        ) from error
    return f"{url}, not asked"


async def _authority(config: Config, known: list[tuple[ReceiverConfig, Evidence]]) -> list[Finding]:
    """Whether it answers, takes this bridge's certificate, and knows each receiver by it."""
    try:
        client = papers.client(config.authority)
    except ConfigError as error:
        return [Finding("authority", False, str(error), "correct the files under [authority]")]
    found = []
    async with client:
        for receiver, evidence in known:
            what = f"till {receiver.till}: authority"
            try:
                found.append(Finding(what, True, await _state(client, evidence)))
            except TroubleError as trouble:
                found.append(Finding(what, False, trouble.detail, trouble.todo))
    return found


async def _state(client: AuthorityClient, evidence: Evidence) -> str:
    nonce = os.urandom(wire.NONCE_SIZE)
    begun = time.monotonic()
    try:
        evidence.take_state(nonce, await client.state(evidence.holder.receiver_id, nonce))
    except UnansweredError as error:
        todo = "check network, firewall, [authority] url and ca, and the client certificate"
        raise TroubleError(f"no answer: {error}", todo) from error
    except RefusedError as error:
        todo = "have the authority bind this client certificate to the receiver"
        raise TroubleError(f"refused: {reasons.name(error.reason)}", todo) from error
    except Error as error:
        todo = "fetch the authority's public keys (pins) again"
        raise TroubleError(f"its answer proves nothing: {error.detail}", todo) from error
    if client.clock.wrong:
        todo = "mend the terminal's clock (NTP): until then the authority books nothing"
        raise TroubleError(f"this clock is {client.clock.difference()}", todo)
    return f"answers in {(time.monotonic() - begun) * 1000:.0f} ms"


def _x509(path: Path) -> int:
    """When a TLS certificate ends, seconds since 1970."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: is no certificate in PEM: {error}") from error
    return int(certificate.not_valid_after_utc.timestamp())


def _ends(at: int) -> str:
    """Until when something is good; raises TroubleError where that is past or soon."""
    day, left = datetime.fromtimestamp(at, UTC).date().isoformat(), at - time.time()
    if left <= 0:
        raise TroubleError(f"ended on {day}", "renew it now: nothing works without it")
    if left < SOON_S:
        raise TroubleError(f"ends on {day}", "renew it: nothing works without it from then on")
    return f"good until {day}"
