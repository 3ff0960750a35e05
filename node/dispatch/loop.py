"""The dispatch loop: claim what live capacity takes, keep the leases, write outcomes down.

One thread. An outcome that the database doesn't take waits here until it does; if the lease runs out meanwhile, the fence makes
the write find nothing and the job runs again. Progress is told by events, few per task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from inference.protocol import Outcome, Progress
from node.dispatch.executor import Executor, cancelled_outcome
from node.dispatch.outcomes import Held, settle
from node.dispatch.tasks import build_task
from storage import events, jobs
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.database import Database
from storage.jobs import Claim, LeaseLost

_log = get_logger(__name__)

# How soon a new job and a stop are noticed.
POLL_S = 0.25
# A stopping dispatcher lets tasks finish for so long, then takes them back.
DRAIN_S = 10.0
# Within one stage an event tells of progress no more often than this.
PROGRESS_S = 2.0

Key = tuple[int, int]


@dataclass
class Told:
    """The last progress of a task that an event told of."""

    stage: str = ""
    at_s: float = 0.0


@dataclass
class Dispatcher:
    """Runs jobs through ``executor``; ``worker`` is unique per start. Leases last ``lease_s`` and are renewed thrice in it."""

    db: Database
    executor: Executor
    worker: str
    lease_s: float
    infra_failure_limit: int
    drain_s: float = DRAIN_S
    _held: dict[Key, Held] = field(default_factory=dict)
    _ended: list[Outcome] = field(default_factory=list)
    _steps: dict[Key, Progress] = field(default_factory=dict)
    _told: dict[Key, Told] = field(default_factory=dict)
    _renewed_s: float = float("-inf")
    _waiting: bool = False

    def run(self, stop: Event) -> None:
        """Dispatch until ``stop``, then drain."""
        while not stop.is_set():
            self.step()
        self.drain()

    def step(self, *, claim: bool = True) -> None:
        """One pass; waits up to ``POLL_S`` for an answer. A database that doesn't answer is tried again at the next."""
        self._collect()
        works: list[Callable[[], None]] = [self._settle_ended, self._renew, self._tell_progress]
        if claim:
            works.append(self._claim)
        try:
            for work in works:
                work()
        except TransientError as error:
            if not self._waiting:
                _log.warning("dispatch.waiting", code=error.reason_code)
            self._waiting = True
        else:
            self._waiting = False

    def drain(self) -> None:
        """Let running tasks finish for a while, then hand the rest back uncounted."""
        if not self._until_idle(self.drain_s):
            for key in self._held:
                self.executor.cancel(*key)
            # The executor kills what is deaf to a cancel, so this ends.
            self._until_idle(self.drain_s)
        self.executor.close()
        self._ended += [cancelled_outcome(held.task) for held in self._held.values()]
        try:
            self._settle_ended()
        except TransientError as error:
            _log.warning("dispatch.not-handed-back", code=error.reason_code, tasks=len(self._held))

    def _until_idle(self, limit_s: float) -> bool:
        until_s = self.db.clock.monotonic_s() + limit_s
        while self._held and self.db.clock.monotonic_s() < until_s:
            self.step(claim=False)
        return not self._held

    def _collect(self) -> None:
        for answer in self.executor.poll(POLL_S):
            if isinstance(answer, Outcome):
                self._ended.append(answer)
            else:
                self._steps.update({key: answer for key in self._held if key[0] == answer.job_id})

    def _settle_ended(self) -> None:
        while self._ended:
            outcome = self._ended[0]
            key = (outcome.job_id, outcome.attempt)
            held = self._held.get(key)
            if held is not None and not held.lost:
                self._settle(held, outcome)
            self._ended.pop(0)
            for memory in (self._held, self._steps, self._told):
                memory.pop(key, None)

    def _settle(self, held: Held, outcome: Outcome) -> None:
        facts = {"job_id": outcome.job_id, "attempt": outcome.attempt, "kind": outcome.kind}
        try:
            with self.db.write() as session:
                settle(session, held, outcome, self.db.clock.utc(), self.infra_failure_limit)
        except LeaseLost:
            _log.warning("job.lease-lost", **facts)
        else:
            _log.info("task.ended", **facts, status=outcome.status, code=outcome.reason_code)

    def _renew(self) -> None:
        now_s = self.db.clock.monotonic_s()
        running = [held for held in self._held.values() if not held.lost]
        if not running or now_s - self._renewed_s < self.lease_s / 3:
            return
        with self.db.write() as session:
            for held in running:
                try:
                    jobs.renew(session, held.claim.fence, self.lease_s, self.db.clock.utc())
                except LeaseLost:
                    held.lost = True
        self._renewed_s = now_s
        for held in running:
            if held.lost:
                _log.warning("job.lease-lost", job_id=held.claim.job_id, attempt=held.claim.attempt)
                self.executor.cancel(held.claim.job_id, held.claim.attempt)

    def _tell_progress(self) -> None:
        """An event at every change of stage, and within a long stage now and then."""
        now_s = self.db.clock.monotonic_s()
        news = [(key, step) for key, step in self._steps.items() if self._is_news(key, step, now_s)]
        self._steps.clear()
        if not news:
            return
        with self.db.write() as session:
            for key, step in news:
                study_id, fraction = self._held[key].study_id, round(step.fraction, 3)
                now = self.db.clock.utc()
                events.record(session, "job.progress", now, study_id, step.job_id, stage=step.stage, fraction=fraction)
        for key, step in news:
            self._told[key] = Told(step.stage, now_s)

    def _is_news(self, key: Key, step: Progress, now_s: float) -> bool:
        told = self._told.get(key, Told())
        return key in self._held and (step.stage != told.stage or now_s - told.at_s >= PROGRESS_S)

    def _claim(self) -> None:
        free = self.executor.free()
        if free < 1:
            return
        for claim in jobs.take(self.db, self.worker, self.lease_s, free):
            self._start(claim)

    def _start(self, claim: Claim) -> None:
        with self.db.read() as session:
            facts = jobs.task_of(session, claim.job_id)
        held = Held(claim, build_task(claim, facts), facts.study_id, facts.package_id)
        key = (claim.job_id, claim.attempt)
        self._held[key] = held
        _log.info("task.started", job_id=claim.job_id, attempt=claim.attempt, kind=claim.kind, model=facts.model_name)
        if facts.package_state == "quarantined":
            self._ended.append(_quarantined(held))
        else:
            self.executor.submit(held.task, Path(facts.package_path))


def _quarantined(held: Held) -> Outcome:
    task = held.task
    return Outcome(
        job_id=task.job_id,
        attempt=task.attempt,
        kind=task.kind,
        status="model_error",
        reason_code="package-quarantined",
        reason=f"model {task.model_name} is quarantined; mend or reinstate it, then `wetread jobs retry {task.job_id}`",
    )
