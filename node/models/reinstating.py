"""A person's word that a package is to be used again, where its files are still what they were."""

from __future__ import annotations

from pathlib import Path

from inference.manifest import package_digest
from storage import packages
from storage.base.errors import ConfigError
from storage.database import Database, Session
from storage.schema import ModelPackage
from storage.states import UnknownRow


def reinstate(digest: str, db: Database) -> ModelPackage:
    """Use the package again whose digest begins with ``digest``; another active one of its name retires.

    Raises
    ------
    UnknownRow
        None or several digests begin so.
    ConfigError
        Code ``package-gone``: its folder is missing or holds another package now.
    """
    with db.read() as s:
        row = _find(s, digest)
    _whole(row)
    with db.write() as s:
        packages.reinstate(s, row.id, db.clock.utc())
    return row


def _find(s: Session, digest: str) -> ModelPackage:
    found = [row for row in packages.list_packages(s) if row.digest.startswith(digest)]
    if len(found) != 1:
        message = f"{len(found)} packages have a digest that begins with {digest}; see `wetread models list`"
        raise UnknownRow(message, code="unknown-package")
    return found[0]


def _whole(row: ModelPackage) -> None:
    path = Path(row.path)
    if not path.is_dir():
        missing = f"its folder {path} is gone"
    elif package_digest(path) != row.digest:
        missing = f"{path} holds other bytes now"
    else:
        return
    message = f"{row.name} {row.version} can't be used: {missing}; bring it back by `wetread models add PACKAGE`"
    raise ConfigError(message, code="package-gone")
