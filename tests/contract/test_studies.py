"""What routing asks of studies, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from storage import decisions, events, intake, studies
from storage.database import Database
from storage.schema import Revision, Study
from storage.states import UnknownRow
from tests.support.databases import statements
from tests.support.seeds import OTHER_STUDY, STUDY, after, done_job, instance, open_association


def _arrive(db: Database, *numbers: int, study: str = STUDY, content: str = "", series: int = 1) -> int:
    with db.write() as s:
        for number in numbers:
            intake.add_instance(s, instance(number, study=study, content=content, series=series))
        return s.scalars(select(Study.id).where(Study.study_instance_uid == study)).one()


def _evaluate(db: Database, study_id: int, quiet_s: float, arrivals: int) -> bool:
    with db.write() as s:
        revision, _ = studies.freeze_revision(s, study_id, after(50))
        return decisions.record_evaluation(
            s,
            study_id=study_id,
            quiet_s=quiet_s,
            arrival_count=arrivals,
            revision_id=revision.id,
            rule_version_id=None,
            at=after(50),
        )


def test_a_study_waits_until_it_is_settled_and_again_when_it_grows(db: Database) -> None:
    study_id = _arrive(db, 1, 2)
    _arrive(db, 9, study=OTHER_STUDY)
    with db.read() as s:
        first, second = studies.pending_studies(s)
    assert (first.study_instance_uid, first.arrival_count, first.last_arrival_at) == (STUDY, 2, after(2))
    assert (first.modalities, first.evaluated, first.open_associations) == (frozenset({"MR"}), {}, 0)
    assert second.study_instance_uid == OTHER_STUDY

    assert _evaluate(db, study_id, 5.0, 2)
    assert not _evaluate(db, study_id, 5.0, 2)
    assert _evaluate(db, study_id, 60.5, 2)
    with db.write() as s:
        assert studies.pending_studies(s)[0].evaluated == {5.0: 2, 60.5: 2}
        studies.settle(s, study_id, 2)
        studies.settle(s, study_id, 1)
        assert [p.study_instance_uid for p in studies.pending_studies(s)] == [OTHER_STUDY]

    _arrive(db, 3)
    with db.read() as s:
        assert {p.study_instance_uid for p in studies.pending_studies(s)} == {STUDY, OTHER_STUDY}


def test_only_open_associations_that_carried_the_study_count(db: Database) -> None:
    with db.write() as s:
        for uid in ("a1", "a2", "idle"):
            open_association(s, uid)
    _arrive(db, 1, 2)
    with db.write() as s:
        intake.add_instance(s, replace(instance(3), association_uid="a2"))
        assert studies.pending_studies(s)[0].open_associations == 2
        intake.note_association_closed(s, uid="a1", end="released", at=after(9))
        assert studies.pending_studies(s)[0].open_associations == 1


def test_nobody_receives_once_every_receiver_has_stopped_in_order(db: Database) -> None:
    _arrive(db, 1)
    told = []
    with db.write() as s:
        for step in ("", "started r 1", "started q 7", "stopped r 1", "stopped q 7", "started r 2", "stopped r 2", "stopped r 2"):
            if step:
                change, receiver, boot = step.split()
                note = intake.note_receiver_started if change == "started" else intake.note_receiver_stopped
                note(s, receiver, int(boot), after(9))
            (study,) = studies.pending_studies(s)
            told.append(study.nobody_receives)
    assert told == [False, False, False, False, True, False, True, True]


def test_many_waiting_studies_take_as_many_queries_as_one(db: Database) -> None:
    counts = []
    for several in (1, 60):
        with db.write() as s:
            for number in range(several):
                study = f"1.9.{several}.{number}"
                open_association(s, study)
                intake.add_instance(s, replace(instance(1, study=study), association_uid=study))
        with statements(db) as sent, db.read() as s:
            found = studies.pending_studies(s)
        counts.append(sum(statement.startswith("SELECT") for statement in sent))
        assert all((one.open_associations, one.modalities, one.evaluated) == (1, frozenset({"MR"}), {}) for one in found)
    assert len(found) == 61 and counts[0] == counts[1] == 5


def test_the_same_content_freezes_to_the_same_revision(db: Database) -> None:
    study_id = _arrive(db, 1, 2)
    with db.write() as s:
        first, created = studies.freeze_revision(s, study_id, after(10))
        assert created
        assert (first.number, first.created_at) == (1, after(10))
        intake.add_instance(s, replace(instance(1), spool_record="resend"))
        again, created = studies.freeze_revision(s, study_id, after(20))
        assert (again.id, created) == (first.id, False)
        assert [e.kind for e in events.list_(s, study_id=study_id)] == ["study.first-instance", "study.revision"]


def test_a_revision_holds_the_newest_version_of_each_instance(db: Database) -> None:
    study_id = _arrive(db, 1, 2)
    with db.write() as s:
        first, _ = studies.freeze_revision(s, study_id, after(10))
    _arrive(db, 2, content="other")
    _arrive(db, 7, series=2)
    with db.write() as s:
        second, created = studies.freeze_revision(s, study_id, after(20))
        assert (second.number, created) == (2, True)
    with db.read() as s:
        old = {c.series_instance_uid: [i.sha256 for i in c.instances] for c in studies.revision_series(s, first.id)}
        new = {c.series_instance_uid: [i.sha256 for i in c.instances] for c in studies.revision_series(s, second.id)}
        one_series = studies.revision_series(s, second.id, only=[studies.revision_series(s, second.id)[1].series_id])
    assert old == {"1.2.3.1": [instance(1).sha256, instance(2).sha256]}
    assert new == {
        "1.2.3.1": [instance(1).sha256, instance(2, content="other").sha256],
        "1.2.3.2": [instance(7, series=2).sha256],
    }
    assert [c.series_instance_uid for c in one_series] == ["1.2.3.2"]
    assert one_series[0].instances[0].header == instance(7, series=2).header


def test_the_digest_is_of_content_not_of_order(db: Database) -> None:
    study_id = _arrive(db, 2, 1)
    with db.write() as s:
        digest = studies.freeze_revision(s, study_id, after(10))[0].digest
    assert digest == studies.manifest_digest((i.sop_instance_uid, i.sha256) for i in (instance(1), instance(2)))
    assert digest != studies.manifest_digest([(instance(1).sop_instance_uid, instance(1).sha256)])


def test_an_unknown_study_cannot_be_frozen(db: Database) -> None:
    with pytest.raises(UnknownRow, match="no study 77"), db.write() as s:
        studies.freeze_revision(s, 77, after(1))
    with db.read() as s:
        assert s.scalars(select(Revision)).all() == []


def test_our_own_results_are_known(db: Database) -> None:
    done_job(db)
    with db.read() as s:
        many = [f"1.9.{n}" for n in range(1200)]
        assert studies.own_sop_instance_uids(s, ["2.25.1", "", "1.2.3.1.1", *many, "2.25.2"]) == {"2.25.1", "2.25.2"}
