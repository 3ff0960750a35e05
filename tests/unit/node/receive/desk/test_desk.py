"""The desk: who is admitted, who still is, whose place is whose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.receive.associate.admission import NO_SPACE, STOPPING, UNKNOWN_CALLING, Admission, Caller, Grant, Reject
from node.receive.associate.places import PlaceTable
from node.receive.associate.sessions import Session, Sessions
from node.receive.desk.admissions import Admissions
from node.receive.desk.desk import TOO_MANY, Desk
from node.receive.spool.spool import Spool
from node.receive.store.status import TABLE
from node.receive.store.storer import StoreCommand, Storer
from storage.base.clock import ManualClock
from storage.base.errors import TransientError
from tests.unit.node.receive.encoding import CT, EXPLICIT, encoded, identified
from tests.unit.node.receive.samples import spool_in

SCANNER = Caller("127.0.0.1", "SCANNER", "WETREAD")
KNOWN = Admission("WETREAD", frozenset({"SCANNER", "OTHER"}))
NOBODY = Admission("WETREAD")
COMMAND = StoreCommand(CT, "1.2.3.4", CT, EXPLICIT)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = spool_in(tmp_path)
    yield found
    found.close()


@pytest.fixture
def table() -> Iterator[PlaceTable]:
    made = PlaceTable(workers=1, most=2, most_per_host=2)
    yield made
    made.close()


def desk(spool: Spool, table: PlaceTable | None = None, admission: Admission = KNOWN) -> Desk:
    clock = ManualClock()
    places = None if table is None else table.of(0)
    return Desk(Admissions(admission), spool, Sessions(spool, clock), Storer(spool, clock), places)


def admitted(found: Session | Reject) -> Session:
    assert isinstance(found, Session)
    return found


def stored(desk: Desk, session: Session) -> int:
    reception = desk.begin_store(session, COMMAND)
    reception.write(encoded(identified("1.2.3.4")))
    return reception.finish().status


def test_who_is_known_may_store_and_echo(spool: Spool) -> None:
    found = desk(spool)
    session = admitted(found.admit("a", SCANNER))
    assert (stored(found, session), found.echo(session)) == (0x0000, 0x0000)
    assert found.admit("b", replace(SCANNER, calling="STRANGER")) == UNKNOWN_CALLING
    assert found.sessions.associations() == ["a"]


def test_an_admission_that_is_replaced_decides_for_open_associations(spool: Spool) -> None:
    found = desk(spool)
    session = admitted(found.admit("a", SCANNER))
    found.admissions.replace(NOBODY)
    assert (stored(found, session), session.refused) == (TABLE["not-allowed"].status, 1)
    assert found.echo(session) == TABLE["not-negotiated"].status
    assert found.admit("b", SCANNER) == UNKNOWN_CALLING
    found.admissions.replace(replace(KNOWN, ordinary=Grant("", durability="os")))
    assert stored(found, session) == 0x0000
    assert session.grant.durability == "os"


def test_an_admission_replaced_while_a_caller_is_admitted_decides_too(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = desk(spool)

    def replaced(self: Spool) -> bool:
        found.admissions.replace(NOBODY)
        return False

    monkeypatch.setattr(Spool, "is_nearly_full", replaced)
    session = admitted(found.admit("a", SCANNER))
    assert stored(found, session) == TABLE["not-allowed"].status


def test_a_service_that_is_not_granted_is_refused(spool: Spool) -> None:
    found = desk(spool, admission=replace(KNOWN, ordinary=Grant("", services=frozenset({"echo"}))))
    session = admitted(found.admit("a", SCANNER))
    assert (stored(found, session), found.echo(session)) == (TABLE["not-allowed"].status, 0x0000)


def test_a_refused_data_set_that_is_given_up_is_nothing(spool: Spool) -> None:
    found = desk(spool, admission=replace(KNOWN, ordinary=Grant("", services=frozenset())))
    session = admitted(found.admit("a", SCANNER))
    found.begin_store(session, COMMAND).abandon()
    assert session.refused == 0
    assert found.begin_store(None, COMMAND).finish().status == TABLE["stopping"].status


def test_places_are_taken_and_given_back(spool: Spool, table: PlaceTable) -> None:
    found = desk(spool, table)
    admitted(found.admit("a", SCANNER))
    admitted(found.admit("b", SCANNER))
    assert found.admit("c", SCANNER) == TOO_MANY
    found.ended("c")
    found.closed("a", "released")
    assert found.admit("c", SCANNER) == TOO_MANY, "its thread still runs"
    found.ended("a")
    found.ended("a")
    admitted(found.admit("c", SCANNER))
    assert found.sessions.associations() == ["b", "c"]


def test_most_associations_of_a_source(spool: Spool, table: PlaceTable) -> None:
    found = desk(spool, table, replace(KNOWN, ordinary=Grant("", most_associations=1)))
    admitted(found.admit("a", SCANNER))
    assert found.admit("b", SCANNER) == TOO_MANY
    admitted(found.admit("c", replace(SCANNER, calling="OTHER")))


def test_who_stops_or_has_no_space_admits_nobody_for_now(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = desk(spool)
    monkeypatch.setattr(Spool, "is_nearly_full", lambda self: True)
    assert found.admit("a", SCANNER) == NO_SPACE

    def fail(self: Spool) -> bool:
        raise TransientError("no answer from the disk", code="spool")

    monkeypatch.setattr(Spool, "is_nearly_full", fail)
    assert found.admit("a", SCANNER) == NO_SPACE
    found._storer.stopping = True
    assert found.admit("a", SCANNER) == STOPPING
    assert found.sessions.associations() == []
