"""Associations that are open: what is recorded of their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from node.receive.associate.admission import Caller, Grant
from node.receive.associate.sessions import Sessions
from node.receive.spool.records import AssociationClosed, Record
from node.receive.spool.spool import Spool
from storage.base.clock import ManualClock
from storage.base.errors import TransientError
from tests.unit.node.receive.samples import spool_in, waiting

CALLER, GRANT = Caller("127.0.0.1", "SCANNER", "WETREAD"), Grant("SCANNER")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_in(tmp_path)


def ends(spool: Spool) -> list[Record]:
    return [line.record for line in waiting(spool.folders) if line.record is not None]


def test_an_association_that_brought_something_leaves_a_record(spool: Spool) -> None:
    clock = ManualClock()
    sessions = Sessions(spool, clock)
    session = sessions.open("key", CALLER, GRANT)
    assert sessions.get("key") is session
    session.stored = 1
    sessions.close("key", "released")
    sessions.close("key", "aborted")
    assert ends(spool) == [AssociationClosed(session.facts, "released", clock.utc())]
    assert sessions.associations() == []


def test_one_that_brought_nothing_leaves_none(spool: Spool) -> None:
    sessions = Sessions(spool, ManualClock())
    sessions.open("key", CALLER, GRANT).refused = 3
    sessions.close("key", "released")
    assert ends(spool) == []


def test_an_end_that_the_disk_refuses_is_written_later(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(spool, ManualClock())
    session = sessions.open("key", CALLER, GRANT)
    session.stored = 1

    def full(*_: Any) -> str:
        raise TransientError("full", code="no-space")

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "put_record", full)
        sessions.close("key", "aborted")
        sessions.write_ends()
    assert ends(spool) == []
    sessions.write_ends()
    sessions.write_ends()
    (end,) = ends(spool)
    assert isinstance(end, AssociationClosed) and (end.association, end.end) == (session.facts, "aborted")


def test_associations_have_names_that_no_other_has(spool: Spool) -> None:
    sessions = Sessions(spool, ManualClock())
    assert len({sessions.open(key, CALLER, GRANT).facts.uid for key in range(20)}) == 20
