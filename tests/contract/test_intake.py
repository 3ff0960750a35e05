"""Spool records to rows, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import events, intake, studies
from storage.database import Database
from storage.schema import Arrival, Association, Base, Event, Instance, InstanceHeader, Series, SourceAE, Study
from tests.support.seeds import T0, after, instance, open_association


def _count(db: Database, table: type[Base]) -> int:
    with db.read() as s:
        return s.scalar(select(func.count()).select_from(table)) or 0


def test_an_instance_is_new_once_then_a_duplicate_and_a_record_counts_once(db: Database) -> None:
    with db.write() as s:
        open_association(s)
        assert intake.add_instance(s, instance()) == "new"
        assert intake.add_instance(s, instance()) == "seen"
        assert intake.add_instance(s, replace(instance(), spool_record="again", received_at=after(9))) == "duplicate"
    with db.read() as s:
        study = s.scalars(select(Study)).one()
        assert (study.arrival_count, study.first_arrival_at, study.last_arrival_at) == (2, after(1), after(9))
        assert [a.duplicate for a in s.scalars(select(Arrival).order_by(Arrival.id))] == [False, True]
    assert _count(db, Instance) == _count(db, InstanceHeader) == _count(db, Series) == 1


def test_other_bytes_under_the_same_uid_are_another_version(db: Database) -> None:
    with db.write() as s:
        assert intake.add_instance(s, instance()) == "new"
        assert intake.add_instance(s, instance(content="other")) == "version"
        assert intake.add_instance(s, replace(instance(content="other"), spool_record="x")) == "duplicate"
    with db.read() as s:
        assert list(s.scalars(select(Instance.version).order_by(Instance.version))) == [1, 2]
        assert [e.kind for e in events.list_(s)] == ["study.first-instance", "instance.version"]


def test_a_version_may_lie_in_another_series(db: Database) -> None:
    with db.write() as s:
        intake.add_instance(s, instance())
        moved = replace(instance(content="moved"), series_instance_uid="1.2.3.77")
        assert intake.add_instance(s, moved) == "version"
    assert _count(db, Series) == 2


def test_arrivals_out_of_the_order_of_time_keep_the_bounds(db: Database) -> None:
    with db.write() as s:
        intake.add_instance(s, instance(5))
        intake.add_instance(s, instance(2))
    with db.read() as s:
        study = s.scalars(select(Study)).one()
        assert (study.first_arrival_at, study.last_arrival_at) == (after(2), after(5))


def test_an_unknown_association_keeps_nothing_out(db: Database) -> None:
    with db.write() as s:
        assert intake.add_instance(s, instance()) == "new"
    with db.read() as s:
        assert s.scalars(select(Arrival.association_id)).one() is None


def test_an_association_is_noted_once_and_its_first_end_stands(db: Database) -> None:
    with db.write() as s:
        open_association(s)
        open_association(s, at=after(3))
        intake.note_association_closed(s, uid="a1", end="aborted", at=after(4))
        intake.note_association_closed(s, uid="a1", end="released", at=after(5))
        intake.note_association_closed(s, uid="never-seen", end="released", at=after(5))
    with db.read() as s:
        found = s.scalars(select(Association)).one()
        assert (found.state, found.opened_at, found.closed_at) == ("aborted", T0, after(4))
        source = s.scalars(select(SourceAE)).one()
        assert (source.ae_title, source.first_seen_at, source.last_seen_at) == ("CT_1", T0, after(3))


def test_a_receivers_new_life_closes_what_earlier_lives_left_open(db: Database) -> None:
    with db.write() as s:
        open_association(s, "old", boot=1)
        open_association(s, "new", boot=2)
        assert intake.note_receiver_started(s, "r", 2, after(10)) == 1
        assert intake.note_receiver_started(s, "r", 2, after(11)) == 0
        assert intake.note_receiver_started(s, "r", 1, after(12)) == 0, "an old record indexed again closes nothing newer"
        assert intake.note_receiver_started(s, "another", 9, after(12)) == 0
    with db.read() as s:
        states = dict(s.execute(select(Association.uid, Association.state)).all())
        assert states == {"old": "lost", "new": "open"}


def test_an_association_heard_of_after_its_receiver_s_next_start_was_lost_then(db: Database) -> None:
    with db.write() as s:
        for boot, at in ((2, 20), (1, 10), (3, 30), (2, 99)):
            intake.note_receiver_started(s, "r", boot, after(at))
        for uid, boot in (("first", 1), ("second", 2), ("third", 3)):
            open_association(s, uid, boot=boot)
        intake.add_instance(s, replace(instance(), association_uid="second"))
    with db.read() as s:
        ends = {a.uid: (a.state, a.closed_at) for a in s.scalars(select(Association))}
        assert ends == {"first": ("lost", after(20)), "second": ("lost", after(30)), "third": ("open", None)}
        assert s.scalars(select(Study.broken_off_at)).one() == after(30)


def test_a_break_is_noted_at_every_study_that_the_association_brought_and_never_goes_back(db: Database) -> None:
    with db.write() as s:
        for uid in ("a1", "a2", "a3", "a4"):
            open_association(s, uid)
        intake.add_instance(s, instance(1))
        intake.add_instance(s, replace(instance(2), association_uid="a2"))
        intake.add_instance(s, instance(1, study="1.2.9"))
        intake.add_instance(s, replace(instance(1, study="1.2.10"), association_uid="a3"))
        intake.note_association_closed(s, uid="a1", end="aborted", at=after(20))
        intake.note_association_closed(s, uid="a2", end="lost", at=after(15))
        intake.note_association_closed(s, uid="a3", end="released", at=after(30))
        intake.note_association_closed(s, uid="a4", end="aborted", at=after(40))
    with db.read() as s:
        breaks = dict(s.execute(select(Study.study_instance_uid, Study.broken_off_at)).all())
        assert breaks == {"1.2.3": after(20), "1.2.9": after(20), "1.2.10": None}


def _of(s: Session) -> dict[str, Any]:
    s.flush()
    return {uid: at for uid, at in s.execute(select(Study.study_instance_uid, Study.broken_off_at))}


def _breaks(db: Database) -> dict[str, Any]:
    with db.read() as s:
        return _of(s)


def test_a_start_of_a_receiver_breaks_off_waiting_studies_that_it_brought_part_of(db: Database) -> None:
    """Also where every association of its former life was released: nobody could send while it was down."""
    with db.write() as s:
        for uid, study in (("a1", "1.2.3"), ("a2", "1.2.4"), ("a3", "1.2.5")):
            open_association(s, uid)
            intake.add_instance(s, replace(instance(1, study=study), association_uid=uid))
            intake.note_association_closed(s, uid=uid, end="released", at=after(2))
        settled = s.scalars(select(Study.id).where(Study.study_instance_uid == "1.2.4")).one()
        studies.settle(s, settled, 1)
        intake.note_receiver_started(s, "another", 2, after(50))
        assert _of(s) == {"1.2.3": None, "1.2.4": None, "1.2.5": None}, "another worker was down, not the one that brought these"
        intake.note_receiver_started(s, "r", 1, after(60))
        assert _of(s) == {"1.2.3": None, "1.2.4": None, "1.2.5": None}, "their own life"
        intake.note_receiver_started(s, "r", 2, after(70))
    assert _breaks(db) == {"1.2.3": after(70), "1.2.4": None, "1.2.5": after(70)}


def test_a_start_that_is_known_before_what_came_earlier_breaks_it_off_too(db: Database) -> None:
    with db.write() as s:
        for boot, at in ((2, 20), (3, 30)):
            intake.note_receiver_started(s, "r", boot, after(at))
        open_association(s, "a1", boot=2)
        intake.note_association_closed(s, uid="a1", end="released", at=after(25))
        intake.add_instance(s, instance(1))
        open_association(s, "a2", boot=3)
        intake.add_instance(s, replace(instance(1, study="1.2.9"), association_uid="a2"))
    assert _breaks(db) == {"1.2.3": after(30), "1.2.9": None}


def test_nothing_of_a_failed_transaction_stays(db: Database) -> None:
    with pytest.raises(RuntimeError), db.write() as s:
        intake.add_instance(s, instance())
        raise RuntimeError
    assert _count(db, Study) == _count(db, Event) == 0
