"""A prediction and its source to the results of a job: SEG, SR, picture, text, JSON; checked before anything leaves.

A label map gives all five (no SEG where nothing was found), class probabilities all but the SEG, boxes (``detection``) a SEG
where they have masks. The answers of several heads give one SR with the groups of all of them (``several``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.protocol import TaskSpec
from inference.report.checks.classes import check_class_report
from inference.report.checks.read_back import read_back
from inference.report.checks.seg import check_segmentation
from inference.report.checks.targets import check_report
from inference.report.common import encode
from inference.report.detection import of_boxes
from inference.report.document import document_of
from inference.report.identity import Identity, identify
from inference.report.pictures.classes import draw_classes
from inference.report.pictures.overlay import draw_overlay
from inference.report.results import Made, Records, ReportObject, built, dicom_object
from inference.report.seg.build import build_segmentation
from inference.report.several import of_answers
from inference.report.sources.source import Prediction, Source, read_source
from inference.report.sr.build import build_report_document
from inference.report.sr.classes import class_groups
from inference.report.sr.targets import target_groups
from inference.report.statements import classes, measurements
from inference.report.statements.measurements import Target
from inference.report.text import render_text
from inference.volume.boxes import Detections
from inference.volume.labelmap import LabelMap
from inference.volume.probabilities import ClassProbabilities


def build_report(
    source: Sequence[Dataset],
    prediction: Prediction,
    manifest: Manifest,
    model_digest: str,
    task: TaskSpec,
    further: Sequence[Dataset] = (),
) -> tuple[list[ReportObject], Records]:
    """Make, read back and check every result of a task.

    Parameters
    ----------
    source : the Instances of the source Series with their pixel data, any order.
    prediction : labels on the source grid, 0 is background; the probabilities of the classes, 0 is none of the labels; both of
        these; or boxes on the source grid.
    further : the Instances of the model's other inputs, which the SR names as evidence; headers are enough.

    Returns
    -------
    results
        Roles ``seg`` (not of a classification or of boxes alone, nor where nothing was found), ``sr``, ``overlay``, ``text``,
        ``json``, in this order. The same task gives the same bytes.
    measurements
        One record a label of the manifest, and then one a class, absent ones included.

    Raises
    ------
    InputError
        The source can't carry results: ``bad-header``, ``mixed-patients``, ``missing-geometry``, ``unpositioned-source``,
        ``unsupported-source``.
    ModelError
        ``output-labels``, ``report-build``, or a failed check (``inference.report.checks.read_back``); nothing is released.
    """
    read = read_source(source, prediction, further)
    identity = identify(manifest, model_digest, task, read.attributes.get("TimezoneOffsetFromUTC", ""))
    if isinstance(prediction, LabelMap):
        dicom, picture, records = _of_labels(read, prediction, manifest, identity)
    elif isinstance(prediction, ClassProbabilities):
        dicom, picture, records = _of_classes(read, prediction, manifest, identity)
    elif isinstance(prediction, Detections):
        dicom, picture, records = of_boxes(read, prediction, manifest, identity)
    else:
        dicom, picture, records = of_answers(read, prediction, manifest, identity)
    sr = dicom[-1]
    document = document_of(read, identity, {item.role: item.sop_instance_uid for item in dicom}, records)
    return [
        *dicom,
        ReportObject("overlay", picture),
        ReportObject("text", render_text(read_back(sr.payload)).encode()),
        ReportObject("json", json.dumps(document, indent=2, ensure_ascii=False).encode()),
    ], records


def _of_labels(source: Source, label_map: LabelMap, manifest: Manifest, identity: Identity) -> Made:
    """SEG and SR, both checked as stored; picture; records."""
    targets = measurements.find_targets(label_map, manifest, source, identity)
    seg, sr = built(source, lambda: _encoded(source, label_map, targets, manifest, identity))
    stored, counts = None, {}
    if seg is not None:
        stored = read_back(seg)
        counts = check_segmentation(stored, source, label_map, targets, identity)
    stored_sr = read_back(sr)
    check_report(stored_sr, stored, counts, source, targets, identity)
    first = [] if stored is None or seg is None else [dicom_object("seg", stored, seg)]
    records = [measurements.as_record(target) for target in targets]
    return [*first, dicom_object("sr", stored_sr, sr)], draw_overlay(source, label_map, targets, identity), records


def _encoded(
    source: Source, label_map: LabelMap, targets: Sequence[Target], manifest: Manifest, identity: Identity
) -> tuple[bytes | None, bytes]:
    found = any(target.present for target in targets)
    seg = build_segmentation(source, label_map, targets, manifest, identity) if found else None
    sr = build_report_document(source, seg, target_groups(targets, source, seg, manifest, identity), identity)
    return None if seg is None else encode(seg), encode(sr)


def _of_classes(source: Source, found: ClassProbabilities, manifest: Manifest, identity: Identity) -> Made:
    """SR, checked as stored; picture; records."""
    findings = classes.find_classes(found, manifest, source, identity)
    sr = built(source, lambda: _encoded_classes(source, findings, manifest, identity))
    stored = read_back(sr)
    check_class_report(stored, found, findings, manifest, source, identity)
    records = [classes.as_record(finding) for finding in findings]
    return [dicom_object("sr", stored, sr)], draw_classes(source, findings, identity), records


def _encoded_classes(source: Source, findings: Sequence[classes.ClassFinding], manifest: Manifest, identity: Identity) -> bytes:
    return encode(build_report_document(source, None, class_groups(findings, source, manifest, identity), identity))
