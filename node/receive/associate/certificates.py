"""The certificate that a TLS peer has shown, and how the settings name one: by fingerprint, common name or DNS name.

A name counts because the chain was verified against our own certificate authorities before (`node.receive.listen.tls`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

FINGERPRINT, COMMON_NAME, DNS_NAME = "sha256", "cn", "dns"
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Certificate:
    """A verified certificate. ``fingerprint``: SHA-256 of its DER bytes, 64 lower-case hexadecimal digits."""

    fingerprint: str
    common_name: str = ""
    dns_names: tuple[str, ...] = ()


def certificate_of(der: bytes, described: Mapping[str, Any]) -> Certificate:
    """Of the two forms in which ``ssl.SSLSocket.getpeercert`` gives a verified certificate."""
    names = [value for part in described.get("subject", ()) for key, value in part if key == "commonName"]
    alternative = tuple(str(value) for kind, value in described.get("subjectAltName", ()) if kind == "DNS")
    return Certificate(sha256(der).hexdigest(), str(names[-1]) if names else "", alternative)


@dataclass(frozen=True)
class CertificateName:
    """What the settings demand of a certificate: ``kind`` is ``sha256``, ``cn`` or ``dns``; ``value`` is what it must say."""

    kind: str
    value: str

    def is_of(self, certificate: Certificate) -> bool:
        """Whether the certificate is the one meant. Names compare as DNS does: without case; there are no wildcards."""
        if self.kind == FINGERPRINT:
            return self.value == certificate.fingerprint
        if self.kind == COMMON_NAME:
            return self.value.casefold() == certificate.common_name.casefold()
        return self.value.casefold() in (name.casefold() for name in certificate.dns_names)


def certificate_name(text: str) -> CertificateName:
    """``sha256:AB:CD:…`` (with or without colons), ``cn:NAME`` or ``dns:NAME``; else ValueError that names the mend."""
    kind, _, value = text.partition(":")
    kind, value = kind.strip().lower(), value.strip()
    if kind == FINGERPRINT:
        value = value.replace(":", "").lower()
        if len(value) == 64 and _HEX.issuperset(value):
            return CertificateName(kind, value)
    elif kind in (COMMON_NAME, DNS_NAME) and value and "*" not in value:
        return CertificateName(kind, value)
    raise ValueError("write sha256:FINGERPRINT (64 hexadecimal digits), cn:NAME or dns:NAME")
