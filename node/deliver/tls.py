"""TLS to a peer: a context of its files as they are now, and in words what went wrong."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from node.tls import TlsFiles, client_context
from storage.base.errors import ConfigError, TransientError

_NO_MATCH = 62  # X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL, and for addresses the next but one
_OF_HOST = frozenset({_NO_MATCH, _NO_MATCH + 2})
_EXPIRED, _NOT_YET, _REVOKED = 10, 9, 23


class PeerTls(Protocol):
    """The part of a peer's settings that says how its TLS is checked, and what we show."""

    @property
    def ca(self) -> Path | None: ...
    @property
    def certificate(self) -> Path | None: ...
    @property
    def key(self) -> Path | None: ...
    @property
    def crl(self) -> Path | None: ...
    @property
    def verify_host(self) -> bool: ...
    @property
    def server_name(self) -> str | None: ...


@dataclass(frozen=True)
class ClientTls:
    """For one connection: what pynetdicom takes, and what the handshake failed of, if it did."""

    context: ssl.SSLContext
    server_name: str
    failures: list[ssl.SSLError] = field(default_factory=list)
    sockets: list[ssl.SSLSocket] = field(default_factory=list)

    @property
    def arguments(self) -> tuple[ssl.SSLContext, str]:
        """For ``AE.associate(tls_args=…)``."""
        return self.context, self.server_name

    def close(self) -> None:
        """Close the connection, which pynetdicom leaves to the collector when the other side goes first."""
        while self.sockets:
            self.sockets.pop().close()

    def why(self) -> str | None:
        """What went wrong in the handshake, with the mend."""
        return _explain(self.failures[-1], self.server_name) if self.failures else None


def client_tls(name: str, host: str, tls: PeerTls) -> ClientTls:
    """TLS to the peer ``name`` at ``host``; the files are read anew for each connection.

    Raises
    ------
    TransientError
        A file can't be used now; names it and the mend.
    """
    made = ClientTls(check_files(name, tls), tls.server_name or host)
    made.context.sslsocket_class = _noting(made)
    return made


def check_files(name: str, tls: PeerTls) -> ssl.SSLContext:
    """A context of a peer's files. Raises as `client_tls`."""
    files = TlsFiles(tls.certificate, tls.key, tls.ca, tls.crl, where=f"peer {name}: tls")
    try:
        return client_context(files, verify_host=tls.verify_host)
    except ConfigError as error:
        raise TransientError(error.message, code="tls-files") from error


def _noting(tls: ClientTls) -> type[ssl.SSLSocket]:
    class Noting(ssl.SSLSocket):
        """pynetdicom keeps a failed handshake to itself."""

        def connect(self, addr: Any) -> None:
            tls.sockets.append(self)
            super().connect(addr)

        def do_handshake(self, block: bool = False) -> None:
            try:
                super().do_handshake(block)
            except ssl.SSLError as error:
                tls.failures.append(error)
                raise

    return Noting


def _explain(error: ssl.SSLError, server_name: str) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (error.reason or "no TLS spoken").lower().replace("_", " ")
        return f"the TLS handshake failed ({reason}); check that its port speaks TLS 1.2 or 1.3 and takes our certificate"
    if error.verify_code in _OF_HOST:
        return f"its certificate doesn't name {server_name}; set tls.server_name to what it names, or tls.verify_host to false"
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return "its certificate is expired or not yet valid; have it renewed there, and check both clocks"
    if error.verify_code == _REVOKED:
        return "its certificate is revoked; have it renewed there"
    return f"its certificate isn't of our authorities ({error.verify_message}); add its authority to tls.ca"
