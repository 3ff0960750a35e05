"""When the verifier says that an Instance isn't here: not before the index has come as far as the journals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from node.deliver.commitment.verifier import PATIENCE_S, Verifier
from storage import commitments
from storage.base.clock import ManualClock
from storage.base.errors import TransientError
from storage.blobs import open_blobs
from storage.commitments.requests import Request
from storage.database import Database, open_database
from storage.schema import Commitment, CommitmentInstance

NO_SUCH_INSTANCE = 0x0112


class Journals:
    """Journals of which the indexer has come to the end, or hasn't; their disk may fail."""

    def __init__(self) -> None:
        self.indexed = self.broken = False

    def mark(self) -> Callable[[], bool]:
        return self.is_indexed

    def is_indexed(self) -> bool:
        if self.broken:
            raise TransientError("injected", code="spool")
        return self.indexed


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'w.db'}", ManualClock())
    opened.migrate()
    with opened.write() as s:
        request = Request("CT_1", "WETREAD", "10.0.0.1", "a1", opened.clock.utc())
        commitments.note_requested(s, request, "1.9", [("1.2.840.10008.5.1.4.1.1.2", "1.2.3")])
    yield opened
    opened.dispose()


def state(db: Database) -> str:
    with db.read() as s:
        return s.scalars(select(Commitment.state)).one()


def test_an_instance_is_not_missing_while_the_index_is_behind(db: Database, tmp_path: Path) -> None:
    journals = Journals()
    verifier = Verifier(db, open_blobs(tmp_path / "blobs"), "w/1", journals.mark)
    for journals.broken in (False, True, False):
        for _ in range(3):
            assert verifier.serve_once() and state(db) == "requested"
            db.clock.sleep(PATIENCE_S / 2)
    journals.indexed = True
    assert verifier.serve_once() and state(db) == "verified" and not verifier.waits
    with db.read() as s:
        assert s.scalars(select(CommitmentInstance.failure_reason)).one() == NO_SUCH_INSTANCE


def test_what_another_host_may_have_is_waited_for_too(db: Database, tmp_path: Path) -> None:
    journals = Journals()
    journals.indexed = True
    verifier = Verifier(db, open_blobs(tmp_path / "blobs"), "w/1", journals.mark)
    assert verifier.serve_once() and state(db) == "requested"
    db.clock.sleep(PATIENCE_S)
    assert verifier.serve_once() and state(db) == "verified"
