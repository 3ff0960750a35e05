"""The life of a delivery, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import deliveries, events
from storage.base.clock import ManualClock
from storage.database import Database
from storage.deliveries import DeliveryClaim, Fence, LeaseLost
from storage.schema import Delivery
from storage.states import MoveRefused, UnknownRow
from tests.support.seeds import SEG_CLASS, done_job


def _take(db: Database, limit: int = 9, *, to: list[str] | None = None, not_to: list[str] | None = None) -> list[DeliveryClaim]:
    return deliveries.take(db, "w", 30.0, limit, to=to, not_to=not_to)


def _all(db: Database) -> dict[int, Delivery]:
    with db.read() as s:
        return {d.id: d for d in deliveries.list_(s)}


def _delivered(db: Database, claim: DeliveryClaim) -> None:
    with db.write() as s:
        deliveries.mark_delivered(s, claim.fence, 0, db.clock.utc())


def _failed(db: Database, claim: DeliveryClaim) -> None:
    with db.write() as s:
        deliveries.fail(s, claim.fence, 0xA900, "it will not take it", db.clock.utc())


def test_only_dicom_objects_are_sent_and_the_report_waits_for_the_segmentation(db: Database) -> None:
    job_id = done_job(db)
    (seg,) = _take(db)
    assert (seg.role, seg.peer, seg.job_id, seg.attempt, seg.attempts) == ("seg", "pacs", job_id, 1, 1)
    assert (seg.sop_class_uid, seg.sop_instance_uid, seg.blob_key, seg.size_bytes) == (SEG_CLASS, "2.25.2", "j/seg", 12)
    assert _take(db) == []
    _delivered(db, seg)
    (sr,) = _take(db)
    assert sr.role == "sr"
    _delivered(db, sr)
    assert {d.state for d in _all(db).values()} == {"delivered"}
    assert _take(db) == []


def test_each_peer_goes_at_its_own_pace(db: Database) -> None:
    done_job(db, ["pacs", "archive", "gone"])
    assert [(c.peer, c.role) for c in _take(db, to=["archive"])] == [("archive", "seg")]
    assert [(c.peer, c.role) for c in _take(db, not_to=["pacs", "archive"])] == [("gone", "seg")]
    assert [(c.peer, c.role) for c in _take(db)] == [("pacs", "seg")]


def test_what_is_put_off_comes_back_in_its_time(db: Database, clock: ManualClock) -> None:
    done_job(db)
    (seg,) = _take(db)
    with db.write() as s:
        deliveries.retry_later(s, seg.fence, None, "connection refused", 40.0, clock.utc())
    clock.sleep(39.9)
    assert _take(db) == []
    clock.sleep(0.1)
    (again,) = _take(db)
    assert (again.id, again.attempt, again.attempts, again.created_at) == (seg.id, 2, 2, seg.created_at)
    found = _all(db)[seg.id]
    assert (found.last_status, found.last_error, found.state) == (None, "connection refused", "sending")


def test_what_depends_on_a_failed_delivery_says_so_and_goes_on_after_a_retry(db: Database, clock: ManualClock) -> None:
    done_job(db)
    (seg,) = _take(db)
    _failed(db, seg)
    clock.sleep(100_000)
    assert _take(db) == []
    sr = next(d for d in _all(db).values() if d.depends_on_id)
    assert (sr.state, sr.last_error) == ("pending", f"waits for delivery {seg.id}, which has failed")

    with db.write() as s:
        retried = deliveries.retry(s, seg.id, clock.utc())
        assert (retried.state, retried.attempts, retried.attempt) == ("pending", 0, 1)
    assert _all(db)[sr.id].last_error == ""
    (again,) = _take(db)
    assert (again.attempts, again.attempt, again.created_at) == (1, 2, clock.utc()), "patience begins anew"
    _delivered(db, again)
    assert [c.id for c in _take(db)] == [sr.id]


def test_every_write_is_fenced(db: Database) -> None:
    done_job(db)
    (seg,) = _take(db)
    at = db.clock.utc()
    for fence in (Fence(seg.id, "thief", 1), Fence(seg.id, "w", 2), Fence(seg.id + 1, "w", 1)):
        with db.write() as s:
            with pytest.raises(LeaseLost):
                deliveries.mark_delivered(s, fence, 0, at)
            with pytest.raises(LeaseLost):
                deliveries.retry_later(s, fence, None, "no", 1.0, at)
            with pytest.raises(LeaseLost):
                deliveries.fail(s, fence, None, "no", at)
            with pytest.raises(LeaseLost):
                deliveries.renew(s, fence, 30.0, at)
    assert _all(db)[seg.id].state == "sending"
    _delivered(db, seg)
    with pytest.raises(LeaseLost):
        _delivered(db, seg)
    with db.read() as s:
        assert [e.kind for e in events.list_(s)].count("delivery.delivered") == 1


def test_a_lost_sender_is_noticed_by_its_lease(db: Database, clock: ManualClock) -> None:
    done_job(db)
    (seg,) = _take(db)
    clock.sleep(20)
    with db.write() as s:
        deliveries.renew(s, seg.fence, 30.0, clock.utc())
    clock.sleep(29)
    with db.write() as s:
        assert deliveries.reap_expired(s, clock.utc()) == []
    clock.sleep(2)
    with db.write() as s:
        assert deliveries.expired(s, clock.utc()) == [seg.id]
        assert deliveries.reap_expired(s, clock.utc()) == [seg.id]
    with pytest.raises(LeaseLost):
        _delivered(db, seg)
    (again,) = _take(db)
    assert (again.id, again.worker, again.attempts) == (seg.id, seg.worker, 2)
    with pytest.raises(LeaseLost):
        _delivered(db, seg)


def test_a_restarted_sender_frees_what_its_former_lives_held(db: Database) -> None:
    done_job(db, ["pacs", "archive"])
    deliveries.take(db, "deliverer/1", 30.0, 1)
    deliveries.take(db, "other/1", 30.0, 1)
    with db.write() as s:
        (freed,) = deliveries.release_former(s, "deliverer/", "deliverer/2", db.clock.utc())
    assert [c.id for c in _take(db)] == [freed]


def test_a_retry_of_what_waits_makes_it_due(db: Database, clock: ManualClock) -> None:
    done_job(db)
    (seg,) = _take(db)
    with pytest.raises(MoveRefused, match="sending"), db.write() as s:
        deliveries.retry(s, seg.id, clock.utc())
    with db.write() as s:
        deliveries.retry_later(s, seg.fence, None, "no answer", 3600.0, clock.utc())
        deliveries.retry(s, seg.id, clock.utc())
    assert [c.attempts for c in _take(db)] == [2]
    with pytest.raises(UnknownRow), db.write() as s:
        deliveries.retry(s, 999, clock.utc())


def test_each_move_is_told_with_its_study_and_job(db: Database, clock: ManualClock) -> None:
    job_id = done_job(db)
    (seg,) = _take(db)
    with db.write() as s:
        deliveries.retry_later(s, seg.fence, 0xA700, "out of resources", 1.0, clock.utc())
    clock.sleep(1)
    _delivered(db, _take(db)[0])
    with db.read() as s:
        told = [e for e in events.list_(s, study_id=seg.study_id) if e.delivery_id == seg.id]
    assert [e.kind for e in told] == ["delivery.requested", "delivery.put-off", "delivery.delivered"]
    assert {e.job_id for e in told} == {job_id}
    assert told[1].facts["status"] == 0xA700


def test_an_idle_sender_takes_no_write_lock(db: Database) -> None:
    with db.write():
        assert _take(db) == []


def test_deliveries_are_listed_by_what_is_asked(db: Database) -> None:
    job_id = done_job(db, ["pacs", "archive"])
    with db.read() as s:
        assert [d.peer for d in deliveries.list_(s, peer="archive")] == ["archive", "archive"]
        assert len(deliveries.list_(s, state="pending", job_id=job_id)) == 4
        assert deliveries.list_(s, state="failed") == []
        times = {d.next_attempt_at - d.created_at for d in deliveries.list_(s)}
    assert times == {timedelta()}
