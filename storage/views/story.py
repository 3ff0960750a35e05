"""The whole story of one Study: what came in, what was decided and why, what ran, what was sent to whom, what happens next.

Times are ISO 8601 in UTC. Series and Instances are named by UID; nothing that a person typed into a header is told.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.evaluations import is_failing
from storage.schema import (
    Arrival,
    Association,
    Delivery,
    Evaluation,
    Event,
    Instance,
    Job,
    JobDestination,
    JobInput,
    ModelPackage,
    ResultObject,
    Revision,
    RevisionInstance,
    RuleDecision,
    RuleVersion,
    Series,
    SourceAE,
    Study,
)
from storage.views.evidence import commitments_of, evidence_of
from storage.views.times import iso

Document = dict[str, Any]
NO_JOB = "nothing: no rule asked for a job"
EVALUATION_FAILS = "evaluation fails: see the log; it is tried again at every pass, and the other studies go on"


def study_story(s: Session, study_instance_uid: str) -> Document | None:
    """Everything known of the Study, or None when none of its Instances has arrived."""
    study = s.scalar(select(Study).where(Study.study_instance_uid == study_instance_uid))
    if study is None:
        return None
    jobs = [_job(s, job) for job in s.scalars(select(Job).where(Job.study_id == study.id).order_by(Job.id))]
    return {
        "study_instance_uid": study.study_instance_uid,
        "first_arrival_at": iso(study.first_arrival_at),
        "last_arrival_at": iso(study.last_arrival_at),
        "arrivals": study.arrival_count,
        "associations": _associations(s, study.id),
        "series": _series(s, study.id),
        "evidence": evidence_of(s, study.study_instance_uid),
        "commitments": commitments_of(s, study.study_instance_uid),
        "revisions": _revisions(s, study.id),
        "evaluations": _evaluations(s, study.id),
        "decisions": _decisions(s, study.id),
        "jobs": jobs,
        "events": _events(s, study.id, [job["id"] for job in jobs]),
        "next": EVALUATION_FAILS if is_failing(s, study) else whats_next(study, jobs),
    }


def whats_next(study: Study, jobs: list[Document]) -> str:
    """What happens next without anybody's doing, in one line."""
    if study.settled_count < study.arrival_count:
        return "waits until the study has been quiet long enough for its rules"
    moving = [job for job in jobs if job["state"] in ("ready", "inferring", "inferred", "reporting")]
    if moving:
        return f"{len(moving)} job(s) are under way"
    deliveries = [d for job in jobs for result in job["results"] for d in result["deliveries"]]
    failed = {d["id"] for d in deliveries if d["state"] == "failed"}
    under_way = [d for d in deliveries if d["state"] in ("pending", "sending") and d["waits_for"] not in failed]
    if under_way:
        return f"{len(under_way)} deliveries are under way"
    return _waits_for_a_person(jobs, failed) or ("nothing: all that was asked for is done" if jobs else NO_JOB)


def _waits_for_a_person(jobs: list[Document], failed_deliveries: set[int]) -> str:
    """What only a person can set going again, with the command; empty when all went well."""
    stopped = [
        f"job {job['id']} is {job['state']} (`wetread jobs retry {job['id']}`)"
        for job in jobs
        if job["state"] in ("refused", "failed", "dead", "cancelled")
    ]
    stopped += [f"delivery {i} has failed (`wetread deliveries retry {i}`)" for i in sorted(failed_deliveries)]
    return f"nothing by itself: {'; '.join(stopped)}" if stopped else ""


def _associations(s: Session, study_id: int) -> list[Document]:
    rows = s.execute(
        select(Association, SourceAE, func.count(), func.count().filter(Arrival.duplicate))
        .join(SourceAE, SourceAE.id == Association.source_id)
        .join(Arrival, Arrival.association_id == Association.id)
        .join(Instance, Instance.id == Arrival.instance_id)
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id == study_id)
        .group_by(Association.id, SourceAE.id)
        .order_by(Association.opened_at)
    )
    return [
        {
            "from": source.ae_title,
            "host": source.host,
            "called": association.called_ae_title,
            "state": association.state,
            "opened_at": iso(association.opened_at),
            "closed_at": iso(association.closed_at),
            "instances": count,
            "duplicates": duplicates,
        }
        for association, source, count, duplicates in rows
    ]


def _series(s: Session, study_id: int) -> list[Document]:
    rows = s.execute(
        select(Series, func.count(Instance.sop_instance_uid.distinct()), func.count(Instance.id), func.sum(Instance.size_bytes))
        .join(Instance, Instance.series_id == Series.id)
        .where(Series.study_id == study_id)
        .group_by(Series.id)
        .order_by(Series.id)
    )
    return [
        {
            "series_instance_uid": series.series_instance_uid,
            "modality": series.modality,
            "instances": instances,
            "differing_versions": versions - instances,
            "size_bytes": int(size),
        }
        for series, instances, versions, size in rows
    ]


