"""A node's settings, packages and rules in a temporary folder, and its database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.settings import Peer, Settings
from storage.base.clock import ManualClock
from storage.database import Database
from tests.support.databases import SQLiteCopies, opened
from tests.support.packages import write_package

RULES = """\
rules:
  - name: hippocampus
    when: Modality == "MR" && SeriesDescription.contains("HippoCrop")
    model: hippocampus-mr
    deliver_to: [pacs]
    quiet_s: 5
"""


@dataclass(frozen=True)
class Site:
    """Where a node would run."""

    folder: Path
    settings: Settings

    @property
    def rules(self) -> Path:
        return self.folder / "rules.yaml"

    @property
    def models(self) -> Path:
        return self.folder / "models"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    write_package(tmp_path / "models")
    (tmp_path / "rules.yaml").write_text(RULES)
    pacs = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
    sender = Peer(name="scanner", ae_title="CT_1", host="127.0.0.1", port=104, send_to=False)
    settings = Settings(rules=tmp_path / "rules.yaml", models=(str(tmp_path / "models"),), peers=(pacs, sender))
    return Site(tmp_path, settings)


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> SQLiteCopies:
    return SQLiteCopies(tmp_path_factory.mktemp("databases"))


@pytest.fixture
def db(copies: SQLiteCopies, tmp_path: Path) -> Iterator[Database]:
    with copies.fresh(tmp_path) as url, opened(url, ManualClock()) as database:
        yield database
