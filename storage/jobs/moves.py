"""How a held job goes on. Each call is fenced, writes one event, and raises LeaseLost when the caller holds the job no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries
from storage.jobs.fence import Fence, NewResult
from storage.jobs.fenced import carry
from storage.jobs.releasing import FAILURE_LIMIT, REST_PLACE, release
from storage.schema import Job, JobDestination, ResultObject

_CLEAR = {"reason_code": "", "reason": ""}


def finish_infer(
    s: Session,
    fence: Fence,
    prediction: dict[str, Any],
    measurements: Sequence[dict[str, Any]],
    timings: dict[str, float],
    at: datetime,
) -> None:
    """``inferring`` -> ``inferred``: the prediction (key, sha256, size_bytes) is durable and stays, whatever follows."""
    values = {"prediction": prediction, "measurements": list(measurements), "timings": _timings(s, fence, timings)}
    carry(s, fence, "inferred", at, "job.inferred", {}, **values, **_CLEAR)


def finish_report(
    s: Session,
    fence: Fence,
    results: Sequence[NewResult],
    timings: dict[str, float],
    at: datetime,
    measurements: Sequence[dict[str, Any]] | None = None,
) -> None:
    """``reporting`` -> ``done``: result rows, and a delivery of each DICOM result to each destination, SEG before SR."""
    values: dict[str, Any] = {"timings": _timings(s, fence, timings)}
    if measurements is not None:
        values["measurements"] = list(measurements)
    carry(s, fence, "done", at, "job.done", {"results": len(results)}, **values, **_CLEAR)
    rows = [ResultObject(job_id=fence.job_id, created_at=at, **asdict(result)) for result in results]
    s.add_all(rows)
    s.flush()
    peers = select(JobDestination.peer).where(JobDestination.job_id == fence.job_id).order_by(JobDestination.id)
    deliveries.add_deliveries(s, rows, s.scalars(peers).all(), at)


def refuse(s: Session, fence: Fence, code: str, reason: str, at: datetime) -> None:
    """-> ``refused``: the input can't be used; a person reads ``reason``."""
    carry(s, fence, "refused", at, "job.refused", {"code": code, "reason": reason}, reason_code=code, reason=reason)


def fail(s: Session, fence: Fence, code: str, reason: str, at: datetime) -> None:
    """-> ``failed``: the model or its output is at fault; ``attempts`` grows."""
    values = {"attempts": Job.attempts + 1, "reason_code": code, "reason": reason}
    carry(s, fence, "failed", at, "job.failed", {"code": code, "reason": reason}, **values)


def release_infra(s: Session, fence: Fence, code: str, reason: str, at: datetime, limit: int = FAILURE_LIMIT) -> str:
    """Back to ``ready`` or ``inferred`` after a rest, or to ``dead`` at the ``limit``-th failure; returns the state."""
    return release(s, fence, code, reason, at, limit)


def hand_back(s: Session, fence: Fence, at: datetime) -> None:
    """Back to ``ready`` or ``inferred`` at once, nobody's failure: the worker stops and leaves the task to the next."""
    carry(s, fence, REST_PLACE[fence.state], at, "job.handed-back", {})


def _timings(s: Session, fence: Fence, more: dict[str, float]) -> dict[str, Any]:
    """Seconds by step, of this task and of the job's tasks before it."""
    return {**(s.scalar(select(Job.timings).where(Job.id == fence.job_id)) or {}), **more}
