"""The model packages on disk: found and checked at the start, so that a rule can only name one that would load.

A package that can't be read stops the start: a node that came up without one of its models would look healthy and route nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inference.manifest import Manifest, package_digest, read_manifest
from storage.base.errors import ConfigError, ModelError
from storage.database import Session
from storage.packages import list_packages, register, retire


@dataclass(frozen=True)
class PackageOnDisk:
    """A package folder that passed the checks; ``digest`` as `inference.manifest.package_digest` gives it."""

    path: Path
    digest: str
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name


def scan_packages(folders: Sequence[Path]) -> dict[str, PackageOnDisk]:
    """Every package in the folders, by name. A folder may hold packages or be one; names beginning with . or _ are skipped.

    Raises
    ------
    ConfigError
        A package can't be read, its weights aren't those of its manifest, or two have one name; the message names the path.
    """
    found: dict[str, PackageOnDisk] = {}
    for path in (package for folder in folders for package in _candidates(folder)):
        package = read_package(path)
        twin = found.setdefault(package.name, package)
        if twin is not package and twin.path.resolve() != path.resolve():
            raise ConfigError(f"models: {twin.path} and {path} are both named {package.name}; remove one", code="models")
    return found


def register_packages(s: Session, packages: Sequence[PackageOnDisk], at: datetime) -> None:
    """Make the packages on disk known and active; retire active ones whose folder is gone. One transaction of the caller's."""
    for package in packages:
        manifest = package.manifest
        path = str(package.path.resolve())
        register(s, manifest.name, manifest.version, package.digest, path, manifest.model_dump(mode="json"), at)
    for known in list_packages(s):
        if known.state == "active" and not Path(known.path).is_dir():
            retire(s, known.id, "its folder is gone", at)


def read_package(path: Path) -> PackageOnDisk:
    """One package folder, its digest taken and its weights compared with the manifest.

    Raises
    ------
    ConfigError
        It can't be read, or its weights aren't those of its manifest; the message names the path.
    """
    try:
        manifest = read_manifest(path)
        digest = package_digest(path)
        _check_weights(path, manifest)
    except ModelError as error:
        raise ConfigError(f"models: {error.message}; mend the package or move it away", code="models") from error
    except OSError as error:
        raise ConfigError(f"models: {path}: can't be read ({error.strerror}); mend it or move it away", code="models") from error
    return PackageOnDisk(path, digest, manifest)


def _candidates(folder: Path) -> Iterator[Path]:
    if (folder / "configs").is_dir():
        yield folder
        return
    try:
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
    except OSError as error:
        raise ConfigError(f"models: {folder}: can't be read ({error.strerror}); name a readable folder", code="models") from error


def _check_weights(path: Path, manifest: Manifest) -> None:
    for member in manifest.network.members:
        weights = path / member.weights
        if not weights.resolve().is_relative_to((path / "models").resolve()):  # whose files the digest covers
            raise ModelError(f"{path}: network.weights: must lie in models/, {member.weights} does not")
        with weights.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != member.sha256:
                raise ModelError(f"{weights}: is not the file that the manifest's SHA-256 names")
