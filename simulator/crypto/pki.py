"""A demo certificate authority for TLS: one CA, servers on this host, clients for bridges.

These are not the protocol's certificates: `simulator.authority` issues those. `trustme` does not
fit: its certificates serve clients and servers alike, ours only one of the two.
"""

from __future__ import annotations

import datetime
import os
import ssl
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = ("localhost", "127.0.0.1", "::1")

_PRIVATE = 0o600


class Span(NamedTuple):
    """When a certificate becomes valid and ends, counted from its creation."""

    begins: datetime.timedelta
    ends: datetime.timedelta


class Validity(NamedTuple):
    """When a certificate becomes valid and ends."""

    begins: datetime.datetime
    ends: datetime.datetime


_BACKDATED = datetime.timedelta(hours=-1)  # clocks of terminals lag
_CA_SPAN = Span(_BACKDATED, datetime.timedelta(days=3650))
LEAF_SPAN = Span(_BACKDATED, datetime.timedelta(days=365))


class Identity(NamedTuple):
    """A TLS certificate and its private key, two PEM files."""

    certificate: Path
    key: Path

    def fingerprint(self) -> str:
        """Return the name by which servers know this certificate."""
        return fingerprint(ssl.PEM_cert_to_DER_cert(self.certificate.read_text()))


class DemoCa:
    """A CA in a directory, created at the first use and loaded after that."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._identity = Identity(directory / "ca.pem", directory / "ca-key.pem")
        if not self._identity.key.exists():
            directory.mkdir(parents=True, exist_ok=True)
            _write_ca(self._identity)

    @property
    def certificate(self) -> Path:
        """Return the PEM file to trust."""
        return self._identity.certificate

    def server(
        self, name: str = "server", hosts: tuple[str, ...] = HERE, span: Span = LEAF_SPAN
    ) -> Identity:
        """Return a server certificate for `hosts`, names and addresses; stored under `name`."""
        san = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._leaf(name, ExtendedKeyUsageOID.SERVER_AUTH, san, span)

    def client(self, name: str, span: Span = LEAF_SPAN) -> Identity:
        """Return a client certificate for a bridge; stored under `name`."""
        san = x509.SubjectAlternativeName([x509.DNSName(name)])
        return self._leaf(name, ExtendedKeyUsageOID.CLIENT_AUTH, san, span)

    def sign_client(self, request: x509.CertificateSigningRequest, name: str, at: int) -> bytes:
        """Return a client certificate (DER) from `at` on; of the request its key alone counts."""
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("the key of the request is not on P-256")
        san = x509.SubjectAlternativeName([x509.DNSName(name)])
        begun = datetime.datetime.fromtimestamp(at, datetime.UTC)
        signed = self._signed(key, name, ExtendedKeyUsageOID.CLIENT_AUTH, san, _from(begun))
        return signed.public_bytes(serialization.Encoding.DER)

    def _leaf(
        self, name: str, usage: ObjectIdentifier, san: x509.SubjectAlternativeName, span: Span
    ) -> Identity:
        identity = Identity(self._directory / f"{name}.pem", self._directory / f"{name}-key.pem")
        if identity.key.exists():
            return identity
        key = ec.generate_private_key(ec.SECP256R1())
        _write(identity, self._signed(key.public_key(), name, usage, san, _from_now(span)), key)
        return identity

    def _signed(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        usage: ObjectIdentifier,
        san: x509.SubjectAlternativeName,
        life: Validity,
    ) -> x509.Certificate:
        issuer, issuer_key = _load(self._identity)
        builder = (
            _builder(_name(name), issuer.subject, key, issuer_key, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(san, critical=False)
        )
        return builder.sign(issuer_key, hashes.SHA256())


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate in DER, lower-case hex: receivers are bound to it."""
    return sha256(der).hexdigest()


def server_context(ca: Path, identity: Identity) -> ssl.SSLContext:
    """Make TLS 1.3 for a server that asks for a client certificate but does not require it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(ca)
    context.load_cert_chain(identity.certificate, identity.key)
    return context


def client_context(ca: Path, identity: Identity | None = None) -> ssl.SSLContext:
    """Make TLS 1.3 towards a server of this CA, with or without an identity."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(ca)
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, on disk, whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.touch(_PRIVATE)
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _write_ca(identity: Identity) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Tillsign demo CA")
    builder = (
        _builder(name, name, key.public_key(), key, _from_now(_CA_SPAN))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
    )
    _write(identity, builder.sign(key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    life: Validity,
) -> x509.CertificateBuilder:
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(life.begins)
        .not_valid_after(life.ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(signer, critical=False)
    )


def _from(begun: datetime.datetime, span: Span = LEAF_SPAN) -> Validity:
    return Validity(begun + span.begins, begun + span.ends)


def _from_now(span: Span) -> Validity:
    return _from(datetime.datetime.now(datetime.UTC), span)


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _load(identity: Identity) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{identity.key.name} is not a P-256 key")
    return certificate, key


def _write(
    identity: Identity, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    """Write the certificate first: a key on disk means that the pair is complete."""
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(identity.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    write_private(identity.key, private)
