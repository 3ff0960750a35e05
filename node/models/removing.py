"""Taking a package out of a node: retired first, then its copy deleted, and what is left of its name put in its place.

Only copies in the node's own folder are deleted; what the settings list belongs to who wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.models.copying import clear_leftovers, remove_package
from node.models.naming import rules_naming
from node.route.choice import packages_in_use
from node.route.own_folder import held
from node.route.packages import register_packages
from node.settings import Settings
from storage import packages
from storage.base.errors import ConfigError
from storage.database import Database, Session
from storage.schema import ModelPackage
from storage.states import UnknownRow

REMOVED = "removed"


@dataclass(frozen=True)
class Removal:
    """What removing a package means.

    Attributes
    ----------
    jobs : that have not ended and will fail without it.
    rules : those in force that name it.
    successor : version and digest of the package that its name stands for now, where there is one.
    """

    name: str
    version: str
    digest: str
    path: Path
    jobs: tuple[int, ...]
    rules: tuple[str, ...]
    successor: tuple[str, str] | None


def remove(name: str, which: str, settings: Settings, db: Database, *, force: bool = False) -> Removal:
    """Retire a package and delete the node's own copy of it.

    Parameters
    ----------
    which : its version or the beginning of its digest; may be empty where there is only one.
    force : also where a rule names it or jobs of it are unfinished.

    Raises
    ------
    ConfigError
        Codes ``package-listed``, ``package-needed``, ``not-writable``; nothing was changed.
    UnknownRow
        Code ``unknown-package``: none or several fit.
    """
    with held(settings.own_models):
        clear_leftovers(settings.own_models)
        with db.read() as s:
            row = _find(s, name, which)
            _refuse_listed(row, settings)
            needs = _needs(s, row)
        if any(needs) and not force:
            raise ConfigError(
                f"{name} {row.version} is needed: {_told(*needs)}; see to that, or give --force", code="package-needed"
            )
        with db.write() as s:
            packages.retire(s, row.id, REMOVED, db.clock.utc())
        remove_package(Path(row.path))
        return Removal(name, row.version, row.digest, Path(row.path), *needs, _succeed(name, settings, db))


def _find(s: Session, name: str, which: str) -> ModelPackage:
    """Of several only those whose folder is there count, unless one is named."""
    known = [row for row in packages.list_packages(s) if row.name == name]
    fit = [row for row in known if row.version == which or row.digest.startswith(which)]
    present = [row for row in fit if Path(row.path).is_dir()]
    if len(present) == 1:
        return present[0]
    if len(present) > 1:
        listed = ", ".join(f"{row.version} ({row.digest[:12]}, {row.state})" for row in present)
        raise UnknownRow(f"{len(present)} packages fit: {listed}; name a version or a digest", code="unknown-package")
    if fit:
        raise UnknownRow(f"{name} {fit[0].version} is {fit[0].state}, and {fit[0].path} is gone already", code="unknown-package")
    raise UnknownRow(
        f"there is no package {' '.join(filter(None, [name, which]))}; see `wetread models list`", code="unknown-package"
    )


def _refuse_listed(row: ModelPackage, settings: Settings) -> None:
    path = Path(row.path)
    if path.parent != settings.own_models.resolve():
        mend = "take its folder away, or out of `models` in the settings, and start the node again"
        message = f"{row.name} {row.version} lies in {path}, which the settings list and Wetread never deletes; {mend}"
        raise ConfigError(message, code="package-listed")


def _needs(s: Session, row: ModelPackage) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Unfinished jobs, and rules; a package that isn't in use is meant by none."""
    rules = () if row.state == "retired" else tuple(rules_naming(s, row.name))
    return tuple(packages.unfinished_jobs(s, row.id)), rules


def _told(jobs: tuple[int, ...], rules: tuple[str, ...]) -> str:
    by_rules = f"{'rule' if len(rules) == 1 else 'rules'} {', '.join(rules)} in force" if rules else ""
    by_jobs = f"unfinished {'job' if len(jobs) == 1 else 'jobs'} {', '.join(map(str, jobs))}" if jobs else ""
    return " and ".join(filter(None, [by_rules, by_jobs]))


def _succeed(name: str, settings: Settings, db: Database) -> tuple[str, str] | None:
    """Use what the next start of the node would use, so that a start changes nothing by itself."""
    with db.read() as s:
        package = packages_in_use(settings, packages.list_packages(s)).get(name)
    if package is None:
        return None
    with db.write() as s:
        register_packages(s, [package], db.clock.utc())
    return package.manifest.version, package.digest
