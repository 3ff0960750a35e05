"""A node's settings, its database with a rule in force, and packages that pass for checked ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference.manifest import package_digest, read_manifest
from node.models.checking import Checked
from node.route.apply import prepare_routing
from node.settings import Peer, Settings, StoreSettings
from storage.base.clock import ManualClock
from storage.database import Database
from storage.packages import list_packages
from storage.views import list_packages as package_documents
from tests.support.databases import SQLiteCopies, opened
from tests.support.packages import write_package

NAME = "hippocampus-mr"
RULES = f"""\
rules:
  - name: hippocampus
    when: Modality == "MR"
    model: {NAME}
    deliver_to: [pacs]
"""


@dataclass(frozen=True)
class Site:
    """Where a node would run; ``shipped`` is a folder that its settings list."""

    folder: Path
    settings: Settings
    db: Database

    @property
    def own(self) -> Path:
        return self.settings.own_models

    def start(self) -> None:
        """What a start of the node does."""
        prepare_routing(self.settings, self.db)

    def states(self) -> dict[tuple[str, str], str]:
        """State by (name, version)."""
        with self.db.read() as s:
            return {(p.name, p.version): p.state for p in list_packages(s)}

    def rows(self) -> list[dict[str, Any]]:
        with self.db.read() as s:
            return package_documents(s)

    def made(self, version: str, name: str = NAME, where: str = "made", **changes: Any) -> Checked:
        """A package elsewhere, as though `inference check` had passed it."""
        path = write_package(self.folder / where / version, name, version=version, **changes)
        return checked(path)


def checked(path: Path) -> Checked:
    manifest = read_manifest(path)
    return Checked(
        manifest.name, manifest.version, manifest.title, manifest.task, package_digest(path), "L", manifest.weights_licence, path
    )


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> SQLiteCopies:
    return SQLiteCopies(tmp_path_factory.mktemp("databases"))


@pytest.fixture
def site(copies: SQLiteCopies, tmp_path: Path) -> Iterator[Site]:
    write_package(tmp_path / "shipped")
    (tmp_path / "rules.yaml").write_text(RULES)
    settings = Settings(
        store=StoreSettings(spool=tmp_path / "data" / "spool"),
        rules=tmp_path / "rules.yaml",
        models=(str(tmp_path / "shipped"),),
        peers=(Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=104),),
    )
    with copies.fresh(tmp_path) as url, opened(url, ManualClock()) as db:
        made = Site(tmp_path, settings, db)
        made.start()
        yield made
