"""Certificates for tests, made by the openssl program: an authority, and pairs of certificate and key that it has signed."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from node.tls import TlsFiles


@dataclass(frozen=True)
class Pair:
    """A certificate, its private key and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path

    def files(self, crl: Path | None = None) -> TlsFiles:
        return TlsFiles(self.certificate, self.key, self.authority, crl)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest()


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path
    name: str = "ca"

    @property
    def certificate(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def _key(self) -> Path:
        return self.folder / f"{self.name}.key"

    def pair(self, name: str, *, days: int = 30, alternative: str = "DNS:localhost,IP:127.0.0.1", rsa: bool = True) -> Pair:
        """A certificate for ``name`` (its common name) and its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        _openssl("req", "-x509", *_subject(name), *_new_key(key, rsa), "-days", str(days), "-out", certificate,
                 "-CA", self.certificate, "-CAkey", self._key, "-addext", f"subjectAltName={alternative}",
                 "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
        return Pair(certificate, key, self.certificate)

    def revocations(self, *revoked: Pair) -> Path:
        """A revocation list that holds these."""
        index, settings, out = (self.folder / name for name in ("index.txt", "ca.cnf", "crl.pem"))
        index.write_text("")
        settings.write_text(f"[ca]\ndefault_ca = all\n[all]\ndatabase = {index}\ndefault_md = sha256\ndefault_crl_days = 30\n")
        own = ("-config", settings, "-cert", self.certificate, "-keyfile", self._key)
        for pair in revoked:
            _openssl("ca", *own, "-revoke", pair.certificate)
        _openssl("ca", *own, "-gencrl", "-out", out)
        return out


def authority(folder: Path, name: str = "ca") -> Authority:
    """A new authority in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Authority(folder, name)
    _openssl("req", "-x509", *_subject(name), *_new_key(folder / f"{name}.key", True), "-days", "30", "-out", made.certificate)
    return made


def _subject(name: str) -> tuple[str, ...]:
    return "-subj", f"/O=Wetread tests/CN={name}"


def _new_key(path: Path, rsa: bool) -> tuple[str | Path, ...]:
    kind = ("rsa:2048",) if rsa else ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    return "-newkey", *kind, "-noenc", "-keyout", path


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
