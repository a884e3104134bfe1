"""Check everything that a bridge needs, before its start or beside a running one.

It changes nothing and disturbs no receiver: it looks for ports without opening them.
"""

from __future__ import annotations

import os
import socket
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.authority.client import AuthorityClient, RefusedError, UnansweredError
from bridge.authority.clock_skew import Clock
from bridge.authority.no_answer import OF_TIME, Cause
from bridge.config.configuration import ConfigError
from bridge.domain.sale import Place
from bridge.journal import JournalError, lock
from bridge.journal.reader import Reader
from bridge.lines import port_holders, usb_lookup
from bridge.lines.serial_port import PortError
from bridge.till.server import listener
from receiver import reasons
from receiver.errors import Error
from receiver.link import wire

from . import journal_checks, key_files
from .certificate_expiry import SOON_S, day
from .findings import Finding, TroubleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.config.configuration import Config, Listen, ReceiverConfig
    from bridge.domain.verification import Evidence
    from bridge.lines.usb_lookup import Present

_MEND_CLOCK = "mend the terminal's clock (NTP): until then the authority books nothing"
_LOOK_AT_NETWORK = "look at network and firewall, and at [authority] url"
_TODO = {
    Cause.NO_NAME: "correct [authority] url, or mend the terminal's network and DNS",
    Cause.CLOSED_PORT: "is the server up? look at network and firewall, and at [authority] url",
    Cause.NOT_YET: "look at the terminal's clock (NTP), then at the authority's certificate",
    Cause.EXPIRED: "have the authority renew its certificate; look at this clock, too (NTP)",
    Cause.OTHER_CA: "put its root into [authority] ca, unless a proxy has opened TLS on the way",
    Cause.OTHER_NAME: "correct [authority] url: name the server as its certificate does",
    Cause.BROKEN: "look at network and firewall; a server that refuses our certificate does so",
    Cause.OUR_CERTIFICATE: "renew [authority] certificate and key, and have the new one bound",
}


async def check(
    config: Config, ports: Callable[[], Iterable[Present]] = usb_lookup.present
) -> list[Finding]:
    """Check every part in turn, independently of the others."""
    found = [
        _try("till API", partial(_till_api, config.listen)),
        _try("journal", partial(journal_checks.files, config.journal)),
        _try("bridge id", partial(journal_checks.bridge_id, config)),
        _try("standing", partial(journal_checks.standing, config)),
        *_try_client(config),
    ]
    known: list[tuple[ReceiverConfig, Evidence]] = []
    for receiver in config.receivers:
        name = f"till {receiver.till}: "
        found.append(_try(name + "certificate", partial(_receiver, config, receiver, known)))
        found.append(_try(name + "port", partial(_port, receiver, ports, config.journal)))
    if not config.receivers:
        todo = "enrol one: `tillsign receiver enrol --config` with this file"
        found.append(Finding("receivers", True, "none yet: nothing is sold", todo))
    today = [Place(receiver.till, one.holder.receiver_id) for receiver, one in known]
    found.append(_try("other tills", partial(journal_checks.other_tills, config.journal, today)))
    return found + await _authority(config, known)


def _try(what: str, look: Callable[[], str]) -> Finding:
    """Run a check; return its result or the problem."""
    try:
        return Finding(what, True, look())
    except TroubleError as trouble:
        return Finding(what, False, trouble.detail, trouble.todo)
    except ConfigError as error:
        return Finding(
            what, False, str(error), "correct the file, or its path in the configuration"
        )


def _till_api(listen: Listen) -> str:
    key_files.speakers(listen)
    if listen.tls is None:
        return f"{listen.host}:{listen.port}, without TLS"
    listener.server_context(listen.tls)
    return f"{listen.host}:{listen.port}, TLS {_ends(key_files.till_api_ending(listen.tls).at)}"


def _try_client(config: Config) -> list[Finding]:
    """Check the client certificate, and the root that lasts longest."""

    def ends(place: int) -> str:
        return _ends(key_files.authority_endings(config.authority)[place].at)

    names = ("client certificate", "authority's CA")
    return [_try(name, partial(ends, place)) for place, name in enumerate(names)]


def _receiver(
    config: Config, receiver: ReceiverConfig, known: list[tuple[ReceiverConfig, Evidence]]
) -> str:
    evidence = key_files.evidence(key_files.authority_keys(config.pins), receiver.certificate)
    known.append((receiver, evidence))
    return f"receiver {evidence.holder.receiver_id.hex()}, {_ends(evidence.holder.expires)}"


