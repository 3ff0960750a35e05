"""The life of a job, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from storage import deliveries, events, intake, jobs, studies
from storage.base.clock import ManualClock
from storage.database import Database
from storage.jobs import Claim, Fence, Kind, LeaseLost
from storage.schema import Job, JobDestination
from storage.states import MoveRefused, UnknownRow
from tests.support.seeds import OTHER_STUDY, after, asked, done_job, instance, request, results

PREDICTION = {"key": "j/labels", "sha256": "d" * 64, "size_bytes": 5}


def _new(db: Database, study: str = "1.2.3", priority: int = 0) -> int:
    with db.write() as s:
        return request(s, asked(s, study), priority=priority)[0].id


def _claim(db: Database, worker: str = "w", limit: int = 1, lease_s: float = 30.0) -> list[Claim]:
    return jobs.take(db, worker, lease_s, limit)


def _claimed(db: Database, worker: str = "w") -> Claim:
    (found,) = _claim(db, worker)
    return found


def _job(db: Database, job_id: int) -> Job:
    with db.read() as s:
        return jobs.get_job(s, job_id)


def _kinds(db: Database, job_id: int) -> list[str]:
    with db.read() as s:
        return [e.kind.removeprefix("job.") for e in events.list_(s, job_id=job_id) if e.kind.startswith("job.")]


def _infer(db: Database, claim: Claim) -> None:
    with db.write() as s:
        jobs.finish_infer(s, claim.fence, PREDICTION, [{"volume_ml": 3.5}], {"network": 1.5}, db.clock.utc())


def test_a_job_goes_from_asked_to_done(db: Database) -> None:
    job_id = done_job(db, ["pacs", "archive"])
    job = _job(db, job_id)
    assert (job.state, job.attempt, job.attempts, job.infra_failures, job.lease_until) == ("done", 2, 0, 0, None)
    assert job.timings == {"network": 1.5, "report": 0.5}
    assert job.prediction == PREDICTION
    assert _kinds(db, job_id) == ["requested", "destination", "destination", "inferring", "inferred", "reporting", "done"]
    with db.read() as s:
        assert [r.role for r in jobs.list_results(s, job_id)] == ["overlay", "seg", "sr"]
        assert len(deliveries.list_(s, job_id=job_id)) == 4


def test_the_same_request_twice_is_one_job_with_more_destinations(db: Database) -> None:
    with db.write() as s:
        what = asked(s)
        first, created = request(s, what, ["pacs"], priority=1)
        again, created_again = request(s, what, ["pacs", "archive"], priority=7)
        assert (created, created_again, again.id, again.priority) == (True, False, first.id, 7)
        assert list(s.scalars(select(JobDestination.peer).order_by(JobDestination.id))) == ["pacs", "archive"]


def test_other_parameters_make_another_job_whatever_their_order(db: Database) -> None:
    with db.write() as s:
        what = asked(s)
        one = request(s, what, parameters={"a": 1, "b": 2})[0]
        same = request(s, what, parameters={"b": 2, "a": 1})[0]
        other = request(s, what, parameters={"a": 1, "b": 3})[0]
    assert one.id == same.id != other.id


def test_a_late_image_of_another_series_asks_for_nothing_new(db: Database) -> None:
    with db.write() as s:
        what = asked(s)
        first = request(s, what)[0]
        intake.add_instance(s, instance(9, series=2))
        revision, created = studies.freeze_revision(s, what.study_id, after(200))
        assert created
        digests = [jobs.input_digest(s, r, {"image": what.series_id}) for r in (what.revision_id, revision.id)]
        assert digests[0] == digests[1] == first.input_digest
        intake.add_instance(s, instance(8))
        changed, _ = studies.freeze_revision(s, what.study_id, after(300))
        assert jobs.input_digest(s, changed.id, {"image": what.series_id}) != first.input_digest
        assert jobs.input_digest(s, revision.id, {"other": what.series_id}) != first.input_digest


def test_a_series_outside_the_revision_is_no_input(db: Database) -> None:
    with db.write() as s:
        what = asked(s)
        with pytest.raises(UnknownRow) as caught:
            jobs.input_digest(s, what.revision_id, {"image": 999})
    assert caught.value.reason_code == "unknown-series"


def test_a_new_destination_of_a_done_job_is_served_at_once(db: Database) -> None:
    job_id = done_job(db, ["pacs"])
    with db.write() as s:
        job, created = request(s, asked(s), ["pacs", "late"])
        assert (job.id, created) == (job_id, False)
    with db.read() as s:
        assert [d.peer for d in deliveries.list_(s, peer="late")] == ["late", "late"]
        assert len(deliveries.list_(s)) == 4


def test_claims_go_by_priority_then_age_and_each_job_goes_once(db: Database) -> None:
    low, high, low_too = _new(db, "1.1"), _new(db, "1.2", priority=5), _new(db, "1.3")
    assert [c.job_id for c in _claim(db, "a", limit=2)] == [high, low]
    assert [c.job_id for c in _claim(db, "b", limit=2)] == [low_too]
    assert _claim(db, "c", limit=2) == []


def test_a_claim_takes_the_kinds_that_were_asked_for(db: Database) -> None:
    one, two = _new(db, "1.1"), _new(db, "1.2")
    _infer(db, _claimed(db))

    def taken(kind: Kind) -> list[tuple[int, str]]:
        return [(c.job_id, c.kind) for c in jobs.take(db, "w", 30, 9, (kind,))]

    assert taken("report") == [(one, "report")]
    assert taken("report") == []
    assert taken("infer") == [(two, "infer")]


def test_nothing_free_means_no_claim(db: Database) -> None:
    _new(db)
    assert _claim(db, limit=0) == []


def test_every_write_is_fenced(db: Database) -> None:
    job_id = _new(db)
    held = _claimed(db)
    assert held.fence == Fence(job_id, "w", 1, "inferring")
    wrong = [
        Fence(job_id, "thief", 1, "inferring"),
        Fence(job_id, "w", 2, "inferring"),
        Fence(job_id, "w", 1, "reporting"),
        Fence(job_id + 1, "w", 1, "inferring"),
    ]
    at = db.clock.utc()
    for fence in wrong:
        with db.write() as s:
            with pytest.raises(LeaseLost):
                jobs.renew(s, fence, 30, at)
            with pytest.raises(LeaseLost):
                jobs.refuse(s, fence, "slice-gap", "a slice is missing", at)
            with pytest.raises(LeaseLost):
                jobs.fail(s, fence, "model", "no", at)
            with pytest.raises(LeaseLost):
                jobs.release_infra(s, fence, "device", "no", at)
            with pytest.raises(LeaseLost):
                jobs.hand_back(s, fence, at)
    job = _job(db, job_id)
    assert (job.state, job.worker, job.infra_failures) == ("inferring", "w", 0)
    assert _kinds(db, job_id)[-1] == "inferring"


def test_finishing_twice_is_refused_and_changes_nothing(db: Database) -> None:
    job_id = _new(db)
    infer = _claimed(db)
    _infer(db, infer)
    with pytest.raises(LeaseLost):
        _infer(db, infer)
    report = _claimed(db)
    for expected in (None, LeaseLost):
        with db.write() as s:
            if expected is None:
                jobs.finish_report(s, report.fence, results(), {}, after(9), [{"volume_ml": 4.0}])
            else:
                with pytest.raises(expected):
                    jobs.finish_report(s, report.fence, results("9"), {}, after(10))
    job = _job(db, job_id)
    assert (job.state, job.measurements) == ("done", [{"volume_ml": 4.0}])
    with db.read() as s:
        assert len(jobs.list_results(s, job_id)) == 3
        assert len(deliveries.list_(s, job_id=job_id)) == 2


def test_a_refusal_and_a_failure_tell_why(db: Database) -> None:
    refused, failed = _new(db, "1.1"), _new(db, "1.2")
    with db.write() as s:
        one, two = jobs.claim(s, "w", 30, 2, after(1))
        jobs.refuse(s, one.fence, "slice-gap", "the slices leave a gap of 5 mm", after(2))
        jobs.fail(s, two.fence, "output", "labels are out of range", after(2))
    job = _job(db, refused)
    assert (job.state, job.reason_code, job.reason, job.attempts) == (
        "refused", "slice-gap", "the slices leave a gap of 5 mm", 0,
    )  # fmt: skip
    job = _job(db, failed)
    assert (job.state, job.reason_code, job.attempts, job.infra_failures) == ("failed", "output", 1, 0)
    with db.read() as s:
        assert events.list_(s, job_id=failed)[-1].facts["reason"] == "labels are out of range"


def test_an_infrastructure_failure_rests_longer_each_time_and_ends_dead(db: Database, clock: ManualClock) -> None:
    job_id = _new(db)
    waited = []
    for _ in range(4):
        held = _claimed(db)
        with db.write() as s:
            assert jobs.release_infra(s, held.fence, "device", "out of memory", clock.utc()) == "ready"
        not_before = _job(db, job_id).not_before
        assert not_before is not None
        waited.append((not_before - clock.utc()).total_seconds())
        clock.sleep(waited[-1] - 0.001)
        assert _claim(db) == []
        clock.sleep(0.001)
    assert waited == [5.0, 10.0, 20.0, 40.0]
    with db.write() as s:
        (held,) = jobs.claim(s, "w", 30, 1, clock.utc())
        assert jobs.release_infra(s, held.fence, "device", "out of memory", clock.utc()) == "dead"
    job = _job(db, job_id)
    assert (job.state, job.infra_failures, job.attempts, job.reason_code) == ("dead", 5, 0, "device")
    assert _kinds(db, job_id)[-1] == "dead"


def test_a_failed_report_keeps_the_prediction(db: Database, clock: ManualClock) -> None:
    job_id = _new(db)
    _infer(db, _claimed(db))
    with db.write() as s:
        (held,) = jobs.claim(s, "w", 30, 1, clock.utc())
        assert jobs.release_infra(s, held.fence, "disk", "full", clock.utc()) == "inferred"
    job = _job(db, job_id)
    assert (job.state, job.prediction) == ("inferred", PREDICTION)


def test_a_task_handed_back_is_free_at_once_and_no_failure(db: Database) -> None:
    job_id = _new(db)
    with db.write() as s:
        (held,) = jobs.claim(s, "w", 30, 1, after(1))
        jobs.hand_back(s, held.fence, after(2))
    assert _job(db, job_id).infra_failures == 0
    assert _claimed(db, "next").attempt == 2


def test_a_lease_that_is_renewed_lives_and_one_that_is_not_is_reaped(db: Database, clock: ManualClock) -> None:
    job_id = _new(db)
    held = _claimed(db)
    for _ in range(5):
        clock.sleep(20)
        with db.write() as s:
            jobs.renew(s, held.fence, 30, clock.utc())
            assert jobs.reap_expired(s, clock.utc()) == []
    clock.sleep(31)
    with db.read() as s:
        assert jobs.expired(s, clock.utc()) == [job_id]
    with db.write() as s:
        assert jobs.reap_expired(s, clock.utc()) == [job_id]
        assert jobs.reap_expired(s, clock.utc()) == []
    job = _job(db, job_id)
    assert (job.state, job.infra_failures, job.reason_code) == ("ready", 1, "lease-expired")
    with pytest.raises(LeaseLost), db.write() as s:
        jobs.renew(s, held.fence, 30, clock.utc())
    clock.sleep(5)
    assert _claimed(db, "next").attempt == 2
    with pytest.raises(LeaseLost):
        _infer(db, held)


def test_an_old_claim_of_the_same_worker_is_lost(db: Database, clock: ManualClock) -> None:
    job_id = _new(db)
    old = _claimed(db)
    clock.sleep(31)
    with db.write() as s:
        jobs.reap_expired(s, clock.utc())
    clock.sleep(5)
    new = _claimed(db)
    assert (new.job_id, new.worker, new.kind) == (job_id, old.worker, old.kind)
    with pytest.raises(LeaseLost):
        _infer(db, old)
    with pytest.raises(LeaseLost), db.write() as s:
        jobs.renew(s, old.fence, 30, clock.utc())
    _infer(db, new)


def test_a_restarted_worker_frees_what_its_former_lives_held(db: Database) -> None:
    mine, reporting, others = _new(db, "1.1"), _new(db, "1.2"), _new(db, "1.3")
    assert _claimed(db, "host_a/1").job_id == mine
    _infer(db, _claimed(db, "host_a/1"))
    assert _claimed(db, "host_a/1").kind == "report"
    assert _claimed(db, "hostXa/1").job_id == others, "an underscore in a prefix is no wildcard"
    with db.write() as s:
        assert jobs.release_former(s, "host_a/", "host_a/2", after(1)) == [mine, reporting]
        assert jobs.release_former(s, "host_a/", "host_a/2", after(1)) == []
    assert [(_job(db, j).state, _job(db, j).infra_failures) for j in (mine, reporting, others)] == [
        ("ready", 1), ("inferred", 1), ("inferring", 0),
    ]  # fmt: skip
    assert {c.job_id for c in _claim(db, "host_a/2", limit=5)} == {mine, reporting}, "without a rest"


def test_a_job_that_kills_its_workers_ends_dead(db: Database, clock: ManualClock) -> None:
    job_id = _new(db)
    for _ in range(2):
        _claimed(db)
        clock.sleep(1000)
        with db.write() as s:
            jobs.reap_expired(s, clock.utc(), limit=2)
        clock.sleep(1000)
    assert _job(db, job_id).state == "dead"


def test_a_cancelled_job_is_lost_to_its_worker(db: Database) -> None:
    job_id = _new(db)
    held = _claimed(db)
    with db.write() as s:
        assert jobs.cancel(s, job_id, after(5)).state == "cancelled"
    with pytest.raises(LeaseLost), db.write() as s:
        jobs.renew(s, held.fence, 30, after(6))
    with pytest.raises(LeaseLost):
        _infer(db, held)
    with pytest.raises(MoveRefused), db.write() as s:
        jobs.cancel(s, job_id, after(7))


def test_a_persons_retry_begins_anew(db: Database, clock: ManualClock) -> None:
    job_id = _new(db)
    _infer(db, _claimed(db))
    with db.write() as s:
        (held,) = jobs.claim(s, "w", 30, 1, clock.utc())
        jobs.fail(s, held.fence, "output", "no", clock.utc())
        job = jobs.retry(s, job_id, clock.utc())
    assert (job.state, job.attempts, job.infra_failures, job.prediction, job.reason, job.timings) == ("ready", 0, 0, None, "", {})
    again = _claimed(db)
    assert (again.attempt, again.kind) == (3, "infer"), "the fencing token never falls"
    with pytest.raises(MoveRefused, match="under way"), db.write() as s:
        jobs.retry(s, job_id, clock.utc())


def test_what_is_done_is_not_retried_but_rerun(db: Database) -> None:
    job_id = done_job(db, ["pacs", "archive"])
    with pytest.raises(MoveRefused), db.write() as s:
        jobs.retry(s, job_id, after(1))
    with db.write() as s:
        new = jobs.rerun(s, job_id, after(2))
        assert (new.id != job_id, new.generation, new.state, new.attempt) == (True, 2, "ready", 0)
        assert jobs.task_of(s, new.id).inputs == jobs.task_of(s, job_id).inputs
        with pytest.raises(MoveRefused, match="under way"):
            jobs.rerun(s, job_id, after(3))
        job, created = request(s, asked(s), ["third"])
        assert (job.id, created) == (new.id, False), "who asks now shares the newest run"
        peers = select(JobDestination.peer).where(JobDestination.job_id == new.id).order_by(JobDestination.id)
        assert list(s.scalars(peers)) == ["pacs", "archive", "third"]


def test_unknown_jobs_are_said_to_be_unknown(db: Database) -> None:
    for act in (jobs.cancel, jobs.retry, jobs.rerun):
        with pytest.raises(UnknownRow, match="no job 99"), db.write() as s:
            act(s, 99, after(1))


def test_a_task_knows_all_that_its_host_needs(db: Database) -> None:
    job_id = _new(db)
    with db.read() as s:
        task = jobs.task_of(s, job_id)
    assert (task.study_instance_uid, task.model_name, task.package_path) == ("1.2.3", "hippocampus-mr", "/models/hippocampus-mr")
    assert [i.sop_instance_uid for i in task.inputs["image"].instances] == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.3"]
    assert task.created_at == after(100)
    assert len(task.blob_prefix) == 32


def test_jobs_are_listed_newest_first(db: Database) -> None:
    one, two = _new(db, "1.1"), _new(db, OTHER_STUDY)
    _claimed(db)
    with db.read() as s:
        assert [j.id for j in jobs.list_jobs(s)] == [two, one]
        assert [j.id for j in jobs.list_jobs(s, state="ready")] == [two]
        assert [j.id for j in jobs.list_jobs(s, study_id=jobs.get_job(s, one).study_id)] == [one]


def test_asking_whether_there_is_work_takes_no_write_lock(db: Database) -> None:
    with db.write() as s:
        s.execute(text("UPDATE lease SET holder = holder"))
        assert _claim(db) == []  # would wait for this very transaction on SQLite


def test_claims_go_by_their_index(db: Database) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("Postgres reads small tables without an index")
    from storage.jobs.claim import _waiting

    with db.read() as s:
        sql = str(_waiting(after(0), ("infer", "report")).compile(s.connection(), compile_kwargs={"literal_binds": True}))
        plan = " ".join(row[-1] for row in s.execute(text(f"EXPLAIN QUERY PLAN {sql}")))
    assert "ix_job_claimable" in plan
