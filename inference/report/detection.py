"""The report of a detection: an SR of its boxes, and where these have masks a SEG with one segment a finding."""

from __future__ import annotations

from collections.abc import Sequence

from inference.manifest import Manifest
from inference.report.checks.detections import check_detection_report
from inference.report.checks.read_back import read_back
from inference.report.checks.seg import check_segmentation
from inference.report.common import encode
from inference.report.identity import Identity
from inference.report.pictures.detections import draw_detections
from inference.report.results import Made, built, dicom_object
from inference.report.seg.build import build_segmentation
from inference.report.sources.source import Source
from inference.report.sr.build import build_report_document
from inference.report.sr.detections import detection_groups
from inference.report.statements.detections import Sought, as_record, find_detections
from inference.report.statements.instances import instance_targets
from inference.report.statements.measurements import Target
from inference.report.statements.rules import detection_rules
from inference.volume.boxes import Detections
from inference.volume.labelmap import LabelMap


def of_boxes(source: Source, found: Detections, manifest: Manifest, identity: Identity) -> Made:
    """SEG and SR, both checked as stored; picture; records."""
    rules = detection_rules(manifest)
    sought = find_detections(found, manifest, rules, source, identity)
    masks = found.mask_map
    targets = () if masks is None else instance_targets(masks, sought)
    seg, sr = built(source, lambda: _encoded(source, masks, targets, sought, manifest, identity))
    stored, counts = None, {}
    if seg is not None and masks is not None:
        stored = read_back(seg)
        counts = check_segmentation(stored, source, masks, targets, identity)
    stored_sr = read_back(sr)
    check_detection_report(stored_sr, stored, counts, found, sought, rules, source, identity)
    first = [] if stored is None or seg is None else [dicom_object("seg", stored, seg)]
    records = [as_record(label) for label in sought]
    return [*first, dicom_object("sr", stored_sr, sr)], draw_detections(source, masks, sought, identity), records


def _encoded(
    source: Source,
    masks: LabelMap | None,
    targets: Sequence[Target],
    sought: Sequence[Sought],
    manifest: Manifest,
    identity: Identity,
) -> tuple[bytes | None, bytes]:
    seg = build_segmentation(source, masks, targets, manifest, identity) if masks is not None and targets else None
    sr = build_report_document(source, seg, detection_groups(sought, source, seg, manifest, identity), identity)
    return None if seg is None else encode(seg), encode(sr)
