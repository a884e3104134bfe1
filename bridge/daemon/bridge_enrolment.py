"""Enrol this bridge at the authority: key, request, six words, client certificate, configuration.

Safe to repeat: what is on disk is used again, and the ticket goes on with the same enrolment.
"""

from __future__ import annotations

import json
import secrets
import time
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID

from bridge.authority.enrolment_client import (
    BearerClient,
    EnrolmentFailedError,
    Identity,
    TicketHolder,
    UnreachableError,
    begun_in,
    begun_text,
)
from bridge.authority.enrolment_messages import WAIT_MOST_S, Stage, TicketKind
from bridge.config.configuration import BRIDGE_ID_SIZE
from receiver.host import whole_files, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.authority.enrolment_messages import EnrolmentBegun, EnrolmentView

T = TypeVar("T")

AGAIN_S = 2.0  # between two tries to reach the authority
AWAY_S = 120.0  # of an authority without answer: a router that starts anew takes one minute

_CONFIG = """\
[bridge]
id = "{id}"
journal = "journal.sqlite"
pins = "{pins}"

[authority]
url = "{url}"
ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
"""


class Told(Protocol):
    """Who hears how far it is."""

    def step(self, text: str) -> None: ...
    def compare(self, six: list[str]) -> None: ...


class Files(NamedTuple):
    """The files of an enrolled bridge, in one folder."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "bridge-key.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "bridge.pem"

    @property
    def ca(self) -> Path:
        return self.folder / "authority-ca.pem"

    @property
    def pins(self) -> Path:
        return self.folder / "pins.cbor"

    @property
    def config(self) -> Path:
        return self.folder / "bridge.toml"

    @property
    def state(self) -> Path:
        return self.folder / "enrolment.json"


class Begun(NamedTuple):
    """An enrolment as far as this terminal knows it; a request is signed once."""

    ticket_hash: str
    begun: EnrolmentBegun
    request: bytes


class EnrolledBridge(NamedTuple):
    """An enrolled bridge: the authority knows it by its certificate's fingerprint."""

    fingerprint: str
    words: list[str]


class BridgeEnrolment:
    """One ticket, one folder."""

    def __init__(self, url: str, ca: Path, ticket: str, files: Files, told: Told) -> None:
        self._url = url.rstrip("/")
        self._ca = ca
        self._ticket = ticket
        self._files = files
        self._told = told
        self._holder = TicketHolder(BearerClient(url, ca, ticket))

    def run(self) -> EnrolledBridge:
        """Enrol; raises EnrolmentFailedError or OSError, and may then be run again."""
        key = self._key()
        state = self._begun(key)
        pins = bytes.fromhex(state.begun.pins)
        six = words.six(state.request, pins)
        view = self._decided(state, six)
        certificate = bytes.fromhex(view.certificate or "")
        self._keep(certificate, pins, key)
        self._told.step("call the authority over the new certificate")
        files = self._files
        identity = Identity(files.certificate, files.key)
        over = TicketHolder(BearerClient(self._url, files.ca, self._ticket, identity))
        self._reached(lambda: over.installed(state.begun.enrolment_id, None))
        if not files.config.exists():
            self._told.step(f"write {files.config}")
            whole_files.write(files.config, self._config().encode())
        return EnrolledBridge(sha256(certificate).hexdigest(), six)

    def _key(self) -> ec.EllipticCurvePrivateKey:
        """Return the bridge's key, made at the first run."""
        if not self._files.key.exists():
            self._told.step("make a key")
            made = ec.generate_private_key(ec.SECP256R1())
            pem = made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            whole_files.write(self._files.key, pem, whole_files.PRIVATE)
        try:
            found = serialization.load_pem_private_key(self._files.key.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise EnrolmentFailedError(f"{self._files.key}: is not a key: {error}") from error
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise EnrolmentFailedError(f"{self._files.key}: is not a P-256 key: move it away")
        return found

    def _begun(self, key: ec.EllipticCurvePrivateKey) -> Begun:
        known = self._known()
        if known is not None:
            return known
        self._told.step("show the ticket to the authority")
        begun = self._reached(lambda: self._holder.begin(TicketKind.BRIDGE))
        state = Begun(_hash(self._ticket), begun, request_for(key, begun.challenge))
        stored = {
            "ticket_hash": state.ticket_hash,
            "begun": begun_text(begun),
            "request": state.request.hex(),
        }
        whole_files.write(self._files.state, json.dumps(stored, indent=2).encode())
        return state

    def _known(self) -> Begun | None:
        """Return the state of this ticket; None for another one's or a file that is no use."""
        try:
            stored = json.loads(self._files.state.read_bytes())
            request = bytes.fromhex(stored["request"])
            state = Begun(stored["ticket_hash"], begun_in(stored["begun"]), request)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return state if state.ticket_hash == _hash(self._ticket) else None

    def _decided(self, state: Begun, six: list[str]) -> EnrolmentView:
        id_ = state.begun.enrolment_id
        view = self._reached(lambda: self._holder.outcome(id_))
        if view.stage is Stage.BEGUN:
            view = self._reached(lambda: self._holder.request(id_, state.request))
        if view.stage is not Stage.REJECTED and view.words != six:
            raise EnrolmentFailedError(
                "the authority has another request under this ticket: have it rejected, "
                "and take a new ticket"
            )
        if view.stage is Stage.REQUESTED:
            self._told.compare(six)
        while view.stage is Stage.REQUESTED:
            view = self._reached(lambda: self._holder.outcome(id_, WAIT_MOST_S))
        if view.stage is Stage.REJECTED:
            raise EnrolmentFailedError(
                "the second person rejected it: find out why, and ask for a new ticket"
            )
        return view

    def _keep(self, data: bytes, pins: bytes, key: ec.EllipticCurvePrivateKey) -> None:
        """Write certificate, CA and pins."""
        try:
            certificate = x509.load_der_x509_certificate(data)
        except ValueError as error:
            raise EnrolmentFailedError(f"the authority's certificate: {error}") from error
        if certificate.public_key() != key.public_key():
            raise EnrolmentFailedError(
                f"the certificate is for another key than {self._files.key}: was it replaced? "
                "take a new ticket"
            )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        whole_files.write(self._files.certificate, pem)
        whole_files.write(self._files.ca, self._ca.read_bytes())
        whole_files.write(self._files.pins, pins)

    def _config(self) -> str:
        files = self._files
        return _CONFIG.format(
            id=secrets.token_hex(BRIDGE_ID_SIZE),
            pins=files.pins.name,
            url=self._url,
            ca=files.ca.name,
            certificate=files.certificate.name,
            key=files.key.name,
        )

    def _reached(self, call: Callable[[], T]) -> T:
        """Ask the authority, again while it does not answer; raises EnrolmentFailedError."""
        until, silent = time.monotonic() + AWAY_S, False
        while True:
            try:
                return call()
            except UnreachableError as error:
                if time.monotonic() >= until:
                    raise
                if not silent:
                    self._told.step(f"wait for the authority: {error}")
                silent = True
            time.sleep(AGAIN_S)


def request_for(key: ec.EllipticCurvePrivateKey, challenge: bytes | None = None) -> bytes:
    """Return a PKCS#10 request in DER; an enrolment's answers the authority's challenge."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if challenge is not None:
        made = made.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge.hex().encode())
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _hash(ticket: str) -> str:
    return sha256(ticket.encode()).hexdigest()
