"""Several at once, on both databases: nothing is done twice, nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from storage import deliveries, intake, jobs, leases
from storage.database import Database
from storage.schema import Arrival, Job, JobDestination, Study
from tests.support.seeds import after, asked, done_job, instance, request


def _together(work: Callable[[int], object], workers: int = 4) -> list[object]:
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


def test_each_job_is_claimed_by_one(db: Database) -> None:
    with db.write() as s:
        what = asked(s)
        for number in range(24):
            request(s, what, parameters={"n": number})

    def work(number: int) -> list[int]:
        mine: list[int] = []
        while claims := jobs.take(db, f"w{number}", 30, 2):
            mine += [c.job_id for c in claims]
        return mine

    taken = Counter(job_id for mine in _together(work) for job_id in mine)  # type: ignore[attr-defined]
    assert len(taken) == 24
    assert set(taken.values()) == {1}


def test_each_delivery_is_claimed_by_one(db: Database) -> None:
    done_job(db, [f"peer{n}" for n in range(8)])
    taken = _together(lambda n: [c.id for c in deliveries.take(db, f"w{n}", 30, 3)])
    ids = [i for mine in taken for i in mine]  # type: ignore[attr-defined]
    assert len(ids) == len(set(ids)) == 8


def test_the_same_run_asked_for_at_once_is_one_job(db: Database) -> None:
    with db.write() as s:
        what = asked(s)

    def work(number: int) -> bool:
        with db.write() as s:
            return request(s, what, [f"peer{number}"])[1]

    assert Counter(_together(work)) == {True: 1, False: 3}
    with db.read() as s:
        assert s.scalar(select(func.count(Job.id))) == 1
        assert s.scalar(select(func.count(JobDestination.id))) == 4


def test_arrivals_of_one_study_at_once_are_all_counted(db: Database) -> None:
    def work(number: int) -> None:
        for image in range(5):
            with db.write() as s:
                intake.add_instance(s, instance(1 + number * 5 + image))

    _together(work)
    with db.read() as s:
        study = s.scalars(select(Study)).one()
        assert (study.arrival_count, study.last_arrival_at) == (20, after(20))
        assert s.scalar(select(func.count(Arrival.id))) == 20


def test_one_of_many_gets_a_lease(db: Database) -> None:
    def work(number: int) -> bool:
        with db.write() as s:
            return leases.acquire(s, "ticks", f"h{number}", 60, after(0))

    assert Counter(_together(work)) == {True: 1, False: 3}
