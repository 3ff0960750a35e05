"""Which package of a name the node uses: those of the settings' folders, and the versions that `wetread models add` has copied.

The node's own folder holds NAME-VERSION beside NAME-VERSION; every other folder holds one package of a name. Where there are
several of one name, the store's word counts: the one that is active there stays in use over a restart. Where the store knows
none of them, the highest version of the own folder is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inference.manifest import package_digest
from node.route.own_folder import own_versions
from node.route.packages import PackageOnDisk, read_package, scan_packages
from node.settings import Settings
from storage.schema import ModelPackage


def packages_in_use(settings: Settings, known: Sequence[ModelPackage] = ()) -> dict[str, PackageOnDisk]:
    """The package that each name stands for.

    Parameters
    ----------
    known : the store's packages, newest first; without them every name stands for its highest version.

    Raises
    ------
    ConfigError
        A package that is in use or listed can't be read, or two that are listed have one name; the message names the path.
    """
    own = own_versions(settings.own_models)
    ours = settings.own_models.resolve()
    found = scan_packages([folder for folder in settings.model_folders() if folder.resolve() != ours])
    for name, paths in own.items():
        listed = found.get(name)
        path = _choose([*paths, listed.path] if listed else paths, [row for row in known if row.name == name])
        if listed is None or path != listed.path:
            found[name] = read_package(path)
    return found


def _choose(candidates: Sequence[Path], known: Sequence[ModelPackage]) -> Path:
    """The candidate that the store has in use, by its path or, where the folders have moved, by its digest."""
    used = [row for state in ("active", "quarantined") for row in known if row.state == state]
    for row in used:
        for path in candidates:
            if str(path.resolve()) == row.path:
                return path
    for row in used:
        for path in candidates:
            if package_digest(path) == row.digest:
                return path
    return candidates[0]
