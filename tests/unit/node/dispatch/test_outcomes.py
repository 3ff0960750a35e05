"""Every way in which a task can end, as the rows that it leaves; on a real SQLite store."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.protocol import BlobRef, Outcome, ResultBlob
from node.dispatch.outcomes import Held, settle
from node.dispatch.tasks import build_task
from storage import events, jobs, packages
from storage.base.clock import ManualClock
from storage.database import Database
from storage.jobs import LeaseLost
from tests.unit.node.dispatch.conftest import OpenStore
from tests.unit.node.dispatch.seed import add_job, add_package, state_of

WORKER = "dispatcher-x/1"
BLOB = BlobRef(key="jobs/x/1/label-map.npz", sha256="0" * 64, size_bytes=3)
SEG = ResultBlob(role="seg", blob=BLOB, sop_class_uid="1.2.3", sop_instance_uid="1.2.4", series_instance_uid="1.2.5")


@pytest.fixture
def db(open_store: OpenStore, tmp_path: Path) -> Database:
    made = open_store(ManualClock())
    add_package(made, tmp_path)
    return made


def hold(db: Database) -> Held:
    [claim] = jobs.take(db, WORKER, 15.0, 1)
    with db.read() as s:
        facts = jobs.task_of(s, claim.job_id)
    return Held(claim, build_task(claim, facts), facts.study_id, facts.package_id)


def end(db: Database, held: Held, **fields: object) -> str:
    identity = {"job_id": held.claim.job_id, "attempt": held.claim.attempt, "kind": held.claim.kind}
    with db.write() as s:
        settle(s, held, Outcome.model_validate({**identity, **fields}), db.clock.utc(), infra_limit=3)
    return state_of(db, held.claim.job_id)


def package_state(db: Database, held: Held) -> str:
    with db.read() as s:
        return packages.get_package(s, held.package_id).state


def test_a_job_goes_through_both_tasks_to_done(db: Database) -> None:
    job_id = add_job(db, 1)
    held = hold(db)
    timings = {"timings_s": {"network": 2.0}, "environment": {"torch": "2.13.0"}}
    assert end(db, held, status="ok", prediction=BLOB, **timings) == "inferred"
    held = hold(db)
    assert (held.task.kind, held.task.prediction) == ("report", BLOB)
    assert end(db, held, status="ok", results=(SEG,), measurements=({"label": 1},), timings_s={"report": 1.0}) == "done"
    with db.read() as s:
        job = jobs.get_job(s, job_id)
        assert job.timings == {"network": 2.0, "report": 1.0}
        assert job.measurements == [{"label": 1}]
        assert [result.sop_instance_uid for result in jobs.list_results(s, job_id)] == ["1.2.4"]
        told = [event for event in events.list_(s, job_id=job_id) if event.kind == "job.environment"]
        assert told[0].facts == {"task": "infer", "torch": "2.13.0"}


@pytest.mark.parametrize(
    ("fields", "state", "attempts", "infra_failures"),
    [
        ({"status": "refused", "reason_code": "slice-gap", "reason": "a slice is missing"}, "refused", 0, 0),
        ({"status": "model_error", "reason_code": "output-labels", "reason": "label 9"}, "failed", 1, 0),
        ({"status": "infra_error", "reason_code": "io", "reason": "ENOSPC"}, "ready", 0, 1),
        ({"status": "ok"}, "ready", 0, 1),
        ({"status": "cancelled"}, "ready", 0, 0),
    ],
)
def test_every_other_end(db: Database, fields: dict[str, object], state: str, attempts: int, infra_failures: int) -> None:
    job_id = add_job(db, 1)
    assert end(db, hold(db), **fields) == state
    with db.read() as s:
        job = jobs.get_job(s, job_id)
        assert (job.attempts, job.infra_failures) == (attempts, infra_failures)
        assert job.reason == fields.get("reason", job.reason)


def test_a_handed_back_job_is_claimed_again_at_once_and_a_failed_one_rests(db: Database) -> None:
    add_job(db, 1)
    end(db, hold(db), status="cancelled")
    end(db, hold(db), status="infra_error", reason_code="io")
    assert jobs.take(db, WORKER, 15.0, 1) == []
    db.clock.sleep(3600.0)
    assert len(jobs.take(db, WORKER, 15.0, 1)) == 1


def test_infrastructure_failures_end_at_the_limit(db: Database) -> None:
    job_id = add_job(db, 1)
    states = []
    for _ in range(3):
        states.append(end(db, hold(db), status="infra_error", reason_code="host-died"))
        db.clock.sleep(3600.0)
    assert states == ["ready", "ready", "dead"]
    assert state_of(db, job_id) == "dead"


def test_a_broken_package_leaves_use_at_once(db: Database) -> None:
    add_job(db, 1)
    held = hold(db)
    end(db, held, status="model_error", reason_code="manifest-invalid", reason="no grid", broken_package=True)
    assert package_state(db, held) == "quarantined"


def test_bad_output_quarantines_after_three_different_studies(db: Database) -> None:
    for number, state in ((1, "active"), (2, "active"), (3, "quarantined")):
        add_job(db, number)
        held = hold(db)
        assert end(db, held, status="model_error", reason_code="output-labels", reason="label 9") == "failed"
        assert package_state(db, held) == state


def test_bad_output_on_one_study_again_and_again_does_not_quarantine(db: Database) -> None:
    job_id = add_job(db, 1)
    for _ in range(4):
        held = hold(db)
        end(db, held, status="model_error", reason_code="output-labels", reason="label 9")
        with db.write() as s:
            jobs.retry(s, job_id, db.clock.utc())
    assert package_state(db, held) == "active"


def test_an_outcome_that_comes_too_late_changes_nothing(db: Database) -> None:
    job_id = add_job(db, 1)
    held = hold(db)
    db.clock.sleep(16.0)
    with db.write() as s:
        jobs.reap_expired(s, db.clock.utc())
    with pytest.raises(LeaseLost):
        end(db, held, status="ok", prediction=BLOB)
    with db.read() as s:
        assert jobs.get_job(s, job_id).prediction is None
