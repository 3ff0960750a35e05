"""Adding a package to a node: planned first, so that a dry run says all that would happen, then copied, then registered.

A kill between any two steps leaves what was in use in use: only a whole copy gets its name, and only a copy that has its name is
registered. Adding it again goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.manifest import package_digest, read_manifest
from node.models.checking import Checked
from node.models.copying import clear_leftovers, copy_package
from node.models.naming import rules_naming
from node.route.own_folder import held
from node.settings import Settings
from storage import packages
from storage.base.errors import ConfigError
from storage.database import Database
from storage.schema import ModelPackage


@dataclass(frozen=True)
class Addition:
    """What adding a package means.

    Attributes
    ----------
    what : ``copy`` it and use it; ``use`` again the copy that is there; ``nothing``, since it is in use.
    path : where it lies afterwards.
    retires : version and digest of the package of this name that is in use now, if another is.
    rules : those in force that name it, and use it from now on.
    """

    package: Checked
    what: Literal["copy", "use", "nothing"]
    path: Path
    retires: tuple[str, str] | None
    rules: tuple[str, ...]


def add_package(package: Checked, settings: Settings, db: Database, *, dry_run: bool = False) -> Addition:
    """Bring a checked package into the node's own folder and make it the one of its name that is used.

    Parameters
    ----------
    dry_run : say what would happen, and change nothing.

    Raises
    ------
    ConfigError
        Codes ``package-version-taken``, ``package-quarantined``, ``not-writable``; nothing was changed.
    ModelError
        Its files changed since they were checked.
    """
    if dry_run:
        return _planned(package, settings, db)
    _make(settings.own_models)
    with held(settings.own_models):
        clear_leftovers(settings.own_models)
        addition = _planned(package, settings, db)
        if addition.what == "copy":
            copy_package(package.path, addition.path, package.digest)
        if addition.what != "nothing":
            _register(addition, db)
        return addition


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"store.models: {folder}: can't be made ({error.strerror}); name a folder that can be written"
        raise ConfigError(message, code="not-writable") from error


def _register(addition: Addition, db: Database) -> None:
    package, manifest = addition.package, read_manifest(addition.path).model_dump(mode="json")
    with db.write() as s:
        packages.register(s, package.name, package.version, package.digest, str(addition.path), manifest, db.clock.utc())


def _planned(package: Checked, settings: Settings, db: Database) -> Addition:
    own = settings.own_models.resolve() / f"{package.name}-{package.version}"
    with db.read() as s:
        known = [row for row in packages.list_packages(s) if row.name == package.name]
        same = next((row for row in known if row.digest == package.digest), None)
        _refuse_taken(package, known, own)
        there = _there(package, [*([Path(same.path)] if same else []), own])
        if same is not None and same.state == "quarantined":
            _refuse_quarantined(same, package)
        used = same is not None and same.state == "active" and there is not None
        return Addition(
            package,
            "nothing" if used else "use" if there else "copy",
            there or own,
            _retired_by(package, known),
            tuple(rules_naming(s, package.name)),
        )


def _refuse_taken(package: Checked, known: list[ModelPackage], own: Path) -> None:
    """A version means the same bytes for good: reports of old studies name it."""
    other = next((row for row in known if row.version == package.version and row.digest != package.digest), None)
    if other is not None:
        held_by = f"is known with other bytes (digest {other.digest[:12]}, {other.state}, {other.path})"
    elif own.is_dir() and package_digest(own) != package.digest:
        held_by = f"lies in {own} with other bytes"
    else:
        return
    mend = f'give this one a higher "version" in {package.path}/configs/wetread.json, or package.version in its recipe'
    raise ConfigError(f"{package.name} {package.version} {held_by}; {mend}", code="package-version-taken")


def _refuse_quarantined(row: ModelPackage, package: Checked) -> None:
    message = (
        f"{row.name} {row.version} is here already and quarantined ({row.reason}); if you trust it, "
        f"`wetread models reinstate {package.digest[:12]}`"
    )
    raise ConfigError(message, code="package-quarantined")


def _there(package: Checked, places: list[Path]) -> Path | None:
    """Where these very bytes lie already."""
    return next((path for path in places if path.is_dir() and package_digest(path) == package.digest), None)


def _retired_by(package: Checked, known: list[ModelPackage]) -> tuple[str, str] | None:
    active = next((row for row in known if row.state == "active" and row.digest != package.digest), None)
    return (active.version, active.digest) if active else None
