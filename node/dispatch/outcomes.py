"""Outcome to rows: what each way in which a task ends means for its job and its model package, in one transaction.

A broken package leaves use at once. One whose output alone breaks the manifest may have met an odd study, so it leaves use when
jobs of ``STUDIES_BEFORE_QUARANTINE`` different studies have failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inference.protocol import Outcome, TaskSpec
from storage import events, jobs, packages
from storage.database import Session
from storage.jobs import Claim, NewResult

STUDIES_BEFORE_QUARANTINE = 3


@dataclass
class Held:
    """A task that runs under our lease; ``lost`` when somebody else owns the job now."""

    claim: Claim
    task: TaskSpec
    study_id: int
    package_id: int
    lost: bool = False


def settle(s: Session, held: Held, outcome: Outcome, at: datetime, infra_limit: int) -> None:
    """Write what ``outcome`` means for the job of ``held``.

    Raises
    ------
    LeaseLost
        Somebody else owns the job; nothing of this transaction may stay.
    """
    fence = held.claim.fence
    if outcome.status == "ok":
        _finish(s, held, outcome, at, infra_limit)
    elif outcome.status == "refused":
        jobs.refuse(s, fence, outcome.reason_code, outcome.reason, at)
    elif outcome.status == "model_error":
        jobs.fail(s, fence, outcome.reason_code, outcome.reason, at)
        _judge_package(s, held, outcome, at)
    elif outcome.status == "cancelled":
        jobs.hand_back(s, fence, at)
    else:
        jobs.release_infra(s, fence, outcome.reason_code, outcome.reason, at, infra_limit)


def _finish(s: Session, held: Held, outcome: Outcome, at: datetime, infra_limit: int) -> None:
    fence, measurements = held.claim.fence, list(outcome.measurements)
    if held.task.kind == "infer" and outcome.prediction is not None:
        jobs.finish_infer(s, fence, outcome.prediction.model_dump(), measurements, outcome.timings_s, at)
    elif held.task.kind == "report" and outcome.results:
        jobs.finish_report(s, fence, _results(outcome), outcome.timings_s, at, measurements or None)
    else:
        reason = "the model host told of success without a result"
        jobs.release_infra(s, fence, "host-protocol", reason, at, infra_limit)
        return
    if outcome.environment:
        facts: dict[str, Any] = {"task": held.task.kind, **outcome.environment}
        events.record(s, "job.environment", at, held.study_id, held.claim.job_id, **facts)


def _results(outcome: Outcome) -> list[NewResult]:
    return [
        NewResult(
            role=result.role,
            blob_key=result.blob.key,
            sha256=result.blob.sha256,
            size_bytes=result.blob.size_bytes,
            sop_class_uid=result.sop_class_uid,
            sop_instance_uid=result.sop_instance_uid,
            series_instance_uid=result.series_instance_uid,
        )
        for result in outcome.results
    ]


def _judge_package(s: Session, held: Held, outcome: Outcome, at: datetime) -> None:
    if outcome.broken_package:
        packages.quarantine(s, held.package_id, f"{outcome.reason_code}: {outcome.reason}", at)
        return
    s.flush()
    studies = packages.failed_studies(s, held.package_id)
    if studies >= STUDIES_BEFORE_QUARANTINE:
        packages.quarantine(s, held.package_id, f"failed on {studies} different studies, last: {outcome.reason_code}", at)