def _revisions(s: Session, study_id: int) -> list[Document]:
    rows = s.execute(
        select(Revision, func.count(RevisionInstance.instance_id))
        .join(RevisionInstance, RevisionInstance.revision_id == Revision.id)
        .where(Revision.study_id == study_id)
        .group_by(Revision.id)
        .order_by(Revision.number)
    )
    return [{"number": r.number, "digest": r.digest, "instances": n, "created_at": iso(r.created_at)} for r, n in rows]


def _evaluations(s: Session, study_id: int) -> list[Document]:
    rows = s.execute(
        select(Evaluation, Revision.number, RuleVersion.number)
        .join(Revision, Revision.id == Evaluation.revision_id)
        .outerjoin(RuleVersion, RuleVersion.id == Evaluation.rule_version_id)
        .where(Evaluation.study_id == study_id)
        .order_by(Evaluation.id)
    )
    return [
        {"quiet_s": e.quiet_s, "arrivals": e.arrival_count, "revision": r, "rules": v, "evaluated_at": iso(e.evaluated_at)}
        for e, r, v in rows
    ]


def _decisions(s: Session, study_id: int) -> list[Document]:
    rows = s.execute(
        select(RuleDecision, Revision.number, Series.series_instance_uid, RuleVersion.number)
        .join(Revision, Revision.id == RuleDecision.revision_id)
        .join(Series, Series.id == RuleDecision.series_id)
        .join(RuleVersion, RuleVersion.id == RuleDecision.rule_version_id)
        .where(Revision.study_id == study_id)
        .order_by(Revision.number, Series.id, RuleDecision.rule_index)
    )
    return [
        {
            "revision": revision,
            "series_instance_uid": series,
            "rules": version,
            "rule": d.rule_name,
            "matched": d.matched,
            "reason": d.reason,
            "trace": d.trace,
            "job_id": d.job_id,
            "decided_at": iso(d.decided_at),
        }
        for d, revision, series, version in rows
    ]


def _job(s: Session, job: Job) -> Document:
    package = s.get_one(ModelPackage, job.package_id)
    inputs = s.execute(
        select(JobInput.name, Series.series_instance_uid)
        .join(Series, Series.id == JobInput.series_id)
        .where(JobInput.job_id == job.id)
        .order_by(JobInput.id)
    )
    destinations = s.execute(select(JobDestination.peer, JobDestination.rule_name).where(JobDestination.job_id == job.id))
    results = s.scalars(select(ResultObject).where(ResultObject.job_id == job.id).order_by(ResultObject.id))
    return {
        "id": job.id,
        "model": package.name,
        "model_version": package.version,
        "model_digest": job.model_digest,
        "generation": job.generation,
        "state": job.state,
        "attempts": job.attempts,
        "infra_failures": job.infra_failures,
        "reason_code": job.reason_code,
        "reason": job.reason,
        "worker": job.worker,
        "not_before": iso(job.not_before),
        "inputs": {name: uid for name, uid in inputs},
        "destinations": [{"peer": peer, "rule": rule} for peer, rule in destinations],
        "measurements": job.measurements,
        "timings_s": job.timings,
        "created_at": iso(job.created_at),
        "updated_at": iso(job.updated_at),
        "results": [_result(s, result) for result in results],
    }


def _result(s: Session, result: ResultObject) -> Document:
    deliveries = s.scalars(select(Delivery).where(Delivery.result_id == result.id).order_by(Delivery.id))
    return {
        "role": result.role,
        "sop_class_uid": result.sop_class_uid,
        "sop_instance_uid": result.sop_instance_uid,
        "series_instance_uid": result.series_instance_uid,
        "sha256": result.sha256,
        "size_bytes": result.size_bytes,
        "blob_key": result.blob_key,
        "deliveries": [
            {
                "id": d.id,
                "peer": d.peer,
                "waits_for": d.depends_on_id if d.state == "pending" else None,
                "state": d.state,
                "attempts": d.attempts,
                "next_attempt_at": iso(d.next_attempt_at) if d.state == "pending" else None,
                "last_status": None if d.last_status is None else f"0x{d.last_status:04X}",
                "last_error": d.last_error,
                "delivered_at": iso(d.delivered_at),
            }
            for d in deliveries
        ],
    }


def _events(s: Session, study_id: int, job_ids: list[int]) -> list[Document]:
    rows = s.scalars(select(Event).where((Event.study_id == study_id) | Event.job_id.in_(job_ids)).order_by(Event.id))
    return [{"at": iso(e.at), "kind": e.kind, "job_id": e.job_id, "delivery_id": e.delivery_id, **e.facts} for e in rows]
