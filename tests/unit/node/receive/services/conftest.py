"""A spool, and what the services have written to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from node.receive.associate.admission import Grant
from node.receive.associate.sessions import Session
from node.receive.spool.segments import segments
from node.receive.spool.spool import Spool
from tests.unit.node.receive.samples import facts, spool_in

R = TypeVar("R")


def noted(spool: Spool, kind: type[R]) -> list[R]:
    """The records of one kind, in their order."""
    found: list[Any] = [line.record for segment in segments(spool.folders.journal) for line in segment.lines()]
    return [record for record in found if isinstance(record, kind)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = spool_in(tmp_path / "spool")
    yield opened
    opened.close()


@pytest.fixture
def session(spool: Spool) -> Session:
    return Session(facts(spool), Grant("SCANNER"))
