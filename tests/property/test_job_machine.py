"""Whatever is done to jobs and deliveries, in whatever order: states move by their tables, and only their holder moves them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
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
from tests.support.seeds import Asked, asked, request, results

WORKERS = ("a/1", "a/2", "b/1")
LEASE_S = 30.0
ENDS: dict[str, Callable[[Session, Claim, datetime], object]] = {
    "finish": lambda s, c, at: _finish(s, c, at),
    "refuse": lambda s, c, at: jobs.refuse(s, c.fence, "slice-gap", "no", at),
    "fail": lambda s, c, at: jobs.fail(s, c.fence, "output", "no", at),
    "release": lambda s, c, at: jobs.release_infra(s, c.fence, "device", "no", at, 3),
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


class Queue(RuleBasedStateMachine):
    """The model keeps who holds what; the database must agree after every step."""

    claims = Bundle("claims")
    sendings = Bundle("sendings")
    copies: SQLiteCopies

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        url = self.stack.enter_context(self.copies.fresh(folder))
        self.clock = ManualClock()
        self.db: Database = self.stack.enter_context(opened(url, self.clock))
        self.held: dict[int, Claim] = {}
        self.sending: dict[int, DeliveryClaim] = {}
        self.states: dict[tuple[str, int], str] = {}
        self.number = 0
        with self.db.write() as s:
            self.what: Asked = asked(s)

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(peers=st.lists(st.sampled_from(["pacs", "archive"]), unique=True), again=st.booleans(), priority=st.integers(0, 2))
    def ask(self, peers: list[str], again: bool, priority: int) -> None:
        self.number += not again
        with self.db.write() as s:
            request(s, self.what, peers, parameters={"n": self.number}, priority=priority)

    @rule(target=claims, worker=st.sampled_from(WORKERS))
    def claim(self, worker: str) -> Claim | None:
        found = jobs.take(self.db, worker, LEASE_S, 1)
        for claim in found:
            assert claim.job_id not in self.held
            self.held[claim.job_id] = claim
        return found[0] if found else None

    @rule(claim=claims, how=st.sampled_from(sorted(ENDS)))
    def end(self, claim: Claim | None, how: str) -> None:
        if claim is None:
            return
        holds = self.held.get(claim.job_id) == claim
        with self._expecting(None if holds else LeaseLost) as s:
            ENDS[how](s, claim, self.clock.utc())
        if holds:
            del self.held[claim.job_id]

    @rule(claim=claims)
    def renew(self, claim: Claim | None) -> None:
        if claim is not None:
            with self._expecting(None if self.held.get(claim.job_id) == claim else LeaseLost) as s:
                jobs.renew(s, claim.fence, LEASE_S, self.clock.utc())

    @rule(seconds=st.sampled_from([1.0, 10.0, 31.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @rule()
    def reap(self) -> None:
        with self.db.write() as s:
            for job_id in jobs.reap_expired(s, self.clock.utc(), 3):
                del self.held[job_id]
            for delivery_id in deliveries.reap_expired(s, self.clock.utc()):
                del self.sending[delivery_id]

    @rule(worker=st.sampled_from(WORKERS))
    def restart(self, worker: str) -> None:
        prefix = worker[:2]
        with self.db.write() as s:
            freed = set(jobs.release_former(s, prefix, worker, self.clock.utc(), 3))
            unsent = set(deliveries.release_former(s, prefix, worker, self.clock.utc()))
        assert freed == {i for i, c in self.held.items() if c.worker.startswith(prefix) and c.worker != worker}
        assert unsent == {i for i, c in self.sending.items() if c.worker.startswith(prefix) and c.worker != worker}
        self.held = {i: c for i, c in self.held.items() if i not in freed}
        self.sending = {i: c for i, c in self.sending.items() if i not in unsent}

    @rule(number=st.integers(1, 6), act=st.sampled_from([jobs.cancel, jobs.retry, jobs.rerun]))
    def person(self, number: int, act: Callable[..., Job]) -> None:
        if ("job", number) not in self.states:
            return
        try:
            with self.db.write() as s:
                act(s, number, self.clock.utc())
        except MoveRefused:
            return
        if act is jobs.cancel:
            self.held.pop(number, None)

    @rule(target=sendings, worker=st.sampled_from(WORKERS))
    def send(self, worker: str) -> DeliveryClaim | None:
        found = deliveries.take(self.db, worker, LEASE_S, 1)
        for claim in found:
            assert claim.id not in self.sending
            self.sending[claim.id] = claim
        return found[0] if found else None

    @rule(claim=sendings, how=st.sampled_from(sorted(SENT)))
    def sent(self, claim: DeliveryClaim | None, how: str) -> None:
        if claim is None:
            return
        holds = self.sending.get(claim.id) == claim
        with self._expecting(None if holds else LeaseLost) as s:
            SENT[how](s, claim, self.clock.utc())
        if holds:
            del self.sending[claim.id]

    @rule(number=st.integers(1, 8))
    def send_again(self, number: int) -> None:
        if ("delivery", number) in self.states:
            with self._expecting(None if self.states["delivery", number] in ("failed", "pending") else MoveRefused) as s:
                deliveries.retry(s, number, self.clock.utc())

    @invariant()
    def states_moved_by_their_tables(self) -> None:
        if not hasattr(self, "db"):
            return
        with self.db.read() as s:
            rows: dict[tuple[str, int], Job] = {("job", j.id): j for j in s.scalars(select(Job))}
            sends: dict[tuple[str, int], Delivery] = {("delivery", d.id): d for d in s.scalars(select(Delivery))}
        both: dict[tuple[str, int], Job | Delivery] = {**rows, **sends}
        for key, row in both.items():
            table = JOB if key[0] == "job" else DELIVERY
            before, now = self.states.get(key), row.state
            assert now in table
            assert before in (None, now) or now in _within(table, before), (key, before, now)
            self.states[key] = now
        running = {j.id: (j.worker, j.attempt) for j in rows.values() if j.state in ("inferring", "reporting")}
        assert running == {i: (c.worker, c.attempt) for i, c in self.held.items()}
        underway = {d.id: (d.worker, d.attempt) for d in sends.values() if d.state == "sending"}
        assert underway == {i: (c.worker, c.attempt) for i, c in self.sending.items()}
        assert all((j.lease_until is not None) == (j.id in running) for j in rows.values())
        delivered = {d.id for d in sends.values() if d.state == "delivered"}
        early = [d for d in sends.values() if d.state in ("sending", "delivered") and d.depends_on_id]
        assert all(d.depends_on_id in delivered for d in early)

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


def _within(table: Any, state: str) -> frozenset[str]:
    """States one move away."""
    return frozenset(table[state])


def test_jobs_and_deliveries_keep_to_their_tables(tmp_path_factory: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Queue.copies = SQLiteCopies(tmp_path_factory.mktemp("queue"))
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run: Any = run_state_machine_as_test
    run(
        Queue,
        settings=settings(max_examples=12, stateful_step_count=40, deadline=None, suppress_health_check=checks, database=None),
    )
