"""Whatever is done to jobs and deliveries, in whatever order: states move by their tables, and only their holder moves them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries, jobs
from storage.base.clock import ManualClock
from storage.database import Database
from storage.deliveries import DeliveryClaim
from storage.jobs import Claim, LeaseLost
from storage.schema import Delivery, Job
from storage.states import DELIVERY, JOB, MoveRefused
from tests.support.databases import SQLiteCopies, opened
from tests.support.seeds import Asked, asked, done_job, request, results

pytestmark = pytest.mark.heavy

T = TypeVar("T")
PEERS = ["pacs", "archive"]
WORKERS = ("a/1", "a/2", "b/1")
LEASE_S = 30.0
FAILURES = 2
MEMORY = Path("/dev/shm")  # thousands of commits, none of which must outlive the test
NUMBERS = st.integers(0, 11)
ENDS: dict[str, Callable[[Session, Claim, datetime], object]] = {
    "finish": lambda s, c, at: _finish(s, c, at),
    "refuse": lambda s, c, at: jobs.refuse(s, c.fence, "slice-gap", "no", at),
    "fail": lambda s, c, at: jobs.fail(s, c.fence, "output", "no", at),
    "release": lambda s, c, at: jobs.release_infra(s, c.fence, "device", "no", at, FAILURES),
    "hand back": lambda s, c, at: jobs.hand_back(s, c.fence, at),
}
SENT: dict[str, Callable[[Session, DeliveryClaim, datetime], object]] = {
    "delivered": lambda s, c, at: deliveries.mark_delivered(s, c.fence, 0, at),
    "later": lambda s, c, at: deliveries.retry_later(s, c.fence, None, "no", 10.0, at),
    "failed": lambda s, c, at: deliveries.fail(s, c.fence, None, "no", at),
}


def _finish(s: Session, claim: Claim, at: datetime) -> None:
    if claim.kind == "infer":
        jobs.finish_infer(s, claim.fence, {"key": "k"}, [], {}, at)
    else:
        jobs.finish_report(s, claim.fence, results(str(claim.job_id)), {}, at)


class Queue:
    """The database, and a model of who holds what that it must agree with after every step.

    A step is named and has two small numbers, from which it chooses workers, peers, and among what there is.
    """

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock = db, clock
        self.claims: list[Claim] = []
        self.sendings: list[DeliveryClaim] = []
        self.held: dict[int, Claim] = {}
        self.sending: dict[int, DeliveryClaim] = {}
        self.states: dict[tuple[str, int], str] = {}
        self.count = 1
        done_job(self.db, PEERS)
        with self.db.write() as s:
            self.what: Asked = asked(s)
            request(s, self.what, parameters={"n": 1})

    def ask(self, a: int, b: int) -> None:
        self.count += a % 2
        with self.db.write() as s:
            request(s, self.what, PEERS[: b % 3], parameters={"n": self.count}, priority=b % 4)

    def claim(self, a: int, b: int) -> None:
        for claim in jobs.take(self.db, WORKERS[a % 3], LEASE_S, 1 + b % 2):
            assert claim.job_id not in self.held
            self.held[claim.job_id] = claim
            self.claims.append(claim)

    def finish(self, a: int, b: int) -> None:
        self._end(a, "finish")

    def end(self, a: int, b: int) -> None:
        self._end(a, sorted(ENDS)[b % len(ENDS)])

    def renew(self, a: int, b: int) -> None:
        for claim in _recent(self.claims, a):
            with self._expecting(None if self.held.get(claim.job_id) == claim else LeaseLost) as s:
                jobs.renew(s, claim.fence, LEASE_S, self.clock.utc())

    def let_time_pass(self, a: int, b: int) -> None:
        self.clock.sleep((1.0, 10.0, 31.0, 400.0)[a % 4])

    def reap(self, a: int, b: int) -> None:
        with self.db.write() as s:
            for job_id in jobs.reap_expired(s, self.clock.utc(), FAILURES):
                del self.held[job_id]
            for delivery_id in deliveries.reap_expired(s, self.clock.utc()):
                del self.sending[delivery_id]

    def restart(self, a: int, b: int) -> None:
        worker = WORKERS[a % 3]
        prefix = worker[:2]
        with self.db.write() as s:
            freed = set(jobs.release_former(s, prefix, worker, self.clock.utc(), FAILURES))
            unsent = set(deliveries.release_former(s, prefix, worker, self.clock.utc()))
        assert freed == {i for i, c in self.held.items() if c.worker.startswith(prefix) and c.worker != worker}
        assert unsent == {i for i, c in self.sending.items() if c.worker.startswith(prefix) and c.worker != worker}
        self.held = {i: c for i, c in self.held.items() if i not in freed}
        self.sending = {i: c for i, c in self.sending.items() if i not in unsent}

    def cancel(self, a: int, b: int) -> None:
        if self._person(jobs.cancel, a):
            self.held.pop(self._job(a), None)

    def retry(self, a: int, b: int) -> None:
        self._person(jobs.retry, a)

    def rerun(self, a: int, b: int) -> None:
        self._person(jobs.rerun, a)

    def send(self, a: int, b: int) -> None:
        for claim in deliveries.take(self.db, WORKERS[a % 3], LEASE_S, 1 + b % 2):
            assert claim.id not in self.sending
            self.sending[claim.id] = claim
            self.sendings.append(claim)

    def sent(self, a: int, b: int) -> None:
        for claim in _recent(self.sendings, a):
            holds = self.sending.get(claim.id) == claim
            with self._expecting(None if holds else LeaseLost) as s:
                SENT[sorted(SENT)[b % len(SENT)]](s, claim, self.clock.utc())
            if holds:
                del self.sending[claim.id]

    def send_again(self, a: int, b: int) -> None:
        number = 1 + a
        if ("delivery", number) in self.states:
            with self._expecting(None if self.states["delivery", number] in ("failed", "pending") else MoveRefused) as s:
                deliveries.retry(s, number, self.clock.utc())

    def check(self) -> None:
        """States moved by their tables alone, and who holds what is as the model says."""
        with self.db.read() as s:
            rows: dict[tuple[str, int], Job] = {("job", j.id): j for j in s.scalars(select(Job))}
            sends: dict[tuple[str, int], Delivery] = {("delivery", d.id): d for d in s.scalars(select(Delivery))}
        self._check_moves({**rows, **sends})
        running = {j.id: (j.worker, j.attempt) for j in rows.values() if j.state in ("inferring", "reporting")}
        assert running == {i: (c.worker, c.attempt) for i, c in self.held.items()}
        underway = {d.id: (d.worker, d.attempt) for d in sends.values() if d.state == "sending"}
        assert underway == {i: (c.worker, c.attempt) for i, c in self.sending.items()}
        assert {j.id for j in rows.values() if j.lease_until is not None} == set(running)
        assert {d.id for d in sends.values() if d.lease_until is not None} == set(underway)
        delivered = {d.id for d in sends.values() if d.state == "delivered"}
        begun = [d for d in sends.values() if d.state in ("sending", "delivered") and d.depends_on_id]
        assert all(d.depends_on_id in delivered for d in begun)

    def _check_moves(self, rows: dict[tuple[str, int], Job | Delivery]) -> None:
        for key, row in rows.items():
            table = JOB if key[0] == "job" else DELIVERY
            before = self.states.get(key)
            assert row.state in table
            assert before in (None, row.state) or row.state in table[before], (key, before, row.state)
            self.states[key] = row.state

    def _end(self, a: int, how: str) -> None:
        for claim in _recent(self.claims, a):
            holds = self.held.get(claim.job_id) == claim
            with self._expecting(None if holds else LeaseLost) as s:
                ENDS[how](s, claim, self.clock.utc())
            if holds:
                del self.held[claim.job_id]

    def _job(self, a: int) -> int:
        return 1 + a % sum(kind == "job" for kind, _ in self.states)

    def _person(self, act: Callable[[Session, int, datetime], Job], a: int) -> bool:
        try:
            with self.db.write() as s:
                act(s, self._job(a), self.clock.utc())
        except MoveRefused:
            return False
        return True

    @contextmanager
    def _expecting(self, error: type[Exception] | None) -> Iterator[Session]:
        try:
            with self.db.write() as s:
                yield s
        except (LeaseLost, MoveRefused) as caught:
            assert error is not None, caught
            assert isinstance(caught, error)
        else:
            assert error is None, f"{error.__name__} expected"


def _recent(claims: list[T], a: int) -> list[T]:
    """The claim made ``a`` claims ago, if there is one: mostly those still held, but old ones too."""
    return claims[-1 - a // 2 :][:1] if a // 2 < len(claims) else []


WEIGHTS = {
    "ask": 2, "claim": 5, "finish": 5, "end": 3, "renew": 1, "let_time_pass": 3, "reap": 2, "restart": 1, "cancel": 1, "retry": 2,
    "rerun": 1, "send": 4, "sent": 4, "send_again": 1,
}  # fmt: skip
STEPS = st.tuples(st.sampled_from([name for name, weight in WEIGHTS.items() for _ in range(weight)]), NUMBERS, NUMBERS)


def _run(folder: Path, examples: int) -> Counter[str]:
    """Random walks of 60 steps; returns how often each state was seen."""
    copies = SQLiteCopies(folder)
    seen: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, min_size=60, max_size=60))
    def walk(steps: list[tuple[str, int, int]]) -> None:
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)))
            clock = ManualClock()
            queue = Queue(stack.enter_context(opened(stack.enter_context(copies.fresh(home)), clock)), clock)
            queue.check()
            for name, a, b in steps:
                getattr(queue, name)(a, b)
                queue.check()
                seen.update(queue.states.values())

    walk()
    return seen


def test_jobs_and_deliveries_keep_to_their_tables(tmp_path: Path) -> None:
    _run(tmp_path, 12)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_jobs_and_deliveries_keep_to_their_tables_for_long(tmp_path: Path) -> None:
    assert set(_run(tmp_path, 150)) == set(JOB) | set(DELIVERY), "a walk that reaches no end proves little"
