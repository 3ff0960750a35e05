"""A label map and its source to the five results of a job: SEG, SR, picture, text, JSON; checked before anything leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.protocol import TaskSpec
from inference.report.common import encode
from inference.report.identity import Identity, identify, software_version
from inference.report.measurements import Target, as_record, find_targets
from inference.report.overlay import draw_overlay
from inference.report.seg import build_segmentation
from inference.report.source import Source, read_source
from inference.report.sr import build_report_document
from inference.report.text import render_text
from inference.report.validate import read_back
from inference.report.validate_seg import check_segmentation
from inference.report.validate_sr import check_report
from inference.volume.labelmap import LabelMap
from storage.base.errors import InputError, ModelError

# What highdicom and pydicom raise on a header they can't build from. Its text may quote the header, so only the type is told.
_BUILD_ERRORS = (ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError)


@dataclass(frozen=True)
class ReportObject:
    """One result; those that aren't DICOM leave the UIDs empty."""

    role: Literal["seg", "sr", "overlay", "text", "json"]
    payload: bytes
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""


def build_report(
    source: Sequence[Dataset], label_map: LabelMap, manifest: Manifest, model_digest: str, task: TaskSpec
) -> tuple[list[ReportObject], list[dict[str, Any]]]:
    """Make, read back and check every result of a task.

    Parameters
    ----------
    source : the Instances of the source Series with their pixel data, any order.
    label_map : labels on the source grid, 0 is background.

    Returns
    -------
    results
        Roles ``seg`` (not where nothing was found), ``sr``, ``overlay``, ``text``, ``json``, in this order. The same task
        gives the same bytes.
    measurements
        One record a label of the manifest, absent ones included.

    Raises
    ------
    InputError
        The source can't carry results: ``bad-header``, ``mixed-patients``, ``missing-geometry``, ``unpositioned-source``,
        ``unsupported-source``.
    ModelError
        ``output-labels``, ``report-build``, or a failed check (``inference.report.validate``); nothing is released.
    """
    read = read_source(source, label_map)
    identity = identify(manifest, model_digest, task, read.attributes.get("TimezoneOffsetFromUTC", ""))
    targets = find_targets(label_map, manifest, read, identity)
    seg, sr = _dicom(read, label_map, targets, manifest, identity)
    records = [as_record(target) for target in targets]
    document = _document(read, identity, targets, records)
    results = [
        *([seg] if seg is not None else []),
        sr,
        ReportObject("overlay", draw_overlay(read, label_map, targets, identity)),
        ReportObject("text", render_text(read_back(sr.payload)).encode()),
        ReportObject("json", json.dumps(document, indent=2, ensure_ascii=False).encode()),
    ]
    return results, records


def _dicom(
    source: Source, label_map: LabelMap, targets: Sequence[Target], manifest: Manifest, identity: Identity
) -> tuple[ReportObject | None, ReportObject]:
    """SEG (None where nothing was found) and SR, both checked as stored."""
    found = any(target.present for target in targets)
    try:
        seg = build_segmentation(source, label_map, targets, manifest, identity) if found else None
        sr = build_report_document(source, seg, targets, manifest, identity)
        seg_bytes, sr_bytes = None if seg is None else encode(seg), encode(sr)
    except _BUILD_ERRORS as error:
        if error.args[:1] == (source.images[0].SOPClassUID,):  # highdicom has no module table for it
            raise InputError(
                "SOPClassUID of the source is retired or unknown, so no result can refer to it; send it as a current class",
                code="unsupported-source",
            ) from error
        raise ModelError(f"results can't be built ({type(error).__name__})", code="report-build") from error
    stored = None if seg_bytes is None else read_back(seg_bytes)
    counts = {} if stored is None else check_segmentation(stored, source, label_map, targets, identity)
    stored_sr = read_back(sr_bytes)
    check_report(stored_sr, stored, counts, source, targets, identity)
    checked_seg = None if stored is None or seg_bytes is None else _dicom_object("seg", stored, seg_bytes)
    return checked_seg, _dicom_object("sr", stored_sr, sr_bytes)


def _dicom_object(role: Literal["seg", "sr"], stored: Dataset, payload: bytes) -> ReportObject:
    return ReportObject(role, payload, str(stored.SOPClassUID), str(stored.SOPInstanceUID), str(stored.SeriesInstanceUID))


def _document(source: Source, identity: Identity, targets: Sequence[Target], records: list[dict[str, Any]]) -> dict[str, Any]:
    """The report for machines that don't speak DICOM; UIDs name the study, no patient data."""
    return {
        "format": 1,
        "model": {"name": identity.model_name, "version": identity.model_version, "digest": identity.model_digest},
        "software": {"name": "wetread", "version": software_version()},
        "clinical_use": identity.clinical_use,
        "created_at": identity.created.isoformat(),
        "study_instance_uid": str(source.attributes.StudyInstanceUID),
        "source_series_instance_uid": str(source.attributes.SeriesInstanceUID),
        "source_instances": len(source.sop_instance_uids),
        "seg_sop_instance_uid": identity.uid("seg", "instance") if any(t.present for t in targets) else None,
        "sr_sop_instance_uid": identity.uid("sr", "instance"),
        "parameters": dict(identity.parameters),
        "measurements": records,
        "source_attributes_repaired": list(source.repaired),
    }
