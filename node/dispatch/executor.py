"""What the dispatcher asks of whatever runs its tasks: local processes now, a cluster behind the same protocol later.

An executor holds no queue: the dispatcher submits only what ``free`` allows, so that a job waits in the database and nowhere
else. Every submitted task yields exactly one Outcome, whatever happens to the process that runs it. Absent on purpose: the
database, leases, retries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from inference.protocol import Outcome, Progress, TaskSpec

Answer = Progress | Outcome


class Executor(Protocol):
    """Runs tasks somewhere. Called from one thread."""

    def free(self) -> int:
        """How many tasks live capacity would take now."""

    def submit(self, task: TaskSpec, package: Path) -> None:
        """Start ``task`` with the model package at ``package``; never more often than ``free`` allows."""

    def poll(self, timeout_s: float) -> list[Answer]:
        """What was answered; waits up to ``timeout_s`` for the first answer."""

    def cancel(self, job_id: int, attempt: int) -> None:
        """Stop a task soon; its Outcome still comes by ``poll``. Unknown tasks are ignored."""

    def close(self) -> None:
        """End everything at once; running tasks yield no Outcome."""


def infra_outcome(task: TaskSpec, code: str, reason: str) -> Outcome:
    """The Outcome of a task whose machinery failed, not its model or input."""
    return Outcome(
        job_id=task.job_id, attempt=task.attempt, kind=task.kind, status="infra_error", reason_code=code, reason=reason
    )


def cancelled_outcome(task: TaskSpec) -> Outcome:
    """The Outcome of a task that was stopped because we asked."""
    return Outcome(job_id=task.job_id, attempt=task.attempt, kind=task.kind, status="cancelled", reason_code="cancelled")
