"""TLS of the listening side: a context that follows its files, and the certificate that a peer has shown."""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from node.receive.associate.certificates import Certificate, certificate_of
from node.settings import Settings
from node.tls import TlsFiles, server_context
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from storage.base.log import get_logger

_log = get_logger(__name__)

Clients = Literal["required", "optional", "none"]
LOOK_EVERY_S = 1.0
# OpenSSL keeps 20,480 sessions of TLS 1.2 for two hours, each with its peer's certificate, and Python can't tell it not to.
MOST_SESSIONS = 500
_MODES = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
_Seen = tuple[tuple[Path, int, int, int] | None, ...]


@dataclass(frozen=True)
class TlsListen:
    """A port that speaks TLS; ``clients``: whether a client must, may or need not show a certificate of our authorities."""

    host: str
    port: int
    files: TlsFiles
    clients: Clients = "required"


def tls_of(settings: Settings) -> TlsListen | None:
    """The TLS port of the settings, if there is one."""
    tls = settings.tls
    if tls is None or tls.port is None:
        return None
    files = TlsFiles(tls.certificate, tls.key, tls.ca, tls.crl)
    return TlsListen(settings.node.host, tls.port, files, tls.client_certificates)


class ServerTls:
    """The context for new connections. Threads may share it.

    The files are looked at when a connection comes, at most once a second. What open associations have agreed on stays. While a
    changed file can't be used, the former context serves on, and the log says once what is wrong.

    Raises
    ------
    ConfigError
        At the start a file can't be used.
    """

    def __init__(self, listen: TlsListen, clock: Clock) -> None:
        self._listen = listen
        self._clock = clock
        self._lock = Lock()
        self._looked_at_s = clock.monotonic_s()
        self._seen = _look(listen.files)
        self._context = self._make()

    def context(self) -> ssl.SSLContext:
        """The newest context that could be made."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s - self._looked_at_s >= LOOK_EVERY_S:
                self._looked_at_s = now_s
                self._follow()
            if self._context.session_stats()["number"] >= MOST_SESSIONS:
                with suppress(ConfigError):  # of files that have changed: that was told
                    self._context = self._make()
            return self._context

    def peer_certificate(self, connected: ssl.SSLSocket) -> Certificate | None:
        """The verified certificate of a peer after its handshake; None where it has shown none."""
        der = connected.getpeercert(binary_form=True)
        return certificate_of(der, connected.getpeercert() or {}) if der else None

    def _follow(self) -> None:
        seen = _look(self._listen.files)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._context = self._make()
        except ConfigError as error:
            _log.error("tls.files-not-taken", problem=error.message)
        else:
            _log.info("tls.files-taken")

    def _make(self) -> ssl.SSLContext:
        return server_context(self._listen.files, _MODES[self._listen.clients])


def _look(files: TlsFiles) -> _Seen:
    return tuple(_stamp(path) for path in files.paths)


def _stamp(path: Path) -> tuple[Path, int, int, int] | None:
    """What tells whether a file changed; following links, so that a link turned elsewhere counts too."""
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_size, found.st_ino
