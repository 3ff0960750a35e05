"""A wall clock that is set back holds nothing up, on both databases: what lies too far ahead counts as over."""

from __future__ import annotations

import pytest

from storage import deliveries, jobs, leases
from storage.base.clock import ManualClock
from storage.database import CLOCK_MARGIN_S, Database
from storage.jobs.releasing import rest_s
from tests.support.seeds import after, asked, done_job, request

HOUR_S = 3600.0


@pytest.mark.parametrize(("back_s", "taken"), [(HOUR_S, True), (CLOCK_MARGIN_S - 1, False)])
def test_a_lease_of_before(db: Database, back_s: float, taken: bool) -> None:
    with db.write() as s:
        assert leases.acquire(s, "router", "a", 30, after(HOUR_S))
    with db.write() as s:
        assert leases.acquire(s, "router", "b", 30, after(HOUR_S - back_s)) is taken


def test_a_held_job_of_before_is_reaped(db: Database) -> None:
    with db.write() as s:
        job_id = request(s, asked(s))[0].id
        assert jobs.claim(s, "w", 15, 1, after(HOUR_S))
    with db.write() as s:
        assert jobs.expired(s, after(HOUR_S), 15) == jobs.expired(s, after(HOUR_S - CLOCK_MARGIN_S), 15) == []
        assert jobs.expired(s, after(0), 15) == [job_id]
        assert jobs.reap_expired(s, after(0), lease_s=15) == [job_id]


def test_a_resting_job_of_before_is_claimed(db: Database) -> None:
    with db.write() as s:
        request(s, asked(s))
        (held,) = jobs.claim(s, "w", 15, 1, after(HOUR_S))
        jobs.release_infra(s, held.fence, "disk", "full", after(HOUR_S))
    with db.write() as s:
        assert jobs.claim(s, "w", 15, 1, after(HOUR_S - CLOCK_MARGIN_S)) == [], f"it rests for {rest_s(1)} s"
        assert jobs.claimable(s, after(0))
        assert len(jobs.claim(s, "w", 15, 1, after(0))) == 1


def test_deliveries_of_before_are_sent(db: Database, clock: ManualClock) -> None:
    clock.sleep(HOUR_S)
    done_job(db)
    (seg,) = deliveries.take(db, "w", 30, 9)
    clock.jump(-HOUR_S)
    with db.write() as s:
        assert deliveries.expired(s, clock.utc(), 30) == deliveries.reap_expired(s, clock.utc(), 30) == [seg.id]
    (seg,) = deliveries.take(db, "w", 30, 9)
    clock.jump(HOUR_S)
    with db.write() as s:
        deliveries.retry_later(s, seg.fence, None, "connection refused", 600, clock.utc())
    assert deliveries.take(db, "w", 30, 9, rest_most_s=600) == []
    clock.jump(-HOUR_S)
    assert [claim.id for claim in deliveries.take(db, "w", 30, 9, rest_most_s=600)] == [seg.id]


def test_the_longest_rest_is_kept_to(db: Database, clock: ManualClock) -> None:
    done_job(db)
    (seg,) = deliveries.take(db, "w", 30, 9)
    with db.write() as s:
        deliveries.retry_later(s, seg.fence, None, "connection refused", 3 * HOUR_S, clock.utc())
    assert deliveries.take(db, "w", 30, 9, rest_most_s=3 * HOUR_S) == []
