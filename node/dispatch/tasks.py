"""A claimed job as a TaskSpec. Pure: the store's facts in, the protocol's message out."""

from __future__ import annotations

from inference.protocol import BlobRef, InstanceRef, SeriesRef, TaskSpec
from storage.jobs import Claim, JobTask
from storage.studies import SeriesContent

# A report reads the series again and writes a few objects; no manifest knows better.
REPORT_DEADLINE_S = 600.0
DEFAULT_DEADLINE_S = 600.0


def build_task(claim: Claim, facts: JobTask) -> TaskSpec:
    """The task of ``claim``; its outputs go under a prefix that no other attempt has."""
    infer = claim.kind == "infer"
    return TaskSpec(
        kind=claim.kind,
        job_id=claim.job_id,
        attempt=claim.attempt,
        model_name=facts.model_name,
        model_digest=facts.model_digest,
        parameters=facts.parameters,
        study_instance_uid=facts.study_instance_uid,
        inputs={name: _series(content) for name, content in facts.inputs.items()},
        prediction=None if infer or facts.prediction is None else BlobRef.model_validate(facts.prediction),
        output_prefix=f"jobs/{facts.blob_prefix}/{claim.attempt}",
        created_at=facts.created_at.isoformat(),
        uid_entropy=(
            facts.study_instance_uid,
            facts.model_digest,
            facts.parameters_digest,
            facts.input_digest,
            str(facts.generation),
        ),
        deadline_s=float(facts.manifest.get("deadline_s", DEFAULT_DEADLINE_S)) if infer else REPORT_DEADLINE_S,
    )


def _series(content: SeriesContent) -> SeriesRef:
    instances = tuple(
        InstanceRef(sop_instance_uid=instance.sop_instance_uid, sha256=instance.sha256, blob_key=instance.blob_key)
        for instance in content.instances
    )
    return SeriesRef(series_instance_uid=content.series_instance_uid, instances=instances)
