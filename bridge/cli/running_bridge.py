"""The till API of a running bridge, as the commands on the same machine use it."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bridge.config.configuration import ConfigError
from bridge.config.private_files import read_token

if TYPE_CHECKING:
    from bridge.config.configuration import Listen

ANSWER_S = 10.0  # longer than a bridge on this machine ever takes


class BridgeError(Exception):
    """The bridge does not answer, or refuses; the text is for people."""


class RunningBridge:
    """Calls with the token and the server certificate that the configuration names."""

    def __init__(self, listen: Listen, url: str | None = None) -> None:
        """Use the configured address, or `url` where the system chose the port.

        Raises ConfigError.
        """
        scheme = "https" if listen.tls else "http"
        parts = urlsplit(url or f"{scheme}://{_host(listen.host)}:{listen.port}")
        if not parts.hostname or not parts.port:
            raise ConfigError("[till] listen: the system chooses the port: add --till-api URL")
        self._host, self._port = parts.hostname, parts.port
        self._tls = _context(listen) if listen.tls else None
        self._headers = {"Content-Type": "application/json"}
        if listen.hosts:
            self._headers["Host"] = f"{listen.hosts[0]}:{parts.port}"
        if listen.token:
            self._headers["Authorization"] = f"Bearer {read_token(listen.token)}"

    def ask(self, method: str, path: str) -> Any:
        """Return the answer's JSON; raises BridgeError."""
        connection = self._connection()
        try:
            connection.request(method, path, headers=self._headers)
            answer = connection.getresponse()
            found = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BridgeError(
                f"no bridge answers at {self._host}:{self._port}: {error}: does it run?"
            ) from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise BridgeError(f"the bridge refuses: {found.get('detail', answer.status)}")
        return found

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=ANSWER_S, context=self._tls
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_S)


def _host(host: str) -> str:
    """Return where to call a bridge that listens there."""
    any_address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return any_address.get(host, f"[{host}]" if ":" in host else host)


def _context(listen: Listen) -> ssl.SSLContext:
    """Accept the one certificate that the bridge's own configuration names, under any name."""
    if listen.tls is None:
        raise ValueError("no TLS")
    context = ssl.create_default_context(cafile=listen.tls.certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context
