"""Fetch the next certificates, the bridge's own and its receivers', from half of their lives on.

A fresh certificate is checked and then written over the old file, whole or not at all; the bridge
reloads it as any changed file (`certificate_reload`), and no sale is ended.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bridge.authority.client import RefusedError, UnansweredError
from bridge.config.configuration import ConfigError
from bridge.observability.logs import Log
from receiver import reasons
from receiver.errors import Error
from receiver.host import whole_files

from . import key_files
from .bridge_enrolment import request_for

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bridge.authority.client import AuthorityClient
    from bridge.config.configuration import Config, ReceiverConfig

LOOK_S = 3600.0  # half a certificate's life is months; a failure costs nothing for as long

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\r?\n?", re.DOTALL
)

_log = Log(__name__)


class Renewing:
    """Renews what one bridge's configuration names."""

    def __init__(self, config: Config, client: AuthorityClient) -> None:
        self._config = config
        self._client = client
        self._looked = asyncio.Event()

    async def run(self) -> None:
        """Look repeatedly; a failure is logged and tried again at the next look."""
        while True:
            await self.look()
            self._looked.set()
            await asyncio.sleep(LOOK_S)

    async def looked(self) -> None:
        """Wait until it has looked once more."""
        self._looked.clear()
        await self._looked.wait()

    async def look(self) -> None:
        """Renew every certificate that has lived half of its life."""
        await self._tried("client", self._own())
        for row in self._config.receivers:
            await self._tried("receiver", self._receiver(row), row.till)

    async def _tried(self, what: str, work: Awaitable[bool], till: int | None = None) -> None:
        try:
            renewed = await work
        except UnansweredError as error:
            _log.info("certificate not renewed yet", what=what, till=till, detail=str(error))
        except RefusedError as error:
            detail = f"the authority refuses: {reasons.name(error.reason)}, {error.detail}"
            _log.error("certificate not renewed", what=what, till=till, detail=detail)
        except (ConfigError, Error, OSError, ValueError) as error:
            _log.error("certificate not renewed", what=what, till=till, detail=str(error))
        else:
            if renewed:
                _log.info("certificate renewed", what=what, till=till)

    async def _own(self) -> bool:
        """Renew the client certificate, for the same key."""
        place = self._config.authority.certificate
        data = await asyncio.to_thread(place.read_bytes)
        present = x509.load_pem_x509_certificate(data)
        if not _is_due(present.not_valid_before_utc.timestamp(), _ends(present)):
            return False
        request = request_for(_key(self._config.authority.key.read_bytes()))
        fresh = x509.load_der_x509_certificate(await self._client.renew_own(request))
        if fresh.public_key() != present.public_key() or _ends(fresh) <= _ends(present):
            raise ValueError("the authority's answer is not a later certificate for this key")
        pem = fresh.public_bytes(serialization.Encoding.PEM)
        whole = _CERTIFICATE.sub(lambda _: pem, data, count=1)  # a chain or a key stays behind it
        mode = place.stat().st_mode & 0o777
        await asyncio.to_thread(whole_files.write, place, whole, mode)
        return True

    async def _receiver(self, row: ReceiverConfig) -> bool:
        """Renew a receiver's certificate, with the same key and terms."""
        trusted = key_files.authority_keys(self._config.pins)
        present = key_files.evidence(trusted, row.certificate).holder
        if not _is_due(present.issued, present.expires):
            return False
        data = await self._client.renew_receiver(present.receiver_id)
        fresh = key_files.holder(trusted, data)
        same = fresh._replace(issued=present.issued, expires=present.expires)
        if same != present or fresh.expires < present.expires:
            raise ValueError("the authority's answer is not the same receiver's next certificate")
        if fresh == present:
            return False
        await asyncio.to_thread(whole_files.write, row.certificate, data)
        return True


def _is_due(begins: float, ends: float) -> bool:
    return time.time() >= (begins + ends) / 2


def _ends(found: x509.Certificate) -> float:
    return found.not_valid_after_utc.timestamp()


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("[authority] key is not on P-256: the bridge renews no other")
    return key
