"""TLS contexts for both directions: TLS 1.2 and 1.3 by BCP 195 (PS3.15 B.12, B.13), certificates of our own authorities.

The system's certificate authorities never count: the settings name those whose certificates we take.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from storage.base.errors import ConfigError

# Forward secrecy and authenticated encryption alone (RFC 9325 4.2). The suites of TLS 1.3 are all of that kind.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aPSK:!aNULL"


@dataclass(frozen=True)
class TlsFiles:
    """PEM files. ``certificate`` holds ours and what stands between it and its authority; ``key`` its unencrypted private key.

    ``ca``: the authorities that peers' certificates must come from; ``crl``: what those have revoked. ``where`` is the key of the
    settings above them, for complaints.
    """

    certificate: Path | None
    key: Path | None
    ca: Path | None
    crl: Path | None = None
    where: str = "tls"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that there are."""
        return tuple(path for path in (self.certificate, self.key, self.ca, self.crl) if path is not None)


def server_context(files: TlsFiles, clients: ssl.VerifyMode) -> ssl.SSLContext:
    """For accepted connections; ``clients`` says whether a client must, may or need not show a certificate.

    Raises
    ------
    ConfigError
        A file can't be used; names the key, the file and the mend.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.verify_mode = clients
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_SINGLE_ECDH_USE
    # A resumed session would carry on with a certificate that was revoked or whose authority was taken out meanwhile. What
    # TLS 1.2 resumes without tickets is known to this context alone, and changed files get another.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


def client_context(files: TlsFiles, *, verify_host: bool) -> ssl.SSLContext:
    """For connections that we open: the peer's certificate must come from ``files.ca``, and name its host if so wanted.

    Raises
    ------
    ConfigError
        As `server_context`.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    context.check_hostname = verify_host
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _load_own(context, files)
    for key, path in (("ca", files.ca), ("crl", files.crl)):
        if path is not None:
            _load_authorities(context, f"{files.where}.{key}", path)
    if files.crl is not None:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _load_own(context: ssl.SSLContext, files: TlsFiles) -> None:
    if files.certificate is None:
        return
    key = files.key or files.certificate
    _must_be_readable(f"{files.where}.certificate", files.certificate)
    _must_be_readable(f"{files.where}.key", key)
    try:
        context.load_cert_chain(files.certificate, key, password=_no_password)
    except _Encrypted:
        raise ConfigError(f"{files.where}.key: {key} is encrypted; store it without a passphrase, readable by us alone") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{files.where}.key: {key} doesn't belong to the certificate {files.certificate}; name the pair"
        else:
            message = (
                f"{files.where}.certificate: {files.certificate} with {key} can't be used ({_reason(error)}); write both as PEM"
            )
        raise ConfigError(message) from error


def _load_authorities(context: ssl.SSLContext, where: str, path: Path) -> None:
    _must_be_readable(where, path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise ConfigError(f"{where}: {path} can't be used ({_reason(error)}); write it as PEM") from error


def _must_be_readable(where: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"{where}: {path} can't be read ({error.strerror}); name an existing, readable file") from error


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "no PEM in it").lower().replace("_", " ")


class _Encrypted(Exception):
    """OpenSSL asked for a passphrase, which nobody is there to type."""


def _no_password() -> str:
    raise _Encrypted
