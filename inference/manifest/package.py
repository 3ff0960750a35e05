"""A package's folder: its manifest read and checked, and the digest that is its identity."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from inference.manifest.document import Manifest
from storage.base.errors import ModelError

_NUL = rb"\u0000"


def read_manifest(package: Path) -> Manifest:
    """Read and check ``configs/wetread.json``.

    Raises
    ------
    ModelError
        Code ``package-unreadable`` or ``manifest-invalid``, naming file and key.
    """
    path = package / "configs" / "wetread.json"
    try:
        document = path.read_bytes()
        if _NUL in document:  # neither a path nor Postgres can hold one
            raise ModelError(f"{path}: (whole file): holds \\u0000 in a text; take it out", code="manifest-invalid")
        return Manifest.model_validate_json(document)
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})", code="package-unreadable") from error
    except ValidationError as error:
        raise ModelError(f"{path}: {_first_of(error)}", code="manifest-invalid") from error


def _first_of(error: ValidationError) -> str:
    """Key and fault of the first complaint; a check across keys names its own key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    if key:
        return f"{key}: {said}"
    return said if first["type"] == "value_error" else f"(whole file): {said}"


def package_digest(package: Path) -> str:
    """SHA-256 over names and contents of every file under ``configs/`` and ``models/``, in sorted order of names.

    Each file adds its POSIX path relative to the package, its length and its bytes, so that no two packages that differ in a
    name or a byte agree.
    """
    digest = hashlib.sha256()
    files = sorted(p for folder in ("configs", "models") for p in (package / folder).rglob("*") if p.is_file())
    for path in files:
        head = json.dumps([path.relative_to(package).as_posix(), path.stat().st_size])
        digest.update(head.encode() + b"\n")
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
