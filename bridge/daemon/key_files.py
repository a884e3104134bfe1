"""Read the files that a configuration names; each raises ConfigError with the remedy.

Those in a `Paper` are reloaded while the bridge runs (`bridge.daemon.certificate_reload`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bridge.authority.client import AuthorityClient
from bridge.authority.connections import contexts
from bridge.config.configuration import ConfigError
from bridge.config.private_files import read_token, require_private
from bridge.domain.verification import Evidence
from bridge.till.server import listener
from bridge.till.server.access import Speakers
from receiver.crypto import host
from receiver.errors import Error
from receiver.protocol import pins

from .certificate_expiry import CA, CLIENT, RECEIVER, TILL_API, Ending, in_pem
from .certificate_reload import Paper, Ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.authority.connections import Contexts
    from bridge.config.configuration import AuthorityConfig, Config, Listen, ReceiverConfig, Tls
    from bridge.domain.receipts import Receipts
    from bridge.sales.receiver_session import ReceiverSession
    from bridge.till.server.access import Guard
    from receiver.protocol.messages import Certificate
    from receiver.protocol.validation import Pins

_T = TypeVar("_T")


def authority_keys(path: Path) -> Pins:
    """Read the authority's public keys."""
    return _decoded(path, pins.decode)


def evidence(trusted: Pins, certificate: Path) -> Evidence:
    """Verify a receiver's certificate; return what can be proved about it."""
    return _decoded(certificate, lambda data: Evidence(host, trusted, data))


def holder(trusted: Pins, data: bytes) -> Certificate:
    """Verify a receiver's certificate that came from the authority; raises Error."""
    return Evidence(host, trusted, data).holder


def client(config: AuthorityConfig) -> AuthorityClient:
    """Make the client of the authority, with this bridge's certificate and key."""
    return AuthorityClient(config, tls(config))


def tls(config: AuthorityConfig) -> Contexts:
    """Make the TLS context towards the authority."""
    require_private(config.key)
    try:
        return contexts(config)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"[authority] ca, certificate or key: {error}") from error


def authority_endings(config: AuthorityConfig) -> tuple[Ending, ...]:
    """Return the ends of the client certificate with its chain, and of the root that lasts longest.

    There are two roots while the authority changes its CA: the old one may end.
    """
    own, roots = in_pem(config.certificate), in_pem(config.ca)
    return Ending(CLIENT, min(own)), Ending(CA, max(roots))


def till_api_ending(tls: Tls) -> Ending:
    """Return the end of the till API's certificate, with its chain."""
    return Ending(TILL_API, min(in_pem(tls.certificate)))


def speakers(listen: Listen) -> Speakers:
    """Return the tokens that the till API accepts."""
    return Speakers(listen.hosts, read_token(listen.token) if listen.token else "")


def of_authority(config: AuthorityConfig, client: AuthorityClient) -> Paper:
    """Reload CA, client certificate and key."""

    def read() -> Ready:
        fresh, endings = tls(config), authority_endings(config)
        return Ready(lambda: client.renew(fresh), endings)

    return Paper("[authority]", (config.ca, config.certificate, config.key), read)


def of_pins(pins: Path, receipts: Receipts) -> Paper:
    """Reload the authority's public keys, which verify receipts."""

    def read() -> Ready:
        fresh = authority_keys(pins)
        return Ready(lambda: receipts.renew(fresh))

    return Paper("pins", (pins,), read)


def of_receiver(config: Config, row: ReceiverConfig, session: ReceiverSession) -> Paper:
    """Reload the authority's public keys, and the certificate of one receiver."""
    name, known = f"receiver of till {row.till}", session.place.receiver_id

    def read() -> Ready:
        fresh = evidence(authority_keys(config.pins), row.certificate)
        if fresh.holder.receiver_id != known:
            raise ConfigError(f"{row.certificate}: is for another receiver: restart the bridge")
        ending = Ending(RECEIVER, fresh.holder.expires, row.till)
        return Ready(lambda: session.renew(fresh), (ending,))

    return Paper(name, (config.pins, row.certificate), read)


def of_till_api(listen: Listen, guard: Guard, front: listener.Front | None) -> list[Paper]:
    """Reload token, and certificate with key, where configured."""

    def read_speakers() -> Ready:
        fresh = speakers(listen)
        return Ready(lambda: guard.renew(fresh))

    found = [Paper("[till] token", (listen.token,), read_speakers)] if listen.token else []
    if front is not None:
        found.append(_of_front(front))
    return found


def _of_front(front: listener.Front) -> Paper:
    def read() -> Ready:
        fresh, ending = listener.server_context(front.tls), till_api_ending(front.tls)
        return Ready(lambda: front.renew(fresh), (ending,))

    return Paper("[till] certificate", (front.tls.certificate, front.tls.key), read)


def _decoded(path: Path, decode: Callable[[bytes], _T]) -> _T:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except Error as error:
        raise ConfigError(f"{path}: {error.detail}") from error
