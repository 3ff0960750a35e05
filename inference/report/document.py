"""The report for machines that don't speak DICOM; UIDs name the study, no patient data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.report.identity import Identity, software_version
from inference.report.sources.source import Source


def document_of(source: Source, identity: Identity, uids: Mapping[str, str], records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The JSON report.

    Parameters
    ----------
    uids : SOP Instance UIDs of the DICOM results by role, those that there are.
    records : one a label of the manifest.
    """
    return {
        "format": 1,
        "task": identity.task,
        "model": {"name": identity.model_name, "version": identity.model_version, "digest": identity.model_digest},
        "software": {"name": "wetread", "version": software_version()},
        "clinical_use": identity.clinical_use,
        "created_at": identity.created.isoformat(),
        "study_instance_uid": str(source.attributes.StudyInstanceUID),
        "source_series_instance_uid": str(source.attributes.SeriesInstanceUID),
        "source_instances": len(source.sop_instance_uids),
        "seg_sop_instance_uid": uids.get("seg"),
        "sr_sop_instance_uid": uids.get("sr"),
        "parameters": dict(identity.parameters),
        "measurements": list(records),
        "source_attributes_repaired": list(source.repaired),
    }