def _port(
    receiver: ReceiverConfig, ports: Callable[[], Iterable[Present]], journal: Path | None = None
) -> str:
    if receiver.serial:
        try:
            device = usb_lookup.find(receiver.serial, usb_lookup.listed(ports))
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
    """Name programs that may have the port open as well; raises TroubleError if one does."""
    bridge = (lock.process(journal) or None) if journal else None
    found = port_holders.find(device, () if bridge is None else (bridge,))
    if any(holder.sure for holder in found):
        raise TroubleError(
            f"{device} is in use by {port_holders.shown(found)}", port_holders.REMEDY
        )
    return f"; open in {port_holders.shown(found)}" if found else ""


def _remote(url: str) -> str:
    """Look up a serial server's name; it takes one client at a time, so do not connect."""
    host = urlsplit(url).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError) as error:
        raise TroubleError(
            f"{host} is not known: {error}", "correct the url, or name it in DNS"
        ) from error
    return f"{url}, not contacted"


async def _authority(config: Config, known: list[tuple[ReceiverConfig, Evidence]]) -> list[Finding]:
    """Check that it answers, accepts this bridge's certificate, and knows each receiver by it."""
    newest = _newest(config.journal)
    try:
        client = key_files.client(config.authority)
    except ConfigError as error:
        clock = Clock()
        clock.know_entry(newest)
        todo = "correct the files under [authority]"
        return [
            Finding("authority", False, str(error), todo),
            _try("clock", partial(_clock, clock)),
        ]
    client.clock.know_entry(newest)
    found = []
    async with client:
        if not known:
            found.append(await _listing(client))
        for receiver, evidence in known:
            client.retry_now()  # every receiver is checked, whatever the results before
            what = f"till {receiver.till}: authority"
            try:
                found.append(Finding(what, True, await _state(client, evidence)))
            except TroubleError as trouble:
                found.append(Finding(what, False, trouble.detail, trouble.todo))
    return [*found, _try("clock", partial(_clock, client.clock))]


async def _listing(client: AuthorityClient) -> Finding:
    """Check that the authority answers a bridge without receivers."""
    begun = time.monotonic()
    try:
        await client.receivers()
    except UnansweredError as error:
        todo = _TODO.get(error.cause, _LOOK_AT_NETWORK)
        return Finding("authority", False, f"no answer: {error}", todo)
    except RefusedError as error:
        todo = "enrol the bridge: `tillsign bridge enrol`"
        return Finding("authority", False, f"refused: {reasons.name(error.reason)}", todo)
    return Finding("authority", True, f"answers in {(time.monotonic() - begun) * 1000:.0f} ms")


async def _state(client: AuthorityClient, evidence: Evidence) -> str:
    nonce = os.urandom(wire.NONCE_SIZE)
    begun = time.monotonic()
    try:
        evidence.take_state(nonce, await client.state(evidence.holder.receiver_id, nonce))
    except UnansweredError as error:
        if error.cause in OF_TIME:
            _must_be_right(client.clock)
        todo = _TODO.get(error.cause, _LOOK_AT_NETWORK)
        raise TroubleError(f"no answer: {error}", todo) from error
    except RefusedError as error:
        todo = "have the authority bind this client certificate to the receiver"
        raise TroubleError(f"refused: {reasons.name(error.reason)}", todo) from error
    except Error as error:
        todo = "fetch the authority's public keys (pins) again"
        raise TroubleError(f"its answer is not valid: {error.detail}", todo) from error
    _must_be_right(client.clock)
    return f"answers in {(time.monotonic() - begun) * 1000:.0f} ms"


def _clock(clock: Clock) -> str:
    _must_be_right(clock)
    if clock.ahead_s is None:
        return "not behind any time known here; the authority did not send its time"
    return clock.difference()


def _must_be_right(clock: Clock) -> None:
    if clock.wrong:
        raise TroubleError(f"this clock is {clock.difference()}", _MEND_CLOCK)


def _newest(path: Path) -> int:
    """Return the time of the journal's newest entry, if it can be read."""
    try:
        with Reader(path) as journal:
            return journal.newest_at()
    except JournalError:
        return 0


def _ends(at: int) -> str:
    """Format the end of a certificate; raises TroubleError if it is past or soon."""
    left = at - time.time()
    if left <= 0:
        raise TroubleError(f"ended on {day(at)}", "renew it now: nothing works without it")
    if left < SOON_S:
        raise TroubleError(f"ends on {day(at)}", "renew it: nothing works without it from then on")
    return f"valid until {day(at)}"
